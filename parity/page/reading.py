"""Reads what the commands printed with --json."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from parity.bisection.bisect import Bisection
from parity.comparison.compare import Comparison
from parity.comparison.configs import ConfigComparison
from parity.diagnosis.explaining import Diagnosis
from parity.errors import ParityError
from parity.pipelines.trace import Trace
from parity.probe.results import SCHEMA as PROBE_SCHEMA
from parity.probe.results import Report as ProbeReport


Result = Comparison | Bisection | Diagnosis | ConfigComparison | Trace | ProbeReport
# The form of each that is written today; another one may mean something else by the same names.
_SCHEMAS: dict[type, int] = {
    Comparison: 3,
    Bisection: 1,
    Diagnosis: 1,
    ConfigComparison: 1,
    Trace: 1,
    ProbeReport: PROBE_SCHEMA,
}


def read_result(source: str) -> Result:
    """Reads one result from a file, or from standard input for `-`.

    Raises:
        ParityError: If it cannot be read, or is not what a command printed.
    """
    text = sys.stdin.buffer.read() if source == "-" else _read(Path(source))
    name = "standard input" if source == "-" else source
    try:
        result: Result = msgspec.json.decode(text, type=Result)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ParityError(
            f"{name}: not what compare, bisect, diagnose, configs, trace or probe prints with --json ({error})."
        ) from None
    if result.schema != _SCHEMAS[type(result)]:
        raise ParityError(
            f"{name}: has schema {result.schema}, and this version reads {_SCHEMAS[type(result)]}. Run it again."
        )
    return result


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ParityError(f"{path}: cannot be read ({error.strerror}).") from None
