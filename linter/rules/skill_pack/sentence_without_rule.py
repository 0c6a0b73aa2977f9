"""SKL008 sentence-without-rule."""

from __future__ import annotations

from collections.abc import Iterator

from linter.findings import Finding
from linter.pack.norms import MANUAL, norms, reserved_codes
from linter.pack.pages import Pack
from linter.rules import rules_by_code
from linter.rules.skill_pack import PackRule


class SentenceWithoutRule(PackRule):
    """A norm does not say which rule checks it, or cites a code that no rule has or will have.

    ## What it does
    Takes a sentence for a norm if it ends an item of a list, has a word such as "must" or "never", or begins with a
    verb that tagged norms begin with; it has to end in `[ATT001]`, `[ATT001, ATT002]` or `[manual]`.

    ## Why is this bad?
    Nobody can tell whether a norm without a tag is checked, and a code that is retired or mistyped checks nothing.
    """

    code = "SKL008"
    name = "sentence-without-rule"
    guide = "pack.md#sentences-and-rules"
    good = {"AGENTS.md": "[models](models.md)\n", "models.md": "# Models\n\n- Keep a model in one file. [manual]\n"}
    bad = {"AGENTS.md": "[models](models.md)\n", "models.md": "# Models\n\n- Keep a model in one file. #!\n"}

    def check_pack(self, pack: Pack) -> Iterator[Finding]:
        """Yields a finding for each norm without a tag, and for each code that is none."""
        tagged, untagged = norms(pack)
        for norm in untagged:
            yield self.on(norm.page, norm.last_line, f"no tag says which rule checks this: {_shown(norm.text)}")
        known = {MANUAL, *rules_by_code(), *reserved_codes()}
        for norm in tagged:
            for code in norm.codes:
                if code not in known:
                    yield self.on(norm.page, norm.last_line, f"no rule has the code {code}, nor is it kept for one")


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
