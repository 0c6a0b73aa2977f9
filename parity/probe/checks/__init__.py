"""One module a kind of capability: each check switches one on in a tiny model and compares with the plain run."""
