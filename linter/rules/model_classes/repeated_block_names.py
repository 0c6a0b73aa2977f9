"""MOD005 repeated-block-names."""

from __future__ import annotations

from linter.rules.model_classes import GUIDE, NamesOfClasses
from linter.rules.model_classes.no_split_names import NoSplitNames


class RepeatedBlockNames(NamesOfClasses):
    """`_repeated_blocks` names a class that the model does not build, or is missing.

    ## What it does
    Compares the names with the classes that the model's `__init__` builds, at any depth. Missing altogether is a
    warning, for models with a list of blocks.

    ## Why is this bad?
    `compile_repeated_blocks` raises without the list; one wrong name among right ones leaves those blocks uncompiled
    in silence.

    ## Exceptions
    Models that build classes held in variables, where the names cannot be known.
    """

    code = "MOD005"
    name = "repeated-block-names"
    guide = GUIDE
    attribute = "_repeated_blocks"
    consequence = "`compile_repeated_blocks` raises"
    bad = NoSplitNames.bad.replace("_no_split_modules", "_repeated_blocks")
    good = NoSplitNames.good.replace("_no_split_modules", "_repeated_blocks")
