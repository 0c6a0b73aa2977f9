"""What an installation does to a repository: ours comes and goes, and what is not ours stays byte for byte."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scaffold.commands.skills import skills
from scaffold.errors import ScaffoldError
from scaffold.skills import check, install, remove


Take = Callable[[Path], dict[str, tuple[str, bytes]]]

LOCK = ".skills-lock.json"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(skills, [str(argument) for argument in arguments])


def test_both_agents_come_and_go_and_leave_the_repository_as_it_was(repository: Path, picture: Take) -> None:
    before = picture(repository)
    for agent in ("claude", "codex"):
        assert run("install", "--agent", agent, "--into", repository).exit_code == 0

    assert (repository / ".claude/skills/model-integration/SKILL.md").is_file()
    assert (repository / ".agents/skills/parity-testing/pitfalls.md").is_file()
    assert {path: what for path, what in picture(repository).items() if path in before} == before

    assert run("remove", "--into", repository).exit_code == 0
    assert picture(repository) == before


def test_folders_that_a_person_fills_after_the_installation_stay(repository: Path) -> None:
    run("install", "--agent", "codex", "--into", repository)
    (repository / ".agents/skills/later").mkdir()
    (repository / ".agents/skills/later/SKILL.md").write_text("mine")

    assert run("remove", "--into", repository).exit_code == 0
    assert [path.name for path in (repository / ".agents/skills").iterdir()] == ["later"]
    assert not (repository / LOCK).exists()


def test_an_empty_folder_of_the_persons_stays(tmp_path: Path, picture: Take) -> None:
    (tmp_path / ".agents/skills").mkdir(parents=True)
    before = picture(tmp_path)
    run("install", "--agent", "codex", "--into", tmp_path)
    run("remove", "--into", tmp_path)
    assert picture(tmp_path) == before


@pytest.mark.parametrize("copy", [False, True])
def test_a_second_run_changes_nothing(checkout: Path, picture: Take, copy: bool) -> None:
    for agent in ("claude", "codex"):
        install(checkout / ".ai", checkout, agent, copy=copy)
    before = picture(checkout)
    outcomes = install(checkout / ".ai", checkout, "claude", copy=copy)
    assert {outcome.action for outcome in outcomes} == {"unchanged"}
    assert picture(checkout) == before


def test_the_order_of_agents_does_not_matter(tmp_path: Path, pack: Path, picture: Take) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for root, agents in ((one, ("claude", "codex")), (other, ("codex", "claude"))):
        root.mkdir()
        for agent in agents:
            install(pack, root, agent)
    assert picture(one) == picture(other)


def test_a_checkout_gets_one_relative_link_for_each_skill(checkout: Path) -> None:
    install(checkout / ".ai", checkout, "claude")
    link = checkout / ".claude/skills/model-integration"
    assert os.readlink(link) == "../../.ai/skills/model-integration"
    assert not (checkout / ".claude/skills").is_symlink()


def test_another_repository_gets_copies_that_hold_without_the_pack(repository: Path, pack: Path) -> None:
    install(pack, repository, "claude")
    shutil.rmtree(pack)
    folder = repository / ".claude/skills/model-integration"
    assert not folder.is_symlink()
    assert "## Attention" in (folder / "references/models.md").read_text(encoding="utf-8")


def test_where_links_fail_the_checkout_gets_copies(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, picture: Take
) -> None:
    before = picture(checkout)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(os, "symlink", refuse)
    install(checkout / ".ai", checkout, "claude")
    folder = checkout / ".claude/skills/parity-testing"
    assert folder.is_dir()
    assert not folder.is_symlink()
    assert check(checkout / ".ai", checkout) == []
    assert {outcome.action for outcome in install(checkout / ".ai", checkout, "claude")} == {"unchanged"}
    remove(checkout)
    assert picture(checkout) == before


def test_copy_replaces_the_links_that_were_installed(checkout: Path) -> None:
    install(checkout / ".ai", checkout, "claude")
    install(checkout / ".ai", checkout, "claude", copy=True)
    assert not (checkout / ".claude/skills/model-integration").is_symlink()
    assert (checkout / ".ai/skills/model-integration/SKILL.md").is_file()


@pytest.mark.parametrize("kind", ["folder", "dangling link", "file"])
def test_what_is_foreign_under_a_skills_name_is_left_alone(repository: Path, picture: Take, kind: str) -> None:
    foreign = repository / ".claude/skills/parity-testing"
    if kind == "folder":
        foreign.mkdir()
        (foreign / "SKILL.md").write_text("not yours")
    elif kind == "file":
        foreign.write_text("not yours")
    else:
        foreign.symlink_to("../nowhere")
    before = picture(repository)

    result = run("install", "--agent", "claude", "--into", repository)
    assert result.exit_code == 1
    assert "left alone    .claude/skills/parity-testing" in result.output
    assert "not installed by scaffold" in result.output
    assert (repository / ".claude/skills/model-integration/SKILL.md").is_file()

    run("remove", "--into", repository)
    assert picture(repository) == before


def test_a_link_that_a_person_made_to_the_same_skill_is_not_taken_over(checkout: Path) -> None:
    own = checkout / ".claude/skills/model-integration"
    own.parent.mkdir(parents=True)
    own.symlink_to("../../.ai/skills/model-integration")
    actions = {outcome.path: outcome.action for outcome in install(checkout / ".ai", checkout, "claude")}
    assert actions[".claude/skills/model-integration"] == "present"
    remove(checkout)
    assert own.is_symlink()


@pytest.mark.parametrize("edit", ["changed", "added"])
def test_an_edited_copy_is_kept_and_told(repository: Path, edit: str) -> None:
    run("install", "--agent", "claude", "--into", repository)
    folder = repository / ".claude/skills/parity-testing"
    (folder / ("SKILL.md" if edit == "changed" else "notes.md")).write_text("my notes")

    assert "edited        .claude/skills/parity-testing" in run("check", "--into", repository).output
    for command in (("install", "--agent", "claude"), ("remove",)):
        result = run(*command, "--into", repository)
        assert result.exit_code == 1
        assert "kept          .claude/skills/parity-testing" in result.output
    assert (folder / ("SKILL.md" if edit == "changed" else "notes.md")).read_text() == "my notes"
    assert not (repository / ".claude/skills/model-integration").exists()


def test_a_newer_pack_updates_what_was_not_edited(repository: Path, pack: Path) -> None:
    install(pack, repository, "claude")
    skill = pack / "skills/parity-testing/SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8") + "\nOne line more.\n", encoding="utf-8")

    assert [(one.action, one.path) for one in check(pack, repository)] == [("update", ".claude/skills/parity-testing")]
    install(pack, repository, "claude")
    assert check(pack, repository) == []
    installed = repository / ".claude/skills/parity-testing/SKILL.md"
    assert installed.read_text(encoding="utf-8").endswith("One line more.\n")


def test_a_skill_that_left_the_pack_is_removed(repository: Path, pack: Path) -> None:
    install(pack, repository, "claude")
    shutil.rmtree(pack / "skills/parity-testing")
    install(pack, repository, "claude")
    assert not (repository / ".claude/skills/parity-testing").exists()
    assert (repository / ".claude/skills/model-integration").is_dir()


def test_a_missing_skill_is_found_and_put_back(repository: Path, pack: Path) -> None:
    install(pack, repository, "claude")
    shutil.rmtree(repository / ".claude/skills/parity-testing")
    assert [(one.action, one.path) for one in check(pack, repository)] == [("create", ".claude/skills/parity-testing")]
    install(pack, repository, "claude")
    assert check(pack, repository) == []


def test_a_dry_run_says_what_would_happen_and_writes_nothing(repository: Path, picture: Take) -> None:
    before = picture(repository)
    result = run("install", "--agent", "claude", "--into", repository, "--dry-run")
    assert "would install .claude/skills/model-integration" in result.output
    assert picture(repository) == before

    run("install", "--agent", "claude", "--into", repository)
    installed = picture(repository)
    result = run("remove", "--into", repository, "--dry-run")
    assert "would remove  .claude/skills/model-integration" in result.output
    assert picture(repository) == installed


def test_an_agents_file_of_the_persons_is_told_one_line(repository: Path) -> None:
    result = run("install", "--agent", "codex", "--into", repository)
    (line,) = [line for line in result.output.splitlines() if "AGENTS.md" in line]
    wanted = line.partition("add this line to it: ")[2].removesuffix(")")
    assert (repository / wanted.split()[-1].removesuffix(".")).is_file()

    (repository / "AGENTS.md").write_text(f"Our own words.\n{wanted}\n")
    assert "add this line" not in run("install", "--agent", "codex", "--into", repository).output


def test_a_claude_file_of_the_persons_is_told_to_import_the_index(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Ours.\n")
    assert "add this line to it: @AGENTS.md" in run("install", "--agent", "claude", "--into", tmp_path).output
    assert (tmp_path / "CLAUDE.md").read_text() == "Ours.\n"
    assert (tmp_path / "AGENTS.md").is_file()


def test_claude_reads_the_index_through_agents_md_or_beside_a_persons_own(tmp_path: Path, repository: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for root in (bare, repository):
        run("install", "--agent", "claude", "--into", root)
    assert (bare / "CLAUDE.md").read_text() == "@AGENTS.md\n"
    assert "| you are about to | read |" in (bare / "AGENTS.md").read_text(encoding="utf-8")
    beside = (repository / "CLAUDE.md").read_text(encoding="utf-8")
    assert beside.startswith("@AGENTS.md\n")
    assert "| you are about to | read |" in beside


@pytest.mark.parametrize("linked", [".claude", ".claude/skills"])
def test_a_linked_folder_of_an_older_recipe_is_refused_with_the_remedy(
    checkout: Path, picture: Take, linked: str
) -> None:
    place = checkout / linked
    place.parent.mkdir(exist_ok=True)
    target = checkout / ".ai/skills" if linked.endswith("skills") else checkout / "elsewhere"
    target.mkdir(exist_ok=True)
    place.symlink_to(os.path.relpath(target, place.parent))
    before = picture(checkout)

    result = run("install", "--agent", "claude", "--into", checkout)
    assert result.exit_code == 2
    assert f"rm {linked}" in result.output
    assert picture(checkout) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, picture: Take) -> None:
    (tmp_path / ".claude").write_text("a file")
    before = picture(tmp_path)
    result = run("install", "--agent", "claude", "--into", tmp_path)
    assert result.exit_code == 2
    assert ".claude is a file" in result.output
    assert picture(tmp_path) == before


@pytest.fixture
def readonly_repository() -> Iterator[Path]:
    """A folder that the process may read and not write; root gives up its privilege for the while."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        # The pack lies inside, because the process without privilege may not reach the checkout.
        (root / ".ai/skills/tiny").mkdir(parents=True)
        (root / ".ai/skills/tiny/SKILL.md").write_text("---\nname: tiny\ndescription: Tiny.\n---\n")
        (root / ".ai/AGENTS.md").write_text("# Index\n")
        root.chmod(0o555)
        privileged = os.geteuid() == 0
        if privileged:
            os.seteuid(65534)
        try:
            yield root
        finally:
            if privileged:
                os.seteuid(0)
            root.chmod(0o755)


def test_a_readonly_repository_is_refused_and_untouched(readonly_repository: Path) -> None:
    with pytest.raises(ScaffoldError, match="Permission denied"):
        install(readonly_repository / ".ai", readonly_repository, "claude")
    assert [path.name for path in readonly_repository.iterdir()] == [".ai"]


def test_a_disk_that_takes_no_more_leaves_no_half_skill(repository: Path, pack: Path, picture: Take) -> None:
    before = picture(repository)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    longest = max(path.stat().st_size for path in pack.rglob("*.md"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest - 1, limits[1]))
    try:
        with pytest.raises(ScaffoldError, match="File too large"):
            install(pack, repository, "claude")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert picture(repository) == before


def test_check_tells_where_nothing_is_installed_and_where_a_run_was_cut_short(checkout: Path) -> None:
    with pytest.raises(ScaffoldError, match="nothing is installed here"):
        check(checkout / ".ai", checkout)
    assert kill_at(8, lambda: install(checkout / ".ai", checkout, "claude"))
    with pytest.raises(ScaffoldError, match="interrupted"):
        check(checkout / ".ai", checkout)


@pytest.mark.parametrize(
    "content",
    ["not json", '{"schema": 2}', '{"entries": {"../victim": {"source": "", "mode": "copy", "hash": ""}}}'],
)
def test_a_damaged_lock_stops_everything(tmp_path: Path, content: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "victim").write_text("precious")
    (root / LOCK).write_text(content)
    for command in (("install", "--agent", "claude"), ("remove",), ("check",)):
        result = run(*command, "--into", root)
        assert result.exit_code == 2
        assert LOCK in result.output
    assert (tmp_path / "victim").read_text() == "precious"
    assert [path.name for path in root.iterdir()] == [LOCK]


def kill_at(step: int, work: Callable[[], object]) -> bool:
    """Runs `work` in a process that dies before the step-th change to the file system; tells whether it died."""
    child = os.fork()
    if child == 0:
        changes = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal changes
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if writes or event in {"os.rename", "os.symlink", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree"}:
                changes += 1
                if changes == step:
                    os._exit(9)

        sys.addaudithook(watch)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("killed", ["install", "update", "remove"])
@pytest.mark.parametrize("then", ["install", "remove"])
def test_a_kill_at_any_step_is_healed_by_the_next_run(
    tmp_path: Path, checkout: Path, picture: Take, copy: bool, killed: str, then: str
) -> None:
    (checkout / ".claude/skills/mine").mkdir(parents=True)
    if killed != "install":
        install(checkout / ".ai", checkout, "claude", copy=copy)
    if killed == "update":
        with (checkout / ".ai/skills/parity-testing/SKILL.md").open("a") as skill:
            skill.write("One line more.\n")
        copy = True
    for name in ("install", "remove"):
        shutil.copytree(checkout, tmp_path / name, symlinks=True)
    install(tmp_path / "install/.ai", tmp_path / "install", "claude", copy=copy)
    remove(tmp_path / "remove")
    finished = {name: picture(tmp_path / name) for name in ("install", "remove")}

    steps, died = 0, True
    while died:
        steps += 1
        root = tmp_path / f"root {steps}"
        shutil.copytree(checkout, root, symlinks=True)
        runs: dict[str, Callable[[], object]] = {
            "install": lambda root=root: install(root / ".ai", root, "claude", copy=copy),
            "remove": lambda root=root: remove(root),
        }
        died = kill_at(steps, runs["remove" if killed == "remove" else "install"])
        runs[then]()
        assert picture(root) == finished[then]
        shutil.rmtree(root)
    assert steps > 10
