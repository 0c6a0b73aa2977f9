"""The output formats: what each consumer's specification asks of a report, and the same bytes at every run.

The published schemas are not kept here. What they require of the fields that a report has is asserted field by field.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

import linter.report
from linter.report import FORMATS
from linter.report.line_hashes import line_hashes


EINOPS = """\
from einops import rearrange
from torch import nn


class TinyAttention(nn.Module):
    def forward(self, hidden_states):
        return rearrange(hidden_states, self.pattern)
"""
# One character of four bytes before the place that is meant.
WIDE = 'scale = "\U0001f600"  # lint: ignore[FWD001] was needed once\n'
ODD = "a dir/\u00fc,%41:x.py"


@pytest.fixture
def report(run: Callable[..., Any], write: Callable[..., None]) -> Callable[..., Any]:
    """What `linter check` writes in a format about files with a broken rule, a fixable one and awkward names."""
    write({ODD: EINOPS, "einops.py": EINOPS, "wide.py": WIDE, "clean.py": "x = 1\n", "broken.py": "x = (\n"})

    def report(output_format: str, *paths: str) -> Any:
        return run("check", "--no-cache", "--output-format", output_format, *paths)

    return report


def found(report: Callable[..., Any]) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = report("json").findings
    assert [item["path"] for item in findings] == [ODD, "broken.py", "einops.py", "wide.py"]
    return findings


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_report_is_the_same_at_every_run_and_names_no_folder_of_this_machine(
    report: Callable[..., Any], output_format: str, folder: Path
) -> None:
    first, second = report(output_format), report(output_format)
    assert first.code == 2  # one of the files cannot be parsed
    assert first.out == second.out
    assert str(folder) not in first.out
    assert first.out.endswith("\n")
    assert not first.out.endswith("\n\n")


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_clean_run_says_so_in_the_formats_own_way(report: Callable[..., Any], output_format: str) -> None:
    outcome = report(output_format, "clean.py")
    assert outcome.code == 0
    if output_format in ("json-lines", "github"):
        assert outcome.out == ""
    elif output_format == "junit":
        (suite,) = ElementTree.fromstring(outcome.out)
        assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
        assert [case.get("name") for case in suite] == ["no findings"]
    elif output_format in ("concise", "full", "grouped"):
        assert outcome.out == "1 file checked, nothing found.\n"
    else:
        document = json.loads(outcome.out)
        if output_format == "sarif":
            document = document["runs"][0]["results"]
        elif output_format == "rdjson":
            document = document["diagnostics"]
        elif output_format == "json":
            document = document["findings"]
        assert document == []


def test_full_shows_the_guides_sentence_and_the_fix_as_a_diff(report: Callable[..., Any]) -> None:
    out = report("full", "einops.py").out
    assert "   = Rewrite einops calls with `reshape`, `permute`, `flatten` and `unflatten`.\n" in out
    assert "fix:" not in out
    out = report("full", "wide.py").out
    assert (
        "   = safe fix:\n"
        "   --- a/wide.py\n"
        "   +++ b/wide.py\n"
        "   @@ -1 +1 @@\n"
        '   -scale = "\U0001f600"  # lint: ignore[FWD001] was needed once\n'
        '   +scale = "\U0001f600"\n'
    ) in out


@pytest.mark.parametrize("place", [".ai", "scaffold/bundled/ai", ""])
def test_the_guides_are_found_beside_the_package_and_in_a_wheel(
    place: str, write: Callable[..., None], run_process: Callable[..., Any], tmp_path: Path
) -> None:
    root, site = Path(linter.report.__file__).parents[2], tmp_path / "site"
    shutil.copytree(root / "linter", site / "linter", ignore=shutil.ignore_patterns("__pycache__"))
    if place:
        shutil.copytree(root / ".ai", site / place)
    write({"einops.py": EINOPS})
    out = run_process("check", "--no-cache", "--output-format", "full", PYTHONPATH=str(site)).out
    assert ("   = Rewrite einops calls" in out) == bool(place)
    assert "FWD008" in out


def test_grouped_names_each_file_once(report: Callable[..., Any]) -> None:
    lines = report("grouped").out.splitlines()
    assert [line for line in lines if line.endswith(":")] == [f"{ODD}:", "broken.py:", "einops.py:", "wide.py:"]
    assert lines[lines.index("einops.py:") + 1].startswith("  7:16  FWD008 `rearrange` is einops")
    assert lines[-1].startswith("5 files checked: ")


def test_json_lines_has_the_findings_of_json_a_line_each(report: Callable[..., Any]) -> None:
    assert [json.loads(line) for line in report("json-lines").out.splitlines()] == found(report)


def test_github_commands_are_escaped_and_on_one_line(report: Callable[..., Any]) -> None:
    lines = report("github").out.splitlines()
    for line, finding in zip(lines, found(report), strict=True):
        command, properties, message = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups()
        assert command == "error"
        given = dict(item.split("=", 1) for item in properties.split(","))
        assert unquote(given["file"]) == finding["path"]
        assert given["line"] == str(finding["line"])
        assert given["title"] == f"linter ({finding['code']})"
        assert not set(given) - {"title", "file", "line", "endLine", "col", "endColumn"}
        assert unquote(message).endswith(f"{finding['code']} {finding['message']} ({finding['name']})")


def test_gitlab_has_the_required_fields_and_fingerprints_that_outlive_moved_lines(
    report: Callable[..., Any], write: Callable[..., None]
) -> None:
    line = EINOPS.splitlines(keepends=True)[-1]
    write({"twice.py": EINOPS + line})
    before = json.loads(report("gitlab").out)
    for issue in before:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert not issue["location"]["path"].startswith(("/", "./"))
    fingerprints = [issue["fingerprint"] for issue in before]
    assert len(set(fingerprints)) == len(fingerprints)
    write({"einops.py": "# moved\n\n" + EINOPS})
    after = json.loads(report("gitlab").out)
    assert [issue["fingerprint"] for issue in after] == fingerprints
    assert [issue["location"] for issue in after] != [issue["location"] for issue in before]


def test_junit_counts_what_it_lists_and_holds_no_character_that_xml_forbids(
    report: Callable[..., Any], write: Callable[..., None]
) -> None:
    write({"odd.py": "scale = 1  # lint: ignore[FWD\x0b001&<]\n"})
    root = ElementTree.fromstring(report("junit").out)
    assert (root.tag, root.get("errors")) == ("testsuites", "0")
    assert root.get("tests") == root.get("failures") == str(sum(len(suite) for suite in root))
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("tests") == suite.get("failures") == str(len(suite))
        for case in suite:
            # These and no others are the attributes that the schema of Jenkins' reader knows.
            assert set(case.attrib) == {"name", "classname"}
            (failure,) = case
            assert failure.tag == "failure"
            assert failure.get("type") == "error"
            assert failure.text
            assert failure.text.startswith(f"{suite.get('name')}:")


def test_rdjson_counts_columns_in_bytes_and_suggests_the_fix(report: Callable[..., Any]) -> None:
    document = json.loads(report("rdjson").out)
    assert document["source"] == {"name": "linter"}
    by_path = {item["location"]["path"]: item for item in document["diagnostics"]}
    assert [item["code"]["value"] for item in document["diagnostics"]] == [item["code"] for item in found(report)]
    assert {item["severity"] for item in document["diagnostics"]} <= {"ERROR", "WARNING", "INFO"}
    wide = by_path["wide.py"]
    line = WIDE.splitlines()[0].encode()
    start = wide["location"]["range"]["start"]
    assert line[start["column"] - 1 :].startswith(b"# lint: ignore")
    (suggestion,) = wide["suggestions"]
    begin, end = suggestion["range"]["start"], suggestion["range"]["end"]
    assert (begin["line"], end["line"]) == (1, 1)
    mended = line[: begin["column"] - 1] + suggestion["text"].encode() + line[end["column"] - 1 :]
    assert mended.decode() == 'scale = "\U0001f600"'
    assert "suggestions" not in by_path["einops.py"]


def test_sarif_has_what_code_scanning_reads(report: Callable[..., Any], folder: Path) -> None:
    document = json.loads(report("sarif").out)
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"] == "linter"
    for rule in driver["rules"]:
        assert rule["help"]["markdown"].startswith(f"# {rule['id']} {rule['name']}")
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    for result, finding in zip(run["results"], found(report), strict=True):
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding["code"]
        assert result["message"] == {"text": finding["message"]}
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        assert unquote(uri) == finding["path"]
        assert place["region"] == {
            "startLine": finding["line"],
            "startColumn": finding["column"],
            "endLine": finding["end_line"],
            "endColumn": finding["end_column"],
        }
        text = (folder / finding["path"]).read_text(encoding="utf-8")
        assert result["partialFingerprints"] == {"primaryLocationLineHash": line_hashes(text)[finding["line"]]}
    (fix,) = run["results"][-1]["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "wide.py"
    (replacement,) = change["replacements"]
    assert replacement["insertedContent"] == {"text": ""}
    assert replacement["deletedRegion"]["startLine"] == 1


# Values that github/codeql-action states for its own implementation.
@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
        (
            " hello; \t\nworld!!!\r\r\r  \t\tGreetings\r\n End\r\n",
            [
                "e9496ae3ebfced30:1",
                "fb7c023a8b9ccb3f:1",
                "ce8ba1a563dcdaca:1",
                "e20e36e16fcb0cc8:1",
                "b3edc88f2938467e:1",
                "c8e28b0b4002a3a0:1",
                "c129715d7a2bc9a3:1",
            ],
        ),
    ],
)
def test_line_hashes_are_those_that_code_scanning_computes(text: str, hashes: list[str]) -> None:
    assert list(line_hashes(text).values()) == hashes


def test_equal_lines_count_themselves() -> None:
    hashes = line_hashes("x\n" * 200)
    assert [hashes[number].split(":")[1] for number in (1, 2, 3)] == ["1", "2", "3"]
