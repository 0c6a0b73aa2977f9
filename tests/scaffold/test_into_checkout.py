"""`scaffold model NAME --into CHECKOUT`, on the installed diffusers laid out as its repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linter.cli import main as linter
from scaffold.cli import main as scaffold


MODEL = "src/diffusers/models/transformers/transformer_flux9.py"
PIPELINE = "src/diffusers/pipelines/flux9/pipeline_flux9.py"
BLOCKS = (
    "before_denoise",
    "components",
    "decoders",
    "denoise",
    "encoders",
    "functions",
    "modular_blocks_flux9",
    "modular_pipeline",
)
NEW = {
    MODEL,
    PIPELINE,
    "src/diffusers/pipelines/flux9/__init__.py",
    "src/diffusers/pipelines/flux9/pipeline_output.py",
    "src/diffusers/modular_pipelines/flux9/__init__.py",
    *(f"src/diffusers/modular_pipelines/flux9/{name}.py" for name in BLOCKS),
    "docs/source/en/api/models/flux9_transformer.md",
    "docs/source/en/api/pipelines/flux9.md",
    "tests/models/transformers/test_models_transformer_flux9.py",
    "tests/modular_pipelines/flux9/__init__.py",
    "tests/modular_pipelines/flux9/test_modular_pipeline_flux9.py",
    "tests/pipelines/flux9/__init__.py",
    "tests/pipelines/flux9/test_pipeline_flux9.py",
}
EDITED = {
    "docs/source/en/_toctree.yml",
    "docs/source/en/api/loaders/lora.md",
    "src/diffusers/__init__.py",
    "src/diffusers/hooks/_helpers.py",
    "src/diffusers/loaders/__init__.py",
    "src/diffusers/loaders/lora_conversion_utils.py",
    "src/diffusers/loaders/lora_pipeline.py",
    "src/diffusers/loaders/single_file_model.py",
    "src/diffusers/loaders/single_file_utils.py",
    "src/diffusers/models/__init__.py",
    "src/diffusers/models/transformers/__init__.py",
    "src/diffusers/modular_pipelines/__init__.py",
    "src/diffusers/modular_pipelines/modular_pipeline.py",
    "src/diffusers/pipelines/__init__.py",
    "src/diffusers/pipelines/auto_pipeline.py",
    "src/diffusers/utils/dummy_pt_objects.py",
    "src/diffusers/utils/dummy_torch_and_transformers_objects.py",
}
CONTENTS = """\
- sections:
  - sections:
    - sections:
      - local: api/models/overview
        title: Overview
      - local: api/models/flux2_transformer
        title: Flux2Transformer2DModel
      - local: api/models/flux_transformer
        title: FluxTransformer2DModel
      title: Transformers
    title: Models
  - sections:
    - local: api/loaders/lora
      title: LoRA
    title: Loaders
  - sections:
    - local: api/pipelines/overview
      title: Overview
    - sections:
      - local: api/pipelines/chroma
        title: Chroma
      title: Image
    title: Pipelines
  title: API
"""
LOADERS = """\
# LoRA

- [`SanaLoraLoaderMixin`] provides similar functions for Sana.
- [`LoraBaseMixin`] provides a base class.

## SanaLoraLoaderMixin

[[autodoc]] loaders.lora_pipeline.SanaLoraLoaderMixin

## LoraBaseMixin

[[autodoc]] loaders.lora_base.LoraBaseMixin
"""
IN_THE_LIBRARY = """
import json, sys, tempfile
import diffusers
assert not [name for name in sys.modules if "flux9" in name], "the table imports lazily"
from diffusers import AutoPipelineForText2Image, Flux9Blocks, Flux9ModularPipeline, Flux9Pipeline
from diffusers import Flux9Transformer2DModel
from diffusers.loaders import Flux9LoraLoaderMixin
from diffusers.hooks._helpers import AttentionProcessorRegistry, TransformerBlockRegistry
from diffusers.loaders import single_file_utils
from diffusers.models.transformers import transformer_flux9 as home
import torch

config = json.loads(sys.argv[1])
model = Flux9Transformer2DModel(**config)
blocks = home.Flux9TransformerBlock, home.Flux9SingleTransformerBlock
blocks = [TransformerBlockRegistry.get(block) for block in blocks]
skipped = AttentionProcessorRegistry.get(home.Flux9AttnProcessor).skip_processor_output_fn
assert skipped(None, 1, 2) == (1, 2), "both streams come back"
AttentionProcessorRegistry.get(home.Flux9ParallelSelfAttnProcessor)

state_dict, original = dict(model.state_dict()), {}
for pattern, keys in single_file_utils.FLUX9_KEY_MAP.items():
    for block in range(3):
        names = [key.format(block) for key in keys]
        if all(name in state_dict for name in names):
            tensor = torch.cat([state_dict.pop(name) for name in names])
            if pattern in single_file_utils.FLUX9_SWAPPED:
                tensor = tensor.roll(len(tensor) // 2, 0)
            original["model.diffusion_model." + pattern.format(block)] = tensor
assert not state_dict, "every weight has an original name"
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    assert type(diffusers.AutoModel.from_pretrained(folder)) is Flux9Transformer2DModel
    loaded = Flux9Transformer2DModel.from_single_file(original, config=folder)
assert all(loaded.state_dict()[name].equal(tensor) for name, tensor in model.state_dict().items())
assert issubclass(Flux9Pipeline, Flux9LoraLoaderMixin) and issubclass(Flux9ModularPipeline, Flux9LoraLoaderMixin)
rows, columns = model.transformer_blocks[0].attn.to_q.weight.shape
update = {
    "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.randn(2, columns),
    "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": torch.randn(3 * rows, 2),
    "lora_unet_double_blocks_0_img_attn_qkv.alpha": torch.tensor(1.0),
}
read = Flux9LoraLoaderMixin.lora_state_dict(dict(update))
down, up, _ = update.values()
for number, name in enumerate(["to_q", "to_k", "to_v"]):
    name = f"transformer.transformer_blocks.0.attn.{name}"
    assert read.pop(f"{name}.lora_A.weight").equal(down), "what comes in is the same for all three"
    assert read.pop(f"{name}.lora_B.weight").equal(up.chunk(3)[number] / 2), "half as strong, by its alpha"
assert not read, "nothing else comes out"
update["lora_unet_no_such_layer.lora_down.weight"] = down
try:
    Flux9LoraLoaderMixin.lora_state_dict(update)
except ValueError as error:
    assert "lora_unet_no_such_layer" in str(error) and "img_attn" not in str(error), error
else:
    raise AssertionError("keys of no layout are dropped")
print(json.dumps({
    "modular": type(Flux9Blocks().init_pipeline()).__name__,
    "module": Flux9Pipeline.__module__,
    "blocks": [(each.return_hidden_states_index, each.return_encoder_hidden_states_index) for each in blocks],
    "auto": diffusers.pipelines.auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING["flux9"].__name__,
}))
"""
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from diffusers import Flux9Blocks, Flux9ModularPipeline, Flux9Pipeline, Flux9Transformer2DModel
for cls in (Flux9Transformer2DModel, Flux9Pipeline, Flux9Blocks, Flux9ModularPipeline):
    try:
        cls.from_pretrained("anywhere")
    except ImportError as error:
        assert f"{cls.__name__} requires the PyTorch library" in str(error), error
    else:
        raise AssertionError(f"{cls.__name__} is no dummy")
"""


def write(root: Path, *arguments: str) -> Result:
    """`scaffold model flux9 --from flux2 --into ROOT`, with more arguments."""
    command = ["model", "flux9", "--from", "flux2", "--into", str(root), "--no-check", *arguments]
    return CliRunner().invoke(scaffold, command)


def contents(root: Path) -> dict[str, bytes]:
    """What all files hold."""
    found = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def run(root: Path, code: str, *arguments: str) -> str:
    """What Python prints with the library of the checkout."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(root: Path, target: Path) -> Path:
    return Path(shutil.copytree(root, target))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout before anything was done to it."""
    root = tmp_path_factory.mktemp("untouched")
    library = find_spec("diffusers")
    assert library is not None
    assert library.origin is not None
    shutil.copytree(
        Path(library.origin).parent, root / "src" / "diffusers", ignore=shutil.ignore_patterns("__pycache__")
    )
    pages = root / "docs" / "source" / "en"
    (pages / "api" / "models").mkdir(parents=True)
    (pages / "api" / "models" / "overview.md").write_text("<!--A notice\nof two lines.\n-->\n\n# Models\n")
    (pages / "_toctree.yml").write_text(CONTENTS)
    (pages / "api" / "loaders").mkdir()
    (pages / "api" / "loaders" / "lora.md").write_text(LOADERS)
    (root / "pyproject.toml").write_text("")
    return root


@pytest.fixture(scope="module")
def entered(untouched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with the model in it."""
    root = copied(untouched, tmp_path_factory.mktemp("entered") / "checkout")
    done = write(root)
    assert done.exit_code == 0, done.output
    return root


def test_it_writes_its_files_and_edits_the_tables_and_nothing_else(untouched, entered):
    before, after = contents(untouched), contents(entered)
    own = {path for path in after if path.startswith(".scaffold/")}
    assert after.keys() - before.keys() - own == NEW
    assert {path for path in before if before[path] != after[path]} == EDITED
    for path in EDITED:
        lines = iter(after[path].splitlines())
        assert all(line in lines for line in before[path].splitlines()), f"{path} lost a line"


def test_names_stand_where_the_tables_order_wants_them(entered):
    top = (entered / "src/diffusers/__init__.py").read_text()
    assert len(re.findall(r'"Flux\dTransformer2DModel",\s+"Flux9Transformer2DModel",\s+"FluxControlNet', top)) == 1
    assert len(re.findall(r"Flux\dTransformer2DModel,\s+Flux9Transformer2DModel,\s+FluxControlNet", top)) == 1
    dummies = (entered / "src/diffusers/utils/dummy_pt_objects.py").read_text()
    classes = re.findall(r"^class (\w+)", dummies, re.MULTILINE)
    assert re.fullmatch(r"Flux\dTransformer2DModel", classes[classes.index("Flux9Transformer2DModel") - 1])
    listed = re.findall(r"title: (\w+)", (entered / "docs/source/en/_toctree.yml").read_text())
    assert listed[:5] == [
        "Overview",
        "Flux2Transformer2DModel",
        "Flux9Transformer2DModel",
        "FluxTransformer2DModel",
        "Transformers",
    ]
    assert listed[-5:] == ["Chroma", "flux9", "Image", "Pipelines", "API"]


def test_the_library_knows_it(entered):
    test = (entered / "tests/models/transformers/test_models_transformer_flux9.py").read_text()
    config = re.search(r"def get_init_dict\(self\):\s+return (\{.*?\})", test, re.DOTALL)
    assert config is not None
    answer = json.loads(run(entered, IN_THE_LIBRARY, json.dumps(eval(config[1]))))
    assert answer == {
        "modular": "Flux9ModularPipeline",
        "module": "diffusers.pipelines.flux9.pipeline_flux9",
        "blocks": [[1, 0], [1, 0]],
        "auto": "Flux9Pipeline",
    }


def test_dummies_stand_for_it_without_torch(entered):
    run(entered, WITHOUT_TORCH)


def test_the_files_are_the_librarys_own(entered):
    for path in (path for path in NEW if path.endswith(".py") and "/__init__" not in path and "tests/" not in path):
        text = (entered / path).read_text()
        assert text.startswith("# Copyright 2")
        assert not re.search("^from diffusers", text, re.MULTILINE)
        assert "CapabilitiesMixin" not in text
    page = (entered / "docs/source/en/api/models/flux9_transformer.md").read_text()
    assert page.startswith("<!--A notice\nof two lines.\n-->\n\n# Flux9Transformer2DModel\n")


def test_the_linter_finds_nothing_about_it(entered):
    tables = sorted(path for path in EDITED | NEW if path.endswith("__init__.py"))
    files = [
        str(entered / path) for path in (*NEW, "src/diffusers/hooks/_helpers.py", *tables) if path.startswith("src/")
    ]
    done = CliRunner().invoke(linter, ["check", "--no-cache", *files])
    assert [line for line in done.output.splitlines() if "lux9" in line] == []


def test_a_second_run_changes_nothing(entered):
    before = contents(entered)
    done = write(entered)
    assert done.exit_code == 0, done.output
    assert "nothing changed" in done.output
    assert contents(entered) == before


def test_undo_restores_every_byte(untouched, entered):
    after = contents(entered)
    done = CliRunner().invoke(scaffold, ["undo", str(entered)])
    assert done.exit_code == 0, done.output
    assert contents(entered) == contents(untouched)
    assert write(entered).exit_code == 0
    assert {path: content for path, content in contents(entered).items() if not path.endswith(".zip")} == {
        path: content for path, content in after.items() if not path.endswith(".zip")
    }


@pytest.mark.parametrize("way", ["--dry-run", "--diff", "--json"])
def test_it_can_be_looked_at_first(untouched, way):
    before = contents(untouched)
    done = write(untouched, way)
    assert done.exit_code == 0, done.output
    assert all(
        path in done.output
        for path in NEW | EDITED
        if way != "--diff" or not (path.startswith("tests/") and path.endswith("__init__.py"))
    )
    assert contents(untouched) == before


def test_what_is_there_already_is_named(untouched):
    before = contents(untouched)
    done = CliRunner().invoke(scaffold, ["model", "flux2", "--into", str(untouched), "--no-check"])
    assert done.exit_code == 2
    assert "src/diffusers/models/transformers/transformer_flux2.py is there already" in done.output
    done = CliRunner().invoke(scaffold, ["model", "flux-2", "--from", "flux2", "--into", str(untouched), "--no-check"])
    assert done.exit_code == 2
    assert "Flux2Transformer2DModel is a class of diffusers.models already" in done.output
    assert "Flux2Pipeline is a class of diffusers.pipelines already" in done.output
    assert contents(untouched) == before


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    done = write(tmp_path)
    assert done.exit_code == 2
    assert "is no checkout of diffusers" in done.output
    assert list(tmp_path.iterdir()) == []


def test_what_the_checkout_lacks_is_named_and_left_out_on_request(untouched, tmp_path):
    root = copied(untouched, tmp_path / "checkout")
    replace(root / "docs/source/en/_toctree.yml", "title: Transformers", "title: Models of other kinds")
    replace(root / "src/diffusers/loaders/single_file_model.py", "SINGLE_FILE_LOADABLE_CLASSES", "LOADABLE")
    before = contents(root)
    done = write(root)
    assert done.exit_code == 2
    assert "there is no list 'Transformers' of pages under api/models/" in done.output
    assert "there is no table SINGLE_FILE_LOADABLE_CLASSES in diffusers.loaders.single_file_model" in done.output
    assert contents(root) == before

    done = write(root, "--partial")
    assert done.exit_code == 0, done.output
    assert "Left out:" in done.output
    assert "api/pipelines/flux9" in (root / "docs/source/en/_toctree.yml").read_text()
    assert "api/models/flux9" not in (root / "docs/source/en/_toctree.yml").read_text()


def test_an_older_library_lacks_what_the_model_imports(untouched, tmp_path):
    root = copied(untouched, tmp_path / "checkout")
    replace(root / "src/diffusers/models/cache_utils.py", "class CacheMixin", "class CachingMixin")
    done = write(root)
    assert done.exit_code == 2
    assert "there is no diffusers.models.cache_utils.CacheMixin, which diffusers.models.transformers" in done.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--out", "elsewhere"], "--into and --out"),
        (["--partial"], "--partial is about a checkout"),
        (["--layout", "folder"], "--layout is about a checkout"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, arguments, reason):
    into = ["--into", str(tmp_path)] if "--out" in arguments else []
    done = CliRunner().invoke(scaffold, ["model", "flux2", *into, *arguments])
    assert done.exit_code == 2
    assert reason in done.output


def test_a_model_may_have_a_package_of_its_own(untouched, tmp_path):
    root = copied(untouched, tmp_path / "checkout")
    done = write(root, "--layout", "folder")
    assert done.exit_code == 0, done.output
    package = "src/diffusers/models/transformers/flux9"
    assert not (root / MODEL).exists()
    assert (root / package / "__init__.py").read_text() == "from .model import Flux9Transformer2DModel\n"
    printed = run(root, "from diffusers import Flux9Pipeline, Flux9Transformer2DModel as M; print(M.__module__)")
    assert printed == "diffusers.models.transformers.flux9.model\n"
    helpers = (root / "src/diffusers/hooks/_helpers.py").read_text()
    assert "from ..models.transformers.flux9.model import Flux9AttnProcessor" in helpers


def test_what_the_library_takes_checkpoints_for_is_said(untouched, tmp_path):
    assert "have the names of flux2's, so from_single_file needs config= here" in write(untouched, "--dry-run").output

    command = ["model", "qwen9", "--from", "qwenimage", "--no-check", "--into"]
    root = copied(untouched, tmp_path / "checkout")
    done = CliRunner().invoke(scaffold, [*command, str(root)])
    assert done.exit_code == 0, done.output
    assert "config=" not in done.output
    code = (
        "from diffusers.loaders.single_file_utils import *\n"
        "names = CHECKPOINT_KEY_NAMES['qwen9']\n"
        "print([infer_diffusers_model_type({name: None}) for name in names], infer_diffusers_model_type({}))"
    )
    assert run(root, code) == "['qwen9', 'qwen9'] v1\n"
    assert "nothing changed" in CliRunner().invoke(scaffold, [*command, str(root)]).output
    page = (root / "src/diffusers/pipelines/auto_pipeline.py").read_text()
    assert "from .qwen9 import Qwen9Img2ImgPipeline, Qwen9Pipeline" in page
    assert '("qwen9", Qwen9Img2ImgPipeline),' in page.partition("AUTO_IMAGE2IMAGE_PIPELINES_MAPPING")[2]


def test_pipelines_for_distilled_weights_go_along(untouched):
    command = ["model", "sana9", "--from", "sana", "--no-check", "--dry-run", "--diff", "--into", str(untouched)]
    done = CliRunner().invoke(scaffold, command)
    assert done.exit_code == 0, done.output
    for name in ("pipeline_sana9_distilled.py", "pipeline_sana9_distilled_img2img.py"):
        assert f"src/diffusers/pipelines/sana9/{name}" in done.output
        assert f"tests/pipelines/sana9/test_{name}" in done.output
    assert '("sana9-distilled", Sana9SprintPipeline),' in done.output
    assert '("sana9-distilled", Sana9SprintImg2ImgPipeline),' in done.output


def test_a_loader_of_another_model_makes_no_room(untouched, tmp_path):
    root = copied(untouched, tmp_path / "checkout")
    loaders = root / "src/diffusers/loaders/lora_pipeline.py"
    replace(loaders, "class SanaLoraLoaderMixin", "class Flux9LoraLoaderMixin")
    done = write(root)
    assert done.exit_code == 2
    assert "Flux9LoraLoaderMixin is a loader of diffusers already" in done.output
