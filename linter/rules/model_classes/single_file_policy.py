"""MOD010 single-file-policy."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Function, Module
from linter.rules.base import Rule


class SingleFilePolicy(Rule):
    """A transformer's file imports layers from another model's file.

    ## What it does
    Finds files that define a model, in a folder `transformers` or called `transformer_...`, and import a layer, a
    processor or a function from another such file.

    ## Why is this bad?
    Each model is read, changed and tested by itself. An import ties two models together: whoever mends one changes the
    other. A marked copy says where the code comes from and is kept in line by the linter.

    ## Exceptions
    Other models as such, output classes, and files of shared layers, which define no model. A variant's import from
    the file whose name its own begins with is a warning.
    """

    code = "MOD010"
    name = "single-file-policy"
    guide = "models.md#porting"
    bad = {
        "transformer_large.py": """
            from diffusers.configuration_utils import ConfigMixin
            from diffusers.models.modeling_utils import ModelMixin
            from torch import nn


            class LargeBlock(nn.Module):
                pass


            class LargeTransformer2DModel(ModelMixin, ConfigMixin):
                pass
        """,
        "transformer_tiny.py": """
            from diffusers.configuration_utils import ConfigMixin
            from diffusers.models.modeling_utils import ModelMixin
            from transformer_large import LargeBlock  #!


            class TinyTransformer2DModel(ModelMixin, ConfigMixin):
                block = LargeBlock
        """,
    }
    good = {
        "transformer_tiny.py": """
            from diffusers.configuration_utils import ConfigMixin
            from diffusers.models.modeling_utils import ModelMixin
            from torch import nn


            # Copied from transformer_large.LargeBlock with Large->Tiny
            class TinyBlock(nn.Module):
                pass


            class TinyTransformer2DModel(ModelMixin, ConfigMixin):
                block = TinyBlock
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        if not self._is_model_file(module):
            return
        for item in module.facts.imports:
            found = module.find(item.name) if not item.type_checking else None
            if found is None or isinstance(found, Module) or found.module is module:
                continue
            if self._is_model_file(found.module) and self._is_layer(found):
                message = f"`{item.name}` is imported from the model file `{found.module.name}`; make it a marked copy"
                is_variant = module.path.stem.startswith(found.module.path.stem)
                yield self.finding(module, item.span, message, severity=Severity.WARNING if is_variant else None)

    def _is_model_file(self, module: Module) -> bool:
        in_place = module.path.parent.name == "transformers" or module.path.stem.startswith("transformer_")
        return in_place and any(cls.is_model for cls in module.classes.values())

    def _is_layer(self, found: Class | Function) -> bool:
        return isinstance(found, Function) or (found.is_module and not found.is_model) or found.is_processor
