"""Plans that something comes between: a kill at any moment, a full disk, a read-only place, a second run."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaffold.applying import apply, last_applied, recover, write_folder
from scaffold.errors import ScaffoldError
from scaffold.plan import Change, Plan
from scaffold.undoing import plan_undo


FIRST = {"model.py": "first\n", "tests/test_model.py": "first\n", "tests/deep/er.py": "first\n", "gone.py": "first\n"}
SECOND = {"model.py": "second\n", "tests/test_model.py": "second\n", "new/one.py": "second\n"}
WRITES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "shutil.rmtree")


def held(folder: Path) -> dict[str, str]:
    """The files of a folder, but for scaffold's notes."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in sorted(files.items()) if not name.startswith(".scaffold")}


def edit(folder: Path) -> Plan:
    """The plan that makes the first state the second."""
    before, after = ({name: text.encode() for name, text in state.items()} for state in (FIRST, SECOND))
    return Plan.of(folder, (Change(name, before.get(name), after.get(name)) for name in before | after))


def create(place: Path) -> None:
    write_folder(place / "folder", FIRST)


def update(place: Path) -> None:
    apply(edit(place / "folder"))


def undo(place: Path) -> None:
    name, plan = plan_undo(place / "folder")
    apply(plan, undoes=name)


def interrupted(action: Callable[[Path], None], place: Path, moment: int) -> int:
    """Run an action in a process that is killed at its `moment`-th call that writes; gives how many there were.

    The kill is a real one: nothing of the process runs after it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, _: object) -> None:
            nonlocal seen
            if event in WRITES:
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            action(place)
        finally:
            os.write(writing, str(seen).encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return int(told.read() or 0)


STEPS: dict[str, tuple[Callable[[Path], None], dict[str, str], dict[str, str]]] = {
    "write": (create, {}, FIRST),
    "update": (update, FIRST, SECOND),
    "undo": (undo, SECOND, FIRST),
}


def prepared(step: str, place: Path) -> Path:
    place.mkdir()
    if step != "write":
        create(place)
    if step == "undo":
        update(place)
    return place / "folder"


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_the_old_or_the_new_and_the_next_call_goes_on(tmp_path, step):
    action, old, new = STEPS[step]
    folder = prepared(step, tmp_path / "whole")
    moments = interrupted(action, folder.parent, moment=-1)
    assert held(folder) == new
    seen = []
    for moment in random.Random(0).choices(range(1, moments + 1), k=50):
        folder = prepared(step, tmp_path / f"{len(list(tmp_path.iterdir()))}")
        killed = interrupted(action, folder.parent, moment) == 0
        recover(folder)
        state = held(folder)
        assert state in (old, new), f"half a tree after a kill at call {moment} of {moments}"
        seen.append((killed, state == new))
        # The next call works, and leaves nothing of the one that was killed.
        if state == old:
            action(folder.parent)
        assert held(folder) == new
        assert os.listdir(folder.parent) == ["folder"]
        assert not list((folder / ".scaffold").glob("journal*"))
    assert {(True, False), (True, True)} <= set(seen)
    # A call more or less depends on when the clock ticks: the last kills may come too late.
    assert sum(killed for killed, _ in seen) >= 45


def test_a_change_that_was_interrupted_can_be_undone_once_it_is_finished(tmp_path):
    folder = prepared("update", tmp_path / "place")
    moments = interrupted(update, prepared("update", tmp_path / "other").parent, moment=-1)
    for moment in range(moments, 0, -1):
        interrupted(update, folder.parent, moment)
        recover(folder)
        if held(folder) == SECOND:
            undo(folder.parent)
            assert held(folder) == FIRST
            return
    pytest.fail("no kill came after the moment at which the plan counts")


def test_an_edit_after_a_kill_is_not_overwritten(tmp_path):
    for moment in range(1, 200):
        folder = prepared("update", tmp_path / str(moment))
        interrupted(update, folder.parent, moment)
        if (folder / ".scaffold" / "journal").exists() and (folder / "model.py").read_text() == "first\n":
            break
    (folder / "model.py").write_text("mine\n")
    with pytest.raises(
        ScaffoldError, match=r"model.py was edited after a run of scaffold was interrupted; move it away"
    ):
        recover(folder)
    assert (folder / "model.py").read_text() == "mine\n"
    (folder / "model.py").unlink()
    with pytest.raises(ScaffoldError):
        recover(folder)
    (folder / "model.py").write_text("first\n")
    recover(folder)
    assert held(folder) == SECOND


@pytest.mark.parametrize("call", ["fsync", "replace", "unlink"])
@pytest.mark.parametrize("step", ["update", "undo"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_disk_that_fails_leaves_the_old_state(tmp_path, monkeypatch, step, call, after):
    folder = prepared(step, tmp_path / "place")
    action, old, new = STEPS[step]
    history = last_applied(folder)
    left = [after]
    real = getattr(os, call)

    def fail_once(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    told = ""
    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail_once)
        try:
            action(folder.parent)
        except ScaffoldError as error:
            told = str(error)
    if call == "fsync" or told:
        assert told == f"{folder} cannot be written to: No space left on device; nothing was written"
        assert held(folder) == old
        assert last_applied(folder) == history
        assert not list((folder / ".scaffold").glob("journal*"))
    else:
        assert held(folder) == new


def test_a_folder_that_is_read_only_is_refused(tmp_path):
    folder = prepared("update", tmp_path / "place")
    program = (
        "import os, pathlib, sys\n"
        "from scaffold.applying import apply\n"
        "from scaffold.errors import ScaffoldError\n"
        "from scaffold.plan import Change, Plan\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        f"plan = Plan.of(pathlib.Path({str(folder)!r}), [Change('model.py', b'first\\n', b'second\\n')])\n"
        "try:\n"
        "    apply(plan)\n"
        "except ScaffoldError as error:\n"
        "    print(error)\n"
    )
    # Permissions mean nothing to root, and the user without them has to reach the place.
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    for each in (folder, folder / ".scaffold"):
        each.chmod(0o555)
    (folder / ".scaffold" / "lock").unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == f"{folder} cannot be written to: Permission denied; nothing was written\n", done.stderr
    assert held(folder) == FIRST


def test_two_runs_take_turns_and_the_second_sees_what_the_first_did(tmp_path):
    folder = prepared("update", tmp_path / "place")
    # Each changes the same file from the same state: one of them is first, and the other must not overwrite it.
    program = (
        "import pathlib, sys\n"
        "from scaffold.applying import apply\n"
        "from scaffold.errors import ScaffoldError\n"
        "from scaffold.plan import Change, Plan\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "names = [f'{number}.py' for number in range(40)]\n"
        "changes = [Change('model.py', b'first\\n', sys.argv[1].encode())]\n"
        "changes += [Change(name, None, sys.argv[1].encode()) for name in names]\n"
        "sys.stdin.read(1)\n"
        "try:\n"
        "    apply(Plan.of(folder, changes))\n"
        "    print('done')\n"
        "except ScaffoldError as error:\n"
        "    print(error)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    time.sleep(1)
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("x")
        run.stdin.flush()
    told = [run.communicate()[0].strip() for run in runs]
    assert "done" in told
    assert re.search(r"\.py has changed in the meantime; run this again", " ".join(told))
    winner = ("one", "two")[told.index("done")]
    assert {text for name, text in held(folder).items() if name in ("model.py", "0.py", "39.py")} == {winner}


@pytest.mark.parametrize("link", ["new", "tests"])
def test_nothing_is_written_through_a_link_that_leaves_the_folder(tmp_path, link):
    folder = prepared("update", tmp_path / "place")
    outside = tmp_path / "outside"
    if (folder / link).exists():
        (folder / link).rename(outside)
    else:
        outside.mkdir()
    (folder / link).symlink_to(outside)
    before = held(outside)
    with pytest.raises(ScaffoldError, match=r"leads out of .* through a link; nothing was written"):
        apply(edit(folder))
    assert held(outside) == before
    assert (folder / "model.py").read_text() == "first\n"


def test_a_disk_that_goes_on_failing_says_so_and_the_next_call_goes_on(tmp_path, monkeypatch):
    folder = prepared("update", tmp_path / "place")
    left = [1]
    real = os.replace

    def fail(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "Input/output error")
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        with pytest.raises(ScaffoldError, match="Input/output error; the change is half made, and the next call"):
            update(folder.parent)
    recover(folder)
    assert held(folder) == SECOND
