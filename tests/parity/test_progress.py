"""A terminal sees what a measurement does and for how long; that a pipe does not, the documentation's blocks test."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path


COMMAND = [
    *(sys.executable, "-W", "ignore", "-m", "parity", "bisect"),
    *("compared_models:Reference", "compared_models:Port", "--input", "x=2x5x8", "--input", "condition=2x8"),
]


def read_terminal(command: list[str]) -> tuple[str, str]:
    """What a command prints to standard output, and what a terminal shows that its standard error is."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how the end of a terminal is told
        pass
    output = process.communicate()[0]
    os.close(ours)
    return output.decode(), shown.decode()


def test_a_terminal_sees_what_is_done_and_for_how_long() -> None:
    output, shown = read_terminal(COMMAND)
    assert "AGREE" in output
    assert "importing torch" in shown
    assert "running both models: 4 of 4 modules, output" in shown
    assert "0:00:0" in shown
    # All of it is gone at the end: the line is cleared.
    assert shown.rstrip().endswith("\x1b[2K")
