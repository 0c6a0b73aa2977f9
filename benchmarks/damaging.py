"""What can be wrong with a file: functions that damage a real one.

Each takes the random numbers that it uses, so that a seed gives the same inputs again.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections.abc import Callable
from random import Random


Damage = Callable[[Random, bytes, bytes], bytes]
"""Takes random numbers, a file and another one."""

_TOKEN = re.compile(rb"\w+|\s+|[^\w\s]")
_ENCODINGS = (
    "ascii",
    "latin-1",
    "cp1252",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-32",
    "utf-7",
    "gbk",
    "shift_jis",
    "koi8-r",
    "iso2022_jp",
    "punycode",
    "idna",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "rot13",
    "hex",
    "zlib",
    "mbcs",
    "oem",
    "martian",
    "",
)
_ODD = (
    "\0",
    "\x0c",
    "\x1a",
    "\x1c",
    "\x85",
    "\u2028",
    "\ufeff",
    "\u200b",
    "\u202e",
    "\ufffe",
    "\U0010ffff",
    "\ud800",
    "é",
    "😀",
    "ﬁ",
    "\r",
    "\t",
)


def _at(random: Random, text: bytes) -> int:
    return random.randint(0, len(text))


def truncated(random: Random, text: bytes, other: bytes) -> bytes:
    """Ends anywhere."""
    return text[: _at(random, text)]


def beheaded(random: Random, text: bytes, other: bytes) -> bytes:
    """Begins anywhere."""
    return text[_at(random, text) :]


def spliced(random: Random, text: bytes, other: bytes) -> bytes:
    """Goes on as another file."""
    return text[: _at(random, text)] + other[_at(random, other) :]


def interleaved(random: Random, text: bytes, other: bytes) -> bytes:
    """Has lines of another file among its own."""
    lines, strange = text.split(b"\n"), other.split(b"\n")
    for _ in range(random.randint(1, 20)):
        lines.insert(random.randint(0, len(lines)), random.choice(strange))
    return b"\n".join(lines)


def _tokens_changed(random: Random, text: bytes, change: Callable[[list[bytes], int], None]) -> bytes:
    tokens = _TOKEN.findall(text)
    for _ in range(random.choice((1, 1, 1, 3, 30)) if tokens else 0):
        change(tokens, random.randrange(len(tokens)))
    return b"".join(tokens)


def token_taken_out(random: Random, text: bytes, other: bytes) -> bytes:
    """Lacks tokens."""

    def change(tokens: list[bytes], place: int) -> None:
        tokens[place] = b""

    return _tokens_changed(random, text, change)


def token_doubled(random: Random, text: bytes, other: bytes) -> bytes:
    """Has tokens twice."""

    def change(tokens: list[bytes], place: int) -> None:
        tokens[place] += tokens[place]

    return _tokens_changed(random, text, change)


def tokens_swapped(random: Random, text: bytes, other: bytes) -> bytes:
    """Has tokens in each other's place."""

    def change(tokens: list[bytes], place: int) -> None:
        far = random.randrange(len(tokens))
        tokens[place], tokens[far] = tokens[far], tokens[place]

    return _tokens_changed(random, text, change)


def word_exchanged(random: Random, text: bytes, other: bytes) -> bytes:
    """Has other words in place of some: mostly a file that still parses, and means something else."""
    words = re.findall(rb"[A-Za-z_]\w*", text) or [b"x"]

    def change(tokens: list[bytes], place: int) -> None:
        if re.match(rb"[A-Za-z_]", tokens[place]):
            tokens[place] = random.choice(words)

    return _tokens_changed(random, text, change)


def lines_moved(random: Random, text: bytes, other: bytes) -> bytes:
    """Has its lines in another order, or some of them missing."""
    lines = text.split(b"\n")
    for _ in range(random.randint(1, 10)):
        line = lines.pop(random.randrange(len(lines)))
        lines.insert(random.randint(0, len(lines)), line if random.random() < 0.5 else b"")
    return b"\n".join(lines)


def indented_otherwise(random: Random, text: bytes, other: bytes) -> bytes:
    """Is indented by tabs, by other widths, or both."""
    lines = text.split(b"\n")
    for place in random.sample(range(len(lines)), min(len(lines), random.choice((1, 5, len(lines))))):
        lines[place] = random.choice((b"\t", b" ", b"\x0c", b"        ")) + lines[place]
    return b"\n".join(lines)


def bytes_changed(random: Random, text: bytes, other: bytes) -> bytes:
    """Has other bytes in some places."""
    changed = bytearray(text or b"x")
    for _ in range(random.choice((1, 1, 10, 100))):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def noise(random: Random, text: bytes, other: bytes) -> bytes:
    """Is nothing but random bytes."""
    return random.randbytes(random.choice((0, 1, 2, 3, 100, 10_000)))


def odd_characters(random: Random, text: bytes, other: bytes) -> bytes:
    """Has characters that editors, terminals and tokenizers see differently."""
    for _ in range(random.randint(1, 5)):
        place = _at(random, text)
        text = text[:place] + random.choice(_ODD).encode("utf-8", "surrogatepass") + text[place:]
    return text


def other_line_ends(random: Random, text: bytes, other: bytes) -> bytes:
    """Ends lines in another way, or in several."""
    ends = random.choice(([b"\r"], [b"\r\n"], [b"\r\n", b"\n", b"\r"], [b"\n\r"], [b"\x0c\n"], [b"\\\n"]))
    return b"".join(line + random.choice(ends) for line in text.split(b"\n"))


def other_encoding(random: Random, text: bytes, other: bytes) -> bytes:
    """Declares an encoding that it has or has not."""
    declared, real = random.choice(_ENCODINGS), random.choice(_ENCODINGS)
    header = random.choice(("# coding: {}\n", "# -*- coding: {} -*-\n", "#!python\n# vim: set fileencoding={} :\n"))
    whole = header.format(declared) + "name = 'é 😀'\n" + text.decode("utf-8", "replace")
    try:
        return whole.encode(random.choice((declared, real, "utf-8")), "replace")
    except (LookupError, UnicodeError, TypeError, AttributeError, AssertionError):
        return whole.encode()


def byte_order_mark(random: Random, text: bytes, other: bytes) -> bytes:
    """Has a byte-order mark, of its own encoding or another's, at the beginning or elsewhere."""
    mark = random.choice((codecs.BOM_UTF8, codecs.BOM_UTF8 * 2, codecs.BOM_UTF16_LE, codecs.BOM_UTF32_BE))
    place = random.choice((0, 0, 0, _at(random, text)))
    return text[:place] + mark + text[place:]


def _deep(random: Random) -> str:
    depth = random.choice((2, 20, 90, 150, 199, 250, 400, 900, 2000, 20_000))
    opened, inner, closed = random.choice(
        (
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{", "1", "}"),
            ("f(", "x", ")"),
            ("x[", "0", "]"),
            ("{1:", "2", "}"),
            ("[x for x in ", "y", "]"),
            ("x", "", ".a"),
            ("x", "", "()"),
            ("x", "", "[0]"),
            ("x", "", ".a(1)"),
            ("x", "", " + 1"),
            ("x", "", " ** 1"),
            ("x", "", " < 1"),
            ("-", "x", ""),
            ("not ", "x", ""),
            ("await ", "x", ""),
            ("lambda: ", "x", ""),
            ("lambda x=", "1", ": x"),
            ("1 if x else ", "2", ""),
            ("x", "", " if y else 2"),
            ("x", "", " and y"),
            ("(yield ", "", ")"),
            ("(x := ", "1", ")"),
            ("*", "x", ""),
            ("x", "", "\\\n + 1"),
            ("f'{", "1", "}'"),
            ("'' ", "''", ""),
            ("[", "", ""),
            ("", "", ")"),
            ("(" * 3, "1", ")"),
        )
    )
    # Of what grows to the right the first part stands once.
    return (
        (opened + closed * depth)
        if not inner and closed and opened == "x"
        else opened * depth + inner + closed * depth
    )


def _deep_statement(random: Random) -> str:
    depth = random.choice((2, 20, 90, 99, 120, 400, 2000))
    blocks = "".join(
        " " * level
        + random.choice(("if x:", "while x:", "class A:", "def f(x):", "with x:", "try:", "for x in y:"))
        + "\n"
        for level in range(min(depth, 150))
    )
    return random.choice(
        (
            blocks + " " * min(depth, 150) + "pass\n",
            "if a:\n    pass\n" + "elif a:\n    a.b()\n" * depth,
            "".join(f"@d.e({number})\n" for number in range(depth)) + "def f(self): pass\n",
            "def f(" + ", ".join(f"a{number}=a.b" for number in range(depth)) + "): pass\n",
            "x = [a.b for a in c" + " if a.b" * depth + "]\n",
            "x = [a" + " for a in b.c()" * depth + "]\n",
            "a" + " = a" * depth + "\n",
            "from . import " + ", ".join(f"a{number} as b{number}" for number in range(depth)) + "\n",
            "class A(" + ", ".join(f"B{number}" for number in range(depth)) + "): pass\n",
            "match x:\n" + "    case 1 | 2: pass\n" * depth,
            "global " + ", ".join(f"a{number}" for number in range(depth)) + "\n",
            "x = f'" + "{x.y()}" * depth + "'\n",
            "with a as b" + ", a as b" * depth + ": pass\n",
        )
    )


def deep(random: Random, text: bytes, other: bytes) -> bytes:
    """Is nested deeply somewhere: an expression, a statement, a class of a real file around it."""
    expression, statement = f"value = {_deep(random)}\n", _deep_statement(random)
    inside = expression if random.random() < 0.6 else statement
    wrapped = "class A(nn.Module):\n    def forward(self, x):\n" + "".join(
        f"        {line}\n" for line in inside.split("\n")
    )
    return text + b"\n" + random.choice((inside, wrapped)).encode()


def huge_literal(random: Random, text: bytes, other: bytes) -> bytes:
    """Has a literal or a name that is longer than anybody writes."""
    size = random.choice((300, 5_000, 100_000))
    literal = random.choice(
        (
            "0x" + "f" * size,
            "0b" + "1" * size,
            "9" * size,
            "1e" + "9" * min(size, 300),
            "9" * size + "j",
            "0." + "3" * size,
            "'" + "a" * size + "'",
            "b'" + "\\xff" * size + "'",
            "'''" + "\n" * size + "'''",
            "'" + "\\ud800" * (size // 10) + "'",
            "a" * size,
            "[" + "0x" + "f" * size + "]",
            "f'{x!r:" + ">" * size + "}'",
            "'\\N{DIGIT ONE}'",
            "1" + "_1" * size,
            "x." + "y" * size + "()",
        )
    )
    form = random.choice(
        (
            "value = {}\n",
            "def f(x: {}, y={}): pass\n",
            "class A({}): pass\n",
            "@{}\ndef f(): pass\n",
            "f({}, x={})\n",
            "class A:\n    b = {}\n",
        )
    )
    line = "\n" + form.replace("{}", literal)
    place = text.rfind(b"\n") + 1
    return text[:place] + line.encode() + text[place:]


def absurd_marker(random: Random, text: bytes, other: bytes) -> bytes:
    """Has `# Copied from` markers that mean nothing, or too much."""
    path = random.choice(
        (
            "diffusers",
            "diffusers.",
            ".diffusers",
            "diffusers.models",
            "diffusers.models.attention.Attention",
            "diffusers..models",
            "diffusers/models.x",
            "diffusers.models.attention.FeedForward.forward",
            "diffusers." + "a." * 2000 + "b",
            "diffusers." + "x" * 5000,
            "diffusers.é.😀",
            "torch.nn.Linear",
        )
    )
    renames = random.choice(
        (
            "",
            " with",
            " with ->",
            " with a->",
            " with ->b",
            " with a->b->c",
            " with a->a",
            " with " + ", ".join(["a->aa"] * 60),
            " with e->eeeeeeee, " * 20,
            " with (->[, x->\\1",
            " with " + "-" * 5000 + ">",
            " with a->b all-casing, A->b all-casing",
            " with self->",
            " with def->class",
            " with \t->\n",
            " with " + ",".join(f"a{n}->b{n}" for n in range(500)),
            " with forward->((((((((",
            " with x->" + "(" * 500,
            " with hidden_states->\u2028",
        )
    )
    marker = (
        random.choice(
            ("# Copied from ", "#Copied from ", "# copied from: ", "# Copied  from `", "#" * 100 + " Copied from ")
        )
        + path
        + renames
    )
    lines = text.split(b"\n")
    for _ in range(random.randint(1, 5)):
        place = random.randint(0, len(lines))
        indent = re.match(rb"\s*", lines[place])[0] if place < len(lines) else b""  # type: ignore[index]
        lines.insert(place, indent + marker.encode())
    return b"\n".join(lines)


def marker_exchanged(random: Random, text: bytes, other: bytes) -> bytes:
    """Has its real markers pointing elsewhere, and the code below them changed."""
    found = re.findall(rb"# Copied from (\S+)", text) or [b"diffusers.models.attention.FeedForward"]
    changed = re.sub(rb"# Copied from (\S+)", lambda match: b"# Copied from " + random.choice(found), text)
    return word_exchanged(random, changed, other)


def absurd_suppression(random: Random, text: bytes, other: bytes) -> bytes:
    """Has suppression comments that are broken, or longer than a line should be."""
    comment = random.choice(
        (
            "# lint: ignore",
            "# lint: ignore[",
            "# lint: ignore[]",
            "# lint: ignore[,,,]",
            "# lint: ignore[FWD001",
            "# lint: ignore[" + "FWD001," * 3000 + "]",
            "# lint: ignore[FWD001]" + " " * 50_000 + "x",
            "# lint: ignore[é]",
            "# lint:ignore[FWD001] # lint: ignore[FWD002]",
            "# LINT: IGNORE[fwd001]",
            "# lint: ignore[ALL] reason",
            "# lint: ignore[FWD001]\x0c",
            "# lint: ignore[LNT001, LNT005]",
        )
    )
    lines = text.split(b"\n")
    for place in random.sample(range(len(lines)), min(len(lines), random.choice((1, 10, 1000)))):
        lines[place] += comment.encode()
    return b"\n".join(lines)


def without_comments(random: Random, text: bytes, other: bytes) -> bytes:
    """Is written anew from its tokens, as a program would that does not care for layout."""
    try:
        tokens = [(token.type, token.string) for token in tokenize.tokenize(io.BytesIO(text).readline)]
        written = tokenize.untokenize(token for token in tokens if token[0] != tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError):
        return text
    return written if isinstance(written, bytes) else written.encode()


DAMAGES: tuple[Damage, ...] = (
    truncated,
    beheaded,
    spliced,
    interleaved,
    token_taken_out,
    token_doubled,
    tokens_swapped,
    word_exchanged,
    word_exchanged,
    lines_moved,
    indented_otherwise,
    bytes_changed,
    noise,
    odd_characters,
    other_line_ends,
    other_encoding,
    byte_order_mark,
    deep,
    deep,
    huge_literal,
    absurd_marker,
    marker_exchanged,
    absurd_suppression,
    without_comments,
)
