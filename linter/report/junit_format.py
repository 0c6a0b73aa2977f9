"""`junit`: a test report, which most build servers show: a suite a file, a failure a finding."""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree

from linter.engine import Report
from linter.findings import Finding
from linter.report.view import View, printable


def render(report: Report, view: View) -> str:
    """The report as XML. Where nothing was found, one test passes: some servers refuse a report without tests."""
    count = str(len(report.findings))
    root = ElementTree.Element("testsuites", name="linter", tests=count, failures=count, errors="0")
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        findings = list(group)
        suite = _suite(root, printable(view.path(path)), len(findings), len(findings))
        for finding in findings:
            _failure(suite, finding)
    if not report.findings:
        root.set("tests", "1")
        ElementTree.SubElement(_suite(root, "linter", 1, 0), "testcase", name="no findings", classname="linter")
    ElementTree.indent(root)
    # ASCII: the same bytes whatever the terminal's encoding is.
    body: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=False)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + body.decode("ascii")


def _suite(root: ElementTree.Element, name: str, tests: int, failures: int) -> ElementTree.Element:
    return ElementTree.SubElement(
        root, "testsuite", name=name, tests=str(tests), failures=str(failures), errors="0", skipped="0"
    )


def _failure(suite: ElementTree.Element, finding: Finding) -> None:
    path, place = suite.get("name", ""), f"{finding.span.line}:{finding.span.column + 1}"
    case = ElementTree.SubElement(suite, "testcase", name=f"{finding.code} {place}", classname=path)
    message = printable(finding.message)
    failure = ElementTree.SubElement(case, "failure", type=finding.severity.value, message=message)
    failure.text = f"{path}:{place}: {finding.code} {message} ({finding.name})"
