"""The gate as JUnit XML, read back by an XML parser."""

import xml.etree.ElementTree as ET
from functools import cache

import runs

from evals.criterion import Check, FailedCase, Verdict
from evals.gate import GateRecord, RunId
from evals.junit import to_junit


@cache
def record(*checks):
    run = RunId(
        run_id="new", file="r", sha256="0" * 64, date=runs.MOMENT, commit="c", analyst=runs.ANALYST,
        model_id=runs.MODEL, prompt_version="v2", prompt_sha256="1" * 64, cases=1, datasets=(),
    )  # fmt: skip
    return GateRecord(
        verdict=Verdict.FAIL, date=runs.MOMENT, candidate=run, baseline=None, policy_sha256="2" * 64,
        production=None, checks=checks, more_cases=None,
    )  # fmt: skip


def parse(*checks):
    return ET.fromstring(to_junit(record(*checks)))  # noqa: S314 (our own)


GOOD = Check(name="completeness", verdict=Verdict.PASS, measured=1.0, limit=0.99, reason="all there")
BAD = Check(
    name="zero: leaks",
    verdict=Verdict.FAIL,
    measured=2,
    reason="2 leaks",
    failed=(FailedCase(case_id="a", reason="r"), FailedCase(case_id="b", reason="r")),
)
OPEN = Check(name="primary", verdict=Verdict.INCONCLUSIVE, reason="too few", more_cases=40)


def test_every_check_and_every_failed_case_is_a_test_case():
    root = parse(GOOD, BAD, OPEN)
    assert root.tag == "testsuites"
    (suite,) = root
    names = [(case.get("classname"), case.get("name")) for case in suite.findall("testcase")]
    assert names == [
        ("gate", "completeness"),
        ("gate", "zero: leaks"),
        ("gate.zero: leaks", "a"),
        ("gate.zero: leaks", "b"),
        ("gate", "primary"),
    ]


def test_counts_are_those_of_the_cases():
    (suite,) = parse(GOOD, BAD, OPEN)
    counted = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 5, "failures": 3, "errors": 1, "skipped": 0}


def test_an_open_question_is_not_green():
    (suite,) = parse(OPEN)
    error = suite.find("testcase/error")
    assert (error.get("type"), error.get("message")) == ("INCONCLUSIVE", "too few")
    assert "40" in error.text


def test_the_suite_says_what_was_judged():
    (suite,) = parse(GOOD)
    told = {each.get("name"): each.get("value") for each in suite.findall("properties/property")}
    assert told["candidate"] == "new"
    assert told["prompt"] == f"v2 {'1' * 64}"
    assert told["baseline"] == "none"


def test_whatever_a_log_holds_stays_valid_xml():
    nasty = 'a\x00b\x1b[31m]]></failure><x y="1">\udc80\ufffe&amp;\N{PILE OF POO}'
    check = Check(
        name="n", verdict=Verdict.FAIL, reason=nasty, failed=(FailedCase(case_id="c", reason=nasty),)
    )
    (suite,) = parse(check)
    messages = [each.get("message") for each in suite.findall("testcase/failure")]
    assert len(messages) == 2
    assert all('</failure><x y="1">' in message and "\x00" not in message for message in messages)
