"""What lies beside a library in its repository: the pages that document it, the tests that try it."""

from linter.rules.registration import LAZY_MODELS, MODEL_FILE
from linter.rules.registration.capability_tester import CapabilityTester
from linter.rules.registration.docs_page import DocsPage
from linter.rules.registration.test_file import TestFile


_BASES = """
            class DiffusionPipeline:
                pass


            class ModularPipeline:
                pass


            class SchedulerMixin:
                pass


            class TinyPipeline(DiffusionPipeline):
                pass


            class TinyModular(ModularPipeline):
                pass


            class OldPipeline(DiffusionPipeline):
                def __init__(self):
                    deprecate("OldPipeline", "1.0", "no one uses it")


            class TinyScheduler(SchedulerMixin):
                pass


            def make_pipeline():
                return TinyPipeline()
"""
_TOP = (
    "if TYPE_CHECKING:\n    from .models import *\n\n"
    "_import_structure = {\n"
    '    "models": ["TinyModel"],%s\n'
    '    "pipelines": ["DiffusionPipeline", "OldPipeline", "make_pipeline", "TinyScheduler"],\n'
    '    "schedulers": ["TinyScheduler"],\n'
    "}\n"
    '_import_structure["pipelines"] += ["TinyPipeline"]%s\n'
    '_import_structure["pipelines"] += ["TinyModular"]%s\n'
    '_import_structure["modular_pipelines"] = ["TinyModular"]%s\n'
)
_LOADERS = """
            _import_structure = {
                "lora": [
                    "OldLoraLoaderMixin",
                    "TinyLoraLoaderMixin",  #! REG011
                    "load_lora",
                ],
                "single": ["SingleFileMixin"],
                "again": ["NamedLoraLoaderMixin"],
            }
"""
_LORA = """
            class TinyLoraLoaderMixin:
                pass


            class OldLoraLoaderMixin:
                def __init__(self):
                    deprecate("OldLoraLoaderMixin", "1.0", "use the other")


            def load_lora():
                pass
"""


def _library(*marks: str) -> dict[str, str]:
    return {
        **DocsPage.good,
        "src/tinylib/__init__.py": _TOP % marks,
        "src/tinylib/pipelines.py": _BASES,
        "src/tinylib/modular_pipelines.py": "from .pipelines import TinyModular\n",
        "src/tinylib/schedulers.py": "from .pipelines import TinyScheduler\n",
    }


_TESTS = {
    "tests/models/test_tiny.py": "import tinylib\n\n\ndef test_it():\n    assert tinylib.TinyModel()\n",
    "tests/test_pipelines.py": "from tinylib import TinyModular, TinyPipeline\n",
}
_COMPOSED = ("CacheTesterMixin", "LoraTesterMixin", "SingleFileTesterMixin", "ContextParallelTesterMixin")
_TESTERS = (*_COMPOSED, "TorchCompileTesterMixin")
_BESIDE = {
    **{
        name: text
        for name, text in CapabilityTester.good.items()
        if name not in ("tests/test_tiny.py", "src/tinylib/models/tiny.py")
    },
    "src/tinylib/loaders.py": "class PeftAdapterMixin:\n    pass\n\n\nclass FromOriginalModelMixin:\n    pass\n",
    "tests/testing_utils.py": "class BaseModelTesterConfig:\n    pass\n"
    + "".join(f"\n\nclass {tester}:\n    pass\n" for tester in _TESTERS),
}


def _tested(bases: str, attributes: str, mark: str, *composed: str, says: str = "model_class = TinyModel") -> dict:
    tests = "".join(f"\n\nclass Test{name}(TinyTesterConfig, {name}):\n    pass\n" for name in composed)
    return {
        **_BESIDE,
        "src/tinylib/models/tiny.py": "from ..configuration_utils import ConfigMixin\n"
        "from ..loaders import FromOriginalModelMixin, PeftAdapterMixin\nfrom .cache_utils import CacheMixin\n"
        "from .modeling_utils import ModelMixin\n\n\n"
        f"class TinyModel(ModelMixin, ConfigMixin{bases}):\n    {attributes}\n",
        "tests/test_tiny.py": "from tinylib import TinyModel\n\nfrom .testing_utils import *\n"
        f"from .testing_utils import BaseModelTesterConfig, {', '.join(_TESTERS)}\n\n\n"
        f"class TinyTesterConfig(BaseModelTesterConfig):{mark}\n    {says}\n{tests}",
    }


_FOUND = "  #! REG019"
_PLAN = '_cp_plan = {"": {"hidden_states": 1}}'
_LOADS = """


class TestFile(TinyTesterConfig):
    def test_it(self):
        self.model_class.from_single_file("tiny.safetensors")
"""
_LOADED = {
    "tests/test_tiny.py": _tested(", FromOriginalModelMixin", "pass", "")["tests/test_tiny.py"] + _LOADS,
}
_METHOD = "@property\n    def model_class(self):\n        return TinyModel"

CASES = {
    "names that no page documents, and those that need none": {
        **_library("  #! REG012", "  #! REG011 REG012", "  #! REG011 REG012", "  #! REG012"),
        "src/tinylib/loaders/__init__.py": _LOADERS,
        "src/tinylib/loaders/lora.py": _LORA,
        "src/tinylib/loaders/single.py": "class SingleFileMixin:\n    pass\n",
        "src/tinylib/loaders/again.py": "NamedLoraLoaderMixin = None\n",
        "tests/test_tiny.py": "import tinylib\n",
    },
    "names of modules of models, and what is no model": {
        **_library("", "", "", ""),
        **_TESTS,
        "docs/source/en/_toctree.yml": "- local: api/pipelines/tiny\n",
        "docs/source/en/api/pipelines/tiny.md": "[[autodoc]] TinyPipeline\n\n[[autodoc]] TinyModular\n",
        "src/tinylib/__init__.py": (_TOP % ("", "", "", "")).replace(
            '    "models": ["TinyModel"],\n',
            '    "models": ["TinyOutput"],\n    "models.tiny": ["TinyModel"],  #! REG011\n',
        ),
        "src/tinylib/models/__init__.py": LAZY_MODELS.replace('["TinyModel"]', '["TinyModel", "TinyOutput"]').replace(
            "import TinyModel", "import TinyModel, TinyOutput"
        ),
        "src/tinylib/models/tiny.py": MODEL_FILE + "\n\n            class TinyOutput:\n                pass\n",
    },
    "names that pages document": {
        **_library("", "", "", ""),
        **_TESTS,
        "docs/source/en/_toctree.yml": "- local: api/models/tiny\n- local: api/pipelines/tiny\n",
        "docs/source/en/api/pipelines/tiny.md": "[[autodoc]] TinyPipeline\n\n[[autodoc]] pipelines.TinyModular\n",
    },
    "a library without pages and without tests": {
        name: text for name, text in _library("", "", "", "").items() if not name.startswith("docs")
    },
    "names that only other tests than those of models know": {
        **TestFile.bad,
        **_library("  #! REG012", "  #! REG011", "  #! REG011", ""),
        "tests/models/test_other.py": "from tinylib import OtherModel\n",
        "tests/test_pipelines.py": "from tinylib import TinyModel, TinyModular, TinyPipeline\n",
    },
    "a library that keeps all its tests in one place": {
        **_library("", "  #! REG011 REG012", "  #! REG011", ""),
        "tests/test_tiny.py": "from tinylib import TinyModel, TinyModular\n",
    },
    "a cache that no test tries": _tested(", CacheMixin", "pass", _FOUND, *_TESTERS[1:]),
    "LoRA that no test tries": _tested(", PeftAdapterMixin", "pass", _FOUND, "CacheTesterMixin"),
    "LoRA that a test tries": _tested(", PeftAdapterMixin", "pass", "", "CacheTesterMixin", "LoraTesterMixin"),
    "single files that no test tries": _tested(", FromOriginalModelMixin", "pass", _FOUND, "CacheTesterMixin"),
    "single files that a test tries": _tested(", FromOriginalModelMixin", "pass", "", "SingleFileTesterMixin"),
    "single files that a test makes and loads": _tested(", FromOriginalModelMixin", "pass", "") | _LOADED,
    "a cache beside a test that loads single files": _tested(", CacheMixin", "pass", _FOUND)
    | {"tests/test_tiny.py": _tested(", CacheMixin", "pass", _FOUND)["tests/test_tiny.py"] + _LOADS},
    "a parallel plan that no test tries": _tested("", _PLAN, _FOUND, "TorchCompileTesterMixin"),
    "a parallel plan that a test tries": _tested("", _PLAN, "", "ContextParallelTesterMixin"),
    "a parallel plan by its name that no test tries": _tested("", "_cp_plan = PLAN", _FOUND),
    "no parallel plan": _tested("", "_cp_plan = None", ""),
    "a parallel plan that is not seen": _tested("", "_cp_plan = plan()", ""),
    "repeated blocks that no test compiles": _tested(
        "", '_repeated_blocks = ["TinyBlock"]', _FOUND, "ContextParallelTesterMixin"
    ),
    "repeated blocks that a test compiles": _tested(
        "", '_repeated_blocks = ["TinyBlock"]', "", "TorchCompileTesterMixin"
    ),
    "no repeated blocks": _tested("", "_repeated_blocks = []", ""),
    "a capability that the testers know nothing of": {
        **_tested(", CacheMixin", "pass", ""),
        "tests/testing_utils.py": "class BaseModelTesterConfig:\n    pass\n",
    },
    "a configuration that says its model in a method": _tested(", CacheMixin", "pass", _FOUND, says=_METHOD),
    "a configuration that picks its model": _tested(
        ", CacheMixin", "pass", "", says=f"{_METHOD} if self.big else None\n\n    def other(self):\n        return 1"
    ),
    "a configuration of two models": _tested(
        ", CacheMixin",
        "pass",
        "",
        says="@property\n    def model_class(self):\n        if self.big:\n            return BigModel\n"
        "        return TinyModel",
    ),
    "a configuration of no model": _tested(", CacheMixin", "pass", "", says="pass"),
    "a configuration of a function": _tested(
        ", CacheMixin", "pass", "", says="model_class = make_model\n\n    def shown(self):\n        return TinyModel"
    ),
}

MESSAGES = {
    "models and pipelines that no test names": (
        "REG012",
        {**_library("", "", "", ""), "tests/test_pipelines.py": "from tinylib import TinyModular\n"},
        [
            "`TinyModel` is named by no test below `tests/`",
            "`TinyPipeline` is named by no test below `tests/`",
        ],
    ),
    "models that the tests of models do not name": (
        "REG012",
        {**_library("", "", "", ""), **_TESTS, "tests/models/test_tiny.py": "from tinylib import OtherModel\n"},
        ["`TinyModel` is named by no test below `tests/models/`"],
    ),
}
