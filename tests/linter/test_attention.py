"""Attention beyond the rules' own examples: what fixes write, and what a maintainer would not call wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn


PROCESSOR = """
    from diffusers.models.attention import AttentionModuleMixin
    from diffusers.models.attention_dispatch import dispatch_attention_fn
    from torch import nn


    class TinyAttnProcessor:
        _attention_backend = None
        _parallel_config = None

        def __call__(self, attn, hidden_states, attention_mask=None):
            {body}


    class TinyAttention(nn.Module, AttentionModuleMixin):
        _default_processor_cls = TinyAttnProcessor
        _available_processors = [TinyAttnProcessor]

        def __init__(self, dim):
            super().__init__()
            self.to_v = nn.Linear(dim, dim)
            self.set_processor(TinyAttnProcessor())

        def forward(self, hidden_states, attention_mask=None):
            return self.processor(self, hidden_states, attention_mask)
    """
DISPATCH = """dispatch_attention_fn(
                value, value, value, attn_mask=attention_mask,
                backend=self._attention_backend, parallel_config=self._parallel_config
            )"""


def processor(*statements: str) -> str:
    return dedent(PROCESSOR.format(body="\n            ".join(statements)))


def codes(outcome: Any) -> list[str]:
    return [item["code"] for item in outcome.findings if item["code"].startswith("ATT")]


@pytest.fixture
def fixed(write: Callable[..., None], run: Callable[..., Any], folder: Path) -> Callable[[str, str], str]:
    """What a file says after the fixes of one rule."""

    def fixed(code: str, text: str) -> str:
        write({"example.py": dedent(text)})
        run("fix", "--no-cache", "--select", code, "example.py")
        return (folder / "example.py").read_text()

    return fixed


def test_a_mixin_joins_bases_that_stand_on_lines_of_their_own(fixed: Callable[[str, str], str]) -> None:
    text = """\
    from diffusers.models.attention import AttentionModuleMixin
    from diffusers.models.modeling_utils import ModelMixin
    from torch import nn


    class TinyAttention(nn.Module, AttentionModuleMixin):
        pass


    class TinyModel(
        ModelMixin,
        SomethingElse,
    ):
        def __init__(self):
            super().__init__()
            self.attn = TinyAttention()
    """
    after = fixed("ATT016", text)
    assert "from diffusers.models.attention import AttentionMixin, AttentionModuleMixin\n" in after
    assert "    ModelMixin,\n    SomethingElse,\n    AttentionMixin,\n):\n" in after


def test_a_mixin_is_not_imported_from_a_file_that_imports_this_one(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    layer = dedent("""\
        from torch import nn


        class TinyAttention(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_k = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)
    """)
    home = "from .layer import TinyAttention\n\n\nclass AttentionModuleMixin:\n    pass\n"
    packages = {f"diffusers/{name}__init__.py": "" for name in ("", "models/")}
    write({**packages, "diffusers/models/attention.py": home, "diffusers/models/layer.py": layer})
    assert run("fix", "--no-cache", "--select", "ATT002", ".").code == 1
    assert (folder / "diffusers/models/layer.py").read_text() == layer


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        ("", "class P:\n    _parallel_config = None\n\n    def __call__"),
        (
            '    """Says something."""',
            'class P:\n    """Says something."""\n\n    _parallel_config = None\n\n    def __call__',
        ),
        ("    # A comment.", "class P:\n    _parallel_config = None\n\n    # A comment.\n    def __call__"),
        ("    x = 1\n", "class P:\n    x = 1\n    _parallel_config = None\n\n    def __call__"),
    ],
    ids=["a method", "a docstring", "a comment", "an attribute"],
)
def test_an_attribute_stands_where_a_person_would_write_it(
    fixed: Callable[[str, str], str], body: str, begins: str
) -> None:
    body = f"{body}\n" if body else ""
    text = (
        "from diffusers.models.attention_dispatch import dispatch_attention_fn\n\n\n"
        f"class P:\n{body}    def __call__(self, attn, x):\n"
        "        self._attention_backend = None\n"
        "        return dispatch_attention_fn(x, x, x, backend=None, parallel_config=None)\n"
    )
    assert begins in fixed("ATT004", text)


@pytest.mark.parametrize(
    ("call", "mended"),
    [
        ("dispatch_attention_fn(x, x, x)", "dispatch_attention_fn(x, x, x, {0}, {1})"),
        (
            "dispatch_attention_fn(\n            x,\n            x,\n        )",
            "x,\n            {0},\n            {1},\n        )",
        ),
        ("dispatch_attention_fn(\n            x, x\n        )", "x, x, {0}, {1}\n        )"),
    ],
    ids=["one line", "a line each", "lines without a last comma"],
)
def test_the_backend_is_passed_in_the_style_of_the_call(
    fixed: Callable[[str, str], str], call: str, mended: str
) -> None:
    text = (
        "from diffusers.models.attention_dispatch import dispatch_attention_fn\n\n\n"
        "class P:\n    _attention_backend = None\n    _parallel_config = None\n\n"
        f"    def __call__(self, attn, x):\n        return {call}\n"
    )
    after = fixed("ATT005", text)
    assert mended.format("backend=self._attention_backend", "parallel_config=self._parallel_config") in after


def test_a_default_joins_the_list_that_lacks_it(fixed: Callable[[str, str], str]) -> None:
    text = processor("return attn.to_v(hidden_states)").replace("[TinyAttnProcessor]", "[OtherProcessor]")
    assert "_available_processors = [TinyAttnProcessor, OtherProcessor]" in fixed("ATT003", text)


def test_the_only_processor_that_a_layer_sets_is_its_default(fixed: Callable[[str, str], str]) -> None:
    text = processor("return attn.to_v(hidden_states)")
    without = text.replace("    _default_processor_cls = TinyAttnProcessor\n", "")
    without = without.replace("    _available_processors = [TinyAttnProcessor]\n\n", "")
    after = fixed("ATT003", without)
    assert (
        "AttentionModuleMixin):\n    _default_processor_cls = TinyAttnProcessor\n"
        "    _available_processors = [TinyAttnProcessor]\n\n    def __init__"
    ) in after


@pytest.mark.parametrize(
    "statements",
    [
        ("value = attn.to_v(hidden_states).unflatten(-1, (-1, 8))", "value = attn.norm(value)"),
        (
            "value = attn.to_v(hidden_states).view(1, -1, attn.heads, 8).transpose(1, 2)",
            "value = value.transpose(1, 2)",
        ),
        ("value = attn.to_v(hidden_states).split_somehow().transpose(1, 2)",),
        ("value = attn.to_v(hidden_states).unflatten(2, (-1, 8)).transpose(1, 2)", "value = tokens_first(value)"),
        ("value = attn.to_v(hidden_states).unflatten(-1, (-1, 8))", "if a: value = value.transpose(1, 2)"),
    ],
    ids=["tokens first", "taken back", "not to be followed", "by who knows whom", "in one branch only"],
)
def test_a_layout_is_doubted_only_where_it_is_sure(
    write: Callable[..., None], check: Callable[..., Any], statements: tuple[str, ...]
) -> None:
    write({"example.py": processor(*statements, f"return {DISPATCH}")})
    assert codes(check(".")) == []


@pytest.mark.parametrize(
    "statements",
    [
        ("value = attn.to_v(hidden_states).view(1, -1, attn.heads, 8).permute(0, 2, 1, 3)",),
        ("value = attn.to_v(hidden_states).unflatten(2, (-1, 8))", "value = attn.norm(value).transpose(1, 2)"),
        (
            "value = attn.to_v(hidden_states).unflatten(2, (-1, 8)).transpose(1, 2)",
            "if attn.added: value = torch.cat([hidden_states, value], dim=2)",
        ),
        (
            "image, text = attn.to_v(a).unflatten(2, (-1, 8)), attn.to_v(b).unflatten(2, (-1, 8))",
            "image, text = image.transpose(1, 2), text.transpose(1, 2)",
            "value = torch.cat([text, image], dim=2)",
        ),
    ],
    ids=["permute", "after the norm", "joined in a branch", "joined from others"],
)
def test_heads_before_tokens_are_found_through_what_keeps_the_layout(
    write: Callable[..., None], check: Callable[..., Any], statements: tuple[str, ...]
) -> None:
    write({"example.py": processor(*statements, f"return {DISPATCH}")})
    assert codes(check(".")) == ["ATT013"]


@pytest.mark.parametrize(
    "statement",
    ["del attention_mask", "hidden_states = f(hidden_states, **locals())", "hidden_states = attention_mask"],
)
def test_a_mask_that_is_given_up_or_handed_on_is_not_unused(
    write: Callable[..., None], check: Callable[..., Any], statement: str
) -> None:
    write({"example.py": processor(statement, "return attn.to_v(hidden_states)")})
    assert codes(check(".")) == []


def test_a_mask_for_the_processor_beside_it_is_not_unused(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    text = processor("return attn.to_v(hidden_states)")
    assert text.count("_available_processors = [TinyAttnProcessor]") == 1
    other = (
        "\n\nclass MaskedAttnProcessor(TinyAttnProcessor):\n    def __call__(self, attn, x, attention_mask=None):\n"
    )
    other += "        return attn.to_v(x, attention_mask)\n\n\nclass TinyAttention("
    text = text.replace("\n\nclass TinyAttention(", other)
    write({"example.py": text})
    assert codes(check(".")) == ["ATT008"]
    both = text.replace("[TinyAttnProcessor]", "[TinyAttnProcessor, MaskedAttnProcessor]")
    write({"example.py": both.replace("_cls = TinyAttnProcessor", "_cls = MaskedAttnProcessor")})
    assert codes(check(".")) == []
    # What the layer uses by itself has nobody to excuse it.
    write({"example.py": both})
    assert codes(check(".")) == ["ATT008"]


def test_heads_that_get_a_dimension_of_their_own_may_be_repeated(
    write: Callable[..., None], check: Callable[..., Any]
) -> None:
    split = "key = attn.to_v(hidden_states).unflatten(-1, (-1, 8))"
    write(
        {
            "example.py": processor(
                split, "key = key.unsqueeze(3).repeat(1, 1, 1, n_rep, 1)", "return key, attention_mask"
            )
        }
    )
    assert codes(check(".")) == []
    write({"example.py": processor(split, "key = key.repeat(1, 1, n_rep, 1)", "return key, attention_mask")})
    assert codes(check(".")) == ["ATT011"]


def test_a_mask_that_is_filled_in_is_no_empty_one(write: Callable[..., None], check: Callable[..., Any]) -> None:
    made = "attention_mask = torch.ones(hidden_states.shape[:2])"
    value = "value = attn.to_v(hidden_states)"
    write({"example.py": "import torch\n" + processor(value, made, f"return {DISPATCH}")})
    assert codes(check(".")) == ["ATT009"]
    write({"example.py": "import torch\n" + processor(value, made, "attention_mask[:, 3:] = 0", f"return {DISPATCH}")})
    assert codes(check(".")) == []


@pytest.mark.parametrize(
    ("test", "is_old"),
    [
        ('is_torch_version("<", "2.0")', True),
        ('not hasattr(torch.nn.functional, "scaled_dot_product_attention")', True),
        ('version.parse(torch.__version__) < version.parse("2.1.0")', True),
        ('not hasattr(F, "scaled_dot_product_attention") and is_torch_version("<", "2.1")', True),
        ('is_torch_version("<", "2.6")', False),
        ('attn.is_cross and is_torch_version("<", "2.0")', False),
    ],
)
def test_only_versions_that_are_gone_are_guards(
    write: Callable[..., None], check: Callable[..., Any], test: str, is_old: bool
) -> None:
    write({"example.py": processor(f"if {test}: raise ImportError", "return attn.to_v(attention_mask)")})
    assert codes(check(".")) == (["ATT017"] if is_old else [])


def test_a_guard_goes_and_what_stood_beside_it_stays(fixed: Callable[[str, str], str]) -> None:
    text = """\
    import torch.nn.functional as F


    class TinyAttnProcessor:
        def __init__(self, scale=None):
            if not hasattr(F, "scaled_dot_product_attention"):
                raise ImportError("PyTorch 2.0 is needed.")

            self.scale = scale

        def __call__(self, attn, hidden_states):
            return attn.to_v(hidden_states)
    """
    assert "    def __init__(self, scale=None):\n        self.scale = scale\n\n    def __call__" in fixed(
        "ATT017", text
    )


def test_an_init_that_only_guards_goes_with_the_guard(fixed: Callable[[str, str], str]) -> None:
    text = """\
    import torch.nn.functional as F


    class TinyAttnProcessor:
        def __init__(self):
            if not hasattr(F, "scaled_dot_product_attention"):
                raise ImportError("PyTorch 2.0 is needed.")

        def __call__(self, attn, hidden_states):
            return attn.to_v(hidden_states)
    """
    assert "class TinyAttnProcessor:\n    def __call__" in fixed("ATT017", text)


AUTOENCODER = """

class TinyVAE(ModelMixin, ConfigMixin):
    pass
"""
FIXED = DISPATCH.replace("self._attention_backend", "AttentionBackendName.NATIVE")


@pytest.mark.parametrize(
    ("call", "left_out", "more", "found"),
    [
        # The one backend that serves: nobody is to set another.
        (FIXED, "_attention_backend", "", []),
        (DISPATCH, "_attention_backend", "", ["ATT004"]),
        # An autoencoder runs whole on every rank.
        (FIXED, "_parallel_config", AUTOENCODER, []),
        (FIXED, "_parallel_config", "", ["ATT004"]),
        (FIXED.replace("parallel_config=self._parallel_config", ""), "", AUTOENCODER, []),
        (FIXED.replace("parallel_config=self._parallel_config", ""), "", "", ["ATT005"]),
        ("F.scaled_dot_product_attention(value, value, value, attention_mask)", "", AUTOENCODER, []),
        ("F.scaled_dot_product_attention(value, value, value, attention_mask)", "", "", ["ATT001"]),
    ],
)
def test_what_nobody_would_set_is_not_asked_for(
    write: Callable[..., None], check: Callable[..., Any], call: str, left_out: str, more: str, found: list[str]
) -> None:
    text = processor("value = attn.to_v(hidden_states)", f"return {call}").replace(f"    {left_out} = None\n", "")
    imports = "import torch.nn.functional as F\nfrom diffusers.models.modeling_utils import ModelMixin\n"
    write({"example.py": imports + text + more})
    assert [code for code in codes(check(".")) if code in ("ATT001", "ATT004", "ATT005")] == found


SPLIT = "attn.to_{}(x).unflatten(-1, (attn.heads, -1))"
DIRECT = """
import torch.nn.functional as F
from diffusers.models.attention_dispatch import dispatch_attention_fn


class P:
    _attention_backend = None
    _parallel_config = None

    def __call__(self, attn, x, mask=None):
        {splits}
        {body}
"""
PASSED = "backend=self._attention_backend, parallel_config=self._parallel_config"


def direct(split: str, *body: str) -> str:
    splits = [f"{name} = {split.format(letter)}" for name, letter in zip(("q", "k", "v"), "qkv", strict=True)]
    return DIRECT.format(splits="\n        ".join(splits), body="\n        ".join(body))


@pytest.mark.parametrize(
    ("split", "before", "after"),
    [
        (
            f"{SPLIT}.transpose(1, 2)",
            ("return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)",),
            (
                "return dispatch_attention_fn(",
                "    q.transpose(1, 2),",
                "    k.transpose(1, 2),",
                "    v.transpose(1, 2),",
                "    backend=self._attention_backend,",
                "    parallel_config=self._parallel_config,",
                ").flatten(2)",
            ),
        ),
        (
            f"{SPLIT}.transpose(1, 2)",
            (
                "x = F.scaled_dot_product_attention(key=k, value=v, query=q, attn_mask=mask, scale=0.3)",
                "x = x.transpose(1, 2).flatten(2)",
                "return x",
            ),
            (
                "x = dispatch_attention_fn(",
                "    q.transpose(1, 2),",
                "    k.transpose(1, 2),",
                "    v.transpose(1, 2),",
                "    attn_mask=mask,",
                "    scale=0.3,",
                "    backend=self._attention_backend,",
                "    parallel_config=self._parallel_config,",
                ")",
                "x = x.flatten(2)",
                "return x",
            ),
        ),
        (
            SPLIT,
            (
                "x = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask)",
                "",
                "x = x.transpose(1, 2)",
                "return x.flatten(2)",
            ),
            (
                "x = dispatch_attention_fn(",
                "    q,",
                "    k,",
                "    v,",
                "    attn_mask=mask,",
                "    backend=self._attention_backend,",
                "    parallel_config=self._parallel_config,",
                ")",
                "",
                "return x.flatten(2)",
            ),
        ),
        (
            f"{SPLIT}.transpose(1, 2)",
            ("y = F.scaled_dot_product_attention(q, k, v)", "return y[:, :, 0]"),
            (
                "y = dispatch_attention_fn(",
                "    q.transpose(1, 2),",
                "    k.transpose(1, 2),",
                "    v.transpose(1, 2),",
                "    backend=self._attention_backend,",
                "    parallel_config=self._parallel_config,",
                ").transpose(1, 2)",
                "return y[:, :, 0]",
            ),
        ),
    ],
    ids=["taken back in the call", "taken back in the next statement", "in a statement of its own", "not taken back"],
)
def test_a_direct_call_goes_through_the_dispatcher_and_computes_the_same(
    split: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
    write: Callable[..., None],
    run: Callable[..., Any],
    folder: Path,
) -> None:
    write({"a.py": direct(split, *before)})
    run("fix", "--no-cache", "--unsafe-fixes", "--select", "ATT001", "a.py")
    text = (folder / "a.py").read_text()
    assert text == direct(split, *after).replace("import torch.nn.functional as F\n", "")
    layer = SimpleNamespace(to_q=nn.Linear(6, 6), to_k=nn.Linear(6, 6), to_v=nn.Linear(6, 6), heads=2)
    x = torch.rand(1, 5, 6)
    results = []
    for source in (direct(split, *before), text):
        names: dict[str, Any] = {}
        exec(source, names)
        results.append(names["P"]()(layer, x))
    torch.testing.assert_close(results[1], results[0])


def test_heads_that_a_kernel_took_for_tokens_are_set_right(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    write({"a.py": direct(SPLIT, "return F.scaled_dot_product_attention(q, k, v)")})
    run("fix", "--no-cache", "--unsafe-fixes", "--select", "ATT001", "a.py")
    fixed = direct(SPLIT, f"return dispatch_attention_fn(q, k, v, {PASSED})")
    assert (folder / "a.py").read_text() == fixed.replace("import torch.nn.functional as F\n", "")


def test_a_processor_gets_what_the_dispatcher_is_passed(
    write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    text = direct(SPLIT, "return F.scaled_dot_product_attention(q, k, v)")
    text = text.replace("    _attention_backend = None\n    _parallel_config = None\n\n", "")
    write({"a.py": text.replace("from diffusers.models.attention_dispatch import dispatch_attention_fn\n", "")})
    run("fix", "--no-cache", "--unsafe-fixes", "--select", "ATT001", "a.py")
    fixed = direct(SPLIT, f"return dispatch_attention_fn(q, k, v, {PASSED})")
    assert (folder / "a.py").read_text() == fixed.replace("import torch.nn.functional as F\n", "")


@pytest.mark.parametrize(
    ("split", "call"),
    [
        ("attn.to_{}(x)", "F.scaled_dot_product_attention(q, k, v)"),
        (f"{SPLIT}.transpose(1, 2)", "F.scaled_dot_product_attention(q, k.transpose(1, 2), v)"),
        (SPLIT, "F.scaled_dot_product_attention(*[q, k, v])"),
        (SPLIT, "F.scaled_dot_product_attention(q, k, v, **options)"),
        (SPLIT, "F.scaled_dot_product_attention(q + 1, k, v)"),
    ],
    ids=["not split into heads", "in two orders", "starred", "with more options", "an expression"],
)
def test_a_direct_call_is_left_to_a_person_where_its_layout_is_not_sure(
    split: str, call: str, write: Callable[..., None], run: Callable[..., Any], folder: Path
) -> None:
    text = direct(split, f"return {call}")
    write({"a.py": text})
    outcome = run("fix", "--no-cache", "--unsafe-fixes", "--select", "ATT001", "a.py")
    assert (folder / "a.py").read_text() == text
    assert "ATT001" in outcome.out
