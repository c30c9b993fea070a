from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evals.scorers.grounding import grounding

Build = Callable[..., Any]


def test_a_raw_line_is_grounded(case: Build, outcome: Build) -> None:
    assert grounding(case(), outcome()).value == 1


def test_an_invented_line_is_refused(case: Build, outcome: Build) -> None:
    score = grounding(case(), outcome(shown=("java.net.ConnectException: Connection refused",)))
    assert score.value == 0
    assert "not found" in score.reason


def test_the_share_of_grounded_lines_is_given(case: Build, outcome: Build) -> None:
    shown = ("Connection refused", "invented", "[REDACTED-IP]", "urllib.error.URLError: <url…")
    assert grounding(case(), outcome(shown=shown)).value == 0.5


def test_a_line_over_two_raw_lines_is_not_literal(case: Build, outcome: Build) -> None:
    got = outcome(shown=("Submitted application: fetch\nurllib.error.URLError",))
    assert grounding(case(), got).value == 0


def test_context_is_looked_up_in_the_platforms_records(case: Build, outcome: Build) -> None:
    assert grounding(case(), outcome(shown=("--mode full",), file="context.step.arguments")).value == 1
    assert grounding(case(), outcome(shown=("Connection refused",), file="context.step.arguments")).value == 0
    assert grounding(case(), outcome(shown=("--mode full",), file="stdout.gz")).value == 0


def test_the_right_words_at_the_wrong_place_are_not_grounded(case: Build, outcome: Build) -> None:
    assert grounding(case(), outcome(file="stderr.gz")).value == 0


def test_nothing_shown_is_not_scored(case: Build, outcome: Build) -> None:
    assert grounding(case(), outcome(shown=())).value is None
    assert grounding(case(), outcome(error="boom")).value is None


def test_a_redacted_path_names_its_file_beside_one_of_that_very_name(case: Build, outcome: Build) -> None:
    got = outcome(file="s-[REDACTED-NAME-1]/stdout.gz")
    both = {
        "s-[REDACTED-NAME-1]/stdout.gz": ("something else",),
        **{f"s-ann/{k}": v for k, v in got.lines.items()},
    }
    assert grounding(case(), replace(got, lines=both)).value == 1
    assert grounding(case(), replace(got, lines={"s-ann/stderr.gz": got.lines["stdout.gz"]})).value == 0
