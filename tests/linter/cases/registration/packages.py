"""Packages between a public class and the top of its library: those that import lazily, and those that do not."""

import textwrap

from linter.rules.registration import LAZY_MODELS, LAZY_TOP, LIBRARY, MODEL_FILE


TOP, MODELS, TINY = "tinylib/__init__.py", "tinylib/models/__init__.py", "tinylib/models/tiny.py"
_TYPED = "if TYPE_CHECKING:\n    from .{} import *\n\n"
_CLASS = "class {}({}):{}\n    pass\n"
_BASES = "".join(
    _CLASS.format(name, "Base", "") + "\n\n"
    for name in ("ConfigMixin", "ModelMixin", "DiffusionPipeline", "ModularPipeline", "SchedulerMixin", "CacheMixin")
)
_FILES = {
    TOP: _TYPED.format("pipelines") + '_import_structure = {"pipelines": ["TinyPipeline"]}\n',
    "tinylib/base.py": "from torch import nn\n\nBase = nn.Module\n\n\n" + _BASES,
    "tinylib/pipelines/__init__.py": _TYPED.format("tiny") + '_import_structure = {"tiny": ["TinyPipeline"]}\n',
    "tinylib/pipelines/tiny/__init__.py": "import torch\nfrom .pipeline_tiny import TinyPipeline\n",
    "tinylib/pipelines/tiny/pipeline_tiny.py": "from ...base import DiffusionPipeline\n\n\n"
    + _CLASS.format("TinyPipeline", "DiffusionPipeline", ""),
}
_PIPELINES = "tinylib/pipelines/tiny/pipeline_tiny.py"
_SMALL = "\n\n            class SmallModel(ModelMixin, ConfigMixin):\n                pass\n"
_NEW = "from ...base import DiffusionPipeline, ModularPipeline, SchedulerMixin\n\n\n"

CASES = {
    "pipelines, modular ones and schedulers that packages lack": {
        **_FILES,
        _PIPELINES: _NEW
        + _CLASS.format("TinyPipeline", "DiffusionPipeline", "")
        + _CLASS.format("NewPipeline", "DiffusionPipeline", "  #! REG001")
        + _CLASS.format("NewModular", "ModularPipeline", "  #! REG001")
        + _CLASS.format("NewScheduler", "SchedulerMixin", "  #! REG001")
        + _CLASS.format("SchedulerMixin", "DiffusionPipeline", "")
        + _CLASS.format("_Private", "DiffusionPipeline", "")
        + _CLASS.format("TinyOutput", "BaseOutput", ""),
    },
    "a package whose `__init__` is empty, and one that imports from elsewhere alone": {
        **_FILES,
        TOP: _FILES[TOP].replace('["TinyPipeline"]', '["TinyPipeline", "NewPipeline"]'),
        "tinylib/pipelines/__init__.py": _FILES["tinylib/pipelines/__init__.py"].replace(
            '["TinyPipeline"]', '["TinyPipeline"], "new.pipeline_new": ["NewPipeline"]'
        ),
        "tinylib/pipelines/new/__init__.py": "import torch\nfrom torch import nn\n",
        "tinylib/pipelines/new/pipeline_new.py": "from ...base import DiffusionPipeline\n\n\n"
        + _CLASS.format("NewPipeline", "DiffusionPipeline", ""),
    },
    "a class of the package's own `__init__`": {
        **_FILES,
        "tinylib/pipelines/tiny/__init__.py": "from ...base import DiffusionPipeline\n"
        "from .pipeline_tiny import TinyPipeline\n\n\n" + _CLASS.format("NewPipeline", "DiffusionPipeline", ""),
    },
    "models among a pipeline's files": {
        **_FILES,
        "tinylib/pipelines/tiny/parts.py": "from ...base import ConfigMixin, DiffusionPipeline, ModelMixin\n\n\n"
        + _CLASS.format("TinyPart", "ModelMixin, ConfigMixin", "")
        + _CLASS.format("TinyBoth", "ModelMixin, ConfigMixin, DiffusionPipeline", "  #! REG001"),
    },
    "a table that is put together at run time": {
        **_FILES,
        TOP: _FILES[TOP] + "_import_structure.update(more())\n",
        "tinylib/pipelines/__init__.py": _FILES["tinylib/pipelines/__init__.py"]
        + "_import_structure.update(more())\n",
        _PIPELINES: _FILES[_PIPELINES] + _CLASS.format("NewPipeline", "DiffusionPipeline", "  #! REG001"),
    },
    "a table next to the class that is put together at run time": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace(
            "if TYPE_CHECKING:\n", "_import_structure.update(more())\n            if TYPE_CHECKING:\n"
        ),
        TINY: MODEL_FILE + _SMALL,
    },
    "a top that is put together at run time": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace('["TinyModel"]', '["SmallModel", "TinyModel"]').replace(
            "import TinyModel", "import SmallModel, TinyModel"
        ),
        TINY: MODEL_FILE + _SMALL,
        TOP: LAZY_TOP.replace('["TinyModel"]}', '["Other"]}  #! REG003 REG004').replace(
            "if TYPE_CHECKING:\n", "_import_structure.update(more())\n            if TYPE_CHECKING:\n"
        ),
        "tinylib/models/other.py": "",
    },
    "a class that the top offers to type checkers alone": {
        **LIBRARY,
        TOP: LAZY_TOP.replace('["TinyModel"]', "[]")
        .replace("import TinyModel", "import TinyModel  #! REG003")
        .replace("_import_structure = {", '_import_structure = {"utils": ["_LazyModule"], ')
        .replace("if TYPE_CHECKING:\n", "if TYPE_CHECKING:\n                from .utils import _LazyModule\n"),
    },
    "a lazy package that only one of two above knows": {
        **_FILES,
        "tinylib/pipelines/tiny/__init__.py": _TYPED.format("pipeline_tiny")
        + '_import_structure = {"pipeline_tiny": ["NewPipeline", "TinyPipeline"]}\n',
        _PIPELINES: _FILES[_PIPELINES] + _CLASS.format("NewPipeline", "DiffusionPipeline", "  #! REG001"),
    },
    "a lazy package that knows of its class last": {
        **_FILES,
        "tinylib/pipelines/__init__.py": _FILES["tinylib/pipelines/__init__.py"].replace(
            '["TinyPipeline"]', '["NewPipeline", "TinyPipeline"]'
        ),
        "tinylib/pipelines/tiny/__init__.py": _TYPED.format("pipeline_tiny")
        + '_import_structure = {"pipeline_tiny": ["TinyPipeline"]}\n',
        _PIPELINES: _FILES[_PIPELINES] + _CLASS.format("NewPipeline", "DiffusionPipeline", "  #! REG001"),
    },
    "a library that imports everything at once": {
        **_FILES,
        TOP: "from .pipelines import TinyPipeline\n",
        _PIPELINES: _FILES[_PIPELINES] + _CLASS.format("NewPipeline", "DiffusionPipeline", ""),
    },
    "outputs that one of two lists names": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace("import TinyModel", "import TinyModel, TinyOutput"),
        TINY: MODEL_FILE + "\n\n            class TinyOutput:\n                pass\n",
    },
    "names that type checkers alone are told of": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace(
            "from .tiny import TinyModel",
            "from .tiny import TinyModel\n                from .tiny import Layer  #! REG002",
        ),
        TINY: MODEL_FILE + "\n\n            class Layer:\n                pass\n",
    },
    "outputs that the top and a package do not both name": {
        TOP: _TYPED.format("models")
        + '_import_structure = {"models": ["TinyModel"], "pipelines": ["TinyPipeline"], "plain": ["PlainOutput"]}\n'
        '_import_structure["models"] += ["TopOutput"]  #! REG004 REG020\n'
        '_import_structure["pipelines"] += ["FarOutput", "NearOutput"]\n',
        MODELS: _TYPED.format("tiny") + '_import_structure = {"tiny": ["TinyModel"]}\n'
        '_import_structure["tiny"] += ["TinyOutput"]  #! REG020\n'
        '_import_structure["tiny"] += ["GoneOutput"]  #! REG004\n'
        '_import_structure["inner"] = ["InnerOutput"]  #! REG004\n',
        TINY: "class TinyModel:\n    pass\n\n\nclass TinyOutput:\n    pass\n",
        "tinylib/models/inner/__init__.py": _TYPED.format("deep") + '_import_structure = {"deep": ["DeepOutput"]}\n',
        "tinylib/models/inner/deep.py": "class DeepOutput:\n    pass\n",
        "tinylib/pipelines/__init__.py": _TYPED.format("tiny")
        + '_import_structure = {"tiny": ["TinyPipeline", "FarOutput"]}\n_import_structure.update(more())\n',
        "tinylib/pipelines/tiny.py": "class TinyPipeline:\n    pass\n\n\nclass FarOutput:\n    pass\n"
        "\n\nclass NearOutput:\n    pass\n",
        "tinylib/hidden/__init__.py": _TYPED.format("tiny") + '_import_structure = {"tiny": ["HiddenOutput"]}\n',
        "tinylib/hidden/tiny.py": "class HiddenOutput:\n    pass\n",
        "tinylib/plain.py": "class PlainOutput:\n    pass\n",
    },
    "outputs of a package whose top is put together at run time": {
        TOP: _TYPED.format("models")
        + '_import_structure = {"models": ["TinyModel"]}\n_import_structure.update(more())\n',
        MODELS: _TYPED.format("tiny") + '_import_structure = {"tiny": ["TinyModel", "TinyOutput"]}\n',
        TINY: "class TinyModel:\n    pass\n\n\nclass TinyOutput:\n    pass\n",
    },
}

_BACKEND = """
try:
    if not is_{}_available():
        raise OptionalDependencyNotAvailable()
except OptionalDependencyNotAvailable:
    pass
else:
    {}
"""


def _behind_two(names: str) -> str:
    """A package of models behind two backends, the second of which has some names."""
    typed = (("torch", "FirstModel, OtherModel"), ("flax", "LastModel, TinyModel"))
    return (
        "_import_structure = {}\n"
        + _BACKEND.format("torch", '_import_structure["tiny"] = ["FirstModel", "OtherModel"]')
        + _BACKEND.format("flax", f'_import_structure["tiny"] = [{names}]')
        + "\nif TYPE_CHECKING:"
        + "".join(textwrap.indent(_BACKEND.format(name, f"from .tiny import {of}"), "    ") for name, of in typed)
    )


FIXES = {
    "a new pipeline goes into the import of its module, at its place": (
        "REG001",
        {
            **_FILES,
            _PIPELINES: _FILES[_PIPELINES] + "\n\n" + _CLASS.format("NewPipeline", "DiffusionPipeline", ""),
        },
        {
            "tinylib/pipelines/__init__.py": _FILES["tinylib/pipelines/__init__.py"].replace(
                '["Tiny', '["NewPipeline", "Tiny'
            ),
            "tinylib/pipelines/tiny/__init__.py": "import torch\n"
            "from .pipeline_tiny import NewPipeline, TinyPipeline\n",
        },
    ),
    "a new pipeline in a module of its own goes into what its package imports, at its place": (
        "REG001",
        {
            **_FILES,
            "tinylib/pipelines/tiny/pipeline_new.py": _FILES[_PIPELINES].replace("TinyPipeline", "NewPipeline"),
        },
        {
            "tinylib/pipelines/__init__.py": _FILES["tinylib/pipelines/__init__.py"].replace(
                '["Tiny', '["NewPipeline", "Tiny'
            ),
            "tinylib/pipelines/tiny/__init__.py": "import torch\nfrom .pipeline_new import NewPipeline\n"
            "from .pipeline_tiny import TinyPipeline\n",
        },
    ),
    "a new model goes behind the backend that its import for type checkers stands behind": (
        "REG001",
        {**LIBRARY, MODELS: _behind_two('"LastModel"')},
        {MODELS: _behind_two('"LastModel", "TinyModel"')},
    ),
    "a model that its package registers goes to the others of that package at the top": (
        "REG003",
        {
            **LIBRARY,
            MODELS: LAZY_MODELS.replace('["TinyModel"]', '["SmallModel", "TinyModel"]'),
            TINY: MODEL_FILE + _SMALL,
        },
        {
            TOP: LAZY_TOP.replace('["TinyModel"]', '["SmallModel", "TinyModel"]').replace(
                "import TinyModel", "import SmallModel, TinyModel"
            )
        },
    ),
}

MESSAGES = {
    "what a lazy package lacks, and one that imports at once": (
        "REG001",
        {**_FILES, _PIPELINES: _FILES[_PIPELINES] + "\n\n" + _CLASS.format("NewPipeline", "DiffusionPipeline", "")},
        [
            "`NewPipeline` is missing from the `_import_structure` of `tinylib.pipelines.__init__`",
            "`NewPipeline` is missing from the imports of `tinylib.pipelines.tiny.__init__`",
        ],
    ),
}
