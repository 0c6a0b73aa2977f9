"""Fixes: edits applied to texts in memory, each round checked by running the rules again."""

from __future__ import annotations

import gc
import re
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from linter.cache import Cache
from linter.config import Config
from linter.engine import Report, check
from linter.errors import UnreadableFile
from linter.findings import Edit, Finding, Safety
from linter.rules.linter_itself.parse_error import ParseError
from linter.rules.linter_itself.unreadable_file import UnreadableFile as UnreadableFileRule
from linter.source import Source, decode, read_bytes


_MOST_ROUNDS = 50
_ROUNDS_KEPT = 5
_MOST_TURNS = 5
"""Copies of each other with renames in a circle are never in line: each mended one puts the other out."""
_LINE_END = re.compile(r"\r\n|\r|\n")


_Extent = tuple[tuple[int, int], tuple[int, int]]
"""Where an edit begins and ends."""
_Key = tuple[str, str, str, str]
"""What tells a finding from others as lines move: code, path, symbol, message."""


@dataclass(frozen=True)
class Fixed:
    """What a run of fixes comes to."""

    contents: Mapping[Path, bytes]
    """The new content of each file that changes."""
    applied: int
    report: Report
    """What is left."""
    digests: Mapping[str, str]
    """What named the content of each file before."""


def fix(paths: Sequence[Path], config: Config, cache: Cache, unsafe: bool) -> Fixed:
    """Mends what can be mended, in memory.

    A round applies every fix that overlaps no other, and the rules run again. Where that leaves findings in place that
    their fixes should have mended, the round is taken back and done without them, before they have another turn; where
    it leaves a file broken, it is done one fix at a time. A fix that fails alone, or is wanted again and again, is
    given up.

    Args:
        paths: The files to check; a fix may also edit the tables of the library that they are registered in.
        config: Which rules count.
        cache: Where earlier answers lie.
        unsafe: Whether fixes that may change what the program does are made too.
    """
    contents: dict[Path, bytes] = {}
    refused: set[_Key] = set()
    waiting: set[_Key] = set()
    made: Counter[_Key] = Counter()
    one_by_one = False
    report = check(paths, config, cache, contents)
    before = report.digests
    for number in range(_MOST_ROUNDS):
        if number % _ROUNDS_KEPT == _ROUNDS_KEPT - 1:
            # Each round leaves a whole project behind, which refers to itself, so that only the collector frees it.
            gc.collect()
        left_out = refused | waiting | {key for key, times in made.items() if times >= _MOST_TURNS}
        wanted = [
            finding for finding in report.findings if _is_wanted(finding, unsafe) and _key(finding) not in left_out
        ]
        batch = _without_overlap(wanted[:1] if one_by_one else wanted)
        if not batch:
            break
        attempt, after = contents, report
        failed = {_key(finding) for finding in batch}
        # What a file's encoding cannot say is not written into it, and what has changed meanwhile is not mended.
        with suppress(UnicodeError, UnreadableFile):
            attempt = {**contents, **edited(batch, contents, report)}
            after = check(paths, config, cache, attempt)
            failed = failed if _breaks(report, after) else _left(batch, report, after)
        if not failed:
            contents, report = attempt, after
            made.update(map(_key, batch))
            waiting, one_by_one = set(), False
        elif len(batch) == 1:
            refused |= failed
            waiting, one_by_one = set(), False
        elif len(failed) < len({_key(finding) for finding in batch}):
            waiting |= failed
        else:
            one_by_one = True
    return Fixed(contents, made.total(), report, before)


def apply_edits(source: Source, edits: Iterable[Edit]) -> bytes:
    """The content of a file after edits that do not overlap; new lines end as the file's first line does."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(source.text))]
    line_end = match[0] if (match := _LINE_END.search(source.text)) else "\n"
    text = source.text
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column)):
        begin = starts[edit.span.line - 1] + edit.span.column
        end = starts[edit.span.end_line - 1] + edit.span.end_column if edit.span.end_line <= len(starts) else len(text)
        parts += text[done:begin], edit.text.replace("\n", line_end)
        done = end
    return source.encode("".join([*parts, text[done:]]))


def edited(findings: Iterable[Finding], contents: Mapping[Path, bytes], report: Report) -> dict[Path, bytes]:
    """The new contents of the files that the fixes of findings change; no two of them overlap.

    Args:
        findings: What is mended.
        contents: What files hold in place of what is on the disk.
        report: What the findings are of.

    Raises:
        UnreadableFile: a file is not what it was when it was checked.
        UnicodeError: a file's encoding cannot say what an edit puts in, or does not lead back to the same bytes.
    """
    by_path: dict[Path, list[Edit]] = defaultdict(list)
    for finding in findings:
        for edit in finding.fix.edits if finding.fix else ():
            by_path[Path(edit.path)].append(edit)
    new = {}
    for path, edits in by_path.items():
        content = contents[path] if path in contents else read_bytes(path)
        source = decode(path, content)
        if source.digest != report.digests.get(str(path)):
            raise UnreadableFile("has changed since it was checked")
        if source.encode(source.text) != content:
            raise UnicodeError(f"{source.encoding} does not lead back to the same bytes")
        new[path] = apply_edits(source, edits)
    return new


def _is_wanted(finding: Finding, unsafe: bool) -> bool:
    return finding.fix is not None and (unsafe or finding.fix.safety is Safety.SAFE)


def _key(finding: Finding) -> _Key:
    return finding.code, finding.path, finding.symbol, finding.message


def _without_overlap(findings: Iterable[Finding]) -> list[Finding]:
    taken: dict[str, list[_Extent]] = defaultdict(list)
    kept = []
    for finding in findings:
        edits = finding.fix.edits if finding.fix else ()
        if not any(_overlaps(_extent(edit), taken[edit.path]) for edit in edits):
            for edit in edits:
                insort(taken[edit.path], _extent(edit))
            kept.append(finding)
    return kept


def _extent(edit: Edit) -> _Extent:
    span = edit.span
    return (span.line, span.column), (span.end_line, span.end_column)


def _overlaps(extent: _Extent, taken: Sequence[_Extent]) -> bool:
    """Whether an edit reaches, or touches, one of those that are taken, which are sorted and do not overlap."""
    place = bisect_left(taken, extent)
    before, after = taken[max(place - 1, 0) : place], taken[place : place + 1]
    return any(end >= extent[0] for _, end in before) or any(extent[1] >= begin for begin, _ in after)


def _breaks(before: Report, after: Report) -> bool:
    """Whether a file that could be read cannot be read any more."""
    broken = {ParseError.code, UnreadableFileRule.code}
    was_broken = {finding.path for finding in before.findings if finding.code in broken}
    return any(finding.code in broken and finding.path not in was_broken for finding in after.findings)


def _left(batch: Sequence[Finding], before: Report, after: Report) -> set[_Key]:
    """The findings of a batch that its fixes did not mend."""
    # Several findings of a file may read alike: then there must be fewer of them.
    had, left = Counter(map(_key, before.findings)), Counter(map(_key, after.findings))
    return {key for key, mended in Counter(map(_key, batch)).items() if left[key] > had[key] - mended}
