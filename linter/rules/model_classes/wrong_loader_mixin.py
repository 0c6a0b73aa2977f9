"""MOD016 wrong-loader-mixin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE


class WrongLoaderMixin(Rule):
    """A model inherits a loader mixin that was written for another model.

    ## What it does
    Compares the model's name with that of bases such as `FluxTransformer2DLoadersMixin`.

    ## Why is this bad?
    Such a mixin knows one model's layers and widths: it loads an IP-adapter of that model into this one, where it
    fails or, worse, fits.

    ## Exceptions
    Mixins that name no model, such as `PeftAdapterMixin`, and a model that is built of the other one's attention
    layers, which its mixin fits.
    """

    code = "MOD016"
    name = "wrong-loader-mixin"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.loaders import FluxTransformer2DLoadersMixin
        from diffusers.models.modeling_utils import ModelMixin


        class TinyTransformer2DModel(ModelMixin, ConfigMixin, FluxTransformer2DLoadersMixin):  #!
            pass
    """
    good = bad.replace("FluxTransformer2DLoadersMixin", "PeftAdapterMixin").replace("  #!", "")

    _MIXIN = re.compile(r"(?P<family>[A-Z]\w*?)(Transformer|UNet|ControlNet)\w*Loaders?Mixin$")

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            if not cls.is_model:
                continue
            for base, span in zip(cls.facts.bases, cls.facts.base_spans, strict=True):
                match = self._MIXIN.match(base.rpartition(".")[2])
                if (
                    match
                    and not cls.name.lower().startswith(match["family"].lower())
                    and not _fits(cls, match["family"])
                ):
                    message = f"`{match[0]}` is the loader of {match['family']} models, not of `{cls.name}`"
                    yield self.finding(module, span, message, cls)


def _fits(cls: Class, family: str) -> bool:
    """Whether a model owns attention layers of another family."""
    return any(part.name.startswith(family) and part.inherits("AttentionModuleMixin") for part in cls.all_parts())
