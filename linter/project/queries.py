"""Answers that are kept together with the files they rest on.

A rule's findings stay valid for as long as nothing that they were read from changes. So every answer that is kept for
a second asker also keeps the list of files that the first one read, and hands it on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload


T = TypeVar("T")

_readers: list[set[str]] = []


def note(path: str) -> None:
    """Notes that the answer being worked out rests on a file (or on its absence)."""
    if _readers:
        _readers[-1].add(path)


def note_all(paths: set[str]) -> None:
    """Notes the files of an answer that was worked out before."""
    if _readers:
        _readers[-1] |= paths


class reading:
    """Collects the files that are read inside the block; they count as read by the block around it too."""

    # A run opens tens of thousands of them, which a generator would make three times as slow.
    __slots__ = ("_files",)

    def __enter__(self) -> set[str]:
        self._files: set[str] = set()
        _readers.append(self._files)
        return self._files

    def __exit__(self, *raised: object) -> None:
        _readers.pop()
        if _readers:
            _readers[-1] |= self._files


class query(Generic[T]):
    """A `cached_property` whose later readers are noted as readers of the same files."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._slot = f"_query_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> query[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> query[T] | T:
        if instance is None:
            return self
        kept: tuple[T, set[str]] | None = instance.__dict__.get(self._slot)
        if kept is None:
            with reading() as files:
                answer = self._function(instance)
            instance.__dict__[self._slot] = (answer, files)
            if not files:
                # Nothing is to be noted: from now on the answer is a plain attribute, found without coming here.
                instance.__dict__[self._name] = answer
            return answer
        note_all(kept[1])
        return kept[0]


def kept_query(function: Callable[[Any], T]) -> Callable[[Any], T]:
    """A `query` as a function, for what is asked about an object from outside of its class."""
    answer = query(function)
    answer.__set_name__(type(None), f"{function.__module__}.{function.__qualname__}")
    return lambda instance: answer.__get__(instance, type(instance))


class Answers(Generic[T]):
    """The answers of a function, kept by what it was asked with."""

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function
        self._kept: dict[tuple[Any, ...], tuple[T, set[str]]] = {}

    def __call__(self, *asked: Any) -> T:
        kept = self._kept.get(asked)
        if kept is None:
            with reading() as files:
                answer = self._function(*asked)
            self._kept[asked] = (answer, files)
            return answer
        note_all(kept[1])
        return kept[0]
