"""Whether every preset goes into a checkout of diffusers under a name of its own, and works there.

`python benchmarks/checkouts.py CHECKOUT [PRESET ...]` copies the checkout for each preset, writes the model into the
copy, and prints what does not hold: its classes import, lazily and as dummies; upstream's own scripts and the linter
say nothing that they did not say before; the generated tests pass; a second run changes nothing; `scaffold undo`
restores every byte. It ends with 1 where something does not hold. What the checkout itself needs has to be installed;
its tests run without a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scaffold.loading import load_spec, preset_names


SCRIPTS = (
    ("utils/check_dummies.py",),
    ("utils/check_copies.py",),
    ("utils/check_support_list.py",),
    ("utils/check_doc_toc.py",),
    ("utils/check_forward_call_docstrings.py",),
    ("utils/custom_init_isort.py", "--check_only"),
)
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import diffusers
for name in sys.argv[1:]:
    try:
        getattr(diffusers, name).from_pretrained("anywhere")
    except ImportError as error:
        assert "requires the PyTorch library" in str(error), error
    else:
        raise AssertionError(name)
"""


def run(root: Path, *command: str) -> tuple[int, str]:
    """What Python says in a checkout: the exit status and the output, with the checkout's path taken out."""
    paths = [str(root / "src"), os.environ.get("PYTHONPATH", "")]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PATH": tools}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).replace(str(root), "")


def contents(root: Path) -> dict[str, bytes]:
    """What all files hold but those that keep how it was made."""
    found = (path for path in root.rglob("*") if path.is_file() and not {".scaffold", ".git"} & set(path.parts))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def findings(root: Path) -> set[str]:
    """The linter's findings without their lines, which move."""
    _, output = run(root, "-m", "linter", "check", "--no-cache", "--output-format", "concise", "src")
    return {
        re.sub(r":\d+:\d+:", ":", line) for line in output.splitlines() if re.search(r":\d+:\d+: [A-Z]{3}\d", line)
    }


def complaints(root: Path) -> dict[str, tuple[int, str]]:
    """What upstream's scripts say."""
    return {" ".join(script): run(root, *script) for script in SCRIPTS}


def faults(preset: str, root: Path, said: dict[str, tuple[int, str]], found: set[str]) -> list[str]:
    """What does not hold of a preset in a copy of the checkout."""
    name = f"{preset.replace('-', '')}-nine"
    package = name.replace("-", "_")
    before = contents(root)
    command = ("-m", "scaffold", "model", name, "--from", preset, "--into", str(root), "--no-check")
    status, output = run(root, *command)
    if status:
        return [output.strip()]
    after = contents(root)
    wrong = []
    top = "src/diffusers/__init__.py"
    new = set(re.findall(rb'"(\w+)"', after[top])) - set(re.findall(rb'"(\w+)"', before[top]))
    names = sorted(name.decode() for name in new)
    code = f"import diffusers; [getattr(diffusers, name) for name in {names}]"
    for what, (status, output) in {
        "import": run(root, "-c", code),
        "dummies": run(root, "-c", WITHOUT_TORCH, *names),
        "tests": run(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", *test_files(root, package)),
    }.items():
        if status:
            wrong.append(f"{what}: {output.strip().splitlines()[-1]}")
    wrong += [
        f"{script}: {each[1].strip()[-200:]}" for script, each in complaints(root).items() if each != said[script]
    ]
    wrong += sorted(findings(root) - found)
    status, output = run(root, *command)
    if "nothing changed" not in output or contents(root) != after:
        wrong.append("a second run changes something")
    status, output = run(root, "-m", "scaffold", "undo", str(root))
    if status or contents(root) != before:
        wrong.append("undo does not restore every byte")
    return wrong


def test_files(root: Path, package: str) -> list[str]:
    """The generated tests."""
    places = (f"models/transformers/test_models_transformer_{package}.py", f"pipelines/{package}")
    return [
        f"tests/{place}" for place in (*places, f"modular_pipelines/{package}") if (root / "tests" / place).exists()
    ]


def main() -> int:
    """Try the presets, and say what does not hold."""
    checkout, *presets = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        untouched = Path(folder) / "untouched"
        ignored = shutil.ignore_patterns("__pycache__", ".git")
        shutil.copytree(checkout, untouched, ignore=ignored)
        said, found = complaints(untouched), findings(untouched)
        for preset in presets or [name for name in preset_names() if load_spec(name).pipeline]:
            root = Path(folder) / preset
            shutil.copytree(checkout, root, ignore=ignored)
            wrong = faults(preset, root, said, found)
            print(f"{preset}: {'all of it holds' if not wrong else ''}", *wrong, sep="\n  ", flush=True)
            failed += bool(wrong)
            shutil.rmtree(root)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
