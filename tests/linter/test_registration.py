"""Registration on the real library: faults planted in a copy of diffusers are found where they are, and mended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


TOP = "__init__.py"
MODELS = "models/__init__.py"
TRANSFORMERS = "models/transformers/__init__.py"
PIPELINES = "pipelines/__init__.py"
FLUX2 = "pipelines/flux2/__init__.py"
SCHEDULERS = "schedulers/__init__.py"
MODEL = "models/transformers/transformer_flux2.py"
PIPELINE = "pipelines/flux2/pipeline_flux2.py"
SCHEDULER = "schedulers/scheduling_flow_match_euler_discrete.py"
DUMMIES = "utils/dummy_pt_objects.py"
CHECKED = (TOP, MODELS, PIPELINES, FLUX2, SCHEDULERS, MODEL, PIPELINE, SCHEDULER)


@dataclass
class Library:
    """A copy of diffusers whose checked tables agree, and the commands on it."""

    root: Path
    run: Callable[..., Any]
    cache: Path

    def path(self, name: str) -> Path:
        return self.root / name

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.path(name).write_text(text.replace(old, new))

    def findings(self, *more: str) -> list[tuple[str, str, str, str]]:
        """Code, file, the line's text and the message of what the registration rules say about the checked files."""
        paths = [self.path(name) for name in (*CHECKED, *more)]
        found = self.run(
            "check", "--select", "REG001,REG002,REG003,REG004,REG005", "--output-format", "json", *self.kept, *paths
        )
        return [
            (item["code"], name, self.path(name).read_text().split("\n")[item["line"] - 1].strip(), item["message"])
            for item in found.findings
            for name in [Path(item["path"]).relative_to(self.root).as_posix()]
        ]

    def fix(self, *more: str) -> str:
        paths = [self.path(name) for name in (*CHECKED, *more)]
        return str(self.run("fix", "--select", "REG001,REG002,REG003", *self.kept, *paths).out)

    @property
    def kept(self) -> tuple[str, Path]:
        """Every test goes on from what the ones before it read."""
        return "--cache-dir", self.cache


@pytest.fixture(scope="module")
def agreeing(diffusers_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the copy, after a fix has mended what the release itself has wrong in the checked ones."""
    command = [sys.executable, "-m", "linter", "fix", "--cache-dir", "../cache", "--select", "REG001,REG002,REG003"]
    subprocess.run([*command, *CHECKED], cwd=diffusers_copy, capture_output=True, check=False)
    return {name: (diffusers_copy / name).read_bytes() for name in (*CHECKED, DUMMIES, TRANSFORMERS)}


@pytest.fixture
def library(diffusers_copy: Path, agreeing: dict[str, bytes], run: Callable[..., Any]) -> Iterator[Library]:
    yield Library(diffusers_copy, run, diffusers_copy.parent / "cache")
    for name, content in agreeing.items():
        if (diffusers_copy / name).read_bytes() != content:
            (diffusers_copy / name).write_bytes(content)


@pytest.fixture
def known(library: Library) -> list[tuple[str, str, str, str]]:
    """What the release itself has wrong and no fix mends."""
    found = library.findings()
    assert all(code in ("REG004", "REG005") for code, *_ in found)
    return found


IN_TABLE = '    _import_structure["transformers.transformer_flux2"] = ["Flux2Transformer2DModel"]\n'
TYPED = "            Flux2Transformer2DModel,\n"
TYPED_SDE = "        from .schedulers import CosineDPMSolverMultistepScheduler\n"
DUMMY = '_import_structure["utils.dummy_{}_objects"] = ['
ENTRY = '            "Flux2Transformer2DModel",\n'

MENDED: dict[str, tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]] = {
    "a model out of the table of models": (
        [(MODELS, IN_TABLE, "")],
        [("REG002", MODELS, "Flux2Transformer2DModel,"), ("REG001", MODEL, "class Flux2Transformer2DModel(")],
    ),
    "a model out of the imports for type checkers": (
        [(MODELS, TYPED, "")],
        [("REG002", MODELS, '_import_structure["transformers.transformer_flux2"] = ["Flux2Transformer2DModel"]')],
    ),
    "a model out of the top table": (
        [(TOP, ENTRY, "")],
        [("REG003", TOP, "Flux2Transformer2DModel,"), ("REG005", TOP, DUMMY.format("pt"))],
    ),
    "a model out of the top imports": (
        [(TOP, TYPED, "")],
        [("REG003", TOP, '"Flux2Transformer2DModel",')],
    ),
    "a model out of both lists at the top": (
        [(TOP, ENTRY, ""), (TOP, TYPED, "")],
        [("REG005", TOP, DUMMY.format("pt")), ("REG003", MODEL, "class Flux2Transformer2DModel(")],
    ),
    "a pipeline out of its own table": (
        [(FLUX2, '    _import_structure["pipeline_flux2"] = ["Flux2Pipeline"]\n', "")],
        [("REG002", FLUX2, "from .pipeline_flux2 import Flux2Pipeline"), ("REG001", PIPELINE, "class Flux2Pipeline(")],
    ),
    "a pipeline out of its own imports": (
        [(FLUX2, "        from .pipeline_flux2 import Flux2Pipeline\n", "")],
        [("REG002", FLUX2, '_import_structure["pipeline_flux2"] = ["Flux2Pipeline"]')],
    ),
    "a pipeline out of the imports of pipelines": (
        [(PIPELINES, "Flux2KleinPipeline, Flux2Pipeline\n", "Flux2KleinPipeline\n")],
        [("REG002", PIPELINES, '"Flux2Pipeline",')],
    ),
    "a pipeline out of both lists at the top": (
        [(TOP, '            "Flux2Pipeline",\n', ""), (TOP, "            Flux2Pipeline,\n", "")],
        [
            ("REG005", TOP, DUMMY.format("torch_and_transformers")),
            ("REG003", PIPELINE, "class Flux2Pipeline("),
        ],
    ),
    "a scheduler out of its table": (
        [
            (
                SCHEDULERS,
                '    _import_structure["scheduling_flow_match_euler_discrete"] = '
                '["FlowMatchEulerDiscreteScheduler"]\n',
                "",
            )
        ],
        [
            (
                "REG002",
                SCHEDULERS,
                "from .scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler",
            ),
            ("REG001", SCHEDULER, "class FlowMatchEulerDiscreteScheduler("),
        ],
    ),
    "a scheduler out of the top imports, behind other backends": (
        [
            (
                TOP,
                "        from .schedulers import CosineDPMSolverMultistepScheduler, DPMSolverSDEScheduler\n",
                TYPED_SDE,
            )
        ],
        [("REG003", TOP, '_import_structure["schedulers"].extend(["CosineDPMSolverMultistepScheduler", "DPM')],
    ),
    "a scheduler out of the top table, behind other backends": (
        [
            (
                TOP,
                '["CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler"]',
                '["CosineDPMSolverMultistepScheduler"]',
            )
        ],
        [
            ("REG003", TOP, "from .schedulers import CosineDPMSolverMultistepScheduler, DPMSolverSDEScheduler"),
            ("REG005", TOP, DUMMY.format("torch_and_torchsde")),
        ],
    ),
    "a scheduler out of its imports": (
        [
            (
                SCHEDULERS,
                "        from .scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler\n",
                "",
            )
        ],
        [
            (
                "REG002",
                SCHEDULERS,
                '_import_structure["scheduling_flow_match_euler_discrete"] = ["FlowMatchEulerDiscreteScheduler"]',
            )
        ],
    ),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_name_that_is_missing_is_found_and_put_back_where_it_was(
    name: str, library: Library, known: list[tuple[str, str, str, str]], agreeing: dict[str, bytes]
) -> None:
    edits, expected = MENDED[name]
    for edit in edits:
        library.replace(*edit)
    found = [item for item in library.findings() if item not in known]
    assert [(code, file) for code, file, *_ in sorted(found)] == sorted((code, file) for code, file, _ in expected)
    found.sort(key=lambda item: item[:2])
    expected.sort(key=lambda item: item[:2])
    assert all(text.startswith(line) for (_, _, text, _), (_, _, line) in zip(found, expected, strict=True))
    library.fix()
    assert {file: library.path(file).read_bytes() == agreeing[file] for file in CHECKED} == dict.fromkeys(
        CHECKED, True
    )
    assert library.findings() == known


def test_a_fix_of_tables_that_agree_changes_no_byte(library: Library, agreeing: dict[str, bytes]) -> None:
    assert "mended" not in library.fix()
    assert {name: library.path(name).read_bytes() for name in agreeing} == agreeing


def test_a_pipeline_out_of_a_list_that_has_no_order_goes_to_its_end(
    library: Library, known: list[tuple[str, str, str, str]]
) -> None:
    library.replace(PIPELINES, '        "Flux2KleinInpaintPipeline",\n', "")
    found = [item for item in library.findings() if item not in known]
    assert [(code, file) for code, file, *_ in found] == [("REG002", PIPELINES)]
    library.fix()
    text = library.path(PIPELINES).read_text()
    assert '        "Flux2KleinKVPipeline",\n        "Flux2KleinInpaintPipeline",\n    ]\n' in text
    assert library.findings() == known


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [
        (
            MODELS,
            IN_TABLE,
            IN_TABLE.replace('"Flux2T', '"Flux2Transformer5DModel", "Flux2T'),
            IN_TABLE.strip().replace('"Flux2T', '"Flux2Transformer5DModel", "Flux2T'),
            "`diffusers.models.transformers.transformer_flux2` does not define `Flux2Transformer5DModel`",
        ),
        (
            MODELS,
            IN_TABLE,
            IN_TABLE.replace("transformer_flux2", "transformer_fluxx2"),
            IN_TABLE.strip().replace("transformer_flux2", "transformer_fluxx2"),
            "`Flux2Transformer2DModel` is said to come from `diffusers.models.transformers.transformer_fluxx2`, "
            "which does not exist; `diffusers.models.transformers.transformer_flux2` does",
        ),
        (
            TOP,
            ENTRY,
            ENTRY + ENTRY.replace("2D", "5D"),
            '"Flux2Transformer5DModel",',
            "`diffusers.models` does not define `Flux2Transformer5DModel`",
        ),
    ],
    ids=["name", "module", "top"],
)
def test_a_name_that_no_module_defines_is_found_at_its_entry(
    file: str,
    old: str,
    new: str,
    line: str,
    message: str,
    library: Library,
    known: list[tuple[str, str, str, str]],
) -> None:
    library.replace(file, old, new)
    found = [item for item in library.findings() if item not in known]
    assert ("REG004", file, line, message) in found


def test_a_renamed_class_is_found_in_every_table(library: Library, known: list[tuple[str, str, str, str]]) -> None:
    library.replace(MODEL, "class Flux2Transformer2DModel(", "class Flux2Transformer5DModel(")
    found = [item[:2] for item in library.findings() if item not in known]
    assert ("REG004", MODELS) in found
    assert ("REG001", MODEL) in found


def test_a_dummy_that_is_missing_and_one_that_is_too_many_are_found(
    library: Library, known: list[tuple[str, str, str, str]]
) -> None:
    library.replace(DUMMIES, "class Flux2Transformer2DModel(", "class Flux2Transformer5DModel(")
    found = [item for item in library.findings() if item not in known]
    assert [(code, file) for code, file, *_ in found] == [("REG005", TOP), ("REG005", TOP)]
    home = "diffusers.utils.dummy_pt_objects"
    assert {message for *_, message in found} == {
        f"`{home}` holds a dummy for `Flux2Transformer5DModel`, which the table does not name",
        f"`Flux2Transformer2DModel` needs `torch` and has no dummy in `{home}`",
    }
    assert ENTRY.strip() in [line for _, _, line, _ in found]


NEW_MODEL = """\
from ...configuration_utils import ConfigMixin, register_to_config
from ..modeling_utils import ModelMixin


class NovelTransformer2DModel(ModelMixin, ConfigMixin):
    @register_to_config
    def __init__(self, layers: int = 2):
        super().__init__()
"""


def test_a_new_model_is_registered_by_the_fix_and_can_then_be_imported(
    library: Library, known: list[tuple[str, str, str, str]], tmp_path: Path
) -> None:
    name = "models/transformers/transformer_novel.py"
    library.path(name).write_text(NEW_MODEL)
    try:
        found = [item for item in library.findings(name) if item not in known]
        assert [(code, file, line) for code, file, line, _ in found] == [
            ("REG001", name, "class NovelTransformer2DModel(ModelMixin, ConfigMixin):"),
            ("REG001", name, "class NovelTransformer2DModel(ModelMixin, ConfigMixin):"),
        ]
        library.fix(name)
        left = [item for item in library.findings(name) if item not in known]
        assert [(code, message.split(" ")[0]) for code, _, _, message in left] == [
            ("REG005", "`NovelTransformer2DModel`")
        ]
        script = (
            "import diffusers, diffusers.models\n"
            "from diffusers import NovelTransformer2DModel as top\n"
            "from diffusers.models import NovelTransformer2DModel as inner\n"
            "print(diffusers.__file__, top is inner, top.__module__)"
        )
        environment = {**os.environ, "PYTHONPATH": str(library.root.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert result.stdout.split() == [
            str(library.path(TOP)),
            "True",
            "diffusers.models.transformers.transformer_novel",
        ], result.stderr
        # What imports lazily and what imports at once agree with it.
        eager = library.path(TRANSFORMERS).read_text()
        assert "    from .transformer_novel import NovelTransformer2DModel\n" in eager
    finally:
        library.path(name).unlink()


SHIPPED = {
    "pyproject.toml": '[project]\nname = "tiny"\ndependencies = ["torch>=2.4"]\n',
    "src/tiny/__init__.py": "import einops\n",
    "scripts/convert.py": "import einops\n",
    "tests/__init__.py": "",
    "tests/test_tiny.py": "import einops\n",
}


def test_what_a_project_does_not_ship_may_import_what_it_does_not_declare(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    write(SHIPPED)
    assert [item["path"] for item in check("--select", "REG010", ".").findings] == ["src/tiny/__init__.py"]
    # Without the folder, nothing tells what is shipped.
    write({"flat/pyproject.toml": SHIPPED["pyproject.toml"], "flat/scripts/convert.py": "import einops\n"})
    assert [item["path"] for item in check("--select", "REG010", "flat").findings] == ["flat/scripts/convert.py"]


TABLES = {
    'X = {"gone": ["Gone"]}': "X = {}",
    'X = {"gone": ["Gone"],}': "X = {}",
    'X = {"gone": ["Gone"], "tiny": ["Tiny"]}': 'X = {"tiny": ["Tiny"]}',
    'X = {"tiny": ["Tiny"], "gone": ["Gone"]}': 'X = {"tiny": ["Tiny"]}',
    'X = {\n    "gone": ["Gone"],\n    "tiny": ["Tiny"],\n}': 'X = {\n    "tiny": ["Tiny"],\n}',
    'X = {\n    "tiny": ["Tiny"],\n    "gone": [\n        "Gone",\n    ],\n}': 'X = {\n    "tiny": ["Tiny"],\n}',
    'X = {}\nX.update({"tiny": ["Tiny"], "gone": ["Gone"]})': 'X = {}\nX.update({"tiny": ["Tiny"]})',
    # Nobody throws a comment away.
    'X = {\n    # Kept for old checkpoints.\n    "gone": ["Gone"],\n}': "",
    'X = {"tiny": ["Tinny"]}': 'X = {"tiny": ["Tiny"]}',
    'X = {"tiny": ["Tinny", "Other"]}': 'X = {"tiny": ["Tiny", "Other"]}',
    'X = {"tiny": ["Tiny", "Tinny"]}': 'X = {"tiny": ["Tiny"]}',
}


@pytest.mark.parametrize("table", TABLES)
def test_a_stale_entry_goes_with_its_key_or_becomes_the_name_that_was_meant(
    table: str, folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    text, mended = (item.replace("X", "_import_structure") for item in (table, TABLES[table] or table))
    write(
        {
            "lib/__init__.py": f"{text}\n",
            "lib/tiny.py": "class Tiny:\n    pass\n\n\nclass Other:\n    pass\n\n\nclass _Tinnier:\n    pass\n",
        }
    )
    run("fix", "--no-cache", "--select", "REG004", "lib")
    assert (folder / "lib/__init__.py").read_text() == f"{mended}\n"


def test_an_entry_moves_behind_what_its_module_needs_and_leaves_the_other_rules_nothing_to_say(
    library: Library, run: Callable[..., Any]
) -> None:
    loaders = library.path("loaders/__init__.py")
    before = loaders.read_text()
    rules = "REG001,REG002,REG004,REG006,REG007"

    def codes() -> list[str]:
        found = run("check", "--select", rules, "--output-format", "json", *library.kept, loaders)
        return [item["code"] for item in found.findings]

    assert codes() == ["REG006"]
    run("fix", "--select", "REG006", *library.kept, loaders)
    after = loaders.read_text()
    loaders.write_text(before)
    assert [line for line in after.split("\n") if "PeftAdapterMixin" in line] == [
        '    _import_structure["peft"] = ["PeftAdapterMixin"]',
        "        from .peft import PeftAdapterMixin",
    ]
    behind = after.index("if is_torch_available():")
    assert behind < after.index('_import_structure["peft"]') < after.index("if is_transformers_available():")
    assert sorted(filter(str.strip, map(str.strip, after.split("\n")))) == sorted(
        filter(str.strip, map(str.strip, before.split("\n")))
    )
    loaders.write_text(after)
    assert codes() == []
    loaders.write_text(before)
