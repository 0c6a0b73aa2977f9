"""Why two models or pipelines differ: the known pitfalls, tried as experiments on copies of both."""
