"""A plan: the files that a command is about to write, as data that can be printed, applied whole, or dropped.

A `Plan` makes a new folder; an `Addition` puts files into one that is there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scaffold.errors import ScaffoldError


@dataclass(frozen=True)
class Plan:
    """Files to write into one new folder.

    Attributes:
        target: the folder; it does not exist yet, or is empty.
        files: relative POSIX path to content.
    """

    target: Path
    files: dict[str, str]

    def describe(self) -> str:
        """One line a file, with its number of lines, under the folder's path."""
        return _listed(self.target, self.files)

    def check(self) -> None:
        """Make sure that nothing of a person's is in the way.

        Raises:
            ScaffoldError: the target is a file, a link, or a folder that holds something.
        """
        if self.target.is_symlink():
            raise ScaffoldError(f"{self.target} is a link; remove it or choose another place with --out")
        if self.target.is_dir():
            try:
                present = sorted(entry.name for entry in self.target.iterdir())
            except OSError as error:
                raise ScaffoldError(f"{self.target} cannot be read: {error.strerror}") from None
            if present:
                raise ScaffoldError(
                    f"{self.target} is there already and not empty (it holds {present[0]}); "
                    "move it away or choose another place with --out"
                )
        elif self.target.exists():
            raise ScaffoldError(f"{self.target} is a file; move it away or choose another place with --out")

    def apply(self) -> None:
        """Write all files, or none: they are staged in a folder beside the target, which then takes its name.

        Raises:
            ScaffoldError: something is in the way, or the place cannot be written to.
        """
        self.check()
        parent = self.target.parent
        staged: Path | None = None
        try:
            parent.mkdir(parents=True, exist_ok=True)
            staged = Path(tempfile.mkdtemp(prefix=f".{self.target.name}-", dir=parent))
            # mkdtemp keeps others out, which a folder of source code should not.
            staged.chmod(0o777 & ~_umask())
            for name, text in self.files.items():
                path = staged / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
            # POSIX lets a folder take the name of an empty one; Windows wants the name to be free.
            if self.target.is_dir() and os.name == "nt":
                self.target.rmdir()
            os.replace(staged, self.target)
            staged = None
        except OSError as error:
            # Nobody knows the staging folder; what is wrong with it is wrong with the place where it lies.
            inside = error.filename is None or Path(error.filename).is_relative_to(parent)
            place = parent if inside else error.filename
            raise ScaffoldError(f"{place} cannot be written to: {error.strerror}; nothing was written") from None
        finally:
            if staged is not None:
                shutil.rmtree(staged, ignore_errors=True)


@dataclass(frozen=True)
class Addition:
    """Files to write into a model's folder; those that it holds as they would be written stay.

    Attributes:
        target: the folder.
        files: relative POSIX path to content.
    """

    target: Path
    files: dict[str, str]

    @property
    def missing(self) -> dict[str, str]:
        """The files that are not there."""
        return {name: text for name, text in self.files.items() if not (self.target / name).exists()}

    def describe(self) -> str:
        """One line a file that is not there, with its number of lines, under the folder's path."""
        return _listed(self.target, self.missing)

    def check(self) -> None:
        """Make sure that the folder is a model's, and that no file in it is another than would be written.

        Raises:
            ScaffoldError: there is no model, a file is in the way, or nothing is missing.
        """
        if not (self.target / "model.py").is_file():
            raise ScaffoldError(
                f"{self.target} is no folder of a model: it holds no model.py; scaffold model writes one"
            )
        for name, text in self.files.items():
            path = self.target / name
            try:
                if path.exists() and path.read_text(encoding="utf-8") != text:
                    raise ScaffoldError(f"{path} is there already and says something else; move it away")
            except (OSError, UnicodeDecodeError):
                raise ScaffoldError(f"{path} is there already and cannot be read; move it away") from None
        if not self.missing:
            raise ScaffoldError(f"{self.target} has all of it already: {', '.join(self.files)}")

    def apply(self) -> None:
        """Write what is missing, or nothing.

        Raises:
            ScaffoldError: something is in the way, or the folder cannot be written to.
        """
        self.check()
        written: list[Path] = []
        try:
            for name, text in self.missing.items():
                path = self.target / name
                written += [each for each in (path, *path.parents) if not each.exists()]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            for path in sorted(written, reverse=True):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
            raise ScaffoldError(
                f"{error.filename or self.target} cannot be written to: {error.strerror}; nothing was written"
            ) from None


def _listed(target: Path, files: dict[str, str]) -> str:
    width = max(len(name) for name in files)
    lines = [f"{target}/"]
    lines += [f"  {name:<{width}}  {text.count(chr(10)):>5} lines" for name, text in files.items()]
    total = sum(text.count("\n") for text in files.values())
    lines.append(f"{len(files)} files, {total} lines")
    return "\n".join(lines)


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
