import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from diagnose.diagnosis import Evidence, EvidenceRole, RuledOut, Status
from evals.outcome import Outcome
from evals.scorers.schema import schema

Build = Callable[..., Any]


def line(text: str = "boom", role: EvidenceRole = EvidenceRole.CAUSE) -> Evidence:
    return Evidence(text=text, file="stdout.gz", line=1, container=None, attempt=None, role=role)


def lines(*evidence: Evidence) -> dict[str, Any]:
    return {"evidence": list(evidence), "log_evidences": [each.text for each in evidence]}


def altered(outcome: Build, **changes: Any) -> Outcome:
    """An answer whose payload went past the model's own checks."""
    good = outcome()
    return Outcome(diagnosis=good.diagnosis.model_copy(update=changes))


def test_a_payload_as_promised_keeps_the_contract(case: Build, outcome: Build) -> None:
    assert schema(case(), outcome()).value == 1
    assert schema(case(), outcome(cost_usd=0.01, gaps=["µ"], stage_ms={"log": 3})).value == 1


def test_an_errored_case_gave_no_payload(case: Build, outcome: Build) -> None:
    score = schema(case(), outcome(error="boom"))
    assert score.value == 0
    assert "boom" in score.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("category", "WEATHER"),
        ("status", "DONE"),
        ("confidence", 1.5),
        ("tokens_used", -1),
        ("recommendations", ["one", "two", "three", "four"]),
        ("log_evidences", ["another line"]),
        ("root_cause", None),
        ("cost_usd", float("nan")),
        ("ruled_out", [RuledOut.model_construct(text="x")]),
    ],
)
def test_what_the_committed_schema_refuses_is_refused(
    case: Build, outcome: Build, field: str, value: Any
) -> None:
    score = schema(case(), altered(outcome, **{field: value}))
    assert score.value == 0
    assert score.reason


def test_what_passes_is_valid_by_the_committed_schema(case: Build, outcome: Build) -> None:
    path = Path(__file__).parents[3] / "docs" / "diagnosis.schema.json"
    committed = json.loads(path.read_text(encoding="utf-8"))
    got = outcome(evidence=[line(role=role) for role in EvidenceRole], log_evidences=["boom"] * 3)
    assert schema(case(), got).value == 1
    jsonschema.validate(json.loads(got.diagnosis.model_dump_json()), committed)


def test_evidence_of_an_unknown_role_is_refused_and_not_quoted(case: Build, outcome: Build) -> None:
    odd = line("secret line").model_copy(update={"role": "guess"})
    score = schema(case(), altered(outcome, **lines(odd)))
    assert score.value == 0
    assert "evidence.0.role" in score.reason
    assert "secret line" not in score.reason


def test_text_that_is_no_unicode_is_refused(case: Build, outcome: Build) -> None:
    score = schema(case(), altered(outcome, root_cause="half a pair: \ud800"))
    assert score.value == 0
    assert "JSON" in score.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"category": "UNKNOWN"}, "does not belong"),
        ({"tokens_used": 7}, "tokens_used"),
        ({"cost_usd": -0.1}, "negative"),
        ({"prompt_version": "v1"}, "together"),
        ({"model_text": "hm"}, "model_text with status DIAGNOSED"),
        ({"model_text": "x" * 5000, "status": Status.PARSE_ERROR}, "longer"),
        (lines(line(role=EvidenceRole.SYMPTOM), line()), "does not stand first"),
        (lines(line("one\ntwo")), "evidence 1"),
        (lines(line("one\rtwo")), "evidence 1"),
        (lines(line(), line("x" * 2001)), "evidence 2"),
    ],
)
def test_rules_that_a_json_schema_cannot_say_hold(
    case: Build, outcome: Build, changes: dict[str, Any], reason: str
) -> None:
    score = schema(case(), outcome(**changes))
    assert score.value == 0
    assert reason in score.reason


def test_a_cut_line_may_end_in_an_ellipsis(case: Build, outcome: Build) -> None:
    assert (
        schema(case(), outcome(**lines(line("x" * 2000 + "…"), line("y", EvidenceRole.CONTEXT)))).value == 1
    )
