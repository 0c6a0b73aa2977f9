"""What a folder keeps of how it was made: `.scaffold.yaml` for people, and what its answers gave then."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scaffold.errors import ScaffoldError
from scaffold.plan import digest, read


FILE = ".scaffold.yaml"
RENDERING = ".scaffold/rendering.zip"
_HEAD = "# How scaffold made this folder; `scaffold update` reads it. Keep it with the code.\n"


class Answers(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person chose.

    Attributes:
        spec: a preset, or the path of a spec relative to the folder.
        name: the model's name, where it is not the spec's.
        settings: other defaults of the constructor's arguments.
    """

    spec: str
    name: str | None = None
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class _Kept(msgspec.Struct, frozen=True):
    """The file's form: the answers, the version of the templates, and the SHA-256 of each file as rendered."""

    modelwright: str
    answers: Answers
    files: dict[str, str]


@dataclass(frozen=True)
class Record:
    """How a folder was made.

    Attributes:
        modelwright: the version whose templates made it.
        answers: what the person chose.
        files: what was rendered, by POSIX path.
    """

    modelwright: str
    answers: Answers
    files: dict[str, bytes]

    @classmethod
    def now(cls, answers: Answers, files: Mapping[str, bytes]) -> Record:
        """The record of a rendering by this version."""
        return cls(version("modelwright"), answers, dict(files))

    def as_files(self) -> dict[str, bytes]:
        """The two files in which a folder keeps it."""
        hashes = {path: digest(content) or "" for path, content in sorted(self.files.items())}
        kept = msgspec.to_builtins(_Kept(self.modelwright, self.answers, hashes))
        text = io.StringIO()
        writer: Any = YAML(typ="safe", pure=True)
        writer.default_flow_style = False
        writer.width = 1000
        writer.sort_base_mapping_type_on_output = False
        writer.dump(kept, text)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as rendering:
            for path, content in sorted(self.files.items()):
                # Without a date, so that the same rendering gives the same bytes.
                rendering.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
        return {FILE: (_HEAD + text.getvalue()).encode(), RENDERING: archive.getvalue()}


def read_record(folder: Path) -> Record:
    """How a folder was made.

    Raises:
        ScaffoldError: it says nothing of that, or not the truth.
    """
    written, archived = read(folder, FILE), read(folder, RENDERING)
    if written is None or archived is None:
        missing = FILE if written is None else RENDERING
        raise ScaffoldError(
            f"{folder} has no {missing}, which says how scaffold made it; without it there is nothing to update from"
        )
    try:
        kept = msgspec.convert(YAML(typ="safe", pure=True).load(written.decode()), _Kept)
    except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ScaffoldError(f"{folder / FILE} is no record of scaffold: {' '.join(str(error).split())}") from None
    try:
        with zipfile.ZipFile(io.BytesIO(archived)) as rendering:
            files = {path: rendering.read(path) for path in rendering.namelist()}
    except zipfile.BadZipFile:
        files = {}
    if {path: digest(content) for path, content in files.items()} != kept.files:
        raise ScaffoldError(f"{folder / RENDERING} is not what {FILE} says; take both from version control again")
    return Record(kept.modelwright, kept.answers, files)
