import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from evals.evaluation import Evaluation, assess
from evals.report import to_json, to_markdown, to_text
from evals.requirement import Requirement

Build = Callable[..., Any]


@pytest.fixture
def evaluation(judged: Build, run_of: Build) -> Evaluation:
    rows = [judged(name, label={"safe_to_retry": False}) for name in ("one", "two")]
    return assess(run_of(rows), Requirement)


def test_text_opens_with_provenance_and_shows_cases_scores_and_failures(evaluation: Evaluation) -> None:
    text = to_text(evaluation)
    assert text.startswith("2 of 2 answers, 2026-01-01 00:00 UTC")
    assert "DEPENDENCY_FAILURE/SERVICE_UNREACHABLE" in text
    assert "no/yes" in text
    assert re.search(r"^category, strict +2/2 +1\.000 +\[0\.158, 1\.000\]$", text, re.MULTILINE)
    assert "FAILED: 2 of 2 cases" in text
    assert "  one: retry: said safe" in text


def test_a_question_that_never_arose_is_printed_as_not_scored(evaluation: Evaluation) -> None:
    assert "0/0" in to_text(evaluation)
    assert "not scored" in to_text(evaluation)


def test_markdown_has_a_row_per_case(evaluation: Evaluation) -> None:
    text = to_markdown(evaluation)
    assert text.count("| one |") == 1
    assert "| category, strict | 2/2 | 1.000 | [0.158, 1.000] |" in text


def test_json_holds_every_score_with_its_reason(evaluation: Evaluation) -> None:
    report = json.loads(to_json(evaluation))
    assert report["passed"] is False
    assert report["metrics"]["wrong_safe"]["count"] == 2
    assert report["cases"][0]["scores"]["safety"] == {"value": 0.0, "reason": "said safe: transient"}
    assert report["failures"][0]["case_id"] == "one"
