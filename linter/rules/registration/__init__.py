"""REG: the tables of a lazily imported library that a public class must stand in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from linter.facts import LazyEntry
from linter.project import Class
from linter.project.lazy_packages import Lazy


GUIDE = "models.md#registration"
_PUBLIC_BASES = ("DiffusionPipeline", "ModularPipeline", "SchedulerMixin")


def is_public(cls: Class) -> bool:
    """Whether users import a class from the library: a model with a config, a pipeline or a scheduler, and not a base
    of those.
    """
    if cls.name.startswith("_") or cls.name in _PUBLIC_BASES or "." in cls.qualname:
        return False
    return (cls.is_model and cls.inherits("ConfigMixin")) or cls.inherits(*_PUBLIC_BASES)


def is_deprecated(cls: Class) -> bool:
    """Whether a class is kept only for those who use it already: it lies among such, makes another, or says so."""
    init = cls.own_methods.get("__init__")
    calls = [call for call in init.facts.calls if call.method == "deprecate"] if init else []
    says_so = any(call.arguments and call.arguments[0].path[1:-1] == cls.name for call in calls)
    is_kept = "deprecated" in cls.module.name.split(".") or cls.inherits("DeprecatedPipelineMixin")
    return is_kept or cls.is_shim or says_so


def offered(table: Lazy, entries: Iterable[LazyEntry], packages: Collection[str]) -> Iterator[LazyEntry]:
    """Those entries of a library's top-level table that are what some of its packages are there for: the models of
    `models`, the pipelines of the others; none that is deprecated.
    """
    for entry in entries:
        package = entry.submodule.partition(".")[0]
        cls = table.definition(entry) if package in packages else None
        if not isinstance(cls, Class) or not is_public(cls) or is_deprecated(cls):
            continue
        if package == "models" or cls.inherits("DiffusionPipeline", "ModularPipeline"):
            yield entry


# A whole lazy library, small: the rules' examples are changes of it.
MODEL_FILE = """
            from .configuration_utils import ConfigMixin
            from .modeling_utils import ModelMixin


            class TinyModel(ModelMixin, ConfigMixin):
                pass
"""


LAZY_TOP = """
            from typing import TYPE_CHECKING

            from .utils import _LazyModule

            _import_structure = {"models": ["TinyModel"]}

            if TYPE_CHECKING:
                from .models import TinyModel
            else:
                import sys

                sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""


LAZY_MODELS = """
            from typing import TYPE_CHECKING

            from ..utils import _LazyModule

            _import_structure = {}
            _import_structure["tiny"] = ["TinyModel"]

            if TYPE_CHECKING:
                from .tiny import TinyModel
            else:
                import sys

                sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""


LIBRARY = {
    "tinylib/__init__.py": LAZY_TOP,
    "tinylib/utils/__init__.py": "class _LazyModule:\n    pass\n",
    "tinylib/models/__init__.py": LAZY_MODELS,
    "tinylib/models/configuration_utils.py": "class ConfigMixin:\n    pass\n",
    "tinylib/models/modeling_utils.py": "from torch import nn\n\n\nclass ModelMixin(nn.Module):\n    pass\n",
    "tinylib/models/tiny.py": MODEL_FILE,
}


# The library with hooks: a block, its model, and the tables that the hooks look them up in.
BLOCK_FILE = """
            from torch import nn

            from ..hooks import CacheMixin
            from .modeling_utils import ModelMixin


            class TinyBlock(nn.Module):
                def forward(self, hidden_states, encoder_hidden_states):
                    return encoder_hidden_states, hidden_states


            class TinyModel(ModelMixin, CacheMixin):
                def __init__(self):
                    super().__init__()
                    self.transformer_blocks = nn.ModuleList([TinyBlock() for _ in range(2)])
"""


HOOK_TABLES = """
            class AttentionProcessorRegistry:
                pass


            class TransformerBlockRegistry:
                pass


            class TransformerBlockMetadata:
                pass


            def _register_transformer_blocks_metadata():
                from ..models.tiny import TinyBlock

                TransformerBlockRegistry.register(
                    model_class=TinyBlock,
                    metadata=TransformerBlockMetadata(
                        return_hidden_states_index=1,
                        return_encoder_hidden_states_index=0,
                    ),
                )
"""


HOOKED_LIBRARY = {
    "tinylib/__init__.py": LAZY_TOP,
    "tinylib/hooks/__init__.py": "class CacheMixin:\n    pass\n",
    "tinylib/hooks/_common.py": '_SPATIAL_TRANSFORMER_BLOCK_IDENTIFIERS = ("blocks", "transformer_blocks")\n',
    "tinylib/hooks/_helpers.py": HOOK_TABLES,
    "tinylib/models/__init__.py": "",
    "tinylib/models/modeling_utils.py": "from torch import nn\n\n\nclass ModelMixin(nn.Module):\n    pass\n",
    "tinylib/models/tiny.py": BLOCK_FILE,
}
