"""MOD018 return-dict."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import FunctionFacts, Return
from linter.findings import Finding, Severity
from linter.project import Module
from linter.rules.base import Rule
from linter.rules.forward import guard_texts
from linter.rules.model_classes import GUIDE


class ReturnDict(Rule):
    """A model's `forward` lacks `return_dict`, or returns another value with it than without.

    ## What it does
    Looks at `forward` of models that return an output class, and of every transformer and UNet, and compares what its
    tuple and its output class are filled with.

    ## Why is this bad?
    Pipelines call a model with `return_dict=False` and take the first element. Without the argument that raises; with
    two different values the same model gives two results.

    ## Exceptions
    Values that are worked out in the return itself, and other models that return plain tensors. A pipeline's own small
    model without the argument is a warning.
    """

    code = "MOD018"
    name = "return-dict"
    guide = GUIDE
    bad = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_outputs import Transformer2DModelOutput
        from diffusers.models.modeling_utils import ModelMixin


        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            def forward(self, hidden_states, return_dict: bool = True):
                output = self.proj_out(hidden_states)
                if not return_dict:
                    return (hidden_states,)
                return Transformer2DModelOutput(sample=output)  #!


        class TinyTransformer1DModel(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):  #!
                return self.proj_out(hidden_states)
    """
    good = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_outputs import Transformer2DModelOutput
        from diffusers.models.modeling_utils import ModelMixin


        class TinyTransformer2DModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_layers: int = 2):
                super().__init__()

            def forward(self, hidden_states, return_dict: bool = True):
                output = self.proj_out(hidden_states)
                if not return_dict:
                    return (output,)
                return Transformer2DModelOutput(sample=output)
    """

    def check(self, module: Module) -> Iterator[Finding]:
        for cls in module.classes.values():
            forward = cls.own_methods.get("forward")
            if forward is None or not cls.is_model or forward.facts.is_empty:
                continue
            facts = forward.facts
            outputs = [ret for ret in facts.returns if self._is_output(ret)]
            names = {parameter.name for parameter in facts.parameters}
            is_expected = outputs or "Transformer" in cls.name or "UNet" in cls.name
            if is_expected and "return_dict" not in names and not any(p.kind == "**" for p in facts.parameters):
                message = f"`{forward.qualname}` takes no `return_dict`"
                # A pipeline may keep a small model of its own, which nobody else calls.
                severity = Severity.WARNING if ".pipelines." in f".{module.name}" else None
                yield self.finding(module, facts.header, message, forward, severity=severity)
            plain = [ret for ret in facts.returns if ret.is_tuple and self._without_output(facts, ret)]
            for ret in outputs:
                filled = self._filled(facts, ret)
                if filled and len(plain) == 1 and len(outputs) == 1 and self._disagree(filled, plain[0].paths):
                    told = f"`{', '.join(filled)}`, without `{', '.join(plain[0].paths)}`"
                    message = f"with `return_dict` it returns {told}"
                    yield self.finding(module, ret.span, message, forward)

    def _is_output(self, ret: Return) -> bool:
        return len(ret.paths) == 1 and not ret.is_tuple and ret.paths[0].endswith("Output()")

    def _without_output(self, facts: FunctionFacts, ret: Return) -> bool:
        return any("return_dict" in text for text in guard_texts(facts, ret.guards))

    def _filled(self, facts: FunctionFacts, ret: Return) -> tuple[str, ...]:
        """What the output class of a return is made with."""
        made = (call for call in facts.calls if call.span.line >= ret.span.line)
        call = next((call for call in made if call.path + "()" == ret.paths[0]), None)
        return tuple(argument.path for argument in call.arguments) if call else ()

    def _disagree(self, filled: tuple[str, ...], plain: tuple[str, ...]) -> bool:
        """Whether two lists of plain names differ. The order is the output class's; a missing value may be None."""
        if not all(path.isidentifier() for path in (*filled, *plain)):
            return False
        return {path for path in filled if path != "None"} != {path for path in plain if path != "None"}
