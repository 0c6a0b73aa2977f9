"""A new rule of the linter: its module, its cases, its sentence in the guide, as a plan that was tried on a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from scaffold.applying import recover
from scaffold.errors import ScaffoldError
from scaffold.plan import Change, Plan
from scaffold.rendering import render_files


_CODE = re.compile(r"([A-Z]{3})\d{3}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CALLED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_LINE_LENGTH = 119
_READ = ("linter", "scaffold", "parity", "templates", "tests/linter", ".ai", ".claude-plugin", "pyproject.toml")


@dataclass(frozen=True)
class NewRule:
    """A rule that forbids a call.

    Attributes:
        code: such as `FWD030`; its letters are the family's.
        name: such as `no-vmap`.
        forbids: the full name of what must not be called, such as `torch.vmap`.
        instead: the full name of what serves.
        why: what goes wrong, in sentences.
    """

    code: str
    name: str
    forbids: str
    instead: str
    why: str

    def check(self) -> None:
        """Make sure that it can be written.

        Raises:
            ScaffoldError: with what is wrong and what would be right.
        """
        from linter.rules import FAMILIES, all_rules

        match = _CODE.fullmatch(self.code)
        # The others look at suppressions and at packs, where nothing is called.
        calling = [code for code, name in FAMILIES.items() if hasattr(import_module(f"linter.rules.{name}"), "GUIDE")]
        if not match or match[1] not in calling:
            families = ", ".join(calling)
            raise ScaffoldError(f"{self.code!r} is no code: three digits after one of {families}, such as FWD030")
        if not _NAME.fullmatch(self.name):
            raise ScaffoldError(f"{self.name!r} is no name of a rule: lower-case words with hyphens, such as no-vmap")
        for rule in all_rules():
            if self.code == rule.code or self.name == rule.name:
                raise ScaffoldError(f"there is a rule {rule.code} {rule.name} already; a code is never used twice")
        for called in (self.forbids, self.instead):
            if not _CALLED.fullmatch(called):
                raise ScaffoldError(f"{called!r} is no full name of a function, such as torch.vmap")
        if self.forbids == self.instead:
            raise ScaffoldError(f"{self.forbids} cannot serve instead of itself")
        if not self.why.endswith(".") or any(mark in self.why for mark in ('"""', "\\", "\n", "{")):
            raise ScaffoldError(
                "--why is one line of whole sentences, without backslashes and braces; end it with a dot"
            )

    @property
    def family(self) -> str:
        """The package of its family."""
        from linter.rules import FAMILIES

        return FAMILIES[self.code[:3]]

    @property
    def guide(self) -> str:
        """The guide's file and section in which its family's conventions stand."""
        return str(import_module(f"linter.rules.{self.family}").GUIDE)

    @property
    def class_name(self) -> str:
        """The class's name: `no-vmap` becomes `NoVmap`."""
        return "".join(word.capitalize() for word in self.name.split("-"))

    @property
    def sentence(self) -> str:
        """What the guide says, with the rule's code."""
        reason = self.why.partition(". ")[0].removesuffix(".")
        return f"- Call `{self.instead}`, not `{self.forbids}`: {reason[:1].lower()}{reason[1:]}. [{self.code}]"


def plan_rule(rule: NewRule, root: Path) -> Plan:
    """What a rule adds to a checkout, tried on a copy of it: its tests pass there.

    Args:
        rule: the rule.
        root: the checkout.

    Raises:
        ScaffoldError: it cannot be written, or its tests fail.
    """
    rule.check()
    recover(root)
    if not (root / "linter" / "rules" / "base.py").is_file():
        raise ScaffoldError(f"{root.resolve()} is no checkout of modelwright, where rules lie; name one with --into")
    file = rule.name.replace("-", "_") + ".py"
    module, cases = f"linter/rules/{rule.family}/{file}", f"tests/linter/cases/{rule.family}/{file}"
    guide = f".ai/{rule.guide.partition('#')[0]}"
    new = render_files({module: "rule/module.py.j2", cases: "rule/cases.py.j2"}, rule=rule)
    for path in new:
        if (root / path).exists():
            raise ScaffoldError(f"{root / path} is there already; give the rule another name")
    sentence = _with_sentence((root / guide).read_text(encoding="utf-8"), rule)
    with tempfile.TemporaryDirectory(prefix="scaffold-") as staging:
        copy = Path(staging)
        _copy(root, copy)
        before = _contents(copy)
        for path, text in {**new, guide: sentence}.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text, encoding="utf-8")
        _sync_pack(copy)
        after = _contents(copy)
        _run_tests(rule, copy)
    return Plan.of(root, (Change(path, before.get(path), content) for path, content in after.items()))


def _copy(root: Path, target: Path) -> None:
    """Copy what a rule is written into and what its tests and the pack's tables read."""
    for name in _READ:
        if (root / name).is_dir():
            shutil.copytree(root / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (root / name).is_file():
            shutil.copy(root / name, target / name)


def _contents(folder: Path) -> dict[str, bytes]:
    """What the files of a folder hold, by their path."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _with_sentence(text: str, rule: NewRule) -> str:
    """The guide with the rule's sentence at the end of the first list of its section, unless it has one already."""
    if f"[{rule.code}]" in text:
        return text
    lines = text.splitlines()
    anchor = rule.guide.partition("#")[2]
    start = next(number for number, line in enumerate(lines) if line.startswith("## ") and _anchor(line) == anchor)
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("## ")), len(lines))
    last = max(number for number in range(start, end) if lines[number].startswith(("- ", "  ")))
    lines[last + 1 : last + 1] = textwrap.wrap(rule.sentence, _LINE_LENGTH, subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.removeprefix("## ").lower()).strip().replace(" ", "-")


def _sync_pack(root: Path) -> None:
    """Brings tables and copies of a pack up to date, in a process that knows the rules as they are now."""
    code = "from pathlib import Path; from scaffold.skills import sync_pack; sync_pack(Path('.ai'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root.resolve())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ScaffoldError(f"the pack cannot be brought up to date: {done.stderr.strip().rpartition(chr(10))[2]}")


def _run_tests(rule: NewRule, root: Path) -> None:
    """The tests of the rule's examples and, where the checkout has their test, of its cases."""
    runs = [("test_examples.py", rule.code), ("test_cases.py", rule.name.replace("-", "_"))]
    for file, chosen in runs:
        path = root / "tests" / "linter" / file
        if not path.is_file():
            continue
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, str(path)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root.resolve())},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = next((line[2:].strip() for line in done.stdout.splitlines() if line.startswith("E ")), "")
            reason = reason or (done.stdout + done.stderr).strip().rpartition("\n")[2]
            raise ScaffoldError(f"its tests in tests/linter/{file} fail, so nothing was written: {reason}")
