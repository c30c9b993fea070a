"""A gate record → JUnit XML, one test case per check and one per case that broke a limit. Pure.

The form is the one that CI servers share (Jenkins' junit-10.xsd): `failure` is a check that failed, `error`
one that could not be decided, because an open question must not be shown green.
"""

import re
import xml.etree.ElementTree as ET
from typing import Final

from evals.criterion import Check, Verdict
from evals.gate import GateRecord

SUITE: Final = "evals gate"
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say, not even escaped (section 2.2)."""


def to_junit(record: GateRecord) -> bytes:
    """Render the record as an UTF-8 XML document."""
    suite = ET.Element("testsuite", {"name": SUITE, "time": "0"})
    suite.set("timestamp", record.date.strftime("%Y-%m-%dT%H:%M:%S"))
    _add_properties(suite, record)
    for check in record.checks:
        _add_check(suite, check)
    counts = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": 0,
    }
    root = ET.Element("testsuites", {"name": SUITE})
    for name, count in counts.items():
        suite.set(name, str(count))
        if name != "skipped":
            root.set(name, str(count))
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add_properties(suite: ET.Element, record: GateRecord) -> None:
    known = ET.SubElement(suite, "properties")
    candidate, baseline = record.candidate, record.baseline
    for name, value in (
        ("verdict", record.verdict.value),
        ("candidate", candidate.run_id),
        ("candidate_sha256", candidate.sha256),
        ("prompt", f"{candidate.prompt_version} {candidate.prompt_sha256}"),
        ("model", candidate.model_id or "none"),
        ("baseline", baseline.run_id if baseline else "none"),
        ("policy_sha256", record.policy_sha256 or "none"),
    ):
        ET.SubElement(known, "property", {"name": name, "value": _clean(value)})


def _add_check(suite: ET.Element, check: Check) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": "gate", "name": _clean(check.name), "time": "0"})
    text = _clean(_details(check))
    if check.verdict is Verdict.FAIL:
        ET.SubElement(case, "failure", {"type": "FAIL", "message": _clean(check.reason)}).text = text
    elif check.verdict is Verdict.INCONCLUSIVE:
        ET.SubElement(case, "error", {"type": "INCONCLUSIVE", "message": _clean(check.reason)}).text = text
    else:
        ET.SubElement(case, "system-out").text = text
    for failed in check.failed:
        names = {"classname": _clean(f"gate.{check.name}"), "name": _clean(failed.case_id), "time": "0"}
        each = ET.SubElement(suite, "testcase", names)
        ET.SubElement(each, "failure", {"type": "FAIL", "message": _clean(failed.reason)})


def _details(check: Check) -> str:
    numbers = (("measured", check.measured), ("bound", check.bound), ("limit", check.limit))
    told = [f"{name} {value:g}" for name, value in numbers if value is not None]
    if check.more_cases:
        told.append(f"more cases needed {check.more_cases}")
    return "\n".join((check.reason, *told))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
