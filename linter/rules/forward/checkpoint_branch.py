"""FWD014 checkpoint-branch."""

from __future__ import annotations

from collections.abc import Iterator

from linter.facts import Argument, Call
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
        for where in running(module, (_CHECKPOINTING,)):
            calls = where.function.facts.calls
            for call in calls:
                if call.method != _CHECKPOINTING or not call.arguments:
                    continue
                block = call.arguments[0].path
                plain = [other for other in calls if other.path == block and self._is_other_branch(call, other)]
                if len(plain) == 1 and (told := self._difference(call.arguments[1:], plain[0].arguments)):
                    message = f"the checkpointing branch passes {told} to `{block}`"
                    yield self.told(module, where, call.span, message)

    def _is_other_branch(self, call: Call, other: Call) -> bool:
        return any(~guard in other.guards for guard in call.guards)

    def _difference(self, given: tuple[Argument, ...], wanted: tuple[Argument, ...]) -> str:
        """What sets two lists of arguments apart; empty where nothing does or where it cannot be told."""
        if any(item.name in ("*", "**") for item in (*given, *wanted)) or self._unnamed(given) != self._unnamed(
            wanted
        ):
            return ""
        has, needs = self._named(given), self._named(wanted)
        more, fewer = sorted(set(has) - set(needs)), sorted(set(needs) - set(has))
        parts = [f"{word} `{'`, `'.join(names)}`" for word, names in (("also", more), ("no", fewer)) if names]
        is_positional = not any(item.name for item in (*given, *wanted))
        if not parts and is_positional and has != needs:
            return "the same in another order"
        return " and ".join(parts)

    def _named(self, arguments: tuple[Argument, ...]) -> list[str]:
        return [
            item.path
            for item in arguments
            if item.path[:1].isalpha() and item.path not in _CONSTANTS and "(" not in item.path
        ]

    def _unnamed(self, arguments: tuple[Argument, ...]) -> int:
        """How many arguments are worked out in the call."""
        return sum(bool({"?", "("} & set(item.path)) for item in arguments)


_CHECKPOINTING = "_gradient_checkpointing_func"
_CONSTANTS = ("None", "True", "False")
