from collections.abc import Callable
from typing import Any

from evals.metric import measure
from evals.requirement import Requirement, check
from evals.result import Result
from evals.scorers import judge

Build = Callable[..., Any]
EVERY = frozenset(Requirement)


def result(case: Any, outcome: Any) -> Result:
    return Result(case=case, outcome=outcome, scores=judge(case, outcome))


def failed(results: list[Result], required: frozenset[Requirement] = EVERY) -> list[tuple[str, str]]:
    failures = check(results, measure([row.scores for row in results]), required)
    return [(failure.case_id, failure.requirement) for failure in failures]


def test_a_good_case_holds_everything(case: Build, outcome: Build) -> None:
    assert failed([result(case(), outcome())]) == []


def test_a_wrong_safe_fails_its_case(case: Build, outcome: Build) -> None:
    assert failed([result(case(safe_to_retry=False), outcome(safe_to_retry=True))]) == [("fetch", "retry")]


def test_a_missed_safe_fails_only_over_all_cases(case: Build, outcome: Build) -> None:
    found, missed = result(case(), outcome()), result(case(), outcome(safe_to_retry=False))
    assert failed([found, found, found, missed]) == []
    assert failed([found, missed]) == [("", "retry")]


def test_an_errored_case_fails_whatever_is_required(case: Build, outcome: Build) -> None:
    assert failed([result(case(), outcome(error="boom"))], frozenset({Requirement.LEAK})) == [
        ("fetch", "no error")
    ]


def test_only_what_is_required_fails(case: Build, outcome: Build) -> None:
    bad = result(case(evidence=["never shown"]), outcome(shown=("invented",), confidence=0.1))
    assert failed([bad], frozenset({Requirement.CATEGORY})) == []
    assert failed([bad], frozenset({Requirement.EVIDENCE})) == [("fetch", "evidence")]
    assert failed([bad], frozenset({Requirement.GROUNDING})) == [("fetch", "grounding")]
    assert failed([bad], frozenset({Requirement.CONFIDENCE})) == [("", "confidence")]


def test_confident_wrong_verdicts_fail_over_all_cases(case: Build, outcome: Build) -> None:
    wrong = result(case(category="DATA_QUALITY", failure_type="CAST_FAILURE"), outcome())
    assert ("", "confidence") in failed([wrong])
