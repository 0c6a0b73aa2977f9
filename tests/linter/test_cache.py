"""The cache changes how long a run takes and nothing else: warm runs say what cold ones say, whatever was edited."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest


LAZY = """\
from typing import TYPE_CHECKING

from {dots}lazy import _LazyModule

_import_structure = {{}}
{entries}

if TYPE_CHECKING:
{imports}
else:
    import sys

    sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""
MODEL = """\
from torch import nn

from ..configuration import ConfigMixin, register_to_config
from ..modeling import ModelMixin
from .frequencies import frequencies


class {name}Block(nn.Module):
    # Copied from tinylib.models.small.SmallBlock.scale
    def scale(self, x):
        return x * 2

    def forward(self, x):
        return self.scale(x) * frequencies(x)


class {name}Model(ModelMixin, ConfigMixin):
    _no_split_modules = ["{name}Block"]
    _repeated_blocks = ["{name}Block"]

    @register_to_config
    def __init__(self, layers: int = 2):
        super().__init__()
        self.blocks = nn.ModuleList([{name}Block() for _ in range(layers)])
"""


def library() -> dict[str, str]:
    """A lazy library in which everything is as it should be."""
    small = MODEL.format(name="Small").replace("    # Copied from tinylib.models.small.SmallBlock.scale\n", "")
    return {
        "tinylib/__init__.py": LAZY.format(
            dots=".",
            entries='_import_structure["models"] = ["SmallModel", "TinyModel"]',
            imports="    from .models import SmallModel, TinyModel",
        ),
        "tinylib/lazy.py": "class _LazyModule:\n    pass\n",
        "tinylib/configuration.py": (
            "class ConfigMixin:\n    pass\n\n\ndef register_to_config(init):\n    return init\n"
        ),
        "tinylib/modeling.py": "from torch import nn\n\n\nclass ModelMixin(nn.Module):\n    pass\n",
        "tinylib/models/__init__.py": LAZY.format(
            dots="..",
            entries='_import_structure["small"] = ["SmallModel"]\n_import_structure["tiny"] = ["TinyModel"]',
            imports="    from .small import SmallModel\n    from .tiny import TinyModel",
        ),
        "tinylib/models/frequencies.py": (
            "import numpy as np\nimport torch\n\n\n"
            "def frequencies(x):\n    return torch.arange(x.shape[-1], device=x.device)\n"
        ),
        "tinylib/models/small.py": small,
        "tinylib/models/tiny.py": MODEL.format(name="Tiny"),
    }


RULES = "CPY001,CPY002,REG,FWD001,MOD001,MOD004,MOD005,MOD007,LNT"

EDITS: dict[str, tuple[str, str, str]] = {
    "the source of a copy": ("tinylib/models/small.py", "return x * 2", "return x * 3"),
    "a copy": ("tinylib/models/tiny.py", "return x * 2", "return x * 3"),
    "the name of a source": ("tinylib/models/small.py", "def scale", "def scaled"),
    "a helper of a forward": ("tinylib/models/frequencies.py", "torch.arange(", "np.arange("),
    "a base class": (
        "tinylib/modeling.py",
        "    pass",
        "    gradient_checkpointing = False\n    def f(self):\n        if self.gradient_checkpointing:\n            0",
    ),
    "a table": ("tinylib/models/__init__.py", '_import_structure["tiny"] = ["TinyModel"]', ""),
    "an import for type checkers": ("tinylib/models/__init__.py", "    from .tiny import TinyModel\n", ""),
    "the top table": ("tinylib/__init__.py", '["SmallModel", "TinyModel"]', '["SmallModel"]'),
    "the name of a model": ("tinylib/models/small.py", "class SmallModel", "class OtherModel"),
    "a part": ("tinylib/models/tiny.py", "TinyBlock() for", "OtherBlock() for"),
    "valid syntax": ("tinylib/modeling.py", "class ModelMixin(", "class ModelMixin(("),
    "a suppression": ("tinylib/models/tiny.py", "return x * 2", "return x * 2  # lint: ignore[CPY001] old"),
}
"""What an edit takes away or changes: a file, and a text in it with what stands there afterwards."""


@pytest.fixture
def warm(run: Callable[..., Any]) -> Callable[..., str]:
    """A run that takes over what earlier ones found."""
    return lambda *arguments: str(
        run("check", "--select", RULES, "--output-format", "json", *arguments, "tinylib").out
    )


@pytest.fixture
def cold(run: Callable[..., Any]) -> Callable[[], str]:
    """A run that knows of no earlier one."""
    return lambda: str(run("check", "--select", RULES, "--output-format", "json", "--no-cache", "tinylib").out)


def test_the_library_is_clean(write: Callable[..., None], cold: Callable[[], str]) -> None:
    write(library())
    assert '"findings": []' in cold()


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_findings_of_the_files_that_rest_on_it(
    edit: str, folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    write(library())
    clean = warm()
    name, old, new = EDITS[edit]
    before = (folder / name).read_text()
    assert old in before
    (folder / name).write_text(before.replace(old, new, 1))
    changed = warm()
    assert changed == cold()
    assert changed != clean
    assert warm() == changed
    (folder / name).write_text(before)
    assert warm() == clean


@pytest.mark.parametrize("name", sorted(library()))
def test_a_file_that_goes_and_comes_back_changes_the_findings_of_the_files_that_rest_on_it(
    name: str, folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    write(library())
    clean = warm()
    (folder / name).rename(folder / "away")
    assert warm() == cold() != clean
    (folder / "away").rename(folder / name)
    assert warm() == cold() == clean


def test_a_file_that_becomes_a_package_is_looked_at_anew(
    folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    write(library())
    clean = warm()
    (folder / "tinylib/modeling").mkdir()
    (folder / "tinylib/modeling/__init__.py").write_text("")
    assert warm() == cold() != clean
    shutil.rmtree(folder / "tinylib/modeling")
    assert warm() == clean


def test_a_package_above_changes_what_the_modules_are_called(
    folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    files = library()
    write(
        {**files, "tinylib/models/small.py": files["tinylib/models/small.py"].replace("return x * 2", "return x * 3")}
    )
    found = warm()
    (folder / "__init__.py").write_text("")
    assert warm() == cold() != found
    (folder / "__init__.py").unlink()
    assert warm() == found


def test_metadata_that_are_installed_beside_a_package_say_what_it_may_import(
    folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    (folder / "pyproject.toml").unlink()
    write({**library(), "tinylib/models/other.py": "import einops\n"})
    clean = warm()
    metadata = "Name: tinylib\nRequires-Dist: torch\nRequires-Dist: numpy\n"
    write({"tinylib-1.0.dist-info/METADATA": metadata})
    assert "`einops` is not among the dependencies" in warm()
    write({"tinylib-1.0.dist-info/METADATA": f"{metadata}Requires-Dist: einops\n"})
    assert warm() == cold() == clean
    shutil.rmtree(folder / "tinylib-1.0.dist-info")
    write({"tinylib-1.1.dist-info/METADATA": "Name: tinylib\nRequires-Dist: numpy\n"})
    assert warm() == cold() != clean


@pytest.mark.parametrize("seed", range(6))
def test_warm_runs_agree_with_cold_ones_under_random_edits(
    seed: int, folder: Path, write: Callable[..., None], warm: Callable[..., str], cold: Callable[[], str]
) -> None:
    choose = random.Random(seed)
    files = library()
    write(files)
    seen = {warm()}
    for _ in range(12):
        name, old, new = choose.choice(list(EDITS.values()))
        path = folder / name
        kind = choose.random()
        if kind < 0.15:
            victim = folder / choose.choice(sorted(files))
            victim.unlink(missing_ok=True)
        elif kind < 0.3 or not path.exists():
            back = choose.choice(sorted(files))
            (folder / back).write_text(files[back])
        else:
            text = path.read_text()
            path.write_text(text.replace(old, new, 1) if old in text else files[name])
        found = warm()
        assert found == cold()
        seen.add(found)
    assert len(seen) > 4


def test_findings_are_taken_over_by_another_selection(
    write: Callable[..., None], run: Callable[..., Any], cold: Callable[[], str]
) -> None:
    files = library()
    files["tinylib/models/small.py"] = files["tinylib/models/small.py"].replace("return x * 2", "return x * 3")
    files["tinylib/models/frequencies.py"] = files["tinylib/models/frequencies.py"].replace(
        "torch.arange", "np.arange"
    )
    write(files)
    for selection in ("FWD", "CPY", "ALL", "FWD001,CPY001", "REG"):
        arguments = ("check", "--select", selection, "--output-format", "json", "tinylib")
        assert run(*arguments).out == run(*arguments, "--no-cache").out


PARSED = """
import sys
parsed = []
sys.addaudithook(lambda event, values: parsed.append(values[1]) if event == "compile" and values[0] else None)
from linter.cli import main
parsed.clear()
try:
    main(["check", "tinylib"])
except SystemExit:
    print(len([name for name in parsed if name == "<unknown>"]), file=sys.stderr)
"""


def test_only_what_changed_is_read_anew(folder: Path, write: Callable[..., None]) -> None:
    def run() -> tuple[str, int]:
        """What a run says, and how many files it parsed."""
        result = subprocess.run([sys.executable, "-c", PARSED], cwd=folder, capture_output=True, text=True)
        return result.stdout, int(result.stderr)

    write(library())
    first, parsed = run()
    assert parsed == len(library())
    assert run() == (first, 0)
    write({"tinylib/models/tiny.py": library()["tinylib/models/tiny.py"] + "\n\nx = 1\n"})
    assert run() == (first, 1)
    write({"tinylib/models/tiny.py": library()["tinylib/models/tiny.py"]})
    assert run() == (first, 0)


def test_the_cache_lies_where_it_is_wanted_and_is_not_committed(
    folder: Path, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write({**library(), "pyproject.toml": '[tool.linter]\ncache-dir = "kept/here"\n'})
    run("check", "tinylib")
    assert (folder / "kept/here/.gitignore").read_text() == "*\n"
    assert list((folder / "kept/here").glob("*.sqlite"))
    run("check", "tinylib", "--cache-dir", "elsewhere")
    assert list((folder / "elsewhere").glob("*.sqlite"))
    assert not (folder / ".linter_cache").exists()
    shutil.rmtree(folder / "kept")
    run("check", "tinylib", "--no-cache")
    assert not (folder / "kept").exists()


def spoil_with(content: bytes) -> Callable[[Path], None]:
    return lambda database: _replace(database, content)


def _replace(database: Path, content: bytes) -> None:
    for path in database.parent.glob(f"{database.name}-*"):
        path.unlink()
    database.write_bytes(content)


def _sql(*statements: str, values: Mapping[str, object] | None = None) -> Callable[[Path], None]:
    def spoil(database: Path) -> None:
        with sqlite3.connect(database) as connection:
            for statement in statements:
                connection.execute(statement, values or {})

    return spoil


def _noise(database: Path) -> None:
    """Random bytes over random places of what is kept."""
    choose = random.Random(7)
    with sqlite3.connect(database) as connection:
        for table, column in (("facts", "facts"), ("checked", "checked")):
            key = "digest" if table == "facts" else "path"
            for name, blob in connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall():
                spoilt = bytearray(blob)
                for _ in range(3):
                    spoilt[choose.randrange(len(spoilt))] = 0xC1
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (bytes(spoilt), name))


def _pages(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[200:] = bytes(len(content) - 200)
    _replace(database, bytes(content))


def _folder(database: Path) -> None:
    shutil.rmtree(database.parent)
    database.mkdir(parents=True)


def _file(database: Path) -> None:
    shutil.rmtree(database.parent)
    database.parent.write_text("not a folder")


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_with(b""),
        spoil_with(b"this is no database" * 100),
        spoil_with(b"SQLite format 3\0" + bytes(4000)),
        _pages,
        _noise,
        _folder,
        _file,
        _sql("DROP TABLE facts"),
        _sql("DROP TABLE checked", "CREATE TABLE checked (a, b, c)"),
        _sql("UPDATE facts SET facts = NULL", "UPDATE checked SET checked = NULL"),
        _sql("UPDATE facts SET facts = 'text'", "UPDATE checked SET checked = 3"),
        _sql("UPDATE facts SET facts = x'80'", "UPDATE checked SET checked = x'80'"),
        _sql("UPDATE checked SET checked = :blob", values={"blob": b"\x80\x04c__builtin__\nexit\n."}),
        _sql("UPDATE facts SET facts = (SELECT facts FROM facts LIMIT 1)", "DELETE FROM checked"),
    ],
    ids=range(14),
)
def test_a_cache_that_is_spoilt_is_ignored(
    spoil: Callable[[Path], None],
    folder: Path,
    write: Callable[..., None],
    run: Callable[..., Any],
    run_process: Callable[..., Any],
) -> None:
    files = library()
    files["tinylib/models/small.py"] = files["tinylib/models/small.py"].replace("return x * 2", "return x * 3")
    write(files)
    arguments = ("check", "--output-format", "json", "tinylib")
    # A process of its own, which leaves nothing open.
    expected = run_process(*arguments)
    assert expected.code == 1
    spoil(next((folder / ".linter_cache").glob("*.sqlite")))
    for _ in range(2):
        assert run(*arguments) == expected


def test_runs_at_the_same_time_do_not_disturb_each_other(
    folder: Path, write: Callable[..., None], run_process: Callable[..., Any]
) -> None:
    write(library())
    arguments = ("check", "--output-format", "json", "tinylib")
    expected = run_process(*arguments, "--no-cache").out
    command = [sys.executable, "-m", "linter", *arguments]
    runs = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate() for process in runs] == [(expected, "")] * 4
