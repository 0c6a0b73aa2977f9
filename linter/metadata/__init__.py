"""`linter metadata`: what a model class declares that it can do, and what its wiring lacks."""
