"""`parity probe`: what a model class declares that it can do, tried out on a tiny model of it."""
