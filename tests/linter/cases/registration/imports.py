"""What files may import, of their own project, of what it declares, and of what only some users have."""

_GUARDED = """

try:
    if not is_{0}_available():
        raise OptionalDependencyNotAvailable()
except OptionalDependencyNotAvailable:
    pass
else:
    _import_structure["{1}"] = []
    _import_structure["{1}"] += ["{2}"]
"""
_ASKING = "def is_{0}_available():\n    return True\n"

TINYLIB = {
    "tinylib/__init__.py": "from typing import TYPE_CHECKING\n\n"
    "from .utils import OptionalDependencyNotAvailable, is_torch_available\n\n"
    "if TYPE_CHECKING:\n    from .model import *\n\n"
    '_import_structure = {"utils": ["is_torch_available"]}\n' + _GUARDED.format("torch", "model", "TinyModel"),
    "tinylib/utils/__init__.py": "class OptionalDependencyNotAvailable(Exception):\n    pass\n"
    + "".join(f"\n\n{_ASKING.format(name)}" for name in ("torch", "xformers", "opencv", "numpy")),
    "tinylib/model.py": "import torch\n\n\nclass TinyModel:\n    dtype = torch.float32\n",
}

CASES = {
    "packages that some users lack": {
        **TINYLIB,
        "tinylib/__init__.py": TINYLIB["tinylib/__init__.py"] + "\nimport xformers  #! REG008\n",
        "tinylib/kernels/__init__.py": "import xformers  #! REG009\n",
        "tinylib/kernels/attention.py": """
            from typing import TYPE_CHECKING

            import cv2  #! REG009
            import torch
            from xformers.ops import memory_efficient_attention as attend  #! REG009

            from ..utils import is_xformers_available

            if TYPE_CHECKING:
                import numpy

            if is_xformers_available():
                import xformers

            try:
                import numpy as np
            except ImportError:
                np = None
        """,
    },
    "what a table above asks for need not be asked for again": {
        **TINYLIB,
        "tinylib/kernels/__init__.py": "from ..utils import OptionalDependencyNotAvailable, is_xformers_available\n\n"
        '_import_structure = {"plain": ["Plain"]}\n' + _GUARDED.format("xformers", "attention", "attend"),
        "tinylib/kernels/attention.py": "import xformers\n\n\ndef attend():\n    return xformers.ops\n",
        "tinylib/kernels/plain.py": "class Plain:\n    pass\n",
    },
    "what a project requires is there, whatever is asked": {
        **TINYLIB,
        "pyproject.toml": '[project]\nname = "tinylib"\ndependencies = ["numpy", "torch"]\n'
        '[project.optional-dependencies]\nfast = ["xformers"]\n',
        "tinylib/arrays.py": "import numpy\nimport xformers  #! REG009\n",
    },
    "a library that loads everything at once has no tables to ask": {
        **TINYLIB,
        "tinylib/__init__.py": "import torch\n",
        "tinylib/arrays.py": "import xformers\n",
    },
    "packages that a project does and does not declare": {
        "pyproject.toml": """
            [project]
            name = "tiny"
            dependencies = ["torch>=2.4", "transformers[torch]", "opencv-python-headless", "scikit_image", "pytest"]

            [project.optional-dependencies]
            video = ["av ; python_version > '3.9'"]

            [dependency-groups]
            test = ["hypothesis", {include-group = "more"}]
        """,
        "tiny.py": """
            from __future__ import annotations

            import os.path

            import av
            import cv2
            import decord  #! REG010
            import einops  #! REG010
            import hypothesis
            import pluggy
            import safetensors.torch
            import skimage
            import tiny
            import tokenizers
            import torch
            from einops import rearrange
            from einops.layers.torch import Rearrange

            try:
                import flash_attn
            except ImportError:
                from flash_attn_stub import flash_attn


            def shown(frames):
                import matplotlib.pyplot as plt  #! REG010

                return plt.imshow(frames)


            def is_there():
                if not is_imageio_available():
                    raise ImportError("no imageio")
                import imageio

                return imageio
        """,
    },
    "a project that declares in its setup.py": {
        "setup.py": """
            from setuptools import setup

            _deps = [
                "Pillow",
                "numpy",
            ]
            setup(name="tiny", install_requires=deps)
        """,
        "tiny/__init__.py": "from PIL import Image\nimport numpy\nimport einops  #! REG010\n",
    },
    "an installation, which says what it requires": {
        "site/tiny-1.0.dist-info/METADATA": "Name: tiny\nRequires-Dist: torch (>=2)\n"
        'Requires-Dist: av ; extra == "video"\n',
        "site/tiny/__init__.py": "import torch\nimport av\nimport einops  #! REG010\n",
    },
    "a project that declares nothing": {"pyproject.toml": "[tool.black]\n", "tiny.py": "import einops\n"},
    "what lies beside the folder that is shipped": {
        "pyproject.toml": '[project]\nname = "tiny"\ndependencies = ["torch"]\n',
        "src/tiny/__init__.py": "import torch\nimport einops  #! REG010\n",
        "tests/test_tiny.py": "import einops\n",
        "conftest.py": "import einops\n",
    },
    "the folder that a setup.py ships": {
        "setup.py": "_deps = [\n    'torch',\n]\n",
        "src/tiny.py": "import torch\nimport einops  #! REG010\n",
        "tests/test_tiny.py": "import einops\n",
    },
    "tests beside a library are none of its files": {
        "setup.py": "",
        **{f"src/{name}": text for name, text in TINYLIB.items()},
        "tests/__init__.py": "import torch\n",
        "tests/utils.py": _ASKING.format("xformers"),
        "tests/test_tiny.py": "import xformers\n",
    },
    "what a lazy package may import at once": {
        **TINYLIB,
        "tinylib/__init__.py": TINYLIB["tinylib/__init__.py"]
        + """    _import_structure["model"].extend(["attend", "Other"])

_import_structure["plain"] = ["Plain"]
_import_structure["kernels"] = ["fast"]

from tinylib.model import TinyModel  #! REG008
from .kernels import fast
from .model import attend  #! REG008
from .model import Unlisted
from .plain import Plain

try:
    import xformers
except ImportError:
    from .model import Other  #! REG008

try:
    if not is_torch_available():
        raise OptionalDependencyNotAvailable()
except OptionalDependencyNotAvailable:
    from .model import Other
""",
        "tinylib/model.py": TINYLIB["tinylib/model.py"]
        + "\n\nclass Other:\n    pass\n\n\nclass Unlisted:\n    pass\n\n\ndef attend():\n    pass\n",
        "tinylib/plain.py": "class Plain:\n    pass\n",
        "tinylib/kernels/__init__.py": "",
        "tinylib/kernels/fast.py": "import torch\n",
    },
    "a project without such a folder ships what it has": {
        "pyproject.toml": '[project]\nname = "tiny"\ndependencies = ["torch"]\n',
        "scripts/measure.py": "import einops  #! REG010\nimport torch\nimport tiny\n"
        "import figures\nimport setup\nimport drawn\n",
        "drawn/picture.py": "",
        "scripts/figures.py": "",
        "scripts/more/__init__.py": "",
        "scripts/more/inner.py": "import beside\nimport below\nimport measure\n",
        "scripts/more/beside.py": "",
        "scripts/more/below/__init__.py": "",
        "setup.py": "",
        "tiny/__init__.py": "import torch\n",
    },
    "what the library asks for by itself need not be declared": {
        **TINYLIB,
        "pyproject.toml": '[project]\nname = "tinylib"\ndependencies = ["torch"]\n',
        "tinylib/model.py": TINYLIB["tinylib/model.py"].replace(
            "import torch\n", "import torch\nimport einops  #! REG010\nimport xformers  #! REG009\n"
        ),
    },
}

_USING = "\n\n\ndef attend(query):\n    return xformers.ops.memory_efficient_attention(query)\n"

FIXES = {
    "what a lazy package imports at once, where its table and its type checkers' imports have it all": (
        "REG008",
        {
            **TINYLIB,
            "tinylib/__init__.py": TINYLIB["tinylib/__init__.py"].replace("import *", "import TinyModel")
            + "\nfrom .model import (\n    TinyModel,\n    TinyModel as Tiny,\n)\n"
            "from .model import TinyModel\n"
            "from .model import TinyModel, Unlisted\n\n"
            "if sys.argv:\n    from .model import TinyModel\n    warm(TinyModel)\n",
        },
        {
            "tinylib/__init__.py": TINYLIB["tinylib/__init__.py"].replace("import *", "import TinyModel")
            + "\nfrom .model import (\n    TinyModel,\n    TinyModel as Tiny,\n)\n"
            "from .model import TinyModel, Unlisted\n\n"
            "if sys.argv:\n    from .model import TinyModel\n    warm(TinyModel)\n",
        },
    ),
    "imports of a package that some lack go under the library's question": (
        "REG009",
        {
            **TINYLIB,
            "tinylib/kernels.py": "import torch\nimport xformers  # fast\nimport xformers.ops\n\n"
            "from .utils import is_torch_available\nfrom xformers.ops import (\n    fmha,\n    unbind,\n)" + _USING,
        },
        {
            "tinylib/kernels.py": "import torch\n\nfrom .utils import is_torch_available, is_xformers_available\n\n"
            "if is_xformers_available():\n    import xformers  # fast\n    import xformers.ops\n"
            "    from xformers.ops import (\n        fmha,\n        unbind,\n    )" + _USING
        },
    ),
    "a file that asks already, and goes on at once": (
        "REG009",
        {
            **TINYLIB,
            "tinylib/kernels.py": "from xformers import ops\nfrom .utils import is_xformers_available\nfast = False\n",
        },
        {
            "tinylib/kernels.py": "from .utils import is_xformers_available\n\nif is_xformers_available():\n"
            "    from xformers import ops\n\nfast = False\n"
        },
    ),
    "a base class is needed at once": (
        "REG009",
        {**TINYLIB, "tinylib/kernels.py": "import xformers\n\n\nclass Kernel(xformers.Module):\n    pass\n"},
        None,
    ),
    "a default is needed at once": (
        "REG009",
        {**TINYLIB, "tinylib/kernels.py": "import xformers\n\n\ndef attend(how=xformers.ops):\n    return how\n"},
        None,
    ),
    "two packages by one statement": (
        "REG009",
        {**TINYLIB, "tinylib/kernels.py": "import torch, xformers\n" + _USING},
        None,
    ),
    "two statements on a line": (
        "REG009",
        {**TINYLIB, "tinylib/kernels.py": "import torch\nimport xformers; fast = True\n" + _USING},
        None,
    ),
    "a file of the package that asks": (
        "REG009",
        {**TINYLIB, "tinylib/utils/kernels.py": "import torch\nimport xformers\n" + _USING},
        None,
    ),
}

MESSAGES = {
    "what a table asks for too little, or not at all": (
        "REG006",
        {
            **TINYLIB,
            "tinylib/__init__.py": TINYLIB["tinylib/__init__.py"]
            + '    _import_structure["fast"] = ["attend"]\n'
            + _GUARDED.format("xformers", "plain", "Plain")
            + '\n_import_structure["slow"] = ["wait"]\n',
            "tinylib/fast.py": "import torch\nimport xformers\n\n\ndef attend():\n    return xformers.ops\n",
            "tinylib/plain.py": "class Plain:\n    pass\n",
            "tinylib/slow.py": "import torch\n\n\ndef wait():\n    return torch\n",
        },
        [
            "`attend` stands behind `torch`, and `tinylib.fast` needs `xformers`",
            "`wait` stands behind no backend, and `tinylib.slow` needs `torch`",
        ],
    ),
}
