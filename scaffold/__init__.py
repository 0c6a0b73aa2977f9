"""The generator: turns an architecture's spec into a plan of files, and the plan into a folder that works."""
