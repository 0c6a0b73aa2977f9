"""Inputs that are odd as they are: files that are large in one way, projects that lead nowhere, settings and baselines
that are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


LARGE: tuple[Callable[[], bytes], ...] = (
    lambda: b"x = '" + b"a" * 20_000_000 + b"'\n",
    lambda: b"#" * 20_000_000,
    lambda: b" " * 20_000_000 + b"x = 1\n",
    lambda: b"x = [" + b"a," * 10_000_000 + b"]\n",
    lambda: b"x = 1\n" * 1_000_000,
    lambda: b"\n" * 1_000_000,
    lambda: b"# Copied from diffusers.models.attention.FeedForward\n" * 5_000,
    lambda: b"x = 1  # lint: ignore[FWD001] old\n" * 5_000,
    lambda: b"def f(x):\n    x.cpu()  # lint: ignore[FWD002] meant\n    x.item()\n" * 3_000,
    lambda: b"# Copied from diffusers.models.attention.FeedForward\ndef f(): pass\n" * 2_000,
    lambda: b"x = '''\n# Copied from diffusers.models.attention.FeedForward\n'''\n" * 10_000,
    lambda: "x = ['é', ".encode() + b"a.b(c.d), " * 90_000 + b"]\n",
    lambda: b"x = [a.b for a in c" + b" if a.b" * 100_000 + b"]\n",
    lambda: b"".join(b"class A%d(A%d): pass\n" % (number, number + 1) for number in range(2_000)),
    lambda: b"".join(b"def f%d(x): return f%d(x)\n" % (number, number + 1) for number in range(2_000)),
    lambda: b"def forward(self, x):\n    x" + b".a().b(c)" * 400 + b"\n",
    lambda: b"".join(
        b"# Copied from diffusers.models.transformers.transformer_case.f%d\ndef f%d(x): return x\n"
        % (number + 1, number)
        for number in range(1_000)
    ),
    lambda: b"_import_structure = {" + b"'a': ['B', 'C'], " * 60_000 + b"}\n",
    lambda: b"from . import a\n" * 100_000,
    lambda: b"x = " + b"0x" + b"f" * 1_500_000 + b"\n",
    lambda: b"x = 1 # lint: ignore[FWD001]" + b" " * 1_500_000 + b"x\n",
    lambda: b"# Copied from diffusers.models.x with " + b"-" * 1_500_000 + b">\n",
    lambda: b"if a:\n    pass\n" + b"elif a:\n    pass\n" * 2_000,
)


PROJECTS: Mapping[str, Mapping[str, str]] = {
    "imports in a circle": {
        "one.py": "from .two import A\n\n\nclass B(A):\n    pass\n",
        "two.py": "from .one import B\n\n\nclass A(B):\n    pass\n",
    },
    "bases in a circle": {"one.py": "class A(B):\n    pass\n\n\nclass B(A):\n    pass\n\n\nclass C(C):\n    pass\n"},
    "aliases in a circle": {
        "one.py": "from .two import a as b\n",
        "two.py": "from .one import b as a\nA = a\nclass M(a):\n    pass\n",
    },
    "stars in a circle": {
        "one.py": "from .two import *\n",
        "two.py": "from .one import *\nclass M(Missing):\n    pass\n",
    },
    "an import of itself": {"one.py": "from .one import M\nfrom . import one\n\n\nclass M(one.M, M):\n    pass\n"},
    "lazy tables in a circle": {
        "one/__init__.py": '_import_structure = {"..two": ["A"], "": ["B"], "one": ["C"], ".": ["D"]}\n',
        "two/__init__.py": '_import_structure = {"..one": ["A"]}\n_import_structure.update(_import_structure)\n',
        "three.py": "from .one import A, B, C, D\nfrom .two import A as E\n\n\nclass M(A, B, C, D, E):\n    pass\n",
    },
    "copies in a circle": {
        "one.py": "# Copied from case.two.f with x->xx\ndef f(\n    x,\n):\n    return x\n\n\n"
        "# Copied from case.one.g\ndef g(x):\n    return x\n",
        "two.py": "# Copied from case.one.f with x->xx\ndef f(\n    x,\n):\n    return x\n",
    },
    "renames that grow": {
        "one.py": "def f(\n    a,\n):\n    return a\n",
        "two.py": f"# Copied from case.one.f with {', '.join(['a->aa'] * 60)}\ndef f(\n    a,\n):\n    return a\n",
    },
    "renames that grow from copy to copy": {
        "one.py": "\n\n".join(
            f"# Copied from case.one.f{number + 1} with a->aa, aa->aaaa, a->aa\n"
            f"def f{number}(\n    a,\n):\n    return a\n"
            for number in range(12)
        )
    },
    "a copy that its encoding cannot hold": {
        "one.py": "def f(\n    x,\n):\n    # é 😀\n    return 'Ткань'\n",
        "two.py": "# coding: ascii\n# Copied from case.one.f\ndef f(\n    x,\n):\n    return x\n",
    },
    "a copy of a text that steers terminals": {
        "one.py": "def f(\n    x,\n):\n    # \x1b[31m\u202e\x9b\n    return x\n",
        "two.py": "# Copied from case.one.f\ndef f(\n    x,\n):\n    return x\n",
    },
    "an escape in place of a line end": {
        "one.py": "def f(\n    x,\n):\n    return x\n",
        "two.py": "# coding: unicode_escape\n# Copied from case.one.f\ndef f(\n    x,\n):\n    return 1\\n\\n\\n"
        "x = 1 # lint: ignore[FWD001]\n",
    },
    "huge numbers in copies": {
        "one.py": f"def f(\n    x,\n):\n    return 0x{'f' * 5000}\n",
        "two.py": f"# Copied from case.one.f\ndef f(\n    x: 0x{'f' * 5000},\n):\n    return 0x{'e' * 5000}\n",
    },
    "deep copies": {
        "one.py": f"def f(\n    x,\n):\n    return {'-' * 400}x\n",
        "two.py": f"# Copied from case.one.f\ndef f(\n    x,\n):\n    return {'-' * 401}x\n",
    },
    "a module and a package of one name": {
        "one.py": "class A:\n    pass\n",
        "one/__init__.py": "from ..one import A\n",
        "two.py": "from .one import A\n",
    },
}
"""Packages named `case` whose files, each fine by itself, lead nowhere together."""

SETTINGS: tuple[bytes, ...] = (
    b"\xff\xfe[tool.linter]\n",
    b"[tool.linter",
    b"[tool.linter]\nselect = 1\n",
    b"[tool.linter]\nexclude = ['[']\n",
    b"[tool.linter]\nbaseline = '/'\n",
    b"[tool.linter]\ncache-dir = '\\u0000'\n",
    b"a = " + b"[" * 20_000,
    b"a" + b".a" * 20_000 + b" = 1\n",
    b"[tool.linter]\nbaseline = 'baseline.json'\n",
    b"[tool.linter.per-file-ignores]\n'" + b"*" * 60 + b"a' = ['ALL']\n",
    b"[tool.linter]\nexclude = ['" + b"*" * 60 + b"b']\n",
    b"[[tool.linter]]\n",
    b"\0",
    b"a = 0x" + b"f" * 50_000 + b"\n",
    b"a = 1e999999\n",
    b"a = 9999-99-99\n",
    b"[tool.linter]\ncache-dir = 'one.py'\n",
    b"[project]\ndependencies = 3\n",
    b"[project]\ndependencies = [3]\nname = 4\noptional-dependencies = 5\n",
    b"[project]\noptional-dependencies = {a = 3}\n",
    b"project = 3\n",
    b"[dependency-groups]\na = 3\n",
)
BASELINES: tuple[bytes, ...] = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b"[" * 100_000,
    b'{"schema": 1}',
    b'{"schema": 2, "paths": [], "findings": []}',
    b'{"schema": 1, "paths": [], "findings": [{"code": "\\ud800", "symbol": "", "line": "", "count": 1}]}',
    b'{"schema": 1, "paths": [], "findings": [{"code": "FWD001", "symbol": "", "line": "", "count": -1}]}',
    b'{"schema": 1, "paths": [], "findings": [{"code": "FWD001", "symbol": "", "line": "", "count": '
    + b"9" * 5000
    + b"}]}",
)
