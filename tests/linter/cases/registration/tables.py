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
    "entries that a module has by import, by a star, by its own table, as a module": {
        **LIBRARY,
        MODELS: LAZY_MODELS.replace(
            '["TinyModel"]\n',
            '["TinyModel"]\n'
            '            _import_structure["taken"] = ["Imported", "Starred", "GONE"]  #! REG002 REG004\n'
            '            _import_structure["inner"] = ["deep", "Listed"]  #! REG002\n',
        ),
        "tinylib/models/taken.py": "from .source import *\nfrom .source import Imported\n",
        "tinylib/models/source.py": "class Imported:\n    pass\n\n\nclass Starred:\n    pass\n",
        "tinylib/models/inner/__init__.py": '_import_structure = {"deep": ["Listed"]}\n',
        "tinylib/models/inner/deep.py": "class Listed:\n    pass\n",
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
