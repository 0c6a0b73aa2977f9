"""How pictures and videos are made with a model: a pipeline put together from parts, as the model is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from scaffold.expressions import Expression
from scaffold.parts import CallParameter, Declaration, Library, Module, Part, Setting
from scaffold.spec.node import Node


# What a pipeline is put together from, in the order of its work.
SLOTS = ("prompt", "guidance", "latents", "schedule", "transformer", "output", "references", "ip_adapter")
# And what one of videos that begin with a picture is put together from besides.
FIRST_FRAME = "first_frame"
# The further pipelines that may stand beside one, by their keys.
SECONDS = ("image_to_image", "image_to_video", "distilled")


class CallArgument(Node, frozen=True):
    """One argument of the pipeline's `__call__`, as the docstring and the signature write it.

    Attributes:
        annotation: its type.
        default: its default value.
        written_default: the same as Python.
        doc: what it is, in a sentence.
        role: what the pipeline does with it, as `scaffold.parts.CallParameter` says.
        checked: whether `check_inputs` reads it.
    """

    name: str
    annotation: str
    default: Any
    written_default: str
    doc: str
    role: str
    checked: bool


# What a pipeline that begins with a picture takes besides.
PICTURE = {
    "image": CallParameter("PipelineImageInput", "the picture to begin with, one for all prompts or one for each."),
    "strength": CallParameter(
        "float", "the share of the steps that are taken, above 0; at 1 hardly anything is left of the picture."
    ),
}


class ImageToImage(Node, frozen=True):
    """A second pipeline, which begins with a picture under noise.

    Attributes:
        name: its class, which inherits from that of the first.
        call: the arguments of its `__call__` in order, each with its default.
        transformer: in place of that part of the first, if it gets other arguments.
        keeps_size: whether a picture keeps its size unless another is given, instead of taking the model's.
    """

    name: str
    call: dict[str, Any]
    transformer: Part | None = None
    keeps_size: bool = False

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The parts that are not those of the first, with their slots."""
        if self.transformer is not None:
            yield "transformer", self.transformer


class ImageToVideo(Node, frozen=True):
    """A second pipeline, which makes videos that begin with a picture.

    Attributes:
        name: its class, which inherits from that of the first.
        checkpoint: where weights for it are published.
        first_frame: how the picture comes in.
        transformer: in place of that part of the first.
        prompt: the same, where a prompt is read with the picture.
        call: the arguments of its `__call__` in order, each with its default.
        tiny: other entries of the tiny transformer's config.
    """

    name: str
    checkpoint: str
    first_frame: Part
    transformer: Part
    call: dict[str, Any]
    prompt: Part | None = None
    tiny: dict[str, Any] = msgspec.field(default_factory=dict)

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The parts that are not those of the first, with their slots."""
        if self.prompt is not None:
            yield "prompt", self.prompt
        yield FIRST_FRAME, self.first_frame
        yield "transformer", self.transformer


class Distilled(Node, frozen=True):
    """A second pipeline, for weights that were distilled to take few steps.

    Attributes:
        name: its class, which inherits from that of the first.
        checkpoint: where such weights are published.
        guidance: in place of that part of the first.
        schedule: likewise.
        transformer: likewise.
        call: the arguments of its `__call__` in order, each with its default.
        tiny: other entries of the tiny transformer's config.
        image_to_image: the pipeline for such weights that begins with a picture, if there is one.
    """

    name: str
    checkpoint: str
    guidance: Part
    schedule: Part
    transformer: Part
    call: dict[str, Any]
    tiny: dict[str, Any] = msgspec.field(default_factory=dict)
    image_to_image: ImageToImage | None = None

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The parts that are not those of the first, with their slots."""
        yield "guidance", self.guidance
        yield "schedule", self.schedule
        yield "transformer", self.transformer


class Pipeline(Node, frozen=True):
    """A pipeline: its class, where its weights are published, its parts, and the arguments of a call.

    Attributes:
        call: the arguments of `__call__` in order, each with its default; the parts say which there are.
        lora_loader: the class of diffusers that saves, fuses and unloads LoRAs, if the family has one.
        image_to_image: the pipeline that begins with a picture, if there is one.
        image_to_video: the pipeline whose videos begin with a picture, if there is one.
        distilled: the pipeline for weights that take few steps, if there is one.
    """

    name: str
    checkpoint: str
    prompt: Part
    guidance: Part
    latents: Part
    schedule: Part
    transformer: Part
    output: Part
    call: dict[str, Any]
    references: Part | None = None
    ip_adapter: Part | None = None
    lora_loader: str | None = None
    image_to_image: ImageToImage | None = None
    image_to_video: ImageToVideo | None = None
    distilled: Distilled | None = None

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Every part with its slot."""
        for slot in SLOTS:
            part = getattr(self, slot)
            if part is not None:
                yield slot, part

    def bound(self, library: Library) -> Pipeline:
        """The same pipeline with every part bound to what its kind declares."""
        parts = {slot: part.bound(library, slot) for slot, part in self.parts()}
        seconds = {
            key: msgspec.structs.replace(each, **{slot: part.bound(library, slot) for slot, part in each.parts()})
            for key in SECONDS
            if (each := getattr(self, key)) is not None
        }
        return msgspec.structs.replace(self, **parts, **seconds)

    @property
    def from_picture(self) -> PictureToVideo | None:
        """The pipeline whose videos begin with a picture, whole, with what it inherits."""
        second = self.image_to_video
        if second is None:
            return None
        own = {"name": second.name, "checkpoint": second.checkpoint, "call": second.call} | dict(second.parts())
        return PictureToVideo(**msgspec.structs.asdict(self) | own | dict.fromkeys(SECONDS) | {"first": self})

    @property
    def in_few_steps(self) -> Second | None:
        """The pipeline for distilled weights, whole, with what it inherits."""
        second = self.distilled
        if second is None:
            return None
        own = {"name": second.name, "checkpoint": second.checkpoint, "call": second.call} | dict(second.parts())
        beside = dict.fromkeys(SECONDS) | {"first": self, "image_to_image": second.image_to_image}
        return Second(**msgspec.structs.asdict(self) | own | beside)

    @property
    def first_frame(self) -> Part | None:
        """How the picture that a video begins with comes in: nothing here begins with one."""
        return None

    @property
    def videos(self) -> bool:
        """Whether it makes videos; pictures otherwise."""
        return self.output.kind == "videos"

    @property
    def noun(self) -> str:
        """What it makes one of."""
        return "video" if self.videos else "picture"

    @property
    def per_prompt(self) -> str:
        """The argument that says how often a prompt is repeated."""
        return "num_videos_per_prompt" if self.videos else "num_images_per_prompt"

    @property
    def result(self) -> str:
        """The class of what a call returns."""
        return str(self.output.result) if self.videos else "ImagePipelineOutput"

    @property
    def needs(self) -> tuple[str, ...]:
        """The folders of functions that its parts are written with, each once."""
        return tuple(dict.fromkeys(need for _, part in self.parts() for need in part.needs))

    @property
    def negative(self) -> bool:
        """Whether its guidance leads away from a negative prompt."""
        return self._declared("guidance").negative

    @property
    def arguments(self) -> tuple[CallArgument, ...]:
        """The arguments of `__call__`, in order."""
        return self._arguments(self.call)

    @property
    def picture_arguments(self) -> tuple[CallArgument, ...]:
        """The same of the pipeline that begins with a picture."""
        assert self.image_to_image is not None, "only one that there is has arguments"
        return self._arguments(self.image_to_image.call)

    def _arguments(self, call: dict[str, Any]) -> tuple[CallArgument, ...]:
        declared = PICTURE | arguments_of([self._declared(slot) for slot, _ in self.parts()])
        return tuple(
            _call_argument(name, declared[name], tuple(default) if isinstance(default, list) else default)
            for name, default in call.items()
        )

    def named(self, names: Sequence[str]) -> tuple[CallArgument, ...]:
        """Those of the arguments of `__call__` with these names, in their order."""
        arguments = {argument.name: argument for argument in self.arguments}
        return tuple(arguments[name] for name in names)

    @property
    def modules(self) -> dict[str, Module]:
        """The text encoders and tokenizers, by the constructor's arguments."""
        return self._declared("prompt").modules

    @property
    def later_transformers(self) -> dict[str, Module]:
        """Further transformers for later steps, by the constructor's arguments."""
        return self._declared("transformer").modules

    @property
    def image_modules(self) -> dict[str, Module]:
        """What embeds the images of IP-adapters, by the constructor's arguments."""
        return self._declared("ip_adapter").modules if self.ip_adapter else {}

    @property
    def settings(self) -> dict[str, Setting]:
        """The arguments of the constructor that the pipeline's config keeps."""
        return self._declared("transformer").settings

    @property
    def optional_modules(self) -> tuple[str, ...]:
        """Those that may be missing."""
        return tuple(name for name, module in self.modules.items() if module.optional)

    @property
    def encoders(self) -> tuple[str, ...]:
        """The text encoders."""
        return tuple(name for name, module in self.modules.items() if module.is_encoder)

    @property
    def required_encoders(self) -> tuple[str, ...]:
        """The text encoders without which no prompt can be read."""
        return tuple(name for name in self.encoders if name not in self.optional_modules)

    @property
    def texts(self) -> tuple[str, ...]:
        """The arguments that are prompts, without the negative ones."""
        return self._declared("prompt").named("text")

    @property
    def negative_texts(self) -> tuple[str, ...]:
        """The arguments that are negative prompts."""
        return tuple(f"negative_{name}" for name in self.texts) if self.negative else ()

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The arguments that stand for prompts, without the negative ones, as `encode_prompt` returns them."""
        return self._declared("prompt").named("embedding")

    @property
    def options(self) -> tuple[str, ...]:
        """What `encode_prompt` takes beside prompts and embeddings."""
        return self._declared("prompt").named("option")

    @property
    def pictured(self) -> tuple[str, ...]:
        """What it takes, behind all that, of a picture that the prompt is read with."""
        return self._declared("prompt").named("picture")

    @property
    def lists(self) -> bool:
        """Whether embeddings are a list with one tensor a prompt, of as many tokens as it has."""
        return self._declared("prompt").call["prompt_embeds"].type.startswith("list")

    @property
    def required_embeddings(self) -> tuple[str, ...]:
        """Those of the embeddings that are always given together."""
        call = self._declared("prompt").call
        return tuple(name for name in self.embeddings if call[name].required)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What `encode_prompt` returns: the embeddings, and what goes with them."""
        return (*self.embeddings, *self._declared("prompt").offers)

    @property
    def returned(self) -> str:
        """The annotation of what `encode_prompt` returns."""
        types = [self.annotation(name) for name in self.conditions]
        return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"

    @property
    def negative_conditions(self) -> tuple[str, ...]:
        """The same for the negative prompt."""
        return tuple(f"negative_{name}" for name in self.conditions)

    @property
    def tensors(self) -> tuple[str, ...]:
        """What a callback may see and change."""
        negative = tuple(f"negative_{name}" for name in self.embeddings) if self.negative else ()
        return ("latents", *self.embeddings, *negative)

    @property
    def attention_kwargs(self) -> str | None:
        """The argument that reaches the attention processors, whose `scale` is the strength of a LoRA."""
        return next((name for name in self.call if name.endswith("attention_kwargs")), None)

    @property
    def multiple_of(self) -> str:
        """What the sides have to be a multiple of, as Python in a method."""
        factor = "self.vae_scale_factor_spatial" if self.videos else "self.vae_scale_factor"
        return factor if self.patch == "1" else f"{factor} * {self.patch}"

    @property
    def patch(self) -> str:
        """How many latents a side of a token spans, as Python in a method."""
        patch = Expression(self.latents.patch)
        return str(patch.renamed(dict.fromkeys(patch.names, "self.transformer.config.")))

    def encoded(self, negative: bool = False) -> tuple[str, ...]:
        """What `encode_prompt` is called with, for the prompt or for the negative one."""
        call = self._declared("prompt").call
        names = [f"negative_{name}" if negative else name for name in (*self.texts, *self.embeddings)]
        names.append(self.per_prompt)
        names += [*self.options, "device", *self.pictured]
        return tuple((call[name].negative if negative and name in call else None) or name for name in names)

    @property
    def reads(self) -> tuple[str, ...]:
        """What the transformer's arguments are made from beside latents and timestep, each once and in order."""
        computed = {name for slot, _ in self.parts() for name in self._declared(slot).computes}
        own = {"latents", "timestep", "rounded_timestep", self.attention_kwargs, *computed}
        names = [name for formula in self.transformer.arguments.values() for name in Expression(formula).names]
        names += [name for slot, _ in self.parts() for name in self._declared(slot).reads]
        # What may be left out comes last.
        names.sort(key="skip_layers".__eq__)
        return tuple(dict.fromkeys(name for name in names if name not in own))

    @property
    def negative_reads(self) -> tuple[str, ...]:
        """The same under the conditions of the negative prompt."""
        negated = (*self.conditions, *self._images)
        return tuple(f"negative_{name}" if name in negated else name for name in self.reads)

    @property
    def both_reads(self) -> tuple[str, ...]:
        """The same for a doubled batch: the negative prompt's half first, in lists second."""
        both = "{0} + negative_{0}" if self.lists else "torch.cat([negative_{0}, {0}])"
        doubled = {name: both.format(name) for name in self.conditions} | {
            each: f"both_{each}" for each in self._images
        }
        if self.first_frame:
            # A picture is the same under both prompts.
            doubled |= {name: f"torch.cat([{name}] * 2)" for name in self._declared(FIRST_FRAME).offers}
        return tuple(doubled.get(name, name) for name in self.reads)

    @property
    def _images(self) -> tuple[str, ...]:
        """The names of what the transformer sees of the images of IP-adapters."""
        return tuple(self._declared("ip_adapter").offers) if self.ip_adapter else ()

    def annotation(self, name: str) -> str:
        """The type of one of the names that the transformer's arguments are made from."""
        if name in self.embeddings:
            parameter = self._declared("prompt").call[name]
            return parameter.type if parameter.required else f"{parameter.type} | None"
        for argument in self.arguments:
            if argument.name == name:
                return argument.annotation
        offers = [self._declared(slot).offers for slot, _ in self.parts()]
        return next(offered[name].type for offered in offers if name in offered)

    def _declared(self, slot: str) -> Declaration:
        declaration = getattr(self, slot).declaration
        assert isinstance(declaration, Declaration), "a pipeline is asked once it is bound"
        return declaration


class Second(Pipeline, frozen=True, kw_only=True):
    """A pipeline that stands beside another, whole, with what it inherits.

    Attributes:
        first: the other.
    """

    first: Pipeline

    @property
    def result(self) -> str:
        """The class of what a call returns."""
        return self.first.result


class PictureToVideo(Second, frozen=True, kw_only=True):
    """A pipeline whose videos begin with a picture.

    Attributes:
        first_frame: how the picture comes in.
    """

    first_frame: Part

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Every part with its slot."""
        yield from super().parts()
        yield FIRST_FRAME, self.first_frame

    @property
    def image_modules(self) -> dict[str, Module]:
        """What embeds the picture, by the constructor's arguments."""
        return self._declared(FIRST_FRAME).modules


def _call_argument(name: str, declared: CallParameter, default: Any) -> CallArgument:
    return CallArgument(
        name=name,
        annotation=declared.type + (" | None" if default is None else ""),
        default=default,
        written_default=declared.constant or repr(default),
        doc=declared.doc,
        role=declared.role,
        checked=declared.checked,
    )


def arguments_of(declarations: Sequence[Declaration]) -> dict[str, CallParameter]:
    """The arguments of `__call__` that parts bring, by name; those of a negative prompt beside the prompt's own."""
    found: dict[str, CallParameter] = {}
    for declaration in declarations:
        found |= declaration.call
    if any(declaration.negative for declaration in declarations):
        negated = {name: each for name, each in found.items() if each.role in ("text", "embedding")}
        found |= {f"negative_{name}": each.negated(name) for name, each in negated.items()}
    return found
