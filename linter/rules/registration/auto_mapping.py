"""REG018 auto-mapping."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from linter.findings import Finding, Severity
from linter.project import Module
from linter.project.profiles import LIBRARIES
from linter.rules.base import Rule
from linter.rules.registration import GUIDE, is_deprecated, is_public


_MAPPING = re.compile(r"^AUTO_(\w+)_PIPELINES_MAPPING$")
_TASKS = {
    "Img2ImgPipeline": "IMAGE2IMAGE",
    "InpaintPipeline": "INPAINT",
    "ImageToVideoPipeline": "IMAGE2VIDEO",
    "VideoToVideoPipeline": "VIDEO2VIDEO",
}
"""The tasks that a pipeline's name tells."""


class AutoMapping(Rule):
    """A pipeline is missing from the Auto mapping of its task, where another of its family stands in one.

    ## What it does
    Reads the `AUTO_..._PIPELINES_MAPPING` tables of the library. A pipeline whose name tells its task (`Img2Img`,
    `Inpaint`, `ImageToVideo`, `VideoToVideo`) is looked for in that task's table when the plain pipeline of the family
    is in a table, and the plain pipeline when one of its variants is.

    ## Why is this bad?
    `AutoPipelineFor...` does not find it, and `from_pipe` cannot switch the task.

    ## Exceptions
    Families none of whose pipelines is mapped, and deprecated pipelines.
    """

    code = "REG018"
    name = "auto-mapping"
    severity = Severity.WARNING
    guide = GUIDE
    profiles = LIBRARIES
    bad = {
        "tinylib/__init__.py": '_import_structure = {"pipelines.tiny": ["TinyPipeline"]}\n',
        "tinylib/pipelines/__init__.py": "",
        "tinylib/pipelines/auto_pipeline.py": """
            from collections import OrderedDict

            from .other import OtherImg2ImgPipeline
            from .tiny import TinyPipeline

            AUTO_TEXT2IMAGE_PIPELINES_MAPPING = OrderedDict([("tiny", TinyPipeline)])
            AUTO_IMAGE2IMAGE_PIPELINES_MAPPING = OrderedDict([("other", OtherImg2ImgPipeline)])
        """,
        "tinylib/pipelines/base.py": "class DiffusionPipeline:\n    pass\n",
        "tinylib/pipelines/other.py": """
            from .base import DiffusionPipeline


            class OtherImg2ImgPipeline(DiffusionPipeline):
                pass
        """,
        "tinylib/pipelines/tiny.py": """
            from .base import DiffusionPipeline


            class TinyPipeline(DiffusionPipeline):
                pass


            class TinyImg2ImgPipeline(DiffusionPipeline):  #!
                pass
        """,
    }
    good = {
        **bad,
        "tinylib/pipelines/auto_pipeline.py": """
            from collections import OrderedDict

            from .other import OtherImg2ImgPipeline
            from .tiny import TinyImg2ImgPipeline, TinyPipeline

            AUTO_TEXT2IMAGE_PIPELINES_MAPPING = OrderedDict([("tiny", TinyPipeline)])
            AUTO_IMAGE2IMAGE_PIPELINES_MAPPING = OrderedDict(
                [("other", OtherImg2ImgPipeline), ("tiny", TinyImg2ImgPipeline)]
            )
        """,
    }

    def check(self, module: Module) -> Iterator[Finding]:
        top = module.name.partition(".")[0]
        public = [cls for cls in module.classes.values() if is_public(cls) and cls.inherits("DiffusionPipeline")]
        home = module.project.module(f"{top}.pipelines.auto_pipeline", module.root) if public else None
        if home is None:
            return
        mappings = _mappings(home.source.text)
        mapped = frozenset().union(*mappings.values())
        for cls in public:
            if cls.name in mapped or is_deprecated(cls):
                continue
            suffix = next((suffix for suffix in _TASKS if cls.name.endswith(suffix)), "Pipeline")
            family = cls.name.removesuffix(suffix)
            if suffix == "Pipeline":
                variants = [f"{family}{end}" for end in _TASKS if f"{family}{end}" in mappings.get(_TASKS[end], ())]
                if variants:
                    message = f"`{cls.name}` is in no Auto mapping, though `{variants[0]}` is"
                    yield self.finding(module, cls.facts.header, message, cls)
            elif _TASKS[suffix] in mappings and f"{family}Pipeline" in _of_same_kind(mappings, _TASKS[suffix]):
                table = f"AUTO_{_TASKS[suffix]}_PIPELINES_MAPPING"
                message = f"`{cls.name}` is not in `{table}`, though `{family}Pipeline` is mapped"
                yield self.finding(module, cls.facts.header, message, cls)


def _of_same_kind(mappings: dict[str, frozenset[str]], task: str) -> frozenset[str]:
    """What is mapped to the tasks that make videos, or to those that make images."""
    makes_videos = task.endswith("VIDEO")
    kinds = ("VIDEO",) if makes_videos else ("IMAGE", "INPAINT")
    return frozenset().union(*(names for other, names in mappings.items() if other.endswith(kinds)))


@cache
def _mappings(text: str) -> dict[str, frozenset[str]]:
    """The names of the classes that each task maps to."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        table = target.value if isinstance(target, ast.Subscript) else target
        if isinstance(table, ast.Name) and (match := _MAPPING.match(table.id)):
            names = (part.id for part in ast.walk(node.value) if isinstance(part, ast.Name))
            found.setdefault(match[1], set()).update(names)
    return {task: frozenset(names) for task, names in found.items()}
