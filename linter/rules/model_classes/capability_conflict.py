"""MOD019 capability-conflict."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts.values import Value
from linter.findings import Finding
from linter.project import Class, Module
from linter.project.metadata_rows import MetadataRow, rows_in
from linter.project.submodules import lacks
from linter.rules.attention import PROJECTIONS, is_attention
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class CapabilityConflict(Rule):
    """A capability is declared twice and differently, or declared and not there.

    ## What it does
    Compares what a class says of one capability in several places: an attribute that its body, or a method, sets to
    another value; a row of `metadata()` that tells a value of its own, or another attribute than it is named after;
    and `_supports_qkv_fusion`, which attention layers inherit as `True`, with the attributes that fusing reads.

    ## Why is this bad?
    Tools ask the class. One that claims a fusion that it cannot do breaks `fuse_qkv_projections` of the whole model; a
    table that tells another value than the class has is believed.

    ## Exceptions
    Values that are not literal, rows that a condition adds, and what a layer's own `fuse_projections` does not read.
    """

    code = "MOD019"
    name = "capability-conflict"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):  #!
            def __init__(self, dim):
                super().__init__()
                self.use_bias = False
                self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)


        class TinyModel(ModelMixin, ConfigMixin):
            _supports_group_offloading = False

            @classmethod
            def metadata(cls):
                return {"_supports_group_offloading": True}  #!
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _supports_qkv_fusion = False

            def __init__(self, dim):
                super().__init__()
                self.use_bias = False
                self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)


        class TinyModel(ModelMixin, ConfigMixin):
            _supports_group_offloading = False

            @classmethod
            def metadata(cls):
                return {"_supports_group_offloading": cls._supports_group_offloading}
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for attribute in module.facts.attributes:
            if len(_DECLARED.intersection(attribute.value.strings)) > 1:
                for row in rows_in(module, attribute.span, _DECLARED):
                    yield from self._of_another(module, row, attribute.name)
        for cls in module.classes.values():
            yield from self._declared_again(module, cls)
            yield from self._told_otherwise(module, cls)
            missing = _unfusable(cls)
            if missing:
                names = ", ".join(f"`{name}`" for name in missing)
                message = f"`{cls.name}` says that its projections can be fused, and has no {names}"
                yield self.finding(module, cls.facts.header, message, cls)

    def _declared_again(self, module: Module, cls: Class) -> Iterator[Finding]:
        """Attributes that the body of a class, or its methods, set to another value."""
        for attribute in cls.facts.attributes:
            first = next(item for item in cls.facts.attributes if item.name == attribute.name)
            if attribute.name in _DECLARED and _differ(attribute.value, first.value):
                message = f"`{attribute.name}` of `{cls.name}` has another value on line {first.span.line}"
                yield self.finding(module, attribute.span, message, cls)
        for method in cls.own_methods.values():
            for write in method.facts.writes if method.facts.mentions("self._supports_") else ():
                # No other capability is a literal that can be compared with what is assigned.
                if not write.target.startswith("self._supports_") or write.value not in ("True", "False"):
                    continue
                name = write.target[5:]
                declared = cls.attribute(name)
                if declared is not None and declared.kind == "bool" and declared.text != write.value:
                    message = f"`{method.name}` sets `{name}` to {write.value}, and the class says {declared.text}"
                    yield self.finding(module, write.span, message, method)

    def _told_otherwise(self, module: Module, cls: Class) -> Iterator[Finding]:
        """Rows of a class's own `metadata()`."""
        for method in (cls.own_methods.get("metadata"), cls.own_methods.get("_metadata")):
            for row in rows_in(module, method.facts.span, _DECLARED) if method is not None else ():
                declared = cls.attribute(row.name)
                if row.literal is not None and declared is not None and _differ(row.literal, declared):
                    message = f"this row tells another `{row.name}` than `{cls.name}` declares; read it from the class"
                    yield self.finding(module, row.span, message, cls)
                yield from self._of_another(module, row, cls.qualname)

    def _of_another(self, module: Module, row: MetadataRow, symbol: str) -> Iterator[Finding]:
        if row.mentions and row.name not in row.mentions:
            others = " and ".join(f"`{name}`" for name in sorted(row.mentions))
            yield self.finding(module, row.span, f"the row `{row.name}` tells {others}", symbol)


_DECLARED = frozenset(
    {
        "_cp_plan",
        "_keep_in_fp32_modules",
        "_no_split_modules",
        "_repeated_blocks",
        "_skip_keys",
        "_skip_layerwise_casting_patterns",
        "_supports_gradient_checkpointing",
        "_supports_group_offloading",
        "_supports_qkv_fusion",
        "_tp_plan",
    }
)
_FUSED = (*PROJECTIONS, "use_bias")
"""What `fuse_projections` reads of a layer."""


def _differ(one: Value, other: Value) -> bool:
    """Whether two declared values are surely not the same."""
    if not all(value.kind in ("bool", "none", "number", "string", "sequence") for value in (one, other)):
        return False
    if not all(value.complete and "?" not in value.items for value in (one, other)):
        return False
    return (one.kind, one.text, one.items) != (other.kind, other.text, other.items)


def _unfusable(cls: Class) -> tuple[str, ...]:
    """What fusing takes and an attention layer that claims to be fusable lacks."""
    if not is_attention(cls) or not cls.is_module or cls.method("__init__") is None:
        return ()
    flag, fuse = cls.attribute("_supports_qkv_fusion"), cls.method("fuse_projections")
    if flag is not None and flag.text != "True":
        return ()
    taken = [name for name in _FUSED if fuse is None or fuse.facts.mentions(f"self.{name}")]
    return tuple(name for name in taken if lacks(cls, name))
