"""Edits on the concrete tree, as fixes make them: one thing more or less, every other byte as it was."""
