"""What the engine raises when it cannot go on: one sentence for the person at the command line."""

from __future__ import annotations


class ScaffoldError(Exception):
    """A message that names the place, what was expected there, and what to do.

    The command line prints it after `Error:` and exits with code 2.
    """
