from collections.abc import Callable
from typing import Any

from evals.metric import measure
from evals.requirement import Requirement, check
from evals.run import Row

Build = Callable[..., Any]
EVERY = frozenset(Requirement)


def failed(rows: list[Row], required: frozenset[Requirement] = EVERY) -> list[tuple[str, str]]:
    failures = check(rows, measure(rows), required)
    return [(failure.case_id, failure.requirement) for failure in failures]


def test_a_good_case_holds_everything(judged: Build) -> None:
    assert failed([judged()]) == []


def test_a_wrong_safe_fails_its_case(judged: Build) -> None:
    assert failed([judged(label={"safe_to_retry": False}, safe_to_retry=True)]) == [("fetch", "retry")]


def test_a_missed_safe_fails_only_over_all_cases(judged: Build) -> None:
    found = [judged(name) for name in ("a", "b", "c")]
    missed = judged("d", safe_to_retry=False)
    assert failed([*found, missed]) == []
    assert failed([found[0], missed]) == [("", "retry")]


def test_an_errored_case_fails_whatever_is_required(judged: Build) -> None:
    assert ("fetch", "no error") in failed([judged(error=ValueError("boom"))], frozenset({Requirement.LEAK}))


def test_only_what_is_required_fails(judged: Build) -> None:
    bad = judged(label={"evidence": ["never shown"]}, shown=("invented",), confidence=0.1)
    assert failed([bad], frozenset({Requirement.CATEGORY})) == []
    assert failed([bad], frozenset({Requirement.EVIDENCE})) == [("fetch", "evidence")]
    assert failed([bad], frozenset({Requirement.GROUNDING})) == [("fetch", "grounding")]
    assert failed([bad], frozenset({Requirement.CONFIDENCE})) == [("", "confidence")]


def test_confident_wrong_verdicts_fail_over_all_cases(judged: Build) -> None:
    wrong = judged(label={"category": "DATA_QUALITY", "failure_type": "CAST_FAILURE"})
    assert ("", "confidence") in failed([wrong])
