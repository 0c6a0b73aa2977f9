"""Breaks conventions in a copy of the installed diffusers, one at a time, and says which the linter finds and mends.

`python benchmarks/mutations.py` plants each entry of `benchmarks/mutations/*.yaml` alone, runs every rule over the
whole tree, runs the safe fixes, takes the break back, and writes `benchmarks/mutations.md`. Named after it, rules or
entries are tried alone, and nothing is written. It ends with 1 where fewer than 95 % are found at their place or a fix
does something else than the catalogue says.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import msgspec
from ruamel.yaml import YAML

from linter.cache import Checked, MemoryCache
from linter.config import Config, resolve
from linter.discovery import discover
from linter.engine import check
from linter.findings import Finding, Safety
from linter.fixing import fix
from linter.settings import Overrides, read_settings


HERE = Path(__file__).resolve().parent
ENOUGH = 0.95
RESTORES = "restores"
"""What `fix` says in the catalogue where the fixes bring every byte back."""
MENDS = "mends"
"""And where the tree then checks as before, in other bytes that nobody wants to read in a catalogue."""

Texts = dict[str, str]
"""Files by their path in the tree."""
Scope = tuple[list[Path], set[str]]
"""Files, and the codes of rules."""


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One convention broken in one way.

    A patch is made of whole lines: `=` one stays, `-` one goes, `+` one comes. What stays and goes must be in the file
    exactly once. `@@` begins another place, `@@ path` one in another file.
    """

    id: str
    breaks: str
    """What a person did, in words."""
    code: str
    """The rule that has to find it."""
    file: str
    patch: str
    at: str
    """What begins on the line where it has to: text of the patch, or text that is in the file once."""
    at_file: str = ""
    """Where that line is, if not in `file`."""
    fix: str = ""
    """What the safe fixes make of it: empty where there is none, `restores`, `mends`, or a patch from the original to
    what they write instead."""
    missed: str = ""
    """Why the linter does not find it, where it does not."""


@dataclass(frozen=True)
class Result:
    """What became of a mutation."""

    found: bool
    besides: tuple[str, ...]
    """What else was found, as `code file:line`."""
    faults: tuple[str, ...]
    """Where the fixes did something else than the catalogue says."""


def catalogue() -> list[Mutation]:
    """All mutations, family by family."""
    read = YAML(typ="safe", pure=True).load
    return [
        mutation
        for path in sorted((HERE / "mutations").glob("*.yaml"))
        for mutation in msgspec.convert(read(path.read_text(encoding="utf-8")), list[Mutation])
    ]


@dataclass(frozen=True)
class Hunk:
    """One place of a patch: the text that is there, and the text that comes in its place."""

    file: str
    old: str
    new: str


def hunks(patch: str, file: str) -> list[Hunk]:
    """The places of a patch that begins in a file."""
    found: list[Hunk] = []
    old = new = ""
    for line in [*patch.splitlines(), "@@"]:
        mark, text = line[:1], line[1:] + "\n"
        if mark == "@":
            if old or new:
                found.append(Hunk(file, old, new))
            old, new, file = "", "", line[2:].strip() or file
        elif mark in "=-+":
            old += text if mark in "=-" else ""
            new += text if mark in "=+" else ""
        else:
            raise ValueError(f"a line of a patch begins with =, -, + or @@, not as {line!r}")
    return found


def patched(patch: str, file: str, text: Callable[[str], str]) -> Texts:
    """The files that a patch changes, and what they become."""
    changed: Texts = {}
    for hunk in hunks(patch, file):
        before = "\n" + changed.get(hunk.file, text(hunk.file))
        if before.count("\n" + hunk.old) != 1:
            raise ValueError(f"{hunk.file} has {before.count(hunk.old)} places that read\n{hunk.old}")
        changed[hunk.file] = before.replace("\n" + hunk.old, "\n" + hunk.new)[1:]
    return changed


class WarmCache(MemoryCache):
    """Answers from the untouched tree; what is found in a broken one is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._is_warm = False

    def keep_checked(self, checked: Mapping[str, Checked]) -> None:
        """Keeps the first run's findings only."""
        if not self._is_warm:
            super().keep_checked(checked)
            self._is_warm = True


class Tree:
    """A copy of the library that mutations are planted in."""

    def __init__(self, library: Path, scratch: Path) -> None:
        self.root = scratch / library.name
        shutil.copytree(library, self.root, ignore=shutil.ignore_patterns("__pycache__"))
        # What the installation declares that it needs lies beside it.
        for folder in library.parent.glob(f"{library.name}-*.dist-info"):
            shutil.copytree(folder, scratch / folder.name)
        self._paths = discover([self.root], (), self.root)
        self._cache = WarmCache()
        self._before = self._findings(self._paths)

    def problems(self, mutation: Mutation) -> Iterator[str]:
        """Why a mutation cannot be planted in this tree."""
        try:
            with self._holding(patched(mutation.patch, mutation.file, self._text)):
                self._expected(mutation)
        except (OSError, ValueError) as error:
            yield str(error)

    def attempt(self, mutation: Mutation) -> Result:
        """Plants a mutation, looks what is found and what the safe fixes make of it, and takes it back."""
        broken = patched(mutation.patch, mutation.file, self._text)
        with self._holding(broken):
            near = self._near(mutation, broken)
            after = self._findings(near)
            new = _new(self._before, after)
            # A break that its own family cannot mend would only be spread to the copies of the place.
            mended = [item for item in new if _is_mended(item)]
            if not any(item.code[:3] == mutation.code[:3] for item in mended):
                mended = []
            # These rules and files only: the library has findings of its own, which this is not about.
            scope = self._scope(mended)
            fixed = self._fixed(*scope) if mended else {}
            place, keys = self._expected(mutation), set(map(_key, new))
            found = any(
                (item.code, self._place(item)) == (mutation.code, place) and _key(item) in keys for item in after
            )
            besides = tuple(
                f"{item.code} {self._place(item)}" for item in new if item.code != mutation.code or not found
            )
        return Result(found, besides, tuple(self._faults(mutation, broken, fixed, scope, near)))

    def _faults(
        self, mutation: Mutation, broken: Texts, fixed: Texts, scope: Scope, near: list[Path]
    ) -> Iterator[str]:
        if bool(fixed) != bool(mutation.fix):
            yield "is not mended" if mutation.fix else "is mended, of which the catalogue knows nothing"
        if not fixed:
            return
        # What the fixes make of the files as they were is none of the mutation's doing.
        clean = self._fixed(*scope)
        with self._holding(clean):
            before = self._findings(near) if clean else self._before
            wanted = {} if mutation.fix in ("", RESTORES, MENDS) else patched(mutation.fix, mutation.file, self._text)
            untouched = {name: self._text(name) for name in broken | fixed}
        with self._holding(broken | fixed):
            yield from (f"is changed by a second run in {name}" for name in self._fixed(*scope))
            yield from (f"leaves {item.code} {self._place(item)}" for item in _new(before, self._findings(near)))
        for name, text in (broken | fixed).items() if mutation.fix != MENDS else ():
            if text != wanted.get(name, untouched[name]):
                difference = unified_diff(
                    wanted.get(name, untouched[name]).split("\n"), text.split("\n"), lineterm="", n=1
                )
                yield "\n".join((f"is mended otherwise in {name}", *difference))

    def _near(self, mutation: Mutation, broken: Texts) -> list[Path]:
        """The files to look at: all of them, but for a broken package, on which they all rest.

        Of such a one, the packages and the files that the mutation names are read anew, and not the whole library.
        """
        if not any(name.endswith("__init__.py") for name in broken):
            return self._paths
        named = {self.root / name for name in (*broken, mutation.at_file or mutation.file)}
        return [path for path in self._paths if path.name == "__init__.py" or path in named]

    def _scope(self, mended: list[Finding]) -> Scope:
        """What is to be mended: these families, in these files and the packages that they lie in.

        Not all there is: the library has findings of its own, which a mutation is not about.
        """
        files = {Path(item.path) for item in mended}
        packages = {
            folder / "__init__.py"
            for path in files
            for folder in path.parents
            if self.root in [*folder.parents, folder]
        }
        families = {item.code[:3] for item in mended}
        # Whether a suppression is needless shows only while the code that it names is selected.
        return sorted(files | {path for path in packages if path.is_file()}), {
            "ALL"
        } if "LNT" in families else families

    def _findings(self, paths: list[Path]) -> list[Finding]:
        """What all rules find in files."""
        return list(check(paths, self._config("ALL"), self._cache).findings)

    def _fixed(self, paths: list[Path], codes: set[str]) -> Texts:
        """What the safe fixes of some rules make of some files, and of the tables that those are registered in."""
        contents = fix(paths, self._config(*codes), self._cache, unsafe=False).contents
        return {path.relative_to(self.root).as_posix(): content.decode() for path, content in contents.items()}

    def _config(self, *codes: str) -> Config:
        return resolve(read_settings(self.root, Overrides(select=codes, isolated=True)))

    def _expected(self, mutation: Mutation) -> str:
        """The place where the finding has to be, in the broken tree."""
        name = mutation.at_file or mutation.file
        text = self._text(name)
        here = [
            hunk.new for hunk in hunks(mutation.patch, mutation.file) if hunk.file == name and mutation.at in hunk.new
        ]
        around = here[0] if here else text
        if around.count(mutation.at) != 1 or text.count(around) != 1:
            raise ValueError(f"{name} has no one place that reads {mutation.at!r}")
        offset = text.index(around) + around.index(mutation.at)
        return f"{name}:{text.count(chr(10), 0, offset) + 1}"

    def _place(self, finding: Finding) -> str:
        return f"{Path(finding.path).relative_to(self.root).as_posix()}:{finding.span.line}"

    def _text(self, name: str) -> str:
        return (self.root / name).read_bytes().decode()

    def _write(self, texts: Texts) -> None:
        for name, text in texts.items():
            (self.root / name).write_bytes(text.encode())

    @contextmanager
    def _holding(self, texts: Texts) -> Iterator[None]:
        """Has files read as given, for a while."""
        kept = {name: self._text(name) for name in texts}
        self._write(texts)
        try:
            yield
        finally:
            self._write(kept)


def _key(finding: Finding) -> tuple[str, str, str, str]:
    """What tells a finding from others as lines move."""
    return finding.code, finding.path, finding.symbol, finding.message


def _is_mended(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.safety is Safety.SAFE


def _new(before: Sequence[Finding], after: Sequence[Finding]) -> list[Finding]:
    """The findings that come on top of those before."""
    known = Counter(map(_key, before))
    new = []
    for finding in after:
        known[_key(finding)] -= 1
        if known[_key(finding)] < 0:
            new.append(finding)
    return new


def library() -> Path:
    """The folder of the installed diffusers, found without importing it."""
    spec = importlib.util.find_spec("diffusers")
    if spec is None or spec.origin is None:
        sys.exit("diffusers is not installed here; run `make setup` and start this with .venv/bin/python.")
    return Path(spec.origin).parent


def table(results: Mapping[Mutation, Result]) -> str:
    """The result in Markdown."""
    found = sum(result.found for result in results.values())
    fixed = [(mutation, result) for mutation, result in results.items() if mutation.fix]
    mended = sum(not result.faults for _, result in fixed)
    lines = [
        "# Conventions broken on purpose, and what the linter makes of it",
        "",
        f"diffusers {importlib.metadata.version('diffusers')}, one break at a time. Repeat with `make mutations`. "
        "A broken `__init__.py` is looked for in all packages and where the catalogue says, all else in all files.",
        "",
        f"- **{found} of {len(results)} found at their place** ({found / len(results):.1%}), "
        f"of {len({mutation.code for mutation in results})} rules.",
        f"- **{mended} of {len(fixed)} mended** by safe fixes as the catalogue says, "
        f"{sum(mutation.fix == RESTORES for mutation, _ in fixed)} of them to the byte as before; "
        "the tree then checks as before, and a second run changes nothing.",
        f"- Besides what was looked for, {sum(bool(result.besides) for result in results.values())} of them break "
        "other rules too; the last column says which.",
        "",
        "| break | rule | what was done | found | fix | also found |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for mutation, result in results.items():
        verdict = "yes" if result.found else f"**no**: {mutation.missed or 'not expected'}"
        fix = "; ".join(result.faults) or {"": "", RESTORES: "as before"}.get(mutation.fix, "mended")
        others = ", ".join(sorted({item.partition(" ")[0] for item in result.besides}))
        lines.append(f"| {mutation.id} | {mutation.code} | {mutation.breaks} | {verdict} | {fix} | {others} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Tries every mutation, prints what goes otherwise than it should, and writes the table."""
    only = tuple(sys.argv[1:])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        print("reading the library", file=sys.stderr)
        tree = Tree(library(), Path(folder))
        mutations = [item for item in catalogue() if not only or item.id in only or item.code.startswith(only)]
        if problems := [f"{item.id}: {problem}" for item in mutations for problem in tree.problems(item)]:
            sys.exit("\n".join(problems))
        for number, mutation in enumerate(mutations, 1):
            result = results[mutation] = tree.attempt(mutation)
            said = "; ".join((*([] if result.found else ["NOT FOUND"]), *result.faults, *result.besides))
            print(f"{number}/{len(mutations)} {mutation.code} {mutation.id}{said and ': '}{said}", file=sys.stderr)
    text = table(results)
    if not only:
        (HERE / "mutations.md").write_text(text, encoding="utf-8")
    found = sum(result.found for result in results.values())
    print(text.split("| break")[0])
    sys.exit(found < ENOUGH * len(results) or any(result.faults for result in results.values()))


if __name__ == "__main__":
    main()
