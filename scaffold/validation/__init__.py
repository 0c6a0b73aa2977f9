"""What a spec must satisfy beyond the types of its fields: names that meet, numbers that fit, stages that can run."""

from __future__ import annotations

import itertools
from typing import Any

from scaffold.parts import Library
from scaffold.spec import Spec
from scaffold.validation import config, keys, parts
from scaffold.validation.problem import Problem


__all__ = ["Problem", "first_problem"]


def first_problem(spec: Spec, data: Any, library: Library) -> Problem | None:
    """The first problem in the order in which a person reads the file, or `None`.

    Args:
        spec: the architecture, as read.
        data: the same as plain values.
        library: the components that it may use.
    """
    problems = itertools.chain(
        keys.names(spec),
        keys.texts(data),
        parts.layout(spec, library),
        config.entries(spec),
        config.derived(spec),
        config.published(spec),
        keys.forward(spec),
        parts.components(spec, library),
        parts.pipeline(spec, library),
        keys.stages(spec),
        keys.weights(spec),
        config.tiny(spec),
    )
    return next(problems, None)
