"""`scaffold update` as a person meets it: their edits and the templates' changes, side by side in one folder."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scaffold.merging import merge


ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Checkout:
    """A copy of scaffold with templates of its own, and a folder that it made."""

    root: Path
    folder: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scaffold", *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    def change_template(self, file: str, old: str, new: str) -> None:
        path = self.root / "templates" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, with a folder in it that was just made."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("scaffold", "templates"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    checkout = Checkout(root, root / "sd3")
    done = checkout.run("model", "sd3", "--no-check")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def checkout(made: Path, tmp_path: Path) -> Checkout:
    """A copy of its own for a test."""
    root = tmp_path / "checkout"
    shutil.copytree(made, root)
    return Checkout(root, root / "sd3")


def held(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for what belongs to this copy alone."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    own = (".scaffold/history", ".scaffold/lock")
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(own)}


def test_without_a_change_there_is_nothing_to_do(checkout):
    checkout.edit("model.py", "import torch\n", "import torch\n\n# mine\n")
    before = held(checkout.folder)
    assert checkout.run("update", "sd3", "--check").returncode == 0
    done = checkout.run("update", "sd3")
    assert (done.returncode, done.stdout) == (0, "sd3/ was up to date.\n")
    assert held(checkout.folder) == before
    # What changed nothing is nothing that could be taken back.
    assert "was made by it and has been edited since" in checkout.run("undo", "sd3").stderr


def test_an_edit_and_a_changed_template_are_both_there(checkout):
    checkout.edit("README.md", "# ", "# My own ")
    checkout.change_template("folder/README.md.j2", "## ", "## Newly ")
    done = checkout.run("update", "sd3", "--check")
    assert done.returncode == 1
    assert "README.md: merged with your edits" in done.stdout
    done = checkout.run("update", "sd3")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "sd3/ is up to date.\n  README.md: merged with your edits\n"
    text = (checkout.folder / "README.md").read_text()
    assert text.startswith("# My own ")
    assert "\n## Newly " in text
    assert checkout.run("update", "sd3").stdout == "sd3/ was up to date.\n"


def test_the_same_place_is_a_conflict_with_both_texts(checkout):
    title = (checkout.folder / "README.md").read_text().splitlines()[0]
    checkout.edit("README.md", title, "# Mine")
    checkout.change_template("folder/README.md.j2", "# {{", "# Theirs {{")
    done = checkout.run("update", "sd3")
    assert done.returncode == 1
    assert "sd3/README.md:1: you and scaffold changed this place; choose what is to stand there" in done.stdout
    theirs = title.replace("# ", "# Theirs ")
    text = (checkout.folder / "README.md").read_text()
    assert text.startswith(f"<<<<<<< yours\n# Mine\n=======\n{theirs}\n>>>>>>> scaffold\n")
    # Until that is settled there is no next update.
    again = checkout.run("update", "sd3")
    assert again.returncode == 2
    assert "sd3/README.md:1: a conflict of an earlier update is still open" in again.stderr
    checkout.edit("README.md", f"<<<<<<< yours\n# Mine\n=======\n{theirs}\n>>>>>>> scaffold\n", "# Both\n")
    assert checkout.run("update", "sd3").stdout == "sd3/ was up to date.\n"


def test_what_a_person_deleted_stays_deleted_and_is_told(checkout):
    (checkout.folder / "README.md").unlink()
    checkout.change_template("folder/README.md.j2", "## ", "## Newly ")
    done = checkout.run("update", "sd3")
    assert done.returncode == 0
    assert "README.md: you deleted it, and it stays deleted" in done.stdout
    assert not (checkout.folder / "README.md").exists()


def test_a_file_that_is_no_longer_made_goes_unless_it_was_edited(checkout):
    checkout.edit("tests/test_readme.py", '"""', '"""Mine. ')
    for file in ("tests/test_readme.py.j2", "tests/test_parallel.py.j2"):
        (checkout.root / "templates" / "folder" / file).write_text("")
    (checkout.root / "templates" / "folder" / "NEW.md.j2").write_text("new\n")
    done = checkout.run("update", "sd3")
    assert done.returncode == 0
    assert "tests/test_parallel.py: no longer made, and removed: you had not edited it" in done.stdout
    assert "tests/test_readme.py: no longer made, and kept: you have edited it" in done.stdout
    assert "NEW.md: new" in done.stdout
    assert not (checkout.folder / "tests" / "test_parallel.py").exists()
    assert (checkout.folder / "tests" / "test_readme.py").read_text().startswith('"""Mine. ')
    assert (checkout.folder / "NEW.md").read_text() == "new\n"


def test_a_renamed_class_is_followed(checkout):
    for path in checkout.folder.rglob("*.py"):
        path.write_text(path.read_text().replace("SD3Transformer2DModel", "LighthouseModel"))
    checkout.change_template(
        "components/model/header.py.j2",
        "class {{ spec.model }}(",
        "KNOWS = '{{ spec.model }}'\n\n\nclass {{ spec.model }}(",
    )
    done = checkout.run("update", "sd3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SD3Transformer2DModel is LighthouseModel here, and new text says so" in done.stdout
    text = (checkout.folder / "model.py").read_text()
    assert 'KNOWS = "LighthouseModel"' in text
    assert "class LighthouseModel(" in text
    assert "SD3Transformer2DModel(" not in text


def test_a_plan_can_be_seen_first(checkout):
    checkout.change_template("folder/README.md.j2", "## ", "## Newly ")
    before = held(checkout.folder)
    listed = checkout.run("update", "sd3", "--dry-run").stdout
    assert listed.startswith("sd3/\n  README.md  +")
    diff = checkout.run("update", "sd3", "--diff").stdout
    assert diff.startswith("--- a/README.md\n+++ b/README.md\n")
    assert "\n+## Newly " in diff
    shown = checkout.run("update", "sd3", "--json").stdout
    assert '"path": "README.md",\n      "action": "edit"' in shown
    assert held(checkout.folder) == before
    # The diff is one that git applies.
    (checkout.root / "plan.diff").write_text(diff)
    subprocess.run(["git", "apply", "--directory", "sd3", "plan.diff"], cwd=checkout.root, check=True)
    shown_text = (checkout.folder / "README.md").read_bytes()
    (checkout.folder / "README.md").write_bytes(before["README.md"])
    checkout.run("update", "sd3")
    assert (checkout.folder / "README.md").read_bytes() == shown_text


def test_an_update_can_be_undone_after_further_edits(checkout):
    before = held(checkout.folder)
    checkout.change_template("folder/README.md.j2", "## ", "## Newly ")
    checkout.run("update", "sd3")
    checkout.edit("model.py", "import torch\n", "import torch\n\n# mine\n")
    title = (checkout.folder / "README.md").read_text().splitlines()[0]
    checkout.edit("README.md", f"{title}\n", f"{title}, mine\n")
    done = checkout.run("undo", "sd3")
    assert done.returncode == 0, done.stderr
    after = held(checkout.folder)
    assert after["README.md"] == before["README.md"].replace(title.encode(), f"{title}, mine".encode(), 1)
    assert b"# mine\n" in after["model.py"]
    assert after[".scaffold.yaml"] == before[".scaffold.yaml"]


def test_an_edit_in_the_place_of_the_update_is_in_the_way_of_undoing_it(checkout):
    checkout.change_template("folder/README.md.j2", "## ", "## Newly ")
    checkout.run("update", "sd3")
    checkout.edit("README.md", "## Newly ", "## Mine ")
    before = held(checkout.folder)
    done = checkout.run("undo", "sd3")
    assert done.returncode == 2
    assert "sd3/README.md was edited by you since in the same place" in done.stderr
    assert held(checkout.folder) == before


def test_undoing_a_whole_folder_leaves_nothing_unless_it_was_edited(checkout):
    checkout.edit("README.md", "# ", "# Mine ")
    done = checkout.run("undo", "sd3")
    assert done.returncode == 2
    assert "sd3/README.md was made by it and has been edited since; move it away" in done.stderr
    (checkout.folder / "README.md").unlink()
    assert checkout.run("undo", "sd3").returncode == 0
    assert not checkout.folder.exists()


def test_plans_are_taken_back_one_after_the_other(checkout):
    whole = held(checkout.folder)
    shutil.rmtree(checkout.folder / "tests")
    without = held(checkout.folder)
    assert checkout.run("tests", "sd3").returncode == 0
    assert held(checkout.folder) == whole
    assert checkout.run("undo", "sd3").returncode == 0
    assert held(checkout.folder) == without
    assert checkout.run("undo", "sd3").returncode == 0
    assert not checkout.folder.exists()


def test_a_folder_without_a_record_cannot_be_updated(checkout):
    (checkout.folder / ".scaffold.yaml").unlink()
    done = checkout.run("update", "sd3")
    assert done.returncode == 2
    assert "sd3 has no .scaffold.yaml, which says how scaffold made it" in done.stderr
    assert checkout.run("undo", "scaffold").returncode == 2


@pytest.mark.parametrize("damage", ["answers: [", "modelwright: 1\n", "\xff"])
def test_a_record_that_cannot_be_read_is_named(checkout, damage):
    (checkout.folder / ".scaffold.yaml").write_text(damage, encoding="latin-1")
    done = checkout.run("update", "sd3")
    assert done.returncode == 2
    assert "sd3/.scaffold.yaml is no record of scaffold: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rendering_that_is_not_the_recorded_one_is_named(checkout):
    (checkout.folder / ".scaffold" / "rendering.zip").write_bytes(b"PK")
    done = checkout.run("update", "sd3")
    assert done.returncode == 2
    assert "rendering.zip is not what .scaffold.yaml says" in done.stderr


def test_a_model_of_ones_own_is_updated_from_its_spec(checkout):
    spec = (ROOT / "tests" / "scaffold" / "architectures" / "recombined.yaml").read_text()
    (checkout.root / "mine.yaml").write_text(spec)
    made = checkout.run("model", "my-model", "--spec", "mine.yaml", "--no-check", "--out", "deep/er")
    assert made.returncode == 0, made.stderr
    folder = checkout.root / "deep" / "er" / "my_model"
    assert "spec: ../../../mine.yaml\n  name: my-model" in (folder / ".scaffold.yaml").read_text()
    summary = next(line for line in spec.splitlines() if line.startswith("summary: "))
    (checkout.root / "mine.yaml").write_text(spec.replace(summary, "summary: A model of lighthouses."))
    done = checkout.run("update", folder)
    assert done.returncode == 0, done.stderr
    assert "odel of lighthouses" in (folder / "README.md").read_text()


def test_a_merge_never_loses_a_line():
    random_ = random.Random(0)
    conflicts = 0
    for _ in range(200):
        was = [f"line {number}" for number in range(random_.randint(0, 30))]
        yours, added_by_you, kept_by_you = changed(random_, was, "yours")
        theirs, added_by_them, kept_by_them = changed(random_, was, "theirs")
        merged = merge(*("".join(f"{line}\n" for line in lines).encode() for lines in (was, yours, theirs)))
        lines = merged.content.decode().splitlines()
        conflicts += bool(merged.conflicts)
        assert set(lines) >= added_by_you | added_by_them | (kept_by_you & kept_by_them)
        for line in merged.conflicts:
            assert lines[line - 1] == "<<<<<<< yours"
        # What nobody changed stands once, in its order.
        if not merged.conflicts:
            assert [line for line in lines if line in kept_by_you & kept_by_them] == [
                line for line in was if line in kept_by_you & kept_by_them
            ]
    assert 20 < conflicts < 180


def changed(random_: random.Random, was: list[str], who: str) -> tuple[list[str], set[str], set[str]]:
    """A text with lines put in, replaced and taken out: the text, the lines put in, the lines kept."""
    lines = list(was)
    added = set()
    for number in range(random_.randint(0, 4)):
        place = random_.randint(0, len(lines))
        new = [f"{who} {number}.{each}" for each in range(random_.randint(0, 3))]
        lines[place : place + random_.randint(0, 2)] = new
    added = {line for line in lines if line.startswith(who)}
    return lines, added, set(lines) - added
