"""Generated code has the types that it says: mypy finds nothing in any preset's folder."""

from __future__ import annotations

import subprocess
import sys

from scaffold.applying import write_folder
from scaffold.loading import load_spec, preset_names
from scaffold.rendering import render_folder


# torch and diffusers count as untyped: what `nn.Module` and `ConfigMixin` give for an attribute says nothing about the
# model's layers. Tests have no annotations. As in diffusers, `x: torch.Tensor = None` means that x may be left out.
CONFIGURATION = """
[mypy]
python_version = 3.10
exclude = /tests/
strict_optional = False
[mypy-torch.*,diffusers.*,transformers.*,peft.*,accelerate.*,ftfy.*]
follow_imports = skip
ignore_missing_imports = True
"""


def test_mypy_has_nothing_to_say(tmp_path):
    (tmp_path / "mypy.ini").write_text(CONFIGURATION)
    packages = []
    for name in preset_names():
        spec = load_spec(name)
        packages.append(spec.package)
        write_folder(tmp_path / spec.package, render_folder(spec))
    command = [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "--cache-dir=cache", *packages]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
