"""What a model quotes must stand in the excerpt."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.diagnosis import EvidenceRole
from diagnose.draft import Draft, Quote
from diagnose.excerpt import Block, LogExcerpt
from diagnose.grounding import BLIND_CONFIDENCE, DISAGREEMENT_PENALTY, UNFOUNDED_PENALTY, ground
from diagnose.reply import parse_answer
from diagnose.taxonomy import FailureType, RetryRule

LINES = (
    "Traceback (most recent call last):",
    '  File "/home/hadoop/jobs/job.py", line 8, in <module>',
    "\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1312)",
    "ConnectionError: no route to [REDACTED-IP-1] for jane of Lima street",
    "exit 1",
)
BLOCK = Block(
    file="steps/s-1/stdout.gz", container=None, attempt=None, numbers=(7, 8, 9, 10, 11), lines=LINES
)
EXCERPT = LogExcerpt(blocks=(BLOCK,), gaps=(), max_bytes=32768, lines_read=50, records_left_out=0)
RULES = Draft(
    root_cause="",
    failure_type=FailureType.SERVICE_UNREACHABLE,
    retry=RetryRule.TRANSIENT,
    recommendations=(),
    evidence=(
        Quote(
            text=LINES[4], file=BLOCK.file, line=11, container=None, attempt=None, role=EvidenceRole.SYMPTOM
        ),
    ),
    confidence=0.9,
)


def answer(quotes=(LINES[3],), kind="SERVICE_UNREACHABLE", category="DEPENDENCY_FAILURE", **changes):
    row = {
        "root_cause": "x",
        "log_evidences": list(quotes),
        "recommendations": [],
        "category": category,
        "failure_type": kind,
        "safe_to_retry": True,
        "confidence": 0.9,
    }
    return parse_answer(json.dumps({**row, **changes}))


def drafted(quotes=(LINES[3],), *, excerpt=EXCERPT, rules=RULES, lines_read=50, **changes):
    return ground(answer(quotes, **changes), excerpt=excerpt, rules=rules, lines_read=lines_read)


def test_a_whole_line_is_found_with_its_place():
    (quote,) = drafted().evidence
    assert (quote.text, quote.file, quote.line, quote.role) == (LINES[3], BLOCK.file, 10, EvidenceRole.CAUSE)


@pytest.mark.parametrize(
    "text",
    [
        "  ConnectionError: no route to [REDACTED-IP-1] for jane of Lima street ",
        "no route to [REDACTED-IP-1]",
        "at org.apache.spark.deploy.yarn.Client.run(Client.scala:1312)",
        "ConnectionError: no route…",
        "exit 1",
    ],
)
def test_a_part_of_a_line_shows_the_whole_line(text):
    draft = drafted((text,))
    assert draft.evidence[0].text in LINES
    assert draft.unfounded == 0


@pytest.mark.parametrize(
    "text",
    [
        "ConnectionError: no route to 10.0.0.9",
        "route to",
        "OutOfMemoryError: Java heap space",
        "exit 12",
        "== ",
    ],
)
def test_what_does_not_stand_there_or_proves_nothing_is_dropped(text):
    draft = drafted((LINES[3], text))
    assert [q.line for q in draft.evidence] == [10]
    assert draft.unfounded == 1
    assert draft.confidence == pytest.approx(0.9 - UNFOUNDED_PENALTY / 2)


def test_a_quote_of_several_lines_is_taken_apart():
    assert [q.line for q in drafted(("\n".join(LINES[3:5]),)).evidence] == [10, 11]


def test_a_line_quoted_twice_is_shown_once():
    assert len(drafted((LINES[3], LINES[3])).evidence) == 1


def test_what_a_guardrail_masked_is_shown_as_it_let_it_through():
    (quote,) = drafted(
        ("ConnectionError: no route to [REDACTED-IP-1] for {NAME} of {HOME_ADDRESS}",)
    ).evidence
    assert quote.line == 10
    assert (
        quote.masked
        == "ConnectionError: no route to [REDACTED-IP-1] for [REDACTED-NAME] of [REDACTED-HOME-ADDRESS]"
    )


def test_masks_can_t_invent_a_line():
    draft = drafted(
        ("{NAME} {NAME}", "{ANY}: Java heap space {ANY}", "ConnectionError: {NAME} of Lima avenue")
    )
    assert draft.evidence == ()
    assert draft.unfounded == 3


def test_other_lines_keep_the_role_that_the_rules_know_them_in():
    draft = drafted((LINES[3], LINES[4], LINES[1]))
    assert [q.role for q in draft.evidence] == [
        EvidenceRole.CAUSE,
        EvidenceRole.SYMPTOM,
        EvidenceRole.CONTEXT,
    ]


def test_without_any_line_that_stands_little_is_claimed():
    assert drafted(("invented line of a log",)).confidence <= BLIND_CONFIDENCE
    assert drafted(()).confidence <= BLIND_CONFIDENCE
    assert (
        drafted(
            (),
            kind="UNCLASSIFIED",
            category="UNKNOWN",
            rules=replace(RULES, failure_type=FailureType.UNCLASSIFIED),
        ).confidence
        == 0.9
    )


def test_disagreement_with_a_known_cause_costs_confidence():
    draft = drafted(kind="EXECUTOR_OOM", category="RESOURCE_EXHAUSTION")
    assert draft.confidence == pytest.approx(0.9 - DISAGREEMENT_PENALTY)
    unknown = replace(RULES, failure_type=FailureType.UNEXPLAINED_EXIT)
    assert drafted(kind="EXECUTOR_OOM", category="RESOURCE_EXHAUSTION", rules=unknown).confidence == 0.9


def test_without_logs_and_without_a_line_the_cause_is_not_known():
    empty = replace(EXCERPT, blocks=(), lines_read=0)
    draft = drafted(("some line that was never read",), excerpt=empty, lines_read=0)
    assert draft.failure_type is FailureType.LOGS_UNAVAILABLE
    assert draft.confidence <= BLIND_CONFIDENCE


def test_the_model_may_object_to_a_rerun_but_its_consent_is_none():
    assert drafted().veto is None
    assert drafted(safe_to_retry=False, retry_reason="It wrote half.").veto == "It wrote half."
    assert drafted(safe_to_retry=False).veto == ""
    assert drafted(kind="CODE_ERROR", category="CONFIGURATION_ERROR").retry is RetryRule.NEVER


def test_what_is_ruled_out_must_stand_there_too():
    rows = [{"text": LINES[2], "reason": "shutdown noise"}, {"text": "never logged at all", "reason": "x"}]
    assert drafted(ruled_out=rows).ruled_out == ((LINES[2], "shutdown noise"),)


@given(st.lists(st.text(), max_size=20))
def test_whatever_is_quoted_only_lines_of_the_excerpt_come_out(quotes):
    draft = drafted(quotes)
    assert all(EXCERPT.holds(q.file, q.line, q.text) for q in draft.evidence)
    assert 0 <= draft.confidence <= 0.9
