"""Models and forwards: faults planted in the real transformers of diffusers are found where they are, and what is
allowed is let be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Fault:
    """A convention broken in one place: `old` becomes `new`, and the finding stands on the line that holds `at`."""

    code: str
    file: str
    old: str
    new: str
    at: str


LAST_STEP = "output = self.proj_out(hidden_states)"
FAULTS = [
    Fault(
        "MOD001",
        "flux",
        "    ConfigMixin,\n    PeftAdapterMixin,",
        "    PeftAdapterMixin,",
        "class FluxTransformer2DModel",
    ),
    Fault("MOD002", "wan", "    @register_to_config\n    def __init__(", "    def __init__(", "    def __init__("),
    Fault("MOD006", "flux", '["pos_embed", "norm"]', '["pos_embedding", "norm"]', "pos_embedding"),
    Fault("MOD006", "wan", '_in_fp32_modules = ["rope",', '_in_fp32_modules = ["ropes",', "ropes"),
    Fault("MOD009", "flux2", '_skip_keys = ["kv_cache"]', '_skip_keys = ["kv_caches"]', "kv_caches"),
    Fault(
        "MOD010", "qwenimage", "\nlogger =", "\nfrom .transformer_flux import FluxPosEmbed\nlogger =", "FluxPosEmbed"
    ),
    Fault("MOD011", "sd3", "\nlogger =", '\nimport sys\nsys.path.insert(0, "/x")\nlogger =', "sys.path"),
    Fault(
        "MOD012",
        "flux",
        "        self.proj_out = nn.Linear(",
        "        self.left_norm = nn.LayerNorm(3) if num_layers else None\n        self.proj_out = nn.Linear(",
        "left_norm",
    ),
    Fault(
        "MOD013",
        "flux",
        "blocks_repeat: bool = False,\n",
        "blocks_repeat: bool = False,\n        mode=None,\n",
        "mode=None",
    ),
    Fault(
        "MOD014",
        "flux",
        "guidance_embeds: bool = False,\n",
        "guidance_embeds: bool = False,\n        ffn_dim: int = 4,\n",
        "ffn_dim",
    ),
    Fault("MOD015", "flux", '    @apply_lora_scale("joint_attention_kwargs")\n', "", "def forward("),
    Fault(
        "MOD015", "qwenimage", '@apply_lora_scale("attention_kwargs")', "@apply_lora_scale()", "@apply_lora_scale()"
    ),
    Fault(
        "MOD016",
        "qwenimage",
        "(\n    ModelMixin,",
        "(\n    SD3Transformer2DLoadersMixin, ModelMixin,",
        "SD3Transformer2DLoadersMixin, M",
    ),
    Fault(
        "MOD017",
        "flux",
        "        query, key, value, enc",
        "        q = k = v = 1\n        query, key, value, enc",
        "q = k = v",
    ),
    Fault("MOD018", "flux", "        return_dict: bool = True,\n", "", "def forward("),
    Fault("MOD018", "wan", "Output(sample=output)", "Output(sample=hidden_states)", "sample=hidden_states"),
    Fault(
        "MOD020",
        "flux",
        "class FluxSingleTransformerBlock",
        "class SingleTransformerBlock",
        "class SingleTransformerBlock",
    ),
    Fault(
        "MOD021",
        "flux",
        "class FluxTransformer2DModel(\n    ModelMixin,",
        "from .transformer_wan import WanTransformer3DModel as Wan\nclass FluxTransformer2DModel(\n    Wan,",
        "class FluxTransformer2DModel",
    ),
    Fault(
        "MOD022", "wan", "rotary_emb: torch.Tensor,\n", "rotary_emb: torch.Tensor,\n        **kwargs,\n", "**kwargs"
    ),
    Fault("FWD003", "flux", LAST_STEP, "output = _project(self.proj_out, hidden_states)", "_project(self"),
    Fault("FWD004", "flux", LAST_STEP, "output = self.proj_out(hidden_states.to(torch.bfloat16))", "bfloat16"),
    Fault("FWD004", "sd3", "= self.proj_out(hidden_states)", "= self.proj_out(hidden_states.half())", ".half()"),
    Fault(
        "FWD006", "flux", "timestep.to(hidden_states.dtype)", "timestep.to(self.proj_out.weight.dtype)", "weight.dtype"
    ),
    Fault(
        "FWD006",
        "qwenimage",
        "timestep.to(hidden_states.dtype)",
        "timestep.to(next(self.parameters()).dtype)",
        "next(",
    ),
    Fault("FWD007", "flux", "ids.float()", 'ids.float().to("cuda")', '"cuda"'),
    Fault("FWD007", "qwenimage", LAST_STEP, f"{LAST_STEP}.cuda()", ".cuda()"),
    Fault("FWD009", "wan", "torch.randn(1, 6, dim)", "torch.empty(1, 6, dim)", "torch.empty"),
    Fault("FWD011", "flux", LAST_STEP, f"{LAST_STEP}\n        self.last = output", "self.last"),
    Fault("FWD011", "flux", LAST_STEP, f"global LATEST\n        {LAST_STEP}", "global LATEST"),
    Fault(
        "FWD011",
        "wan",
        "        ppf, pph, ppw = num_frames",
        "        self.freqs_cos.mul_(2)\n        ppf, pph, ppw = num_frames",
        "freqs_cos.mul_",
    ),
    Fault("FWD012", "flux", LAST_STEP, f"{LAST_STEP} + torch.randn_like(hidden_states)", "randn_like"),
    Fault("FWD013", "flux", LAST_STEP, f"self.proj_out.weight.data = temb\n        {LAST_STEP}", ".data ="),
    Fault(
        "FWD014",
        "wan",
        "block, hidden_states, encoder_hidden_states, timestep_proj, rotary_emb\n",
        "block, hidden_states, encoder_hidden_states, timestep_proj\n",
        "_gradient_checkpointing_func(",
    ),
    Fault(
        "FWD014",
        "ltx2",
        "                    audio_encoder_hidden_states,\n                    temb,\n",
        "                    temb,\n",
        "_gradient_checkpointing_func(",
    ),
    Fault(
        "FWD014",
        "z_image",
        "layer, x, x_mask, x_freqs, adaln",
        "layer, x, x_freqs, x_mask, adaln",
        "_gradient_checkpointing_func(",
    ),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all runs, so that the files around the changed one are read once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.code}-{fault.file}-{fault.at}")
def test_a_planted_fault_is_found_at_its_place(
    fault: Fault, run: Callable[..., Any], diffusers_copy: Path, cache: Path
) -> None:
    path = diffusers_copy / "models" / "transformers" / f"transformer_{fault.file}.py"
    original = path.read_text(encoding="utf-8")
    # FWD003 needs the helper that hides the call; elsewhere it is a function that nobody calls.
    before = original + "\n\ndef _project(layer, hidden_states):\n    return layer(hidden_states)\n"
    after = before.replace(fault.old, fault.new, 1)
    assert after != before, "the file has changed: plant the fault elsewhere"
    found = []
    try:
        for text in (before, after):
            path.write_text(text, encoding="utf-8")
            options = ("--output-format", "json", "--cache-dir", cache, "--select", fault.code)
            found.append({item["message"]: item["line"] for item in run("check", *options, path).findings})
    finally:
        path.write_text(original, encoding="utf-8")
    lines = [line for message, line in found[1].items() if message not in found[0]]
    assert len(lines) == 1
    assert fault.at in after.split("\n")[lines[0] - 1]


MODEL = """
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import apply_lora_scale, deprecate
from torch import nn
"""
ALLOWED = {
    "MOD004 a block that a method builds": (
        "MOD004",
        """
        class TinyBlock(nn.Module):
            pass


        class TinyModel(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyBlock"]

            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
                self._build(num_layers)

            def _build(self, num_layers):
                self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])
        """,
    ),
    "MOD006 a class out of a table": (
        "MOD006",
        """
        class TinyModel(ModelMixin, ConfigMixin):
            _skip_layerwise_casting_patterns = ["pos_embed"]

            @register_to_config
            def __init__(self, kind: str = "a"):
                super().__init__()
                self.block = BLOCKS[kind](8)
        """,
    ),
    "MOD006 a class in a variable": (
        "MOD006",
        """
        class TinyEmbedding(nn.Module):
            def __init__(self):
                super().__init__()
                self.pos_embed = nn.Linear(8, 8)


        class TinyModel(ModelMixin, ConfigMixin):
            _skip_layerwise_casting_patterns = ["pos_embed"]

            @register_to_config
            def __init__(self, is_large: bool = False):
                super().__init__()
                embedding = TinyEmbedding if is_large else TinyEmbedding
                self.embedding = embedding()
        """,
    ),
    "MOD009 a part's argument": (
        "MOD009",
        """
        class TinyBlock(nn.Module):
            def forward(self, hidden_states, kv_cache=None):
                return hidden_states


        class TinyModel(ModelMixin, ConfigMixin):
            _skip_keys = ["kv_cache"]

            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])

            def forward(self, hidden_states):
                return hidden_states
        """,
    ),
    "MOD012 the statistics of a VAE": (
        "MOD012",
        """
        class AutoencoderTiny(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)

            def forward(self, sample):
                return sample
        """,
    ),
    "MOD013 a decorator that consumes it, a base that asks for it, a name that says so": (
        "MOD013",
        """
        class TinyBase(nn.Module):
            def forward(self, hidden_states, temb):
                return hidden_states + temb


        class TinyChild(TinyBase):
            @apply_lora_scale("attention_kwargs")
            def forward(self, hidden_states, temb, attention_kwargs=None, _unused=None):
                return hidden_states
        """,
    ),
    "MOD014 read from the config": (
        "MOD014",
        """
        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, hidden_size: int = 8, scaling_factor: float = 1.0):
                super().__init__()

            def forward(self, hidden_states):
                return hidden_states * self.config.hidden_size
        """,
    ),
    "MOD016 the loader of the family whose attention it is built of": (
        "MOD016",
        """
        from diffusers.loaders import FluxTransformer2DLoadersMixin
        from diffusers.models.attention import AttentionModuleMixin


        class FluxAttention(nn.Module, AttentionModuleMixin):
            pass


        class TinyTransformer2DModel(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):
            def __init__(self):
                super().__init__()
                self.attn = FluxAttention()
        """,
    ),
    "MOD020 the last words of the model's name": (
        "MOD020",
        """
        class AudioDiTBlock(nn.Module):
            pass


        class LongTinyAudioDiTTransformer(ModelMixin, ConfigMixin):
            pass
        """,
    ),
    "MOD021 a deprecated name": (
        "MOD021",
        """
        class TinyModel(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()


        class OldTinyModel(TinyModel):
            def __init__(self):
                deprecate("OldTinyModel", "1.0", "Use `TinyModel`.")
                super().__init__()
        """,
    ),
    "MOD022 a class that stands in for another": (
        "MOD022",
        """
        class TinyIdentity(nn.Module):
            def forward(self, hidden_states, *args, **kwargs):
                return hidden_states
        """,
    ),
    "FWD004 a question about the dtype": (
        "FWD004",
        """
        class TinyNorm(nn.Module):
            def forward(self, hidden_states):
                is_half = hidden_states.dtype in (torch.float16, torch.bfloat16)
                if hidden_states.dtype == torch.float16:
                    hidden_states = hidden_states.to(torch.bfloat16)
                return hidden_states, is_half
        """,
    ),
    "FWD006 a cast that asks first, a parameter of its own": (
        "FWD006",
        """
        class TinyNorm(nn.Module):
            def forward(self, hidden_states):
                if self.proj.weight.dtype.is_floating_point:
                    hidden_states = hidden_states.to(self.proj.weight.dtype)
                return hidden_states.to(self.weight.dtype)
        """,
    ),
    "FWD007 an autocast that is off, a branch on the device": (
        "FWD007",
        """
        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                if hidden_states.device.type == "cuda":
                    hidden_states = hidden_states.to("cuda")
                with torch.autocast("cuda", enabled=False):
                    return hidden_states.float()
        """,
    ),
    "FWD009 filled later": (
        "FWD009",
        """
        class TinyBlock(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = nn.Parameter(torch.empty(6, 8))
                nn.init.normal_(self.table)
        """,
    ),
    "FWD011 a cache that a method empties": (
        "FWD011",
        """
        class TinyDecoder(nn.Module):
            def clear_state(self):
                self.index = 0

            def forward(self, hidden_states):
                self.index = self.index + 1
                self.rope_cache = hidden_states
                if hidden_states.shape not in self.tables:
                    self.tables[hidden_states.shape] = hidden_states
                return hidden_states
        """,
    ),
    "FWD012 training only, asked by the caller": (
        "FWD012",
        """
        class TinyLabels(nn.Module):
            def dropped(self, labels):
                return torch.rand(labels.shape[0]) < 0.1

            def forward(self, labels, generator=None):
                if self.training:
                    labels = self.dropped(labels)
                return labels + torch.randn(labels.shape, generator=generator)
        """,
    ),
    "FWD013 a branch that has asked, a cast": (
        "FWD013",
        """
        def offload(module, device):
            for param in module.parameters():
                if is_traceable_wrapper_subclass(param):
                    swap(param, device)
                else:
                    param.data = param.data.to(device)


        def upcast(module):
            for param in module.parameters():
                param.data = param.data.to(torch.float32)
        """,
    ),
    "FWD001 a helper for callers that ask for an array": (
        "FWD001",
        """
        import numpy as np


        def _table_np(dim):
            return _row_np(dim)


        def _row_np(dim):
            return np.arange(dim)


        def table(dim, output_type="np"):
            if output_type == "np":
                return _table_np(dim)
            return torch.arange(dim)


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states):
                return hidden_states + table(8, output_type="pt")
        """,
    ),
    "FWD002 a processor for training": (
        "FWD002",
        """
        class TinyTrainingAttnProcessor:
            def __call__(self, attn, hidden_states: torch.Tensor, lengths: torch.Tensor):
                return torch.split(hidden_states, lengths.tolist())
        """,
    ),
    "FWD014 the same by keyword": (
        "FWD014",
        """
        class TinyModel(nn.Module):
            def forward(self, hidden_states, temb):
                if torch.is_grad_enabled() and self.gradient_checkpointing:
                    return self._gradient_checkpointing_func(self.block, hidden_states, temb, None)
                else:
                    return self.block(temb=temb, hidden_states=hidden_states)
        """,
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_let_be(name: str, write: Callable[..., None], check: Callable[..., Any]) -> None:
    code, text = ALLOWED[name]
    write({"tiny.py": MODEL + _dedented(text)})
    assert check("--select", code, "tiny.py").findings == []


def test_an_array_that_another_caller_does_not_ask_for_is_found(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    code, text = ALLOWED["FWD001 a helper for callers that ask for an array"]
    asked = MODEL + _dedented(text)
    for old, new in (("torch.arange(dim)", "_row_np(dim)"), ('if output_type == "np"', 'if output_type != "np"')):
        write({"tiny.py": asked.replace(old, new)})
        assert [item["symbol"] for item in check("--select", code, "tiny.py").findings] == ["_row_np"]


def test_a_chain_that_leaves_the_graph_is_told_of_once(write: Callable[..., None], check: Callable[..., Any]) -> None:
    lines = ("counts = x.sum(0).cpu().numpy()", "return counts, x.mean().item()")
    body = "".join(f"        {line}\n" for line in lines)
    write({"tiny.py": f"{MODEL}\n\nclass Tiny(nn.Module):\n    def forward(self, x: torch.Tensor):\n{body}"})
    places = [(item["line"], item["column"]) for item in check("--select", "FWD002", "tiny.py").findings]
    first = MODEL.count("\n") + 5
    assert places == [(first, 18), (first + 1, 24)]


def _dedented(text: str) -> str:
    return "\n".join(line[8:] for line in text.split("\n"))


def test_a_mixin_is_added_so_that_the_class_can_still_be_made(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    imports = "from diffusers.configuration_utils import ConfigMixin\nfrom torch import nn\n\n\n"
    text = "class TinyModel(nn.Module, ConfigMixin):\n    def __init__(self, a=1):\n        self.a = a\n"
    write({"tiny.py": imports + text})
    assert run("fix", "--no-cache", "--select", "MOD001,MOD002", "tiny.py").code == 0
    assert (folder / "tiny.py").read_text().split("\n") == [
        "from diffusers.configuration_utils import ConfigMixin, register_to_config",
        "from torch import nn",
        "from diffusers.models.modeling_utils import ModelMixin",
        "",
        "",
        "class TinyModel(ModelMixin, ConfigMixin):",
        "    @register_to_config",
        "    def __init__(self, a=1):",
        "        self.a = a",
        "",
    ]
