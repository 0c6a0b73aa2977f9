"""REG019 capability-tester."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Module
from linter.project.profiles import CHECKOUTS, library_of
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, LIBRARY


_BASE = "BaseModelTesterConfig"
_OF_MIXINS = {
    "CacheMixin": ("caches", "CacheTesterMixin"),
    "PeftAdapterMixin": ("LoRA", "LoraTesterMixin"),
    "FromOriginalModelMixin": ("loading from a single file", "SingleFileTesterMixin"),
}
_OF_ATTRIBUTES = {
    "_cp_plan": ("context parallelism", "ContextParallelTesterMixin"),
    "_repeated_blocks": ("regional compilation", "TorchCompileTesterMixin"),
}
"""What a model declares: the capability, and the mixin that tests it. Those count that the tree's own tests have."""

_BY_CALLING = {"SingleFileTesterMixin": "from_single_file"}
"""The testers that need a published file, and what a test calls that makes one."""


class CapabilityTester(Rule):
    """A model declares a capability whose tester mixin none of its tests composes.

    ## What it does
    For a test configuration (a subclass of `BaseModelTesterConfig` whose `model_class` is a class of the library),
    compares what the model declares (`CacheMixin`, `PeftAdapterMixin`, `FromOriginalModelMixin`, `_cp_plan`,
    `_repeated_blocks`) with the tester mixins of all test classes in the file. The finding is at the configuration.

    ## Why is this bad?
    Declared is not working: a cache that is enabled and then raises in `forward`, or a plan whose split is skipped, is
    found by users.

    ## Exceptions
    Testers that the repository's `testing_utils` does not have, and models whose tests have no such configuration. A
    test that calls `from_single_file` itself, as models do of which no file is published, tests that too.
    """

    code = "REG019"
    name = "capability-tester"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = CHECKOUTS
    bad = {
        **{f"src/{path}": text for path, text in LIBRARY.items()},
        "src/tinylib/models/cache_utils.py": "class CacheMixin:\n    pass\n",
        "src/tinylib/models/tiny.py": """
            from ..configuration_utils import ConfigMixin
            from .cache_utils import CacheMixin
            from .modeling_utils import ModelMixin


            class TinyModel(ModelMixin, ConfigMixin, CacheMixin):
                pass
        """,
        "setup.py": "",
        "tests/__init__.py": "",
        "tests/testing_utils.py": """
            class BaseModelTesterConfig:
                pass


            class ModelTesterMixin:
                pass


            class CacheTesterMixin:
                pass
        """,
        "tests/test_tiny.py": """
            from tinylib import TinyModel

            from .testing_utils import BaseModelTesterConfig, ModelTesterMixin


            class TinyTesterConfig(BaseModelTesterConfig):  #!
                @property
                def model_class(self):
                    return TinyModel


            class TestTiny(TinyTesterConfig, ModelTesterMixin):
                pass
        """,
    }
    good = {
        **bad,
        "tests/test_tiny.py": """
            from tinylib import TinyModel

            from .testing_utils import BaseModelTesterConfig, CacheTesterMixin, ModelTesterMixin


            class TinyTesterConfig(BaseModelTesterConfig):
                @property
                def model_class(self):
                    return TinyModel


            class TestTiny(TinyTesterConfig, ModelTesterMixin):
                pass


            class TestTinyCache(TinyTesterConfig, CacheTesterMixin):
                pass
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        place = module.imports.get(_BASE, "").rpartition(".")[0]
        library = library_of(module) if place else None
        for model, configs in _tested(module, library).items() if library else ():
            tests = [cls for cls in module.classes.values() if not configs.isdisjoint(cls.ancestors)]
            config = next(cls for cls in tests if cls in configs)
            for capability, tester in _declared(model):
                is_there = module.project.definition(f"{place}.{tester}", module.root) is not None
                if is_there and not any(_tries(test, tester) for test in tests):
                    message = f"`{model.name}` declares {capability}, and no test here composes `{tester}`"
                    yield self.finding(module, config.facts.header, message, config)


def _tries(test: Class, tester: str) -> bool:
    """Whether a test composes a tester, or does by itself what the tester does."""
    calls = (call for method in test.own_methods.values() for call in method.facts.calls)
    return test.inherits(tester) or any(call.method == _BY_CALLING.get(tester) for call in calls)


def _tested(module: Module, library: Module) -> dict[Class, set[Class]]:
    """The models of a library that a file's test configurations are about."""
    found: dict[Class, set[Class]] = {}
    for config in module.classes.values():
        model = _model_of(config, library) if config.inherits(_BASE) else None
        if model is not None:
            found.setdefault(model, set()).add(config)
    return found


def _declared(model: Class) -> Iterator[tuple[str, str]]:
    """The capabilities that a model declares, each with its tester."""
    for mixin, tested in _OF_MIXINS.items():
        if model.inherits(mixin):
            yield tested
    for attribute, tested in _OF_ATTRIBUTES.items():
        value = model.attribute(attribute)
        if value is not None and (value.items or value.kind == "name"):
            yield tested


def _model_of(config: Class, library: Module) -> Class | None:
    """The library's class that a test configuration of its own says it tests."""
    method, attribute = config.own_methods.get("model_class"), config.own_attributes.get("model_class")
    returned = [path for ret in method.facts.returns for path in ret.paths] if method else []
    path = attribute.value.text if attribute else returned[0] if len(returned) == 1 else ""
    target = config.module.resolve(path, method.facts if method else None)
    found = library.project.definition(target, library.root) if target else None
    return found if isinstance(found, Class) else None
