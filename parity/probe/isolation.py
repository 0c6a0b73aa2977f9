"""Runs each class in a process of its own, so that one that crashes or hangs costs one line of the table."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from parity.errors import ParityError
from parity.probe.messages import Begun, Failed, Found, Listed, Located, Message, Task, Tried
from parity.probe.results import Outcome, Probe, Recipe, Verdict, Wiring
from parity.probe.wiring import WiringReader, is_declared


_MOST_AT_ONCE = 4

Progress = Callable[[int, str], None]
"""Is told how many classes are done, and what begins."""


def probe_classes(tasks: Sequence[Task], limit_s: float, progress: Progress) -> tuple[Probe, ...]:
    """Probes classes, several at a time.

    Args:
        tasks: What to probe.
        limit_s: How many seconds one capability may take, and the search for a tiny model; the time in which all
            processors are busy with something else does not count, where the system keeps it.
        progress: Told what happens.

    Returns:
        A probe for each task, in their order.
    """
    _import_everything()
    reader = WiringReader()
    waiting = list(enumerate(tasks))
    running: list[_Watch] = []
    done: dict[int, Probe] = {}
    try:
        while waiting or running:
            while waiting and len(running) < min(_MOST_AT_ONCE, os.cpu_count() or 1):
                running.append(_Watch(*waiting.pop(0)))
            soonest = min(watch.time_left(limit_s) for watch in running)
            wait([watch.connection for watch in running], max(soonest, 0.0))
            for watch in list(running):
                watch.listen(reader, limit_s, lambda what: progress(len(done), what))
                if watch.probe is not None:
                    done[watch.number] = watch.probe
                    running.remove(watch)
    finally:
        for watch in running:
            watch.kill()
    return tuple(done[number] for number in range(len(tasks)))


def transformers_of_diffusers(limit_s: float) -> tuple[str, ...]:
    """The import paths of all transformer classes of the installed diffusers.

    Raises:
        ParityError: If its tables cannot be read.
    """
    _import_everything()
    process, connection = _start(_enter_listing)
    try:
        message: Message | None = connection.recv() if connection.poll(limit_s) else None
    except EOFError:
        message = None
    finally:
        _kill(process)
    if not isinstance(message, Listed) or not message.paths:
        raise ParityError("diffusers' tables of models cannot be read; is it installed, in a version from 0.42 on?")
    return message.paths


@dataclass
class _Watch:
    """One class while its process runs."""

    number: int
    task: Task
    probe: Probe | None = None
    _last: float = 0.0
    _queued_before: float = 0.0
    _current: Begun | None = None
    _recipe: Recipe | None = None
    _wirings: Mapping[str, Wiring] = field(default_factory=dict)
    _outcomes: list[Outcome] = field(default_factory=list)
    _probed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._begin()

    def kill(self) -> None:
        """Ends the process and what it started."""
        _kill(self._process)

    def time_left(self, limit_s: float) -> float:
        """How many seconds of its own what is being tried still has."""
        queued = max(_queued_s(self._process.pid) - self._queued_before, 0.0)
        return limit_s - (time.monotonic() - self._last - queued)

    def listen(self, reader: WiringReader, limit_s: float, progress: Callable[[str], None]) -> None:
        """Takes in what there is to hear, and notices when the process is gone or takes too long."""
        try:
            while self.probe is None and self.connection.poll():
                self._restart_clock()
                self._take(self.connection.recv(), reader, progress)
        except (EOFError, ConnectionResetError):
            self._process.join()
            if self._current is None and self._recipe is not None:
                self._finish(None)
            else:
                self._lose(_ending(self._process.exitcode))
            return
        if self.probe is None and self.time_left(limit_s) < 0:
            self._lose(f"not done after {limit_s:g} s")

    def _begin(self) -> None:
        self._process, self.connection = _start(_enter_work, self.task)
        self._restart_clock()

    def _restart_clock(self) -> None:
        self._last, self._queued_before = time.monotonic(), _queued_s(self._process.pid)

    def _take(self, message: Message, reader: WiringReader, progress: Callable[[str], None]) -> None:
        if isinstance(message, Located):
            progress(f"{self.task.path}: looking for a tiny model")
            try:
                self._wirings = self._wirings or reader.read(Path(message.file), message.qualname)
            except ParityError as error:
                self._finish(str(error))
                return
            self.connection.send(frozenset(name for name, wiring in self._wirings.items() if is_declared(wiring)))
        elif isinstance(message, Found):
            self._recipe = message.recipe
        elif isinstance(message, Begun):
            self._current = message
            self._probed.add(message.wiring or "")
            progress(f"{self.task.path}: {message.name}")
        elif isinstance(message, Tried):
            self._note(message.verdict, message.reason)
        elif isinstance(message, Failed):
            self._finish(message.problem)

    def _lose(self, how: str) -> None:
        """Blames what was being tried, and goes on with the rest in another process."""
        self.kill()
        if self._current is None or self._recipe is None:
            self._finish(f"{self.task.path}: looking for a tiny model {how}")
            return
        self._note(Verdict.BROKEN, how)
        self.task = self.task.without(tuple(outcome.name for outcome in self._outcomes), self._recipe)
        self._begin()

    def _note(self, verdict: Verdict, reason: str | None) -> None:
        assert self._current is not None
        wiring = self._wirings.get(self._current.wiring or "")
        self._outcomes.append(Outcome(self._current.name, verdict is not Verdict.ABSENT, wiring, verdict, reason))
        self._current = None

    def _finish(self, problem: str | None) -> None:
        self.kill()
        unprobed = (name for name, wiring in self._wirings.items() if is_declared(wiring) and name not in self._probed)
        self.probe = Probe(self.task.path, problem, self._recipe, tuple(self._outcomes), tuple(unprobed))


def _queued_s(pid: int | None) -> float:
    """How many seconds a process could have run and no processor was free, since it began; 0 where nobody counts."""
    try:
        _, nanoseconds, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0.0
    return int(nanoseconds) / 1e9


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"crashed the process ({signal.Signals(-code).name})"
    return f"ended the process with exit code {code}"


def _start(target: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    # The server has torch and diffusers imported; each process is a copy of it, made in milliseconds.
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["parity.probe.worker"])
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    return process, ours


def _import_everything() -> None:
    """Waits until the server is ready, which takes as long as torch and diffusers take to import: no class's time."""
    process, connection = _start(_enter_nothing)
    process.join()
    connection.close()


def _kill(process: BaseProcess) -> None:
    # Its group has its number: the processes that a capability started belong to it.
    if process.pid is not None and process.is_alive():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.join()


def _enter_nothing(connection: Connection) -> None:
    connection.close()


def _enter_work(connection: Connection, task: Task) -> None:
    os.setpgid(0, 0)
    from parity.probe.worker import work

    work(connection, task)


def _enter_listing(connection: Connection) -> None:
    os.setpgid(0, 0)
    from parity.probe.worker import list_transformers

    list_transformers(connection)
