"""LNT004 suppression-without-reason."""

from __future__ import annotations

from linter.findings import Severity
from linter.rules.linter_itself import FoundByEngine


class SuppressionWithoutReason(FoundByEngine):
    """A suppression comment does not say why.

    ## What it does
    Finds `# lint: ignore[CODE]` with nothing behind the bracket.

    ## Why is this bad?
    Nobody can tell whether it still holds: a reader has to find out anew what its author knew, and so it stays.

    ## Exceptions
    A suppression of nothing, which is to be taken out, not explained.
    """

    code = "LNT004"
    name = "suppression-without-reason"
    guide = "review-rules.md#linter-findings"
    severity = Severity.WARNING
    bad = """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.pad_token = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009] #!
    """
    good = bad.replace("#!", "every checkpoint has it")
