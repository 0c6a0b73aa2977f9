"""The language of architectures: the types that a YAML file of `templates/specs/` is read into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from scaffold.expressions import Expression
from scaffold.parts import Library, Part
from scaffold.spec.blocks import Stage, Step
from scaffold.spec.checkpoints import Lora, Published, Weights
from scaffold.spec.interface import Argument, ConfigEntry
from scaffold.spec.modular import Blocks
from scaffold.spec.node import Node
from scaffold.spec.parallel import ContextParallel, Shard
from scaffold.spec.pipelines import Pipeline
from scaffold.spec.training import DiffusionTraining, FlowTraining, ListFlowTraining


class Tiny(Node, frozen=True):
    """A configuration small enough for a test on CPU, and the sizes that the `draw` of an argument reads."""

    config: dict[str, Any]
    sizes: dict[str, int]


class Features(Node, frozen=True):
    """What the architecture can do beyond a plain forward.

    Attributes:
        ip_adapter: how images of IP-adapters come in, a folder of `templates/components/ip_adapter/`.
    """

    kv_cache: bool = False
    controlnet: bool = False
    fused_projections: bool = True
    ip_adapter: Literal["projected", "resampled"] | None = None

    @property
    def ip_projection(self) -> str:
        """The model's attribute for what makes tokens of the images of IP-adapters."""
        return "encoder_hid_proj" if self.ip_adapter == "projected" else "image_proj"


class Spec(Node, frozen=True, kw_only=True):
    """An architecture, complete: everything that the templates need and nothing that they have to guess.

    Attributes:
        config: the constructor's arguments, in order.
        custom: a folder of components of the spec's own, beside its file, laid out as `templates/components/`.
        counterpart: the class of diffusers that the model equals, to the last bit.
        predicts: what the model's output is about.
        lora_scale: the argument of `forward` whose `scale` sets the strength of a LoRA.
        ignore_on_load: parts of names in published checkpoints that nothing reads.
        derived: attributes that the constructor computes first, each with its formula; later formulas may read them.
        forward: the arguments of `forward`, in order.
        components: what stands around the blocks, by slot, in the order in which the constructor builds it; the blocks
            come before the `head`.
    """

    name: str
    title: str
    summary: str
    reference: str
    layout: str
    prefix: str
    model: str
    config: dict[str, ConfigEntry]
    derived: dict[str, str]
    forward: dict[str, Argument]
    components: dict[str, Part]
    stages: tuple[Stage, ...]
    features: Features
    skip_layerwise_casting: tuple[str, ...]
    keep_in_float32: tuple[str, ...] = ()
    ignore_on_load: tuple[str, ...] = ()
    tiny: Tiny
    weights: Weights | None = None
    lora: Lora | None = None
    published: dict[str, Published] = msgspec.field(default_factory=dict)
    lora_scale: str | None = None
    predicts: str = "the velocity"
    counterpart: str | None = None
    custom: str | None = None
    context_parallel: ContextParallel | None = None
    tensor_parallel: tuple[Shard, ...] = ()
    training: FlowTraining | ListFlowTraining | DiffusionTraining | None = None
    pipeline: Pipeline | None = None

    @property
    def blocks(self) -> Blocks | None:
        """The pipeline as blocks, if there is one."""
        return Blocks.of(self.pipeline) if self.pipeline else None

    @property
    def needs(self) -> tuple[str, ...]:
        """The folders of classes that its components are written with, each once."""
        return tuple(dict.fromkeys(need for _, _, part in self.parts() for need in part.needs))

    @property
    def library_imports(self) -> tuple[tuple[str, str], ...]:
        """Classes of other libraries that a program names itself: module and name."""
        found = {getattr(step, "class") for step in self.steps if step.kind == "use"}
        return tuple(sorted((name.rpartition(".")[0], name.rpartition(".")[2]) for name in found))

    @property
    def kept(self) -> tuple[str, ...]:
        """The config entries that checkpoints bring and nothing reads."""
        return tuple(name for name, entry in self.config.items() if entry.kept)

    @property
    def package(self) -> str:
        """The import name of the generated folder: `z-image` becomes `z_image`."""
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The sublayers of all programs."""
        return tuple(step for stage in self.stages for step in stage.program)

    @property
    def processor_kwargs(self) -> str | None:
        """The argument of `forward` with what attention processors take beside the usual, where blocks hand it on."""
        names = [name for stage in self.stages for name, kind in stage.takes.items() if kind == "kwargs"]
        return names[0] if names else None

    @property
    def classes(self) -> tuple[Step, ...]:
        """One step for each class of layer of the folder's own that the programs use."""
        first: dict[str, Step] = {}
        for step in self.steps:
            name = getattr(step, "class", None)
            if name is not None and step.kind != "use":
                first.setdefault(name, step)
        return tuple(first.values())

    @property
    def ip_processors(self) -> tuple[str, ...]:
        """The processors that also see the images of IP-adapters: those of the attentions of the first blocks."""
        if not self.features.ip_adapter:
            return ()
        classes = dict.fromkeys(getattr(step, "class", None) for step in self.stages[0].program)
        return tuple(f"{self.prefix}IPAdapter{name.replace('Attention', 'AttnProcessor')}" for name in classes if name)

    def type_of(self, formula: str | int | float) -> str:
        """The annotation of a value: that of the config entry where the formula is just its name."""
        entry = self.config.get(str(formula))
        if entry:
            return entry.type
        return "bool" if Expression(formula).is_condition else "int"

    @property
    def arguments(self) -> dict[str, Argument]:
        """The arguments of `forward` that its features leave, in order."""
        on = {name for name in self.features.__struct_fields__ if getattr(self.features, name)}
        return {
            name: argument
            for name, argument in self.forward.items()
            if argument.feature is None or argument.feature in on
        }

    @property
    def ragged(self) -> bool:
        """Whether the model takes and gives a list with a tensor for each of the batch, which may differ in size."""
        return any(argument.draw is not None and argument.draw.each for argument in self.arguments.values())

    def parts(self) -> Iterator[tuple[tuple[str | int, ...], str, Part]]:
        """Every component with its place in the file and its slot."""
        for slot, part in self.components.items():
            yield ("components", slot), slot, part
        for index, stage in enumerate(self.stages):
            for name, stream in stage.streams.items():
                yield ("stages", index, "streams", name, "modulation"), "stream_modulation", stream.modulation
            for position, step in enumerate(stage.program):
                place = ("stages", index, "program", position)
                yield place, "sublayer", step
                for name, norm in step.norms.items():
                    if norm is not None:
                        yield (*place, "norms", name), "norm", norm
                for name, norm in step.norms_after.items():
                    yield (*place, "norms_after", name), "norm", norm

    def bound(self, library: Library) -> Spec:
        """The same spec with every component bound to what its kind declares; it has been checked."""
        prefixes = dict.fromkeys(self.derived, "self.")
        stages = tuple(
            msgspec.structs.replace(
                stage,
                arguments={name: Expression(value).renamed(prefixes) for name, value in stage.arguments.items()},
                streams={
                    name: msgspec.structs.replace(
                        stream, modulation=stream.modulation.bound(library, "stream_modulation")
                    )
                    for name, stream in stage.streams.items()
                },
                program=tuple(step.bound(library, "sublayer") for step in stage.program),
            )
            for stage in self.stages
        )
        components = {slot: part.bound(library, slot, prefixes) for slot, part in self.components.items()}
        custom = str(library.custom) if library.custom else None
        pipeline = self.pipeline.bound(library) if self.pipeline else None
        return msgspec.structs.replace(self, components=components, stages=stages, custom=custom, pipeline=pipeline)
