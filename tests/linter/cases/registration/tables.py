"""Lazy tables: what stands in them, what does not, and what need not."""

from linter.rules.registration import LAZY_MODELS, LAZY_TOP, LIBRARY, MODEL_FILE


TOP, MODELS, TINY = "tinylib/__init__.py", "tinylib/models/__init__.py", "tinylib/models/tiny.py"


_TABLE = (
    LAZY_MODELS.replace("{}", "{{}}")
    .replace('["TinyModel"]', "[{names}]")
    .replace("import TinyModel", "import {typed}")
)
_MORE = """

            class Small{name}(ModelMixin, ConfigMixin):{mark}
                pass
"""
_TOP = (
    LAZY_TOP.replace("{", "{{")
    .replace("}", "}}")
    .replace("import TinyModel", "import {typed}")
    .replace('["TinyModel"]', "[{names}]")
)

CASES = {
    "a model that no table names": {**LIBRARY, TINY: MODEL_FILE + _MORE.format(name="Model", mark="  #! REG001")},
    "a model that only the table next to it names": {
        **LIBRARY,
        TINY: MODEL_FILE + _MORE.format(name="Model", mark="  #! REG003"),
        MODELS: _TABLE.format(names='"TinyModel", "SmallModel"', typed="SmallModel, TinyModel"),
    },
    "what users do not import: private classes, nested ones, halves of models": {
        **LIBRARY,
        TINY: MODEL_FILE
        + """

            class _PrivateModel(ModelMixin, ConfigMixin):
                class Nested(ModelMixin, ConfigMixin):
                    pass


            class TinyHalf(ModelMixin):
                pass


            class TinyConfig(ConfigMixin):
                pass
        """,
    },
    "an entry of a module that is not there": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace(
            '["TinyModel"]\n',
            '["TinyModel"]\n            _import_structure["gone"] = ["GoneModel"]  #! REG002 REG004\n',
        ),
    },
    "entries that are no names": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace(
            '["TinyModel"]\n',
            '["TinyModel", "", "class"]  #! REG002 REG002 REG004 REG004\n',
        ),
    },
    "entries that a module has by import, by a star, by its own table, as a module, or only when it runs": {
        **LIBRARY,
        MODELS: """
            if TYPE_CHECKING:
                from .tiny import *

            _import_structure = {"tiny": ["TinyModel"]}
            _import_structure["taken"] = [
                "Imported",
                "Starred",
                "GONE",  #! REG004
            ]
            _import_structure["inner"] = [
                "deep",
                "Listed",
                "Unlisted",  #! REG004
            ]
            _import_structure["open"] = ["Anything"]
            _import_structure["made"] = ["Anything"]
            _import_structure["broken"] = ["Anything"]
        """,
        "tinylib/models/taken.py": "from .source import *\nfrom .source import Imported\n",
        "tinylib/models/source.py": "class Imported:\n    pass\n\n\nclass Starred:\n    pass\n",
        "tinylib/models/inner/__init__.py": '_import_structure = {"deep": ["Listed"]}\n',
        "tinylib/models/inner/deep.py": "class Listed:\n    pass\n\n\nclass Unlisted:\n    pass\n",
        "tinylib/models/open/__init__.py": "if TYPE_CHECKING:\n    from .part import *\n\n"
        '_import_structure = {"part": ["Part"]}\n_import_structure.update(more())\n',
        "tinylib/models/open/part.py": "class Part:\n    pass\n",
        "tinylib/models/made.py": "def __getattr__(name):\n    return make(name)\n",
        "tinylib/models/broken.py": "class Anything(\n",
    },
    "output classes may be in one of the two lists": {
        **LIBRARY,
        MODELS: _TABLE.format(names='"TinyModel", "TinyOutput"', typed="TinyModel").replace(
            '"TinyOutput"]', '"TinyOutput"]  #! REG020'
        ),
        TINY: MODEL_FILE + "\n\n            class TinyOutput:\n                pass\n",
    },
    "the two lists of the top": {
        **LIBRARY,
        TOP: _TOP.format(
            names='\n                "TinyModel",\n                "SmallModel",  #! REG003\n            ',
            typed="TinyModel",
        ),
        TINY: MODEL_FILE + _MORE.format(name="Model", mark=""),
        MODELS: _TABLE.format(names='"TinyModel", "SmallModel"', typed="SmallModel, TinyModel"),
    },
}


_LETTERS = [f'"{letter}Model"' for letter in "ABCDEFGHIJKLMNOPQRSTU"]


def _list(*names: str, above: str = "") -> str:
    lines = "".join(f"    {name},\n" for name in names)
    typed = "if TYPE_CHECKING:\n    from .plain import *\n\n"
    return f'{typed}_import_structure = {{}}\n_import_structure["plain"] = [\n{above}{lines}]\n'


_PLAIN = "".join(f"class {name[1:-1]}:\n    pass\n\n\n" for name in (*_LETTERS, '"AaModel"'))
_GUARDS = """
            try:
                if not is_torch_available():
                    raise OptionalDependencyNotAvailable()
            except OptionalDependencyNotAvailable:
                pass
            else:
                _import_structure["{}"] = ["{}"]
"""
_ASKED = "".join(f"def is_{name}_available():\n    return True\n\n\n" for name in ("torch", "xformers"))
_BACKENDS = {
    TOP: "            if TYPE_CHECKING:\n                from .models import *\n            _import_structure = {}\n"
    + _GUARDS.format("pipelines", "TinyPipeline")
    + '            _import_structure["models"] = ["TinyModel"]\n'
    + '            _import_structure["fast"] = ["attend"]\n',
    "tinylib/utils.py": _ASKED,
    "tinylib/fast.py": "import xformers  #! REG009\n\n\ndef attend():\n    pass\n",
    "tinylib/pipelines/__init__.py": "            if TYPE_CHECKING:\n                from .tiny import *\n"
    '            _import_structure = {"tiny": ["TinyPipeline"], "gone": ["Gone"]}  #! REG004 REG006\n'
    + _GUARDS.format("deep", "DeepPipeline"),
    "tinylib/pipelines/deep/__init__.py": "            if TYPE_CHECKING:\n                from .one import *\n"
    '            _import_structure = {"one": ["DeepPipeline"]}\n',
    "tinylib/pipelines/deep/one.py": "import torch\n\n\nclass DeepPipeline:\n    pass\n",
    "tinylib/pipelines/tiny.py": "import torch\n\n\nclass TinyPipeline:\n    pass\n",
    MODELS: "            if TYPE_CHECKING:\n                from .tiny import *\n"
    '            _import_structure = {"tiny": ["TinyModel"]}  #! REG006\n' + _GUARDS.format("other", "OtherModel"),
    TINY: "import torch\n\n\nclass TinyModel:\n    pass\n",
    "tinylib/models/other.py": "import torch\n\n\nclass OtherModel:\n    pass\n",
}

CASES |= {
    "backends that a table above asks for": _BACKENDS,
    "too few names to keep an order": {
        TOP: _list(*_LETTERS[:18], '"AaModel"'),
        "tinylib/plain.py": _PLAIN,
    },
    "names enough to keep an order": {
        TOP: _list(*_LETTERS, '"AaModel"').replace('"AaModel",', '"AaModel",  #! REG007'),
        "tinylib/plain.py": _PLAIN,
    },
}


def _models(entries: str, files: dict[str, str]) -> dict[str, str]:
    """A library whose package of models has some entries, and more files there."""
    return {
        TOP: 'if TYPE_CHECKING:\n    from .utils import *\n\n_import_structure = {"utils": ["Tool"]}\n',
        "tinylib/utils.py": "class Tool:\n    pass\n",
        MODELS: f"if TYPE_CHECKING:\n    from .tiny import OldModel, TinyModel\n\n_import_structure = {{}}\n{entries}",
        **{f"tinylib/models/{name}": text for name, text in files.items()},
    }


_CLASS = "class {}:\n    pass\n"
_HAS = {"tiny.py": _CLASS.format("TinyModel")}
_HAS_ALIKE = {"tiny.py": _CLASS.format("TinyModelA") + "\n\n" + _CLASS.format("TinyModelB")}

FIXES = {
    "a key that is misspelt becomes the module that defines the name": (
        "REG004",
        _models('_import_structure["teny"] = ["TinyModel"]\n', _HAS),
        _models('_import_structure["tiny"] = ["TinyModel"]\n', _HAS),
    ),
    "a name that two modules define is left to a person": (
        "REG004",
        _models('_import_structure["gone"] = ["TinyModel"]\n', {**_HAS, "other.py": _CLASS.format("TinyModel")}),
        None,
    ),
    "a name that a module below defines is left to a person": (
        "REG004",
        _models(
            '_import_structure["inner"] = ["TinyModel"]\n', {"inner/__init__.py": "", "inner/tiny.py": _HAS["tiny.py"]}
        ),
        None,
    ),
    "a name in a folder that is no package is left to a person": (
        "REG004",
        _models('_import_structure["inner"] = ["TinyModel"]\n', {"inner/tiny.py": _HAS["tiny.py"]}),
        None,
    ),
    "a name that is misspelt becomes that of the class": (
        "REG004",
        _models('_import_structure["tiny"] = ["TinyModle"]\n', _HAS),
        _models('_import_structure["tiny"] = ["TinyModel"]\n', _HAS),
    ),
    "a name like one that the table has goes": (
        "REG004",
        _models('_import_structure["tiny"] = ["TinyModel", "TinyModle"]\n', _HAS),
        _models('_import_structure["tiny"] = ["TinyModel"]\n', _HAS),
    ),
    "a name like those of two classes goes": (
        "REG004",
        _models('_import_structure["tiny"] = ["TinyModelC"]\n', _HAS_ALIKE),
        _models("", _HAS_ALIKE),
    ),
    "a name that type checkers are told of too goes from both": (
        "REG004",
        _models('_import_structure["tiny"] = ["OldModel"]\n', {"tiny.py": _CLASS.format("OldModels")}),
        {MODELS: "if TYPE_CHECKING:\n    from .tiny import TinyModel\n\n_import_structure = {}\n"},
    ),
    "a name out of order goes to its place": (
        "REG007",
        {TOP: _list(*_LETTERS[:8], '"BbModel"', *_LETTERS[8:])},
        {TOP: _list(*_LETTERS[:2], '"BbModel"', *_LETTERS[2:])},
    ),
    "a list with comments is left to a person": (
        "REG007",
        {TOP: _list(*_LETTERS, '"BbModel"', above="    # By letters.\n")},
        None,
    ),
}
