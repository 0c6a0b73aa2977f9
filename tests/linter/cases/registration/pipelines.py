"""Pipelines and the Auto mappings, models and the table of what loads from a single file."""

from linter.rules.registration.single_file_entry import SingleFileEntry


_TYPED = "if TYPE_CHECKING:\n    from .models import *\n\n"
"""Names whatever there is to import, so that the two lists of a table cannot differ."""
_PIPELINE = """

            class {}({}):{}
                pass
"""
_AUTO = """
            import torch
            from .tiny import *

            AUTO_TEXT2IMAGE_PIPELINES_MAPPING = OrderedDict([("tiny", TinyPipeline), ("old", OldPipeline)])
            AUTO_IMAGE2IMAGE_PIPELINES_MAPPING = OrderedDict([("lone", LoneImg2ImgPipeline)])
            AUTO_INPAINT_PIPELINES_MAPPING = {"painted": PaintedInpaintPipeline, "basic": BasicPipeline}
            AUTO_TEXT2VIDEO_PIPELINES_MAPPING = OrderedDict([("film", FilmPipeline)])
            AUTO_IMAGE2VIDEO_PIPELINES_MAPPING = OrderedDict([("reel", ReelImageToVideoPipeline)])
            AUTO_VIDEO2VIDEO_PIPELINES_MAPPING = OrderedDict([("cut", CutVideoToVideoPipeline)])
            AUTO_TEXT2IMAGE_PIPELINES_MAPPING["late"] = LatePipeline
            OTHERS_MAPPING = {"tiny": TinyInpaintPipeline}
            torch.mapping = TinyInpaintPipeline
"""
_FOUND = (
    *("TinyImg2ImgPipeline", "TinyInpaintPipeline", "LateImg2ImgPipeline", "BasicImg2ImgPipeline"),
    *("FilmImageToVideoPipeline", "FilmVideoToVideoPipeline"),
    *("LonePipeline", "PaintedPipeline", "ReelPipeline", "CutPipeline"),
)
_SILENT = (
    *("TinyPipeline", "LatePipeline", "BasicPipeline", "FilmPipeline", "LoneImg2ImgPipeline"),
    *("PaintedInpaintPipeline", "ReelImageToVideoPipeline", "CutVideoToVideoPipeline"),
    *("TinyImageToVideoPipeline", "FilmImg2ImgPipeline", "PaintedImg2ImgPipeline", "OddPipeline"),
    *("OddInpaintPipeline", "_TinyImg2ImgPipeline", "TinyControlPipeline"),
)
_BASES = """
            class DiffusionPipeline:
                pass


            class ModularPipeline:
                pass


            class DeprecatedPipelineMixin:
                pass
"""
_KEPT = """

            class OldImg2ImgPipeline(DiffusionPipeline):
                def __init__(self):
                    warm(self)
                    deprecate("OldImg2ImgPipeline", "1.0", "no one uses it")


            class OldInpaintPipeline(DiffusionPipeline):
                def __new__(cls):
                    return OldPipeline()


            class OldPipeline(DiffusionPipeline):
                def __init__(self, mask=None):
                    if mask is not None:
                        deprecate("mask", "1.0", "use `masks`")


            class TinyParts:
                class TinyInpaintPipeline(DiffusionPipeline):
                    pass
"""
_IMPORT = "            from .base import DeprecatedPipelineMixin, DiffusionPipeline, ModularPipeline\n"
_LIBRARY = {
    "tinylib/__init__.py": _TYPED + '_import_structure = {"pipelines.tiny": ["TinyPipeline"]}\n',
    "tinylib/pipelines/__init__.py": "",
    "tinylib/pipelines/base.py": _BASES,
    "tinylib/pipelines/auto_pipeline.py": _AUTO,
    "tinylib/pipelines/tiny.py": _IMPORT
    + "".join(_PIPELINE.format(name, "DiffusionPipeline", "  #! REG018") for name in _FOUND)
    + "".join(_PIPELINE.format(name, "DiffusionPipeline", "") for name in _SILENT),
}
_TABLE = """
    SINGLE_FILE_LOADABLE_CLASSES = {{
        "BareModel": {{}},{}
        "TinyModel": {{"default_subfolder": "transformer"}}, "LateModel": {{}},{}
        "OwnModel": {{}},
        "GoneModel": {{}},
        "GoneToo": {{}},
        "build": {{}},
        "MixedModel": {{}},
    }}


    class FromOriginalModelMixin:
        @classmethod
        def from_single_file(cls, path):
            return cls()
"""
_MODELS = """
    from torch import nn

    from .loaders.single_file_model import FromOriginalModelMixin


    class ModelMixin(nn.Module):
        pass


    class BareModel(ModelMixin):
        pass


    class LateModel(ModelMixin):
        pass


    class PlainModel(ModelMixin):
        pass


    class OwnModel(ModelMixin):
        @classmethod
        def from_single_file(cls, path):
            return cls()


    class TinyModel(ModelMixin, FromOriginalModelMixin):
        pass


    class SmallModel(TinyModel):
        pass


    class OtherModel(ModelMixin, FromOriginalModelMixin):  #! REG017
        pass


    class ApartModel(ModelMixin, FromOriginalModelMixin):
        @classmethod
        def from_single_file(cls, path):
            return cls()


    class MixedModel(ModelMixin, FromOriginalModelMixin):
        pass


    class Loader(FromOriginalModelMixin):
        pass


    def build():
        return TinyModel()
"""

CASES = {
    "pipelines that a task's mapping lacks, and those that it need not have": _LIBRARY,
    "pipelines that are kept for those who use them": {
        **_LIBRARY,
        "tinylib/pipelines/tiny.py": _IMPORT
        + _KEPT
        + _PIPELINE.format("TinyPipeline", "DiffusionPipeline", "")
        + _PIPELINE.format("TinyInpaintPipeline", "DeprecatedPipelineMixin, DiffusionPipeline", ""),
        "tinylib/pipelines/deprecated/__init__.py": "",
        "tinylib/pipelines/deprecated/old.py": "from ..base import DiffusionPipeline\n"
        "\n\nclass TinyImg2ImgPipeline(DiffusionPipeline):\n    pass\n",
        "tinylib/pipelines/modular.py": _IMPORT + _PIPELINE.format("TinyImg2ImgPipeline", "ModularPipeline", ""),
        "tinylib/pipelines/other.py": "from .base import DiffusionPipeline\n"
        "\n\nclass TinyImg2ImgPipeline(DiffusionPipeline):  #! REG018\n"
        '    def __init__(self):\n        deprecate("mask", "1.0", "use masks")\n        deprecate()\n'
        '        warm("TinyImg2ImgPipeline")\n',
    },
    "a library that maps fewer tasks": {
        **_LIBRARY,
        "tinylib/pipelines/auto_pipeline.py": 'AUTO_TEXT2IMAGE_PIPELINES_MAPPING = {"tiny": TinyPipeline}\n',
        "tinylib/pipelines/tiny.py": _IMPORT
        + _PIPELINE.format("TinyPipeline", "DiffusionPipeline", "")
        + _PIPELINE.format("TinyInpaintPipeline", "DiffusionPipeline", ""),
    },
    "a library without mappings": {
        **_LIBRARY,
        "tinylib/pipelines/auto_pipeline.py": "",
        "tinylib/pipelines/tiny.py": _IMPORT
        + _PIPELINE.format("TinyPipeline", "DiffusionPipeline", "")
        + _PIPELINE.format("TinyInpaintPipeline", "DiffusionPipeline", ""),
    },
    "models and the table of single files": {
        "tinylib/__init__.py": _TYPED
        + '_import_structure = {"models": ["BareModel", "LateModel", "MixedModel", "OwnModel"]}\n'
        '_import_structure["models"] += ["OtherModel", "TinyModel", "build"]\n'
        '_import_structure["models"] += ["GoneModel"]  #! REG004\n',
        "tinylib/loaders/__init__.py": "",
        "tinylib/loaders/single_file_model.py": _TABLE.format("  #! REG017", "  #! REG017"),
        "tinylib/models.py": _MODELS,
    },
    "a table of single files that is put together at run time": {
        **SingleFileEntry.good,
        "tinylib/__init__.py": _TYPED + '_import_structure = {"models": ["OtherModel", "TinyModel"]}\n',
        "tinylib/loaders/single_file_model.py": "SINGLE_FILE_LOADABLE_CLASSES = {**MORE}\n\n\n"
        "class FromOriginalModelMixin:\n    pass\n",
    },
}
