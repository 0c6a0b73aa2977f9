"""The table of contents of a checkout's documentation."""

from __future__ import annotations

from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scaffold.checkout.tree import Checkout, NotFound


_CONTENTS = "docs/source/en/_toctree.yml"
# These stay where they are, whatever the order.
_FIXED = ("overview", "autopipeline")


def register(checkout: Checkout, page: str, title: str, group: str) -> None:
    """List a page where its title belongs by the alphabet.

    Args:
        checkout: the checkout.
        page: the page, as `api/models/flux_transformer`.
        title: what readers see.
        group: the title of the list, such as `Transformers`.

    Raises:
        NotFound: there is no such list of pages like this one.
    """
    text = checkout.text(_CONTENTS)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError:
        raise NotFound(f"YAML in {_CONTENTS}") from None
    folder = f"{page.rpartition('/')[0]}/"
    lists = [
        pages for name, pages in _lists(root) if name == group and any(_page(e).startswith(folder) for e in pages)
    ]
    if not lists:
        raise NotFound(f"list {group!r} of pages under {folder} in {_CONTENTS}")
    entries = lists[0]
    if any(_page(entry) == page for entry in entries):
        return
    following = next((entry for entry in entries if _sorts_behind(entry, title)), None)
    lines = text.split("\n")
    # An entry's mark is behind its dash.
    column = entries[0].start_mark.column - 2
    line = following.start_mark.line if following is not None else entries[-1].end_mark.line
    lines[line:line] = [f"{' ' * column}- local: {page}", f"{' ' * column}  title: {title}"]
    checkout.write(_CONTENTS, "\n".join(lines))


def _lists(node: Node) -> Iterator[tuple[str, list[MappingNode]]]:
    """The lists of pages, each with its title, the innermost first."""
    if isinstance(node, SequenceNode):
        for each in node.value:
            yield from _lists(each)
    elif isinstance(node, MappingNode):
        values = _values(node)
        sections = values.get("sections")
        if isinstance(sections, SequenceNode):
            yield from _lists(sections)
            title = values.get("title")
            yield (
                title.value if isinstance(title, ScalarNode) else "",
                [entry for entry in sections.value if isinstance(entry, MappingNode)],
            )


def _values(node: MappingNode) -> dict[str, Node]:
    return {key.value: value for key, value in node.value}


def _page(entry: MappingNode) -> str:
    return str(getattr(_values(entry).get("local"), "value", ""))


def _sorts_behind(entry: MappingNode, title: str) -> bool:
    found = str(getattr(_values(entry).get("title"), "value", "")).lower()
    return found not in _FIXED and found > title.lower()
