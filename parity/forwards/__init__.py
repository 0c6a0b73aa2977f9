"""Runs forwards and looks into modules while they run, and leaves them as they were."""
