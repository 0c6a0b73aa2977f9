"""`scaffold inspect`: checkpoints of every preset are recognised, and what is no checkpoint is refused."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from scaffold.applying import write_folder
from scaffold.cli import main
from scaffold.inspecting.headers import Tensor, read_checkpoint
from scaffold.inspecting.proposing import propose
from scaffold.loading import load_spec, preset_names, read_spec
from scaffold.rendering import render_folder
from scaffold.spec import Spec
from tests.scaffold.pairs import import_folder


Shapes = dict[str, tuple[int, ...]]

PRESETS = [name for name in preset_names() if load_spec(name).weights]
# A size that all published models share is not read from a file; the tiny ones have it too here.
SHARED = {
    "pixart": {"num_attention_heads": 1, "attention_head_dim": 72, "cross_attention_dim": 72},
    "sana": {
        "attention_head_dim": 32,
        "cross_attention_dim": 64,
        "num_cross_attention_heads": 2,
        "cross_attention_head_dim": 32,
    },
    "ltx": {"num_attention_heads": 32, "attention_head_dim": 4, "cross_attention_dim": 128},
    "sd3": {"attention_head_dim": 64, "caption_projection_dim": 128},
    "wan": {"attention_head_dim": 128},
}


class Original:
    """A tiny model of a preset as names and shapes, in both layouts."""

    def __init__(self, spec: Spec, package: Any):
        model = getattr(package, spec.model)(**spec.tiny.config | SHARED.get(spec.name, {}))
        mapping = getattr(import_module(f"{package.__name__}.weight_mapping"), f"{spec.prefix.upper()}_WEIGHT_MAPPING")
        self.spec = spec
        self.config = dict(model.config)
        self.diffusers: Shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        original = mapping.map_from_diffusers(model.state_dict())
        self.original: Shapes = {name: tuple(tensor.shape) for name, tensor in original.items()}


@pytest.fixture(scope="module", params=PRESETS)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    spec = load_spec(request.param)
    for package in _imported(spec, tmp_path_factory.mktemp("inspected")):
        yield Original(spec, package)


def _imported(spec: Spec, place: Path) -> Iterator[ModuleType]:
    folder = place / f"{spec.package}_inspected"
    write_folder(folder, render_folder(spec))
    return import_folder(folder)


def write(path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "BF16") -> Path:
    """A safetensors file of zeros with the tensors in the given order; on disk it takes no more than its header."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + end)
    return path


def inspect(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def answer(path: Path) -> dict[str, Any]:
    result = inspect(path, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_writer_of_this_test_makes_what_safetensors_reads(tmp_path):
    read = load_file(write(tmp_path / "a.safetensors", {"a.weight": (3, 4), "b": ()}))
    assert {name: tuple(tensor.shape) for name, tensor in read.items()} == {"a.weight": (3, 4), "b": ()}


def assert_recognised(found: dict[str, Any], tiny: Original, layout: str, prefix: str = "") -> None:
    assert tiny.spec.weights is not None
    assert (found["preset"], found["recognised"], found["layout"]) == (tiny.spec.name, True, layout)
    assert found["prefix"] == prefix
    expected = {key: list(value) if isinstance(value, tuple) else value for key, value in tiny.config.items()}
    assert found["config"] == {key: expected[key] for key in tiny.spec.weights.detect}


def test_both_layouts_are_recognised_in_any_order_with_and_without_prefix(tiny, tmp_path):
    # Qwen-Image's names are the same in both.
    layouts = ("diffusers", "original") if tiny.original.keys() != tiny.diffusers.keys() else ("diffusers",)
    for layout in layouts:
        shapes: Shapes = getattr(tiny, layout)
        assert tiny.spec.weights is not None
        for prefix in ("", tiny.spec.weights.prefix, "transformer."):
            names = [f"{prefix}{name}" for name in shapes]
            sizes = dict(zip(names, shapes.values(), strict=True))
            random.Random(0).shuffle(names)
            file = write(tmp_path / "shuffled.safetensors", {name: sizes[name] for name in names})
            assert_recognised(answer(file), tiny, layout, prefix)


def test_shards_are_recognised_by_their_index_and_by_their_folder(tiny, tmp_path):
    names = list(tiny.diffusers)
    random.Random(0).shuffle(names)
    weight_map = {}
    for number in range(3):
        shard = f"diffusion_pytorch_model-{number + 1:05}-of-00003.safetensors"
        write(tmp_path / shard, {name: tiny.diffusers[name] for name in names[number::3]})
        weight_map |= dict.fromkeys(names[number::3], shard)
    index = tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    for path in (index, tmp_path):
        assert_recognised(answer(path), tiny, "diffusers")


def test_a_saved_model_and_a_pipeline_bring_their_whole_configuration(tiny, tmp_path):
    (tmp_path / "transformer").mkdir()
    (tmp_path / "model_index.json").write_text("{}")
    write(tmp_path / "transformer" / "diffusion_pytorch_model.safetensors", tiny.diffusers)
    config = {key: value for key, value in tiny.config.items() if not key.startswith("_")}
    (tmp_path / "transformer" / "config.json").write_text(json.dumps({"_class_name": tiny.spec.counterpart, **config}))
    plain = json.loads(json.dumps(config))
    for path in (tmp_path, tmp_path / "transformer"):
        found = answer(path)
        assert {key: found["config"][key] for key in tiny.spec.config} == {key: plain[key] for key in tiny.spec.config}
        assert found["disagreements"] == {}
    # A configuration that is another's is told.
    key = next(key for key, measure in tiny.spec.weights.detect.items() if measure.blocks)
    (tmp_path / "transformer" / "config.json").write_text(json.dumps(config | {key: 99}))
    assert f"config.json says {key} = 99, and the shapes say {tiny.config[key]}" in inspect(tmp_path).stdout


def test_the_spec_that_is_written_is_the_checkpoints(tiny, tmp_path):
    write(tmp_path / "diffusion_pytorch_model.safetensors", tiny.diffusers)
    config = {key: value for key, value in tiny.config.items() if not key.startswith("_")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    result = inspect(tmp_path, "--write", tmp_path / "my.yaml")
    assert result.exit_code == 0, result.output
    assert f"make its model with: scaffold model my-model --spec {tmp_path / 'my.yaml'}" in result.stdout
    defaults = {key: entry.default for key, entry in read_spec(tmp_path / "my.yaml").config.items()}
    assert defaults == {key: json.loads(json.dumps(config[key])) for key in defaults}
    again = inspect(tmp_path, "--write", tmp_path / "my.yaml")
    assert again.exit_code == 2
    assert "my.yaml is there already" in again.stderr


def test_a_spec_with_what_no_tensor_shows_says_what_is_left_to_do(tmp_path):
    flux = load_spec("flux")
    for package in _imported(flux, tmp_path):
        shapes = Original(flux, package).original
    result = inspect(write(tmp_path / "a.safetensors", shapes), "--write", tmp_path / "my.yaml")
    assert result.exit_code == 0, result.output
    assert "Before it can be used: " in result.stdout
    assert "the axes [16, 56, 56] sum to 128, but a head has 16 channels" in result.stdout


def test_a_mapping_is_proposed_without_a_mistake(tiny, tmp_path):
    sides = [
        {name: Tensor("BF16", shape, (0, 0)) for name, shape in shapes.items()}
        for shapes in (tiny.original, tiny.diffusers)
    ]
    proposal = propose(*sides)
    assert tiny.spec.weights is not None
    truth = {original: targets for rule in tiny.spec.weights.rules for original, targets in rule.tensors}
    wrong = [pair for pair in proposal.pairs if pair.why != "order" and truth.get(pair.original) != pair.ours]
    assert wrong == []
    assert len(proposal.pairs) > 0.4 * len(proposal.pairs + tuple(proposal.ambiguous) + proposal.unmatched)
    # No name of either side is lost.
    names = {pair.original for pair in proposal.pairs} | set(proposal.ambiguous) | set(proposal.unmatched)
    assert all(any(_is_of(name, pattern) for pattern in names) for name in tiny.original)
    names = {name for pair in proposal.pairs for name in pair.ours} | set(proposal.unused)
    names |= {part for fits in proposal.ambiguous.values() for fit in fits for part in fit.split(" + ")}
    assert all(any(_is_of(name, pattern) for pattern in names) for name in tiny.diffusers)


def _is_of(name: str, pattern: str) -> bool:
    before, number, after = pattern.partition("{}")
    return name == pattern or (bool(number) and name.startswith(before) and name.endswith(after))


def test_a_proposal_is_a_list_of_rules_with_what_is_open_as_comments(tmp_path):
    ours = {"x_embedder.weight": (8, 4), "blocks.0.attn.to_q.weight": (8, 8), "blocks.1.attn.to_q.weight": (8, 8)}
    ours |= {f"blocks.{n}.attn.to_{part}.weight": (8, 8) for n in (0, 1) for part in "kv"} | {
        "one.bias": (3,),
        "two.bias": (3,),
    }
    theirs = {
        "img_in.weight": (8, 4),
        "layers.0.qkv.weight": (24, 8),
        "layers.1.qkv.weight": (24, 8),
        "a.bias": (3,),
        "b.bias": (3,),
    }
    theirs = dict(sorted((theirs | {"rope.freqs": (7,)}).items()))
    result = inspect(write(tmp_path / "a.safetensors", theirs), "--onto", write(tmp_path / "b.safetensors", ours))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "rules:"
    assert "  - {original: img_in.weight, diffusers: x_embedder.weight}  # by shape" in lines
    parts = ", ".join(f'"blocks.{{}}.attn.to_{part}.weight"' for part in "qkv")
    assert f'  - {{original: "layers.{{}}.qkv.weight", diffusers: [{parts}]}}  # by shape' in lines
    assert "#   a.bias: one.bias, or two.bias" in lines
    assert lines[lines.index("# Nothing of ours fits:") + 1] == "#   rope.freqs"


def test_an_unknown_checkpoint_is_told_with_the_nearest_preset_and_a_spec_to_begin_with(tmp_path):
    shapes = {"model.diffusion_model.img_in.weight": (64, 16), "model.diffusion_model.txt_in.weight": (64, 32)}
    shapes |= {f"model.diffusion_model.double_blocks.{n}.img_attn.qkv.weight": (192, 64) for n in range(3)}
    shapes |= {f"model.diffusion_model.double_blocks.{n}.img_attn.sink": (4,) for n in range(3)}
    file = write(tmp_path / "new.safetensors", shapes)
    result = inspect(file, "--write", tmp_path / "new.yaml")
    assert result.exit_code == 1
    assert "of no preset; the nearest is FLUX" in result.stdout
    assert "model.diffusion_model.double_blocks.{}.img_attn.sink (4, 3 times)" in result.stdout
    assert "\n  double_blocks.{}.img_attn.proj.weight\n" in result.stdout.partition("It lacks:")[2]
    text = (tmp_path / "new.yaml").read_text()
    assert text.startswith("# Begun from the preset flux")
    assert "#   model.diffusion_model.double_blocks.{}.img_attn.sink (4, 3 times)" in text
    read_spec(tmp_path / "new.yaml")


def bomb(text: bytes, tail: int = 0) -> bytes:
    return len(text).to_bytes(8, "little") + text + bytes(tail)


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no safetensors file, or not a whole one"),
    "seven-bytes": (b"1234567", "no safetensors file, or not a whole one"),
    "header-longer-than-the-file": ((10**15).to_bytes(8, "little") + b"{}", "no safetensors file, or not a whole one"),
    "header-of-8-exabytes": (b"\xff" * 16, "no safetensors file, or not a whole one"),
    "header-of-64-MiB": (bomb(b" " * 2**26), "more than that of any model; it was not read"),
    "not-json": (bomb(b"hello world"), "its header cannot be read"),
    "not-a-mapping": (bomb(b"[1, 2]"), "its header cannot be read"),
    "not-utf-8": (bomb(b'{"\xff": 1}'), "its header cannot be read"),
    "deep": (bomb(b'{"a":' + b"[" * 10**6 + b"]" * 10**6 + b"}"), "its header cannot be read"),
    "many-tensors": (
        bomb(json.dumps({f"{n}": TENSOR for n in range(60_000)}).encode(), 8),
        "60000 tensors, more than any model",
    ),
    "unknown-type": (
        bomb(json.dumps({"a": {**TENSOR, "dtype": "Q4"}}).encode(), 8),
        "which safetensors does not know",
    ),
    "negative": (bomb(json.dumps({"a": {**TENSOR, "shape": [-2]}}).encode(), 8), "which cannot be"),
    "backwards": (bomb(json.dumps({"a": {**TENSOR, "data_offsets": [8, 0]}}).encode(), 8), "which cannot be"),
    "huge-shape": (
        bomb(json.dumps({"a": {**TENSOR, "shape": [2**40, 2**40]}}).encode(), 8),
        "does not fill its 8 bytes",
    ),
    "other-size": (bomb(json.dumps({"a": {**TENSOR, "shape": [3]}}).encode(), 8), "does not fill its 8 bytes"),
    "truncated": (bomb(json.dumps({"a": TENSOR}).encode(), 7), "is cut off: a ends 1 bytes after the file does"),
    "no-tensor": (bomb(b"{}"), "holds no tensor"),
    "pickle": (b"\x80\x02}q\x00." + bytes(100), "is a pickle, and reading one runs what it holds"),
}


def limited(path: Path) -> tuple[int, str, int]:
    """The exit code, what is said on stderr, and the most memory in MiB, of the command in a process of its own."""
    program = (
        "import os, resource, subprocess, sys\n"
        "command = [sys.executable, '-m', 'scaffold', 'inspect', sys.argv[1]]\n"
        "done = subprocess.run(command, capture_output=True, text=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
        "sys.stderr.write(done.stderr or done.stdout)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, int(done.stdout)


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_no_checkpoint_is_refused(tmp_path, damage):
    content, reason = DAMAGED[damage]
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    code, told, memory = limited(file)
    assert code == 2
    assert told.startswith("Error: ")
    assert told.count("\n") == 1
    assert str(file) in told
    assert reason in told
    assert memory < 100


def test_a_torch_file_is_refused_and_not_run(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    result = inspect(tmp_path / "model.pt")
    assert result.exit_code == 2
    assert "model.pt is a pickle" in result.stderr
    assert "pickle" in inspect(tmp_path).stderr
    assert not (tmp_path / "ran").exists()


def test_a_sparse_file_of_100_gigabytes_is_answered(tmp_path):
    shapes = {"img_in.weight": (3072, 64), "a.weight": (50_000, 1_000_000)}
    file = write(tmp_path / "big.safetensors", shapes)
    assert file.stat().st_size > 100 * 10**9
    code, told, memory = limited(file)
    assert (code, memory < 100) == (1, True)
    assert "of no preset" in told
    assert len(read_checkpoint(file).tensors) == 2


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ('{"weight_map": {"a": "../../outside.safetensors"}}', "which is no plain name of a file beside it"),
        ('{"weight_map": {"a": "/etc/passwd"}}', "which is no plain name of a file beside it"),
        ('{"weight_map": {"a": "absent.safetensors"}}', "absent.safetensors cannot be read: No such file"),
        ('{"weight_map": {"b": "one.safetensors"}}', "lacks b, which model.safetensors.index.json says it has"),
        ('{"weight_map": {"a": "one.safetensors", "c": "two.safetensors"}}', "1 tensors are in more than one shard"),
        ('{"weight_map": 3}', "is no index of a sharded checkpoint"),
        ("{", "is no index of a sharded checkpoint"),
    ],
)
def test_an_index_that_is_wrong_is_refused(tmp_path, index, reason):
    write(tmp_path / "one.safetensors", {"a": (2,)})
    write(tmp_path / "two.safetensors", {"a": (2,), "c": (2,)})
    (tmp_path / "model.safetensors.index.json").write_text(index)
    result = inspect(tmp_path / "model.safetensors.index.json")
    assert result.exit_code == 2
    assert reason in result.stderr


def test_a_folder_with_several_checkpoints_asks_which(tmp_path):
    write(tmp_path / "one.safetensors", {"a": (2,)})
    write(tmp_path / "two.safetensors", {"a": (2,)})
    result = inspect(tmp_path)
    assert result.exit_code == 2
    assert "holds several checkpoints, name one of them: one.safetensors, two.safetensors" in result.stderr
    (tmp_path / "empty").mkdir()
    assert "empty holds no .safetensors file" in inspect(tmp_path / "empty").stderr


def test_the_command_imports_no_torch(tmp_path):
    file = write(tmp_path / "a.safetensors", {"img_in.weight": (8, 4)})
    program = f"import sys\nfrom scaffold.cli import main\nmain(['inspect', {str(file)!r}], standalone_mode=False)\n"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    heavy = ("torch", "safetensors", "numpy", "libcst")
    assert not [line for line in done.stderr.splitlines() if line.rpartition("|")[2].strip() in heavy]
