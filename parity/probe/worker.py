"""What runs in a process of its own: one class, capability by capability."""

from __future__ import annotations

import inspect
import os


# Nothing is to be fetched, and the hub's client reads this when it is imported.
os.environ["HF_HUB_OFFLINE"] = "1"

import logging
import sys
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
import torch._dynamo  # imported once for all processes: the first compilation would take seconds in each
from diffusers import ModelMixin

from parity.errors import ParityError
from parity.probe.capabilities import CAPABILITIES, Capability
from parity.probe.checks.comparing import Broken, Untestable
from parity.probe.messages import Begun, Failed, Found, Listed, Located, Message, Task, Tried
from parity.probe.results import Verdict
from parity.probe.specimen import Outputs, Specimen, describe, find_specimen
from parity.sides.loading import load_class


# Forked processes must not meet threads of the process that they are copied from.
torch.set_num_threads(1)


def list_transformers(connection: Connection) -> None:
    """Sends the import paths of all transformer classes of the installed diffusers, as its lazy tables name them."""
    import diffusers.models

    modules: dict[str, str] = diffusers.models._class_to_module
    names = sorted(name for name, module in modules.items() if module.startswith("transformers."))
    # A part that other models are built of is no model itself.
    models = (name for name in names if issubclass(getattr(diffusers.models, name), ModelMixin))
    connection.send(Listed(tuple(f"diffusers.models:{name}" for name in models)))


def work(connection: Connection, task: Task) -> None:
    """Tries everything that a class declares and sends each result when it is there."""
    os.chdir(task.folder)
    _silence()
    send: Callable[[Message], None] = connection.send
    try:
        module_class = load_class(task.path)
        if not issubclass(module_class, ModelMixin):
            raise ParityError(f"{task.path}: does not inherit `ModelMixin`, so it declares no capabilities.")
        send(Located(str(inspect.getsourcefile(module_class)), module_class.__qualname__))
        declared: frozenset[str] = connection.recv()
        if task.recipe is not None:
            specimen = Specimen(task.path, module_class, task.recipe)
        else:
            specimen = find_specimen(task.path, module_class, task.config, task.inputs)
        send(Found(specimen.recipe))
        plain = specimen.plain()
        model = specimen.make()
    except ParityError as error:
        send(Failed(str(error)))
        return
    for capability in CAPABILITIES:
        if capability.name in task.done:
            continue
        send(Begun(capability.name, capability.wiring))
        wanted = capability.declared(model) if capability.declared else capability.wiring in declared
        verdict, reason = _try(capability, specimen, plain) if wanted else (Verdict.ABSENT, None)
        send(Tried(verdict, reason))


def _try(capability: Capability, specimen: Specimen, plain: Outputs) -> tuple[Verdict, str | None]:
    try:
        return Verdict.VERIFIED, capability.check(specimen, plain)
    except Broken as error:
        return Verdict.BROKEN, str(error)
    except Untestable as error:
        return Verdict.UNTESTED, str(error)
    except Exception as error:
        return Verdict.BROKEN, describe(error)


def _silence() -> None:
    """Keeps what libraries print about themselves out of the report."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (1, 2):
        os.dup2(nowhere, stream)
