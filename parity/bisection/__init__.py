"""Where two models part: the first module whose inputs agree and whose output does not."""
