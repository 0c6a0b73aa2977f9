"""REG015 processor-registry."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding, Severity
from linter.project import Class, Module
from linter.project.hook_tables import PROCESSOR_REGISTRY, hook_tables
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, HOOK_TABLES, HOOKED_LIBRARY


_ATTENTION_FILE = """
            class TinyProcessor:
                def __call__(self, attn, hidden_states):
                    return hidden_states


            class TinyAttention:
                _default_processor_cls = TinyProcessor
"""


class ProcessorRegistry(Rule):
    """An attention class's default processor is unknown to the hooks that skip attention.

    ## What it does
    Looks the processor of `_default_processor_cls` up in `AttentionProcessorRegistry`. A deprecated shim that stands
    there in its place is said to do so: the registry goes by the exact class, and nobody makes shims.

    ## Why is this bad?
    Guiders that perturb attention (perturbed attention, layer skip) raise a `ValueError` with this model.
    """

    code = "REG015"
    name = "processor-registry"
    severity = Severity.ADVICE
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        **HOOKED_LIBRARY,
        "tinylib/hooks/_helpers.py": HOOK_TABLES,
        "tinylib/models/tiny.py": _ATTENTION_FILE.replace("_cls = TinyProcessor", "_cls = TinyProcessor  #!"),
    }
    good = {
        **bad,
        "tinylib/hooks/_helpers.py": HOOK_TABLES
        + """

            def _register_attention_processors_metadata():
                from ..models.tiny import TinyProcessor

                AttentionProcessorRegistry.register(model_class=TinyProcessor, metadata=None)
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        tables = hook_tables(module)
        if tables is None:
            return
        for cls in module.classes.values():
            default = cls.own_attributes.get("_default_processor_cls")
            processor = module.find(default.value.text) if default else None
            if default is None or not isinstance(processor, Class):
                continue
            if any(item.names(processor) for item in tables.processors):
                continue
            # A deprecated name lies in the file of what it became.
            beside = [item.cls for item in tables.processors if item.target.startswith(f"{processor.module.name}.")]
            shim = next((cls.name for cls in beside if cls and cls.is_shim and _makes(cls, processor)), None)
            message = f"`{processor.name}`, the default of `{cls.name}`, is not in the hooks' `{PROCESSOR_REGISTRY}`"
            message += f"; its deprecated `{shim}` is" if shim else ""
            yield self.finding(module, default.span, message, cls)


def _makes(shim: Class, processor: Class) -> bool:
    new = shim.own_methods["__new__"]
    return any(
        shim.module.find(path.removesuffix("()")) is processor for ret in new.facts.returns for path in ret.paths
    )
