"""Where copies and their sources stand: properties, functions in functions, files that do not parse, ways round."""

_ORIGIN = """
class TinyNorm:
    @property
    def scale(self):
        return self.gamma

    @scale.setter
    def scale(self, value):
        self.gamma = value

    @scale.deleter
    def scale(self):
        del self.gamma

    @scale.getter
    def scale(self):
        return self.gamma * 2

    @functools.cache
    def shift(self, value):
        return value + 1


def draw(sample):
    def noise(value):
        def deep(value):
            return value + 2

        return deep(value) * 2

    class Inner:
        def method(self):
            return sample

    return noise(sample), Inner()
"""


def _library(*copies: str, **more: str) -> dict[str, str]:
    files = {f"tinylib/{name}.py": text for name, text in more.items()}
    return {"tinylib/__init__.py": "", "tinylib/origin.py": _ORIGIN, "tinylib/copy.py": "\n\n".join(copies), **files}


_MARKER = "# Copied from tinylib.{}\n"

CASES = {
    "properties are compared with what they are the getter, the setter, the deleter of": _library(
        "class OtherNorm:\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @property\n"
        "    def scale(self):\n"
        "        return self.gamma\n\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @scale.setter\n"
        "    def scale(self, value):\n"
        "        self.gamma = value\n\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @scale.deleter\n"
        "    def scale(self):\n"
        "        del self.gamma\n\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @scale.getter\n"
        "    def scale(self):\n"
        "        return self.gamma * 2\n\n"
        "    # Copied from tinylib.origin.TinyNorm.shift\n"
        "    @functools.cache\n"
        "    def shift(self, value):\n"
        "        return value + 1\n",
        "class WrongNorm:\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @property\n"
        "    def scale(self):  #! CPY001\n"
        "        return self.beta\n\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @scale.setter\n"
        "    def scale(self, value):  #! CPY001\n"
        "        self.beta = value\n\n"
        "    # Copied from tinylib.origin.TinyNorm.scale\n"
        "    @scale.deleter\n"
        "    def scale(self):  #! CPY001\n"
        "        del self.beta\n",
    ),
    "functions in functions are copies and sources": _library(
        _MARKER.format("origin.draw.noise")
        + "def noise(value):\n    def deep(value):\n        return value + 2\n\n    return deep(value) * 2\n",
        _MARKER.format("origin.draw.noise.deep") + "def deep(value):\n    return value + 2\n",
        _MARKER.format("origin.draw.Inner.method") + "def method(self):\n    return sample\n",
        _MARKER.format("origin.draw.noise.deep") + "def other(value):  #! CPY001\n    return value + 3\n",
        _MARKER.format("origin.draw.gone  #! CPY002") + "def gone(value):\n    return value\n",
        _MARKER.format("origin.draw.noise.gone  #! CPY002") + "def gone_too(value):\n    return value\n",
        _MARKER.format("origin.TinyNorm.shift.gone  #! CPY002") + "def gone_again(value):\n    return value\n",
        _MARKER.format("origin.TinyNorm.gone.deep  #! CPY002") + "def never(value):\n    return value\n",
        "def outer(sample):\n"
        "    def before(value):\n"
        "        return value\n\n"
        "    # Copied from tinylib.origin.TinyNorm.shift\n"
        "    @functools.cache\n"
        "    def shift(self, value):\n"
        "        return value + 1\n\n"
        "    # Copied from tinylib.origin.TinyNorm.shift\n"
        "    @functools.cache\n"
        "    def shifted(self, value):  #! CPY001\n"
        "        return value + 2\n\n"
        "    return before, shift, shifted\n",
    ),
    "a source that may be in a file that does not parse": {
        **_library(
            _MARKER.format("broken.scale") + "def scale(x):\n    return x\n",
            _MARKER.format("inner.shift") + "def shift(x):\n    return x\n",
            _MARKER.format("inner.deep.shift") + "def move(x):\n    return x\n",
            _MARKER.format("gone.shift  #! CPY002") + "def lost(x):\n    return x\n",
            broken="def scale(x:\n",
        ),
        "tinylib/inner/__init__.py": "def shift(x:\n",
        "tinylib/inner/deep.py": "",
    },
    "a source in a package whose own file does not parse": {
        "tinylib/__init__.py": "from .origin import (\n",
        "tinylib/origin.py": _ORIGIN,
        "tinylib/copy.py": _MARKER.format("origin.gone") + "def gone(x):\n    return x\n",
    },
    "an attribute's description is indented with its class": _library(
        "def build():\n"
        "    # Copied from tinylib.sizes.Sizes\n"
        "    class Sizes:\n"
        "        width = 8\n"
        '        """The width.\n\n'
        "        In pixels.\n"
        '        """\n\n'
        "    return Sizes\n",
        sizes='class Sizes:\n    width = 8\n    """The width.\n\n    In pixels.\n    """\n',
    ),
    "copies of copies, to the end and in a circle": {
        **_library(
            _MARKER.format("between.first  #! CPY007") + "def first(x):\n    return x + 1\n",
            _MARKER.format("between.second  #! CPY007") + "def second(x):\n    return x + 2\n",
            _MARKER.format("between.lost") + "def lost(x):\n    return x + 3\n",
            _MARKER.format("between.first  #! CPY005") + "FIRST = 1\n",
            between=_MARKER.format("start.first")
            + "def first(x):\n    return x + 1\n\n\n"
            + _MARKER.format("copy.second  #! CPY007")
            + "def second(x):\n    return x + 2\n\n\n"
            + _MARKER.format("start.gone  #! CPY002")
            + "def lost(x):\n    return x + 3\n\n\n"
            + _MARKER.format("start.round_one")
            + "def outside(x):\n    return x + 4\n",
            start="def first(x):\n    return x + 1\n\n\n"
            + _MARKER.format("start.round_two  #! CPY007")
            + "def round_one(x):\n    return x + 4\n\n\n"
            + _MARKER.format("start.round_one  #! CPY007")
            + "def round_two(x):\n    return x + 4\n",
        ),
    },
}
FIXES = {
    "the origin is named with the renames of the whole way": (
        "CPY007",
        {
            **_library(
                "# Copied from tinylib.between.scale_b with b->c\ndef scale_c(c):\n    return c + 1\n",
                between="# Copied from tinylib.start.scale_a with a->b\ndef scale_b(b):\n    return b + 1\n",
                start="def scale_a(a):\n    return a + 1\n",
            ),
        },
        {
            "tinylib/copy.py": "# Copied from tinylib.start.scale_a with a->c\ndef scale_c(c):\n    return c + 1\n",
        },
    ),
    "a function is no copy of a class": (
        "CPY007",
        _library(
            "# Copied from tinylib.between.Sizes\ndef sizes():\n    width = 8\n",
            between="# Copied from tinylib.start.Sizes\nclass Sizes:\n    width = 8\n",
            start="class Sizes:\n    width = 8\n",
        ),
        None,
    ),
    "a copy that is no longer one is left as it is": (
        "CPY007",
        {
            **_library(
                "# Copied from tinylib.between.scale\ndef scale(x):\n    return x + 2\n",
                between="# Copied from tinylib.start.scale\ndef scale(x):\n    return x + 1\n",
                start="def scale(x):\n    return x + 1\n",
            ),
        },
        None,
    ),
}
