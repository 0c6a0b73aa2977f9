"""The catalogue of planted faults: reads it, plants each into a copy of a generated model, and says what was found.

The faults are data, in `benchmarks/parity_faults/`; `benchmarks/parity_faults.py` runs all of them, a test some.
"""

from __future__ import annotations

import copy
import importlib
import sys
import textwrap
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import torch
from diffusers import UniPCMultistepScheduler
from ruamel.yaml import YAML

from parity.bisection.bisect import Specimen, bisect
from parity.diagnosis.explaining import Diagnosis
from parity.diagnosis.models import diagnose
from parity.diagnosis.pipelines import diagnose_pipelines
from parity.pipelines.running import run_pipeline
from parity.pipelines.stages import Checkpoint
from parity.pipelines.trace import Runnable, trace
from parity.sides.inputs import describe_inputs
from parity.sides.loading import effective_config
from parity.sides.mapping import WeightMapping
from parity.sides.pair import Pair, Side, draw_pair_inputs, make_pair
from scaffold.applying import write_folder
from scaffold.loading import load_spec
from scaffold.rendering import render_folder
from tests.parity.research_flux2 import Flux2
from tests.parity.staged_pipeline import StagedPipeline
from tests.parity.tiny_pipelines import FLUX_CALL, tiny_flux


DATA = Path(__file__).resolve().parents[2] / "benchmarks" / "parity_faults"


@dataclass(frozen=True)
class Fault:
    """One entry of the catalogue.

    Attributes:
        preset: The generated model.
        name: What is wrong, for people.
        causes: What has to be said; of a tuple any.
        modules: What bisect may blame; empty if nothing.
        edits: Texts of the code and what stands in their place.
        file: The file that they are in.
        within: A class that the first edits are looked for in.
        reference: `diffusers` or `research`.
        dtype: Of the run.
        tolerance: What diagnose is told.
        candidate_config: Config values of the candidate alone.
        inputs: Inputs in place of the usual ones.
        held_out: The set of those written when the experiments were finished, which was twice; 0 if before.
    """

    preset: str
    name: str
    causes: tuple[tuple[str, ...], ...]
    modules: tuple[str, ...]
    edits: tuple[tuple[str, str], ...] = ()
    file: str = "model.py"
    within: str | None = None
    reference: str = "diffusers"
    dtype: str = "float32"
    tolerance: float | None = None
    candidate_config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    held_out: int = 0

    def __str__(self) -> str:
        return f"{self.preset}: {self.name}"


@cache
def read_catalogue(preset: str) -> dict[str, Any]:
    """The file of one preset."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load((DATA / f"{preset}.yaml").read_text(encoding="utf-8"))
    return content


def faults(preset: str) -> list[Fault]:
    """The faults of one preset, in the order of the file."""
    found = []
    for entry in read_catalogue(preset)["faults"]:
        entry = dict(entry)
        causes = tuple((each,) if isinstance(each, str) else tuple(each) for each in entry.pop("causes"))
        modules = entry.pop("module")
        modules = () if modules is None else (modules,) if isinstance(modules, str) else tuple(modules)
        edits = tuple((old, new) for old, new in entry.pop("edits", ()))
        within = entry.pop("class", None)
        found.append(Fault(preset, causes=causes, modules=modules, edits=edits, within=within, **entry))
    return found


@cache
def rendered(preset: str) -> dict[str, str]:
    """The files of a generated folder."""
    return render_folder(load_spec(preset))


@contextmanager
def planted(fault: Fault, place: Path) -> Iterator[ModuleType]:
    """The generated package with the fault in it, under a name of its own, for a block of code."""
    files = {name: text for name, text in rendered(fault.preset).items() if "/" not in name}
    text = files[fault.file]
    for old, new in fault.edits:
        start, end = (
            _class_in(text, fault.within) if fault.within and f"class {fault.within}" not in old else (0, None)
        )
        if old not in text[start:end]:
            raise ValueError(f"{fault.preset}: {fault.name}: `{old}` does not stand in {fault.file}")
        text = text[:start] + text[start:end].replace(old, new) + (text[end:] if end else "")
    name = f"{fault.preset}_{zlib.crc32(fault.name.encode()):08x}"
    write_folder(place / name, {**files, fault.file: text})
    sys.path.insert(0, str(place))
    try:
        importlib.import_module(f"{name}.weight_mapping")
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(place))
        for module in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[module]


def _class_in(text: str, name: str) -> tuple[int, int]:
    start = text.index(f"class {name}")
    end = text.find("\nclass ", start)
    return start, end if end > 0 else len(text)


def make_specimens(fault: Fault, package: ModuleType) -> tuple[Specimen, Specimen, torch.dtype]:
    """The reference and the candidate, with the same weights and inputs."""
    data = read_catalogue(fault.preset)
    spec = load_spec(fault.preset)
    config = data["config"]
    ours = config | dict(fault.candidate_config)
    candidate = getattr(package, spec.model)
    mapping = None
    if fault.reference == "research":
        sizes = {"depth": config["num_layers"], "depth_single": config["num_single_layers"]}
        theirs = Side("research", Flux2, sizes, describe_inputs(data["research_inputs"], fault.preset))
        taken = {name: {"from": source} for name, source in data["renamed"].items()}
        mine = Side(fault.preset, candidate, ours, describe_inputs(taken, fault.preset))
        module = sys.modules[f"{package.__name__}.weight_mapping"]
        mapping = WeightMapping("mapping", vars(module)[f"{fault.preset.upper()}_WEIGHT_MAPPING"].map_to_diffusers)
    else:
        inputs = describe_inputs(data["inputs"] | dict(fault.inputs), fault.preset)
        theirs = Side("diffusers", getattr(diffusers, spec.counterpart), config, inputs)
        mine = Side(fault.preset, candidate, ours, inputs)
    pair = Pair(theirs, mine, mapping)
    dtype: torch.dtype = getattr(torch, fault.dtype)
    made = make_pair(pair, dtype)
    assert made.weights.is_complete
    one, two = draw_pair_inputs(pair, dtype)
    return (
        Specimen("reference", made.reference, one, effective_config(theirs.module_class, theirs.config)),
        Specimen("candidate", made.candidate, two, effective_config(mine.module_class, mine.config)),
        dtype,
    )


@dataclass(frozen=True)
class PipelineFault:
    """One entry of the catalogue of pipelines.

    Attributes:
        name: What is wrong, for people.
        causes: What has to be said; of a tuple any.
        where: The verdict of trace.
        pipeline: `staged` or `flux`.
        methods: Definitions that stand in a subclass.
        settings: Class attributes of it, as expressions.
        components: By component, the config values that it is made with.
        call: Arguments of both calls; a number for `generator` is its seed.
        inject: Values of the reference that are put into the candidate.
        stale: Of these, those that were saved of another version.
        dtype: Of the components.
        held_out: The set of those written when the experiments were finished, which was twice; 0 if before.
    """

    name: str
    causes: tuple[tuple[str, ...], ...]
    where: str
    pipeline: str = "staged"
    methods: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    inject: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    dtype: str = "float32"
    held_out: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def steps(self) -> int:
        """The number of steps that are seen."""
        return 8 if self.pipeline == "staged" else int(FLUX_CALL["num_inference_steps"])


def pipeline_faults() -> list[PipelineFault]:
    """The faults of pipelines, in the order of the file."""
    found = []
    for entry in read_catalogue("pipeline")["faults"]:
        entry = dict(entry)
        causes = tuple((each,) if isinstance(each, str) else tuple(each) for each in entry.pop("causes"))
        components = {name: entry.pop(name) for name in ("decoder", "vae", "scheduler") if name in entry}
        found.append(PipelineFault(causes=causes, components=components, **entry))
    return found


def make_runnables(fault: PipelineFault) -> tuple[Runnable, Runnable, dict[str, torch.Tensor]]:
    """The reference, the candidate with the fault in it, and what is put into the candidate."""
    call = dict(FLUX_CALL) if fault.pipeline == "flux" else {}
    call |= fault.call
    if "generator" in call:
        call["generator"] = torch.Generator().manual_seed(call["generator"])
    reference = tiny_flux() if fault.pipeline == "flux" else StagedPipeline()
    namespace: dict[str, Any] = {"torch": torch, "UniPCMultistepScheduler": UniPCMultistepScheduler, "base": _with}
    namespace["Base"] = type(reference)
    body = [f"{name} = {value}" for name, value in fault.settings.items()] + list(fault.methods) or ["pass"]
    exec("class Faulty(Base):\n" + textwrap.indent("\n".join(body), "    "), namespace)
    candidate = namespace["Faulty"](**reference.components) if fault.pipeline == "flux" else namespace["Faulty"]()
    if fault.pipeline == "flux":
        candidate = copy.deepcopy(candidate)
        candidate.set_progress_bar_config(disable=True)
    for name, values in fault.components.items():
        present = getattr(candidate, name)
        config = {key: value for key, value in {**present.config, **values}.items() if not key.startswith("_")}
        made = type(present)(**config)
        if isinstance(made, torch.nn.Module):
            made.load_state_dict(present.state_dict())
        setattr(candidate, name, made)
    if fault.dtype != "float32":
        for pipeline in (reference, candidate):
            pipeline.transformer.to(getattr(torch, fault.dtype))
    injected = {}
    if fault.inject:
        start = {"preloop": Checkpoint(save=True, stop=True)}
        run_pipeline(reference, call, start)
        injected = {name: start["preloop"].data[name] for name in fault.inject}
        injected |= {name: injected[name] * 1.1 for name in fault.stale}
    return Runnable("reference", reference, call), Runnable("candidate", candidate, call), injected


def _with(pipeline: Any, name: str, value: Any) -> Any:
    """The reference's pipeline with one setting that is another."""
    made = StagedPipeline()
    setattr(made, name, value)
    return made


def names_cause(answer: Diagnosis, fault: Fault | PipelineFault) -> bool:
    """Whether a diagnosis explains the difference by the fault's causes, each of them, and by nothing else."""
    said = {name for cause in answer.causes[: answer.explained_by] for name in cause.experiment.split(" and ")}
    are_named = all(any(name in said for name in cause) for cause in fault.causes)
    return answer.verdict == "explained" and are_named and len(said) <= len(fault.causes)


CLEAN_DTYPES = ("float64", "float32", "bfloat16")


def clean_pairs(place: Path) -> Iterator[tuple[str, bool]]:
    """Pairs without a fault, by name, and whether anything is blamed."""
    pairs = [(preset, "diffusers", dtype) for preset in ("flux2", "sd3", "wan") for dtype in CLEAN_DTYPES]
    # diffusers rounds the output of Wan's feed-forward to float32 there, and the generated model does not.
    pairs.remove(("wan", "diffusers", "float64"))
    pairs += [("flux2", "research", dtype) for dtype in CLEAN_DTYPES]
    pairs += [("qwenimage", "diffusers", "float32"), ("ltx", "diffusers", "float32")]
    for preset, reference, dtype in pairs:
        fault = Fault(preset, f"none, {reference}, {dtype}", (), (), reference=reference, dtype=dtype)
        with planted(fault, place) as package:
            one, two, kind = make_specimens(fault, package)
            blames = bisect(one, two, kind).finding is not None or diagnose(one, two, kind).verdict != "agree"
            yield f"{preset}, {reference}, {dtype}", blames
    calls: list[tuple[str, dict[str, Any]]] = [("staged", {"prompt": each}) for each in range(4)]
    calls += [("staged", {"generator": 7}), ("staged", {"steps": 4, "generator": 8})]
    calls += [("flux", {}), ("flux", {"height": 16}), ("flux", {"guidance_scale": 1.0})]
    for pipeline, call in calls:
        clean = PipelineFault(f"none {call}", (), "agree", pipeline, call=call)
        one, two, _ = make_runnables(clean)
        answer = diagnose_pipelines(one, two, clean.steps)
        yield f"{pipeline} {call}", trace(one, two, clean.steps).verdict != "agree" or answer.verdict != "agree"
