"""What the new modules take from the library, which an older checkout may not have yet."""

from __future__ import annotations

import re

from linter.project.lazy_packages import lazy
from scaffold.checkout.tree import LIBRARY, Checkout, NotFound


_DEVICE_OF_COMPONENT = re.compile(r"\bget_module_execution_device\((self|components)\.\w+\)")
_DEVICE_OF_ANY = re.compile(r"\bget_module_execution_device\((\w+)\)")


def with_what_is_there(text: str, checkout: Checkout) -> str:
    """A pipeline's text without helpers that the checkout does not have, where something else does the same.

    The device that one component runs on is that of the whole pipeline, unless a person has placed them by hand; the
    hooks of offloading take inputs from where the weights wait.
    """
    home = checkout.module("utils.torch_utils")
    if "get_module_execution_device" in home.facts.bindings:
        return text
    text = text.replace("import get_module_execution_device, ", "import ")
    return _DEVICE_OF_ANY.sub(r"\1.device", _DEVICE_OF_COMPONENT.sub(r"\1._execution_device", text))


def check(checkout: Checkout, submodule: str) -> None:
    """Make sure that the library has what a new module imports from it.

    Raises:
        NotFound: with everything that it does not have.
    """
    module = checkout.module(submodule)
    missing = []
    for item in module.facts.imports:
        home, _, name = module.absolute(item.target).rpartition(".")
        if home.partition(".")[0] == LIBRARY and not _offers(checkout, home, name):
            missing.append(f"{home}.{name}")
    if missing:
        raise NotFound(f"{' and no '.join(missing)}, which {module.name} imports")


def _offers(checkout: Checkout, package: str, name: str) -> bool:
    home = checkout.find_module(package)
    if home is None:
        return False
    table = lazy(home)
    offered = table.names if table else set()
    return name in home.facts.bindings or name in offered or checkout.find_module(f"{package}.{name}") is not None
