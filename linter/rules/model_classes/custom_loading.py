"""MOD011 custom-loading."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.project import Class, Module
from linter.rules.base import Rule
from linter.rules.model_classes import GUIDE, is_container


class CustomLoading(Rule):
    """A model loads itself instead of leaving that to the library.

    ## What it does
    Finds models that override `from_pretrained`, and in the files of models calls of `load_file`, `torch.load`,
    `hf_hub_download` and `snapshot_download`, and edits of `sys.path`.

    ## Why is this bad?
    Sharding, quantisation, device maps, offline use and safe formats are the library's loading code. A model that
    loads by itself has none of them.

    ## Exceptions
    Containers of models that are given to `__init__`, which have nothing of their own to load, and mixins.
    """

    code = "MOD011"
    name = "custom-loading"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from safetensors.torch import load_file


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            @classmethod
            def from_pretrained(cls, path):  #!
                model = cls()
                model.load_state_dict(load_file(path))  #!
                return model
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()
    """

    _LOADERS = frozenset(
        {
            "safetensors.torch.load_file",
            "torch.load",
            "huggingface_hub.hf_hub_download",
            "huggingface_hub.snapshot_download",
            "sys.path.append",
            "sys.path.insert",
            "sys.path.extend",
        }
    )

    def check(self, module: Module) -> Iterator[Finding]:
        models = [cls for cls in module.classes.values() if cls.is_model and not cls.name.endswith("Mixin")]
        for cls in models:
            own = cls.own_methods.get("from_pretrained")
            if own is not None and not is_container(cls):
                message = f"`{cls.name}` overrides `from_pretrained`; load through the library"
                yield self.finding(module, own.facts.header, message, own)
        functions = [item for item in module.definitions.values() if not isinstance(item, Class)] if models else []
        for function in functions:
            for call in function.facts.calls:
                if function.target(call.path) in self._LOADERS:
                    yield self.finding(module, call.span, f"`{call.path}` in a model's file", function)
        for call in module.facts.calls if models else ():
            if module.resolve(call.path) in self._LOADERS:
                yield self.finding(module, call.span, f"`{call.path}` in a model's file")
