from collections.abc import Callable
from typing import Any

from evals.scorers.evidence import evidence
from evals.scorers.excerpt import excerpt

Build = Callable[..., Any]


def test_one_labelled_line_shown_is_enough(case: Build, outcome: Build) -> None:
    assert evidence(case(evidence=["never", "Connection refused"]), outcome()).value == 1


def test_a_labelled_line_behind_a_placeholder_counts(case: Build, outcome: Build) -> None:
    got = outcome(shown=("Connection to [REDACTED-IP-1]:5999 refused",))
    assert evidence(case(evidence=["Connection to 127.0.0.1:5999 refused"]), got).value == 1


def test_no_labelled_line_shown_is_a_miss(case: Build, outcome: Build) -> None:
    assert evidence(case(evidence=["disk full"]), outcome()).value == 0
    assert evidence(case(), outcome(shown=())).value == 0
    assert evidence(case(), outcome(error="boom")).value == 0


def test_a_label_without_lines_is_not_scored(case: Build, outcome: Build) -> None:
    assert evidence(case(evidence=[]), outcome()).value is None
    assert excerpt(case(evidence=[]), outcome()).value is None


def test_the_excerpt_may_hold_a_line_that_is_not_shown(case: Build, outcome: Build) -> None:
    got = outcome(shown=(), excerpt="== stdout.gz:1-2 - -\nfirst\ndisk full")
    assert excerpt(case(evidence=["disk full"]), got).value == 1
    assert excerpt(case(evidence=["first\ndisk"]), got).value == 0
    assert excerpt(case(), outcome(error="boom")).value == 0
