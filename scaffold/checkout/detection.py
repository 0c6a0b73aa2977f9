"""By which names the library tells whose an original checkpoint is, and where it takes the configuration from then."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

from linter.facts import Span
from linter.findings import Edit
from linter.project import Module
from scaffold.checkout.tree import Checkout, NotFound
from scaffold.spec import Spec
from scaffold.spec.checkpoints import Weights


_HOME = "loaders.single_file_utils"
_NAMES = "CHECKPOINT_KEY_NAMES"
_PATHS = "DIFFUSERS_DEFAULT_PIPELINE_PATHS"
_CHAIN = "infer_diffusers_model_type"
_BRANCH = """\
    elif any(key in checkpoint for key in {names}["{family}"]):
        model_type = "{family}"

"""


def register(checkout: Checkout, spec: Spec) -> None:
    """Have the library tell a family's checkpoints from others, behind all families that it knows.

    Nothing is done where it takes them for another's, whose names are the same.

    Raises:
        NotFound: the library tells checkpoints apart in another way.
    """
    if spec.weights is None or spec.pipeline is None or taken_for(checkout, spec) is not None:
        return
    known = _table(checkout.module(_HOME), _NAMES)
    name = _telling(spec.weights, [each for names in known.values() for each in names])
    if name is None:
        raise NotFound(f"name of a tensor that every checkpoint of {spec.name} has and no other in {_NAMES}")
    forms = dict.fromkeys((f"{spec.weights.prefix}{name}", name))
    _add(checkout, _NAMES, f'    "{spec.name}": [\n' + "".join(f'        "{each}",\n' for each in forms) + "    ],\n")
    _add(checkout, _PATHS, f'    "{spec.name}": {{"pretrained_model_name_or_path": "{spec.pipeline.checkpoint}"}},\n')
    module = checkout.module(_HOME)
    line = _last_branch(module)
    branch = _BRANCH.format(names=_NAMES, family=spec.name)
    checkout.edit(module, (Edit(str(module.path), Span(line, 0, line, 0), branch),), f"branch for {spec.name}")


def taken_for(checkout: Checkout, spec: Spec) -> str | None:
    """The family that the library takes a model's original checkpoints for; itself, once it is registered.

    Raises:
        NotFound: the library tells checkpoints apart in another way.
    """
    if spec.weights is None:
        return None
    weights = spec.weights
    forms = [_form(original) for rule in weights.rules for original, _ in rule.tensors]
    module = checkout.module(_HOME)
    asked = module.source.text.partition(f"def {_CHAIN}(")[2]
    # Where all of several names are asked for, one of them says nothing.
    asks_for_all = set(re.findall(rf'all\(key in checkpoint for key in {_NAMES}\["([\w.-]+)"\]\)', asked))
    known = _table(module, _NAMES)
    order: list[str] = [family for family in re.findall(rf"{_NAMES}\[[\"']([\w.-]+)[\"']\]", asked) if family in known]
    for family in dict.fromkeys(order):
        names = known[family]
        own = [any(form.fullmatch(name.removeprefix(weights.prefix)) for form in forms) for name in names]
        if all(own) if family in asks_for_all else any(own):
            return family
    return None


def _form(original: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(last)?\\}", r"\\d+", re.escape(original)))


def _telling(weights: Weights, known: Iterable[str]) -> str | None:
    """A tensor that every checkpoint of a family has, the one with the longest name, which is the least common."""
    measured = [each.size[0] for each in weights.detect.values() if each.size is not None and not each.optional]
    return max(set(measured).difference(known), key=lambda name: (len(name), name), default=None)


def _table(module: Module, name: str) -> Mapping[str, tuple[str, ...]]:
    """A table of strings or lists of them, by its keys."""
    assigned = _assigned(module, name)
    try:
        table = ast.literal_eval(assigned)
        return {key: (names,) if isinstance(names, str) else tuple(names) for key, names in table.items()}
    except (ValueError, TypeError, AttributeError):
        raise NotFound(f"table {name} of strings in {module.name}") from None


def _assigned(module: Module, name: str) -> ast.expr:
    for node in ast.parse(module.source.text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return node.value
    raise NotFound(f"table {name} in {module.name}")


def _add(checkout: Checkout, name: str, entry: str) -> None:
    """Put an entry at the end of a table."""
    module = checkout.module(_HOME)
    line = _assigned(module, name).end_lineno or 0
    if module.source.lines[line - 1].strip() != "}":
        raise NotFound(f"table {name} with an entry a line in {module.name}")
    checkout.edit(module, (Edit(str(module.path), Span(line, 0, line, 0), entry),), name)


def _last_branch(module: Module) -> int:
    """The line of the last `else` of the function that tells checkpoints apart."""
    for function in ast.parse(module.source.text).body:
        if isinstance(function, ast.FunctionDef) and function.name == _CHAIN and isinstance(function.body[0], ast.If):
            branch = function.body[0]
            while len(branch.orelse) == 1 and isinstance(branch.orelse[0], ast.If):
                branch = branch.orelse[0]
            line = branch.orelse[0].lineno - 1 if branch.orelse else 0
            if line and module.source.lines[line - 1].strip() == "else:":
                return line
    raise NotFound(f"function {_CHAIN} that ends with an else in {module.name}")
