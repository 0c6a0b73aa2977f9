"""A wrong spec gets one message: the file, the line, the key, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scaffold.commands.model import model
from scaffold.loading import load_spec, preset_names
from scaffold.resources import templates_root


FLUX2 = (templates_root() / "specs" / "flux2.yaml").read_text(encoding="utf-8")


def line_of(text: str) -> int:
    return FLUX2[: FLUX2.index(text)].count("\n") + 1


# What the file says, what it says after the mistake, the text on whose line the mistake stands, and the message.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "misspelled key at the top": (
        "title: FLUX.2",
        "titel: FLUX.2",
        "title: FLUX.2",
        "`titel` is not a key of a spec; did you mean 'title'?",
    ),
    "misspelled key of a config entry": (
        "default: 48\n    doc: Number of single",
        "defualt: 48\n    doc: Number of single",
        "default: 48\n    doc: Number of single",
        "`config.num_single_layers.defualt` is not a key of a spec; did you mean 'default'?",
    ),
    "misspelled key of a part that may be absent": (
        "latents: {kind",
        "latent: {kind",
        "latents: {kind",
        "`pipeline.latent` is not a key of a spec; did you mean 'latents'?",
    ),
    "misspelled key deep in a list": (
        "op: feed_forward, name: mlp, attribute: ff,",
        "op: feed_forward, name: mlp, atribute: ff,",
        "attribute: ff,",
        "`stages[0].program[1].atribute`: 'atribute' is not a parameter of this component; did you mean 'attribute'?",
    ),
    "missing key": ("    count: num_layers\n", "", "  - kind: apart", "the key `count` is missing in `stages[0]`"),
    "number for text": ("title: FLUX.2", "title: 2", "title: FLUX.2", "`title`: expected text, got a whole number"),
    "text for a number": (
        "scale: 1000",
        "scale: fast",
        "scale: 1000",
        "`components.time.scale`: expected a whole number, got 'fast'",
    ),
    "yes for true": (
        "kv_cache: true",
        "kv_cache: yes",
        "kv_cache: true",
        "`features.kv_cache`: expected true or false, got text",
    ),
    "unknown operation": (
        "op: feed_forward, name: mlp, attribute: ff,",
        "op: feedforward, name: mlp, attribute: ff,",
        "attribute: ff,",
        "`stages[0].program[1].op`: 'feedforward' is none of ",
    ),
    "parts that are not as many as names": (
        "diffusers: norm_out.linear.weight, swap_halves: true",
        "diffusers: norm_out.linear.weight, swap_halves: true, parts: [1, 2]",
        "diffusers: norm_out.linear.weight, swap_halves: true",
        "`weights.rules[25].parts`: expected one positive number for each of the names, which are 1",
    ),
    "unknown kind of a pipeline's part": (
        "guidance: {kind: embedded}",
        "guidance: {kind: embeded}",
        "guidance: {kind: embedded}",
        "`pipeline.guidance.kind`: 'embeded' is none of ",
    ),
    "argument of a call that no part brings": (
        "    num_inference_steps: 50",
        "    num_inference_step: 50",
        "    num_inference_steps: 50",
        "'num_inference_step' is no argument that the parts of this pipeline bring; "
        "did you mean 'num_inference_steps'?",
    ),
    "argument of a call that is missing": (
        "    num_images_per_prompt: 1\n",
        "",
        "    image: null",
        "`pipeline.call`: the argument `num_images_per_prompt` is missing: pictures to make of each prompt.",
    ),
    "argument of the transformer that it does not take": (
        "      txt_ids: text_ids",
        "      text_ids: text_ids",
        "      txt_ids: text_ids",
        "'text_ids' is not an argument of `forward`; did you mean 'txt_ids'?",
    ),
    "argument of the transformer from nothing": (
        "      txt_ids: text_ids",
        "      txt_ids: text_idz",
        "      txt_ids: text_ids",
        "'text_idz' is nothing that the parts of this pipeline offer; did you mean 'text_ids'?",
    ),
    "unknown LoRA format": (
        "formats: [peft, kohya, native]",
        "formats: [peft, koyha, native]",
        "formats: [peft",
        "`lora.formats[1]`: 'koyha' is none of kohya, kohya_diffusers, native, peft, xlabs; did you mean 'kohya'?",
    ),
    "reference to no config entry": (
        "count: num_single_layers",
        "count: num_singel_layers",
        "count: num_single_layers",
        "'num_singel_layers' is not an entry of `config`; did you mean 'num_single_layers'?",
    ),
    "reference to no modulation": (
        "source: double_stream_modulation_txt",
        "source: double_stream_modulation_text",
        "source: double_stream_modulation_txt",
        "is not one of `components.modulation.sources`; did you mean 'double_stream_modulation_txt'?",
    ),
    "reference to no stream": (
        "norms: {text: {kind: layer_norm, attribute: norm2_context}}",
        "norms: {txt: {kind: layer_norm, attribute: norm2_context}}",
        "norms: {text: {kind: layer_norm, attribute: norm2_context}}",
        "'txt' is not a stream of this stage; did you mean 'text'?",
    ),
    "condition on no argument of the block": (
        "op: feed_forward, name: mlp, attribute: ff,",
        "op: feed_forward, name: mlp, when: num_attention_head > 1, attribute: ff,",
        "op: feed_forward, name: mlp, attribute: ff,",
        "`stages[0].program[1].when`: 'num_attention_head' is not an argument of this block; did you mean",
    ),
    "condition that is no formula": (
        "op: feed_forward, name: mlp, attribute: ff,",
        "op: feed_forward, name: mlp, when: 3, attribute: ff,",
        "op: feed_forward, name: mlp, attribute: ff,",
        "the key `when` of a step is a formula over the block's arguments",
    ),
    "stream that ends by no argument of the block": (
        "    takes: {temb_mod_img",
        "        until: is_last\n    takes: {temb_mod_img",
        "    takes: {temb_mod_img",
        "`stages[0].streams.text.until`: 'is_last' is not an argument of this block",
    ),
    "stream of another name": (
        "      joint: {argument",
        "      both: {argument",
        "      joint: {argument",
        "a stage of kind 'joined' has the stream(s) 'joint' with the argument hidden_states",
    ),
    "tiny model without a size that others need": (
        "    joint_attention_dim: 48\n",
        "",
        "    in_channels: 16",
        "`tiny.config`: 'joint_attention_dim' is missing",
    ),
    "too many sets of modulation": (
        "sets: 2, argument: temb_mod_img",
        "sets: 3, argument: temb_mod_img",
        "- op: joint_attention",
        "stream 'image' is in 2 step(s), but 'double_stream_modulation_img' gives 3 set(s) of modulation",
    ),
    "a slot too few": (
        "slots: [shift, scale, gate]",
        "slots: [shift, scale]",
        "slots:",
        "expected each of shift, scale, gate once",
    ),
    "axes that do not fill a head": (
        "default: [32, 32, 32, 32]",
        "default: [32, 32, 32]",
        "default: [32, 32, 32, 32]",
        "the axes [32, 32, 32] sum to 96, but a head has 128 channels",
    ),
    "default of another type": (
        "default: true\n    doc: Whether the guidance",
        "default: 1\n    doc: Whether the guidance",
        "default: true\n    doc: Whether the guidance",
        "`config.guidance_embeds.default`: expected bool, got 1",
    ),
    "unknown type": (
        "type: float\n    default: 3.0",
        "type: double\n    default: 3.0",
        "type: float\n    default: 3.0",
        "'double' is none of int, float, bool, bool | None, str, int | None, str | None, tuple[int, ...]",
    ),
    "config entry that Python reserves": (
        "  rope_theta:\n",
        "  lambda:\n",
        "  rope_theta:\n",
        "`config.lambda`: 'lambda' is not a Python name",
    ),
    "published value under no name": (
        "config: {num_layers: 5,",
        "config: {num_layer: 5,",
        "config: {num_layers: 5,",
        "'num_layer' is not an entry of `config`; did you mean 'num_layers'?",
    ),
    "two rules for one tensor": (
        "{original: txt_in.weight,",
        "{original: img_in.weight,",
        "{original: txt_in.weight,",
        "'img_in.weight' has a rule already",
    ),
    "rule that loses the block": (
        "{original: final_layer.linear.weight, diffusers: proj_out.weight}",
        '{original: final_layer.linear.weight, diffusers: "proj_out.{}.weight"}',
        "{original: final_layer.linear.weight",
        "'proj_out.{}.weight' needs as many {} as 'final_layer.linear.weight'",
    ),
    "name that leaves the folder": (
        "name: flux2\n",
        "name: ../flux2\n",
        "name: flux2\n",
        "'../flux2' cannot name a folder that Python imports",
    ),
    "attribute that is code": (
        "attribute: x_embedder",
        "attribute: 'x = 1; y'",
        "attribute: x_embedder",
        "'x = 1; y' is not a Python name",
    ),
    "text that ends its docstring": (
        "doc: Number of double-stream blocks.",
        'doc: Number of blocks. """; print(\'hi\')',
        "doc: Number of double-stream blocks.",
        "a text cannot hold a backslash",
    ),
    "key twice": (
        "layout: double_single\n",
        "layout: double_single\nlayout: double_single\n",
        "prefix: Flux2",
        'found duplicate key "layout"',
    ),
    "alias": (
        "title: FLUX.2\nsummary: ",
        "title: &it FLUX.2\nsummary: *it\n# ",
        "title: FLUX.2",
        "a spec has no aliases",
    ),
    "alias of nothing": ("title: FLUX.2", "title: *it", "title: FLUX.2", "found undefined alias 'it'"),
    "tab": ("title: FLUX.2", "\ttitle: FLUX.2", "title: FLUX.2", "this is not valid YAML: found character '\\t'"),
    "object": ("title: FLUX.2", "title: !!python/name:os.system", "title: FLUX.2", "this is not valid YAML"),
}


# Of the parts of the language that Z-Image needs: what its file says, what it says after the mistake, and the message.
MISTAKES_IN_Z_IMAGE: dict[str, tuple[str, str, str]] = {
    "length of a further list": (
        "{siglip_refiner: 0 if siglip_feat_dim is None",
        "{siglip_refiner: 0 if siglip_feats_dim is None",
        "`stages[0].also.siglip_refiner`: 'siglip_feats_dim' is not an entry of `config`; "
        "did you mean 'siglip_feat_dim'?",
    ),
    "further list that is no name": ("{noise_refiner: ", "{noise-refiner: ", "'noise-refiner' is not a Python name"),
    "size in a list of samples": (
        "[text_tokens - 35, cap_feat_dim]",
        "[text_tokens - 35, cap_feats_dim]",
        "`forward.cap_feats.draw.each[1][1]`: 'cap_feats_dim' is not an entry of `config`; "
        "did you mean 'cap_feat_dim'?",
    ),
    "stream of a norm after": (
        "norms_after: {video: {",
        "norms_after: {image: {",
        "`stages[0].program[0].norms_after.image`: 'image' is not a stream of this stage",
    ),
    "kind of a norm after": (
        "norms_after: {video: {kind: rms_norm",
        "norms_after: {video: {kind: rms_norms",
        "`stages[0].program[0].norms_after.video.kind`: 'rms_norms' is none of ",
    ),
    "axes without a length": ("default: [1024, 512, 512]", "default: [1024, 512]", "there are 3 axes, but 2 lengths"),
}


def complaint(argument: str, folder: Path) -> str:
    """What the command says about it; nothing may be written and nothing else be said."""
    result = CliRunner().invoke(model, [argument, "--out", str(folder)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not folder.exists()
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path, mistake):
    before, after, at, message = mistake
    assert FLUX2.count(before) == 1
    path = tmp_path / "wrong.yaml"
    path.write_text(FLUX2.replace(before, after), encoding="utf-8")
    said = complaint(str(path), tmp_path / "out")
    assert said.startswith(f"Error: {path}:{line_of(at)}: ")
    assert message in said


@pytest.mark.parametrize("mistake", MISTAKES_IN_Z_IMAGE.values(), ids=MISTAKES_IN_Z_IMAGE)
def test_a_mistake_in_another_preset_is_named_with_its_line(tmp_path, mistake):
    before, after, message = mistake
    text = (templates_root() / "specs" / "z-image.yaml").read_text(encoding="utf-8")
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    said = complaint(str(path), tmp_path / "out")
    assert said.startswith(f"Error: {path}:{text[: text.index(before)].count(chr(10)) + 1}: ")
    assert message in said


def test_norms_after_a_step_that_are_no_mapping_are_refused(tmp_path):
    text = (templates_root() / "specs" / "z-image.yaml").read_text(encoding="utf-8")
    norm = "{video: {kind: rms_norm, attribute: attention_norm2, eps: norm_eps, affine: true}}"
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(norm, "[video]", 1), encoding="utf-8")
    said = complaint(str(path), tmp_path / "out")
    assert "`stages[0].program[0]`: the key `norms_after` of a step is a mapping from its streams to norms" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "wrong.yaml:1: a spec is a mapping that begins with `name:`"),
        (b"- flux2\n", "wrong.yaml:1: a spec is a mapping that begins with `name:`"),
        (b"name: \xff\xfe\n", "wrong.yaml: this is not UTF-8 text"),
        (b"name: a\x00b\n", "wrong.yaml:1: this is not valid YAML"),
        (b"name: " + b"[" * 5000, "wrong.yaml:1: brackets are nested too deeply"),
        (b"name:\n  " + b"- " * 2000, "wrong.yaml:1: the values are nested too deeply for a spec"),
        (b"name: flux2\n3: 4\n", "every key at the top is text"),
    ],
    ids=["empty", "list", "other-encoding", "null-byte", "brackets", "dashes", "number-as-key"],
)
def test_a_file_that_is_no_spec_is_refused(tmp_path, content, message):
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    assert message in complaint(str(path), tmp_path / "out")


def test_a_missing_file_is_named(tmp_path):
    assert "none.yaml: there is no such file" in complaint(str(tmp_path / "none.yaml"), tmp_path / "out")


@pytest.mark.parametrize("name", ["flux22", "fluxx2", "Flux2"])
def test_an_unknown_preset_names_the_nearest(tmp_path, name):
    said = complaint(name, tmp_path / "out")
    assert f"there is no preset {name!r}; did you mean 'flux2'? The presets are: " in said


def test_every_preset_is_a_valid_spec():
    assert "flux2" in preset_names()
    for name in preset_names():
        assert load_spec(name).name == name
