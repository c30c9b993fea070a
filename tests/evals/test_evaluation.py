from collections.abc import Callable
from typing import Any

from runs import assessed

from evals.known import Miss
from evals.requirement import Requirement

Build = Callable[..., Any]
WRONG = {"category": "DATA_QUALITY", "failure_type": "CAST_FAILURE", "safe_to_retry": False}


def test_a_good_run_passes(judged: Build, run_of: Build) -> None:
    evaluation = assessed(run_of([judged("one"), judged("two")]), Requirement)
    assert evaluation.passed
    assert evaluation.values["category"].hits == 2


def test_an_errored_case_counts_as_wrong(judged: Build, run_of: Build) -> None:
    evaluation = assessed(run_of([judged(error=OSError("gone"))]), [])
    values = evaluation.values
    assert (values["category"].hits, values["category"].total) == (0, 1)
    assert (values["safe_recall"].hits, values["safe_recall"].total) == (0, 1)
    assert not evaluation.passed


def test_a_known_miss_is_shown_and_fails_nothing(judged: Build, run_of: Build) -> None:
    miss = Miss(case_id="one", requirement=Requirement.CATEGORY, reason="two causes")
    row = judged("one", label=WRONG, safe_to_retry=False)
    evaluation = assessed(run_of([row]), [Requirement.CATEGORY], [miss])
    assert evaluation.passed
    assert [(failure.case_id, failure.requirement) for failure in evaluation.known] == [("one", "category")]
    assert evaluation.values["category"].hits == 0


def test_a_listed_miss_that_holds_again_fails(judged: Build, run_of: Build) -> None:
    misses = [
        Miss(case_id=name, requirement=Requirement.CATEGORY, reason="two causes") for name in ("one", "gone")
    ]
    evaluation = assessed(run_of([judged("one")]), [Requirement.CATEGORY], misses)
    assert [failure.case_id for failure in evaluation.failures] == ["one"]
    assert "remove it" in evaluation.failures[0].reason
