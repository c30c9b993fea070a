from evals.evaluation import Evaluation
from evals.report.headline import headline, line
from evals.requirement import Failure


def test_a_failed_run_says_how_many_cases_and_limits(failed: Evaluation) -> None:
    head = headline(failed)
    assert (head.verdict, head.passed) == ("FAILED", False)
    assert head.text.startswith("2 of 9 cases fail")
    assert head.text.endswith("1 known miss")
    assert "category" in head.required


def test_a_passed_run_says_how_many_hold(passed: Evaluation) -> None:
    assert headline(passed).text == "4 of 4 cases hold"


def test_a_failure_of_all_cases_names_none() -> None:
    assert line(Failure(case_id="", requirement="retry", reason="too few")) == "all cases: retry: too few"
