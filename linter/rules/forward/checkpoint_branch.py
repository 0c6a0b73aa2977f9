"""FWD014 checkpoint-branch."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Call
from linter.findings import Finding
from linter.project import Module
from linter.rules.forward import GUIDE, ForwardRule, running


class CheckpointBranch(ForwardRule):
    """The gradient-checkpointing branch passes other arguments than the plain one.

    ## What it does
    Compares `self._gradient_checkpointing_func(block, ...)` with the call of the same block in the other branch.

    ## Why is this bad?
    Training computes something else than inference: a mask, a rotary embedding or a condition is missing only there.

    ## Exceptions
    Arguments that are worked out in the call, constants, and blocks that are called through a wrapper.
    """

    code = "FWD014"
    name = "checkpoint-branch"
    guide = GUIDE
    bad = """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, hidden_states, temb, rotary_emb=None):
                for block in self.blocks:
                    if torch.is_grad_enabled() and self.gradient_checkpointing:
                        hidden_states = self._gradient_checkpointing_func(block, hidden_states, temb)  #!
                    else:
                        hidden_states = block(hidden_states, temb, rotary_emb)
                return hidden_states
    """
    good = bad.replace("(block, hidden_states, temb)", "(block, hidden_states, temb, rotary_emb)").replace("  #!", "")

    def check(self, module: Module) -> Iterator[Finding]:
        for where in running(module):
            calls = where.function.facts.calls
            for call in calls:
                if call.method != "_gradient_checkpointing_func" or not call.arguments:
                    continue
                block = call.arguments[0].path
                plain = [other for other in calls if other.path == block and self._is_other_branch(call, other)]
                if len(plain) != 1 or not (self._is_plain(call) and self._is_plain(plain[0])):
                    continue
                given, wanted = self._passed(call) - {block}, self._passed(plain[0])
                if given != wanted:
                    told = self._told(given - wanted, wanted - given)
                    message = f"the checkpointing branch passes {told} to `{block}`"
                    yield self.told(module, where, call.span, message)

    def _is_other_branch(self, call: Call, other: Call) -> bool:
        return any(~guard in other.guards for guard in call.guards)

    def _is_plain(self, call: Call) -> bool:
        """Whether all arguments can be told by their names."""
        return all(
            item.path and not {"?", "("} & set(item.path) and item.name not in ("*", "**") for item in call.arguments
        )

    def _passed(self, call: Call) -> set[str]:
        return {item.path for item in call.arguments if item.path[0].isalpha() and item.path not in _CONSTANTS}

    def _told(self, more: set[str], fewer: set[str]) -> str:
        parts = [f"{word} `{'`, `'.join(sorted(names))}`" for word, names in (("also", more), ("no", fewer)) if names]
        return " and ".join(parts)


_CONSTANTS = ("None", "True", "False")
