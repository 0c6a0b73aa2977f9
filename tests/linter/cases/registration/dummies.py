"""Dummies for what only some users have, beside the names that need it."""

TOP = "tinylib/__init__.py"
_ASKED = "".join(f"def is_{name}_available():\n    return True\n\n\n" for name in ("torch", "transformers", "flax"))
_BLOCK = """

try:
    if not ({test}):
        raise OptionalDependencyNotAvailable()
except OptionalDependencyNotAvailable:
{dummies}else:
{names}"""
_DUMMIES = '    _import_structure["utils.{}"] = [name for name in dir({})]{}\n'
_TORCH, _BOTH = "is_torch_available()", "is_torch_available() and is_transformers_available()"
_OBJECT = "class {}(metaclass=type):\n    _backends = {}\n"
_NAMES = ("FirstModel", "NewModel", "SecondModel", "TinyPipeline", "FlaxModel")


def _behind(test: str, dummies: dict[str, str], names: str) -> str:
    lines = "".join(_DUMMIES.format(name, name, mark) for name, mark in dummies.items())
    return _BLOCK.format(test=test, dummies=lines, names=names)


def _dummies(*names: str, backends: str = '["torch"]') -> str:
    return "\n\n".join(_OBJECT.format(name, backends) for name in names)


_HEAD = "if TYPE_CHECKING:\n    from .models import *\n\n_import_structure = {}\n"
_FILES = {
    "tinylib/utils/__init__.py": _ASKED,
    "tinylib/models.py": "\n\n".join(f"class {name}:\n    pass\n" for name in _NAMES),
}
_MODELS = '    _import_structure["models"] = ["FirstModel", "SecondModel"]\n'
_LIBRARY = {
    **_FILES,
    TOP: _HEAD
    + _behind(
        _TORCH,
        {"dummy_pt_objects": "  #! REG005", "dummy_more_objects": ""},
        _MODELS + '    _import_structure["models"] += ["NewModel"]  #! REG005\n',
    )
    + _behind(
        _BOTH, {"dummy_torch_and_transformers_objects": ""}, '    _import_structure["models"] += ["TinyPipeline"]\n'
    )
    + _behind("is_flax_available()", {"dummy_gone_objects": ""}, '    _import_structure["models"] += ["FlaxModel"]\n'),
    "tinylib/utils/dummy_pt_objects.py": _dummies("FirstModel", "GoneModel"),
    "tinylib/utils/dummy_more_objects.py": _dummies("SecondModel", "_Private"),
    "tinylib/utils/dummy_torch_and_transformers_objects.py": _dummies(
        "TinyPipeline", backends='["torch", "transformers"]'
    ),
}
_ONE = _HEAD + _behind(_TORCH, {"dummy_pt_objects": ""}, _MODELS)

CASES = {
    "names and dummies behind several backends, in several modules, in none": _LIBRARY,
    "dummies of a table that is put together at run time": {
        **_FILES,
        TOP: _ONE + "\n_import_structure.update(more())\n",
        "tinylib/utils/dummy_pt_objects.py": _dummies("FirstModel", "GoneModel", "SecondModel"),
    },
}

FIXES = {
    "a dummy that stands for nothing goes": (
        "REG005",
        {**_FILES, TOP: _ONE, "tinylib/utils/dummy_pt_objects.py": _dummies("FirstModel", "GoneModel", "SecondModel")},
        {"tinylib/utils/dummy_pt_objects.py": _dummies("FirstModel", "SecondModel")},
    ),
    "a dummy of what a package below offers stays": (
        "REG005",
        {
            **_FILES,
            TOP: _ONE + '    _import_structure["parts"] = ["FirstModel"]\n',
            "tinylib/parts/__init__.py": '_import_structure = {"far": ["FarModel"]}\n',
            "tinylib/parts/far.py": "class FarModel:\n    pass\n",
            "tinylib/utils/dummy_pt_objects.py": _dummies("FarModel", "FirstModel", "SecondModel"),
        },
        None,
    ),
}
