"""Each machine-readable format against a schema, on reports whose names and messages are as awkward as they can be.

`json` and `json-lines` have their own schema, which the documentation offers. Those of SARIF, reviewdog, GitLab and
JUnit are of their makers; here stands in our words what they ask of the parts that a report has, and nothing that they
leave open: a key that is not listed fails. What the makers publish themselves is asked besides, as far as a package
brings it: `make setup` fetches it. GitLab's own, `app/validators/json_schemas/codeclimate.json` in its repository, is
in none, and asks less than stands here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from linter.documentation import example_files, marked_lines
from linter.rules import all_rules


ROOT = Path(__file__).resolve().parents[2]
POSITIVE = {"type": "integer", "minimum": 1}
TEXT = {"type": "string", "minLength": 1}


def exactly(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def listed(items: dict[str, Any], **limits: Any) -> dict[str, Any]:
    """A list of such items."""
    return {"type": "array", "items": items, **limits}


MESSAGE = exactly({"text": TEXT}, markdown=TEXT)
# A URI reference: what is not of its alphabet is escaped by `%` and two digits.
URI = {"type": "string", "pattern": r"^([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+$"}
ARTIFACT = exactly({"uri": URI}, uriBaseId=TEXT)
REGION = exactly({"startLine": POSITIVE, "startColumn": POSITIVE, "endLine": POSITIVE, "endColumn": POSITIVE})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = exactly(
    {
        "version": {"const": "2.1.0"},
        "runs": listed(
            exactly(
                {
                    "tool": exactly(
                        {
                            "driver": exactly(
                                {
                                    "name": TEXT,
                                    "version": TEXT,
                                    "rules": listed(
                                        exactly(
                                            {"id": TEXT},
                                            name=TEXT,
                                            shortDescription=MESSAGE,
                                            fullDescription=MESSAGE,
                                            help=MESSAGE,
                                            defaultConfiguration=exactly({"level": LEVEL}),
                                            properties=exactly({"tags": listed(TEXT, uniqueItems=True)}),
                                        ),
                                        uniqueItems=True,
                                    ),
                                }
                            )
                        }
                    ),
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": listed(
                        exactly(
                            {"message": MESSAGE},
                            ruleId=TEXT,
                            ruleIndex={"type": "integer", "minimum": 0},
                            level=LEVEL,
                            locations=listed(
                                exactly(
                                    {"physicalLocation": exactly({"artifactLocation": ARTIFACT, "region": REGION})},
                                    logicalLocations=listed(exactly({"fullyQualifiedName": TEXT}), minItems=1),
                                )
                            ),
                            partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
                            fixes=listed(
                                exactly(
                                    {
                                        "artifactChanges": listed(
                                            exactly(
                                                {
                                                    "artifactLocation": ARTIFACT,
                                                    "replacements": listed(
                                                        exactly(
                                                            {"deletedRegion": REGION},
                                                            insertedContent=exactly({"text": {"type": "string"}}),
                                                        ),
                                                        minItems=1,
                                                    ),
                                                }
                                            ),
                                            minItems=1,
                                            uniqueItems=True,
                                        )
                                    },
                                    description=MESSAGE,
                                ),
                                uniqueItems=True,
                            ),
                        )
                    ),
                },
                originalUriBaseIds={"type": "object", "additionalProperties": exactly({}, description=MESSAGE)},
            )
        ),
    },
    **{"$schema": {"type": "string", "format": "uri"}},
)
POSITION = exactly({"line": POSITIVE, "column": POSITIVE})
RANGE = exactly({"start": POSITION, "end": POSITION})
RDJSON = exactly(
    {
        "source": exactly({"name": TEXT}),
        "diagnostics": listed(
            exactly(
                {
                    "message": TEXT,
                    "location": exactly({"path": TEXT, "range": RANGE}),
                    "severity": {"enum": ["ERROR", "WARNING", "INFO"]},
                    "code": exactly({"value": TEXT}),
                },
                suggestions=listed(exactly({"range": RANGE, "text": {"type": "string"}}), minItems=1),
            )
        ),
    }
)
GITLAB = listed(
    exactly(
        {
            "description": TEXT,
            "check_name": TEXT,
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            # "./" in front of a path is not understood.
            "location": exactly(
                {
                    "path": {"type": "string", "pattern": r"^(?!\./)."},
                    "lines": exactly({"begin": POSITIVE}, end=POSITIVE),
                }
            ),
        }
    )
)
REPORT = json.loads((ROOT / "docs" / "linter" / "report.schema.json").read_text(encoding="utf-8"))
FINDING = {"$ref": "#/$defs/finding", "$defs": REPORT["$defs"]}
# Element: the attributes that it must have, those that it may have, and the elements that may stand in it.
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"skipped", "time", "timestamp"}, {"testcase"}),
    "testcase": ({"name"}, {"classname", "time"}, {"failure", "error", "skipped"}),
    "failure": (set(), {"type", "message"}, set()),
}

NAMES = [
    r"a\nb",
    "50%25",
    "<b>&amp;",
    "]]>",
    r"\x07\x1b[31m",
    "\u00fc\U0001f600",
    r"c\rd",
    "x,y:z",
    r"\ud800",
    "::error",
]
MODEL = f"""\
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin


class TinyModel(ModelMixin, ConfigMixin):
    _no_split_modules = [{", ".join(f'"{name}"' for name in NAMES)}]
"""
AWKWARD = {
    "a dir/\u00fc,%41:x.py": MODEL,
    "]]>&<.py": MODEL,
    "new\nline.py": MODEL,
    "wide.py": 'scale = "\U0001f600"  # lint: ignore[FWD001] was needed once\n',
    "broken.py": "x = (\n",
    "latin.py": b"x = '\xff'\n",
    "empty.py": "",
}
EVERY_RULE = {
    f"{rule.code}/{path}": marked_lines(text)[0]
    for rule in all_rules()
    if rule.profiles
    for path, text in example_files(rule.bad).items()
}
"""What `linter check` runs: the rules about packs have a command of their own."""


@pytest.fixture
def report(run: Callable[..., Any], write: Callable[..., None]) -> Callable[[str], str]:
    """What `linter check` writes in a format about the awkward files."""
    write(AWKWARD)

    def report(output_format: str) -> str:
        outcome = run("check", "--no-cache", "--output-format", output_format, "--select", "ALL")
        assert outcome.code == 2
        return str(outcome.out)

    return report


def valid(document: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)


def of_junit(element: ElementTree.Element) -> None:
    required, optional, children = JUNIT[element.tag]
    assert required <= set(element.attrib) <= required | optional
    assert {child.tag for child in element} <= children
    for child in element:
        of_junit(child)


@pytest.mark.parametrize(
    ("output_format", "schema"), [("sarif", SARIF), ("rdjson", RDJSON), ("gitlab", GITLAB), ("json", REPORT)]
)
def test_a_document_is_valid_and_holds_every_message(
    report: Callable[[str], str], output_format: str, schema: dict[str, Any]
) -> None:
    text = report(output_format)
    document = json.loads(text)
    valid(document, schema)
    # Every string of it, as a reader gets it, tells each name at least once a file.
    told = json.dumps(document, ensure_ascii=False)
    for name in NAMES:
        assert told.count(json.dumps(f"`{name}`", ensure_ascii=False)[1:-1]) >= 3, name


def test_each_line_of_json_lines_is_a_finding(report: Callable[[str], str]) -> None:
    lines = report("json-lines").splitlines()
    assert len(lines) >= 3 * len(NAMES)
    for line in lines:
        valid(json.loads(line), FINDING)


def test_junit_is_what_its_readers_know(report: Callable[[str], str]) -> None:
    root = ElementTree.fromstring(report("junit"))
    assert root.tag == "testsuites"
    of_junit(root)
    messages = [failure.get("message", "") for failure in root.iter("failure")]
    for name in NAMES:
        assert sum(f"`{name}`" in message for message in messages) == 3, name


def test_github_reads_back_what_was_meant(report: Callable[[str], str]) -> None:
    found = json.loads(report("json"))["findings"]
    lines = report("github").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(found)
    for line, finding in zip(lines, found, strict=True):
        # As the runner reads it: the properties end at the next two colons, each is split at its first `=`, and what
        # was escaped is taken back, `%25` last.
        _, command, message = re.fullmatch(r"(::)(.*?)::(.*)", line).groups()
        name, _, properties = command.partition(" ")
        assert name in ("error", "warning", "notice")
        given = dict(item.split("=", 1) for item in properties.split(","))
        assert unescaped(given["file"]) == finding["path"]
        assert (given["line"], given["endLine"]) == (str(finding["line"]), str(finding["end_line"]))
        assert finding["message"] in unescaped(message)


def unescaped(text: str) -> str:
    for sign, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(sign, meant)
    return text


@pytest.mark.parametrize("output_format", ["concise", "grouped", "full"])
def test_a_finding_is_told_on_lines_of_its_own_and_steers_no_terminal(
    report: Callable[[str], str], output_format: str
) -> None:
    found = json.loads(report("json"))["findings"]
    text = report(output_format)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    telling = [line for line in text.split("\n") if re.search(r" [A-Z]{3}\d{3} (\[fix\] )?\S.* \([a-z-]+\)$", line)]
    assert len(telling) == len(found)
    if output_format == "concise":
        assert text.split("\n") == [*telling, text.split("\n")[-2], ""]
    elif output_format == "grouped":
        headings = [line for line in text.split("\n") if line.endswith(":")]
        assert len(headings) == len({finding["path"] for finding in found})
        assert set(text.split("\n")) == {*telling, *headings, text.split("\n")[-2], ""}


@pytest.mark.parametrize(
    ("output_format", "schema"), [("sarif", SARIF), ("rdjson", RDJSON), ("gitlab", GITLAB), ("json", REPORT)]
)
def test_a_document_about_every_rule_is_valid(
    output_format: str, schema: dict[str, Any], write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write(EVERY_RULE)
    text = run("check", "--no-cache", "--output-format", output_format, "--select", "ALL", ".").out
    valid(json.loads(text), schema)
    if output_format == "json":
        assert {rule.code for rule in all_rules() if rule.profiles} == set(json.loads(text)["summary"]["by_code"])


FETCHED = Path(sys.prefix) / "schemas"
"""Where `make setup` puts what the makers publish."""
PACKAGES = FETCHED / "node_modules"


def by_sarif(text: str) -> None:
    schema = json.loads((PACKAGES / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    jsonschema.validate(json.loads(text), schema)


def by_jenkins(text: str) -> None:
    (source,) = FETCHED.glob("pytest-*.tar.gz")
    with tarfile.open(source) as files:
        name = next(name for name in files.getnames() if name.endswith("/junit-10.xsd"))
        schema = files.extractfile(name).read().decode("utf-8")
    xmlschema.XMLSchema(schema).validate(text)


def by_rdformat(text: str) -> None:
    program = PACKAGES / "@umbrelladocs/rdformat-validator/bin/rdformat-validator.js"
    strict = ["--strict", "--no-extra-fields"]
    subprocess.run(["node", str(program), *strict], input=text, encoding="utf-8", check=True)


PUBLISHED = {"sarif": by_sarif, "junit": by_jenkins, "rdjson": by_rdformat}
FILES = {"awkward names": AWKWARD, "every rule": EVERY_RULE, "nothing found": {"empty.py": ""}}


@pytest.mark.parametrize("about", FILES)
@pytest.mark.parametrize("output_format", PUBLISHED)
def test_a_report_is_valid_by_what_the_makers_of_its_format_publish(
    output_format: str, about: str, write: Callable[..., None], run: Callable[..., Any]
) -> None:
    write(FILES[about])
    text = run("check", "--no-cache", "--output-format", output_format, "--select", "ALL", ".").out
    PUBLISHED[output_format](text)
