"""The site: it builds strictly, every rule has its page, and rules and guides lead to one another."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from linter.rules import all_rules


ROOT = Path(__file__).resolve().parents[2]
VERDICTS = ROOT / "tests" / "linter" / "verdicts" / "diffusers-0.42.1.yaml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return out


def page(site: Path, path: str) -> str:
    return (site / path / "index.html").read_text(encoding="utf-8")


def test_every_rule_has_its_page_and_its_line(site: Path) -> None:
    index = page(site, "linter/rules")
    for rule in all_rules():
        assert f'href="{rule.code.lower()}/"' in index
        shown = page(site, f"linter/rules/{rule.code.lower()}")
        # Rules about packs have no line of code to stand on.
        says = f"# lint: ignore[{rule.code}] reason" if rule.profiles else "linter skills"
        assert f"<code>{says}</code>" in shown


def test_rules_and_guides_lead_to_one_another(site: Path) -> None:
    assert 'href="../../../guides/models/#attention"' in page(site, "linter/rules/att001")
    assert 'href="../../linter/rules/att001/"' in page(site, "guides/models")
    assert 'href="../../../../linter/rules/reg001/"' in page(site, "guides/skills/model-integration/SKILL")


def test_the_table_of_verdicts_counts_each_rule(site: Path) -> None:
    table = page(site, "linter/diffusers").partition("<table>")[2].partition("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.S) for row in table.split("<tr>")[2:]]
    counts = {re.sub(r"<.*?>", "", row[0]): [int(number or 0) for number in row[2:]] for row in rows}
    text = VERDICTS.read_text(encoding="utf-8")
    assert counts.keys() - {""} == set(re.findall(r"^- code: (\w+)$", text, re.M))
    assert sum(counts[""]) == sum(map(int, re.findall(r"^      \S+: (\d+)$", text, re.M)))
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [2 * total for total in counts[""]]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in ("", "parity", "linter/rules/att001"):
        text = page(site, path)
        assert 'src="http' not in text
        assert 'rel="stylesheet" href="http' not in text
