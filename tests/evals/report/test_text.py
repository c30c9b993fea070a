import re
from collections.abc import Callable
from typing import Any

import pytest
import runs

from evals.evaluation import Evaluation
from evals.report import Baseline, to_text
from evals.requirement import Requirement

Build = Callable[..., Any]


@pytest.fixture
def evaluation(judged: Build, run_of: Build) -> Evaluation:
    rows = [judged(name, label={"safe_to_retry": False}) for name in ("one", "two")]
    return runs.assessed(run_of(rows), Requirement)


def test_text_opens_with_provenance_and_shows_cases_scores_and_failures(evaluation: Evaluation) -> None:
    text = to_text(evaluation)
    assert re.match(r"run +run-1\ndate +2026-01-01 00:00 UTC\nanswers +2 of 2 planned", text)
    assert "DEPENDENCY_FAILURE/SERVICE_UNREACHABLE" in text
    assert "no/yes" in text
    assert re.search(r"^category, strict +2/2 +1\.000 +\[0\.158, 1\.000\]$", text, re.MULTILINE)
    assert "FAILED: 2 of 2 cases fail" in text
    assert "  one: retry: said safe" in text


def test_a_question_that_never_arose_is_printed_as_not_scored(evaluation: Evaluation) -> None:
    assert "0/0" in to_text(evaluation)
    assert "not scored" in to_text(evaluation)


def test_the_verdict_comes_last_with_known_misses_below(failed: Evaluation) -> None:
    lines = to_text(failed).splitlines()
    assert lines[-1].startswith("  known: known: category: ")


def test_a_comparison_stands_before_the_verdict(failed: Evaluation, baseline: Baseline) -> None:
    text = to_text(failed, baseline=baseline)
    assert text.index("2 cases changed") < text.index("FAILED: ")


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    run = runs.run([runs.row("a", error="\x1b[2Jgone\x00\nnext")])
    text = to_text(runs.assessed(run, Requirement))
    assert "␛[2Jgone␀ next" in text
    assert "\x1b" not in text
