"""What the blocks of a pipeline say that its methods do not: where each name comes from, and who guides."""

from __future__ import annotations

import ast
import dataclasses
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import msgspec

from scaffold.cutting import Stretch, cut
from scaffold.expressions import Expression
from scaffold.parts import Offer, Part, Setting
from scaffold.spec.pipelines import CallArgument, Pipeline


class Blocks(Pipeline, frozen=True):
    """A pipeline as blocks, in which a guider guides and every argument is an input of the block that reads it."""

    @classmethod
    def of(cls, pipeline: Pipeline) -> Blocks:
        """The blocks of a pipeline that is bound.

        IP-adapters are left to the pipeline, and which layers are left out is a guider's work.
        """
        part = pipeline.transformer
        read = {name: formula for name, formula in part.given["arguments"].items() if formula != "skip_layers"}
        transformer = Part(part.kind, part.given | {"arguments": read}, part.slot, part.declaration)
        images = pipeline._declared("ip_adapter").call if pipeline.ip_adapter else {}
        call = {name: default for name, default in pipeline.call.items() if name not in images}
        return cls(**msgspec.structs.asdict(pipeline) | {"transformer": transformer, "call": call, "ip_adapter": None})

    @property
    def title(self) -> str:
        """What the names of its classes begin with."""
        return self.name.removesuffix("Pipeline")

    @property
    def attention_kwargs(self) -> str | None:
        """None of its own: what reaches the attention processors is an input like others."""
        return None

    @property
    def arguments(self) -> tuple[CallArgument, ...]:
        """The arguments of `__call__` but those of guidance, which configure the guider."""
        guides = self._declared("guidance").call if self.negative else {}
        embedded = {name for name in guides if self._declared("guidance").offers and name == "guidance_scale"}
        return tuple(each for each in super().arguments if each.name not in guides or each.name in embedded)

    @property
    def pairs(self) -> tuple[str, ...]:
        """What the transformer reads of a prompt, which is another for the negative one."""
        return tuple(name for name in self.reads if name in self.conditions)

    @property
    def negative_pairs(self) -> tuple[str, ...]:
        """The same of the negative prompt, if there is one."""
        return tuple(f"negative_{name}" for name in self.pairs) if self.negative else ()

    @property
    def guider(self) -> dict[str, Any]:
        """The config of the guider; empty without one."""
        given = self._declared("guidance").guider
        return {name: self.call[value] if isinstance(value, str) else value for name, value in given.items()}

    def cut(self, stretches: Sequence[Sequence[str]]) -> dict[str, Stretch]:
        """The steps of a call, from name, lines and methods of each stretch."""
        conditions = self.conditions + (self.negative_conditions if self.negative else ())
        steps = cut(
            stretches,
            given={each.name for each in self.arguments} - set(conditions),
            handed=conditions,
            wanted="videos" if self.videos else "images",
            repeated=("predict", "after"),
            prelude="        device = self._execution_device\n        batch_size = len(prompt_embeds)\n",
        )
        steps["text"] = dataclasses.replace(steps["text"], outputs=conditions)
        return steps

    def needed(self, step: Stretch, model: str) -> tuple[str, ...]:
        """The components of a step, as Python that says which they are; `model` is the class of the transformer."""
        classes = {name: module.type.partition(" ")[0] for name, module in self.modules.items()}
        classes |= {"vae": self.latents.vae, "scheduler": self.schedule.scheduler}
        classes |= dict.fromkeys(("transformer", *self.later_transformers), model)
        found = [f'ComponentSpec("{name}", {classes[name]})' for name in step.owned if name in classes]
        if self.guider and step.name in ("text", "predict"):
            found.append("GUIDER")
            found += ["GUIDER_2"] if self.later_transformers else []
        return (*found, *("PROCESSOR" for name in step.owned if name == self.processor))

    def kept(self, step: Stretch) -> dict[str, Setting]:
        """The settings of the pipeline's config that a step reads."""
        read = set(re.findall(r"\bself\.config\.(\w+)", step.lines + step.methods))
        return {name: setting for name, setting in self.settings.items() if name in read}

    @property
    def processor(self) -> str:
        """The component that turns pixels into pictures or videos, and back."""
        return "video_processor" if self.videos else "image_processor"

    @property
    def fits_pixels(self) -> int:
        """What the sides of a picture are a multiple of with the published VAE, as far as a number says it."""
        patch = str(Expression(self.latents.patch))
        return int(self.latents.scale_factor) * (int(patch) if patch.isdecimal() else 1)

    def required(self, name: str, handed: bool) -> bool:
        """Whether a block cannot do without an input."""
        return name == "prompt" or (handed and "None" not in self.described(name, handed).type)

    def default(self, name: str) -> str:
        """What stands for an argument that a user does not give, as Python."""
        return next(each.written_default for each in self.arguments if each.name == name)

    def described(self, name: str, handed: bool) -> Offer:
        """The type of a name that blocks take or hand on, and what it is.

        Args:
            name: the name.
            handed: whether an earlier block has left it, so that it is no longer what a user gave.
        """
        positive = name.removeprefix("negative_")
        if handed and name in self.negative_conditions:
            type_ = self.described(positive, handed).type.removesuffix(" | None")
            return Offer(f"{type_} | None", f"`{positive}` for the negative prompt, if the guider asks for it.")
        noun = f"{self.noun}s"
        offers = {
            "timesteps": Offer("torch.Tensor", "the timesteps of the schedule."),
            "prediction": Offer("torch.Tensor", "what the transformer predicts in a step, guided."),
            "images": Offer(
                "list[PIL.Image.Image] | np.ndarray | torch.Tensor", f"the {noun}, as `output_type` says."
            ),
        }
        offers["videos"] = offers["images"]
        for slot, _ in self.parts():
            offers |= self._declared(slot).keeps | self._declared(slot).offers
        offers |= {each.name: Offer(each.annotation, each.doc) for each in self.arguments if each.name not in offers}
        offers["output_type"] = Offer("str", "`pil`, `np` or `pt`.")
        if handed:
            conditions = "what conditions the transformer, as the block that encodes prompts leaves it."
            offers |= {each: Offer(self.annotation(each), conditions) for each in self.embeddings}
            offers["latents"] = Offer("torch.Tensor", f"latents, {self._declared('latents').returns}.")
        return offers[name]

    def functions(self, source: str) -> tuple[str, ...]:
        """The functions and constants of the module of the pipeline, from the source that its parts bring."""
        return tuple(dict.fromkeys(re.findall(r"^(?:def )?(\w+)(?=\(| = )", source, re.MULTILINE)))

    def scales(self, source: str) -> dict[str, str]:
        """How many pixels and frames a latent spans: the attributes that source sets, each with its value."""
        found = {}
        for statement in ast.parse(textwrap.dedent(source)).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
                found[statement.targets[0].attr] = ast.unparse(statement.value)
        return found
