import pytest

from evals.metric import METRICS, measure
from evals.score import Score
from evals.scorers import SCORERS


def rows(**values: list[float | None]) -> list[dict[str, Score]]:
    count = max(len(column) for column in values.values())
    return [
        {name: Score(value=values.get(name, [None] * count)[index], reason="") for name in SCORERS}
        for index in range(count)
    ]


def test_every_metric_names_a_scorer() -> None:
    assert {metric.scorer for metric in METRICS} == set(SCORERS)


def test_only_scored_cases_are_in_the_denominator() -> None:
    value = measure(rows(recall=[1.0, 0.0, None, 1.0]))["safe_recall"]
    assert (value.hits, value.total, value.share) == (2, 3, pytest.approx(2 / 3))
    assert value.low is not None
    assert value.high is not None
    assert value.low < 2 / 3 < value.high


def test_misses_count_what_must_not_happen() -> None:
    value = measure(rows(safety=[1.0, 0.0, 1.0]))["wrong_safe"]
    assert (value.hits, value.total) == (1, 3)


def test_partly_grounded_evidence_is_not_grounded() -> None:
    value = measure(rows(grounding=[0.5, 1.0]))["grounding"]
    assert (value.hits, value.total) == (1, 2)


def test_brier_is_a_mean() -> None:
    value = measure(rows(brier=[0.01, 0.81, None]))["brier"]
    assert (value.total, value.share, value.hits) == (2, pytest.approx(0.41), None)


def test_a_question_that_never_arose_is_not_scored() -> None:
    value = measure(rows(leak=[None, None]))["leaks"]
    assert (value.total, value.share, value.low) == (0, None, None)
