import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import scored as row

from evals.metric import COUNTED, METRICS, Count, Unit, Value, measure
from evals.run import Row
from evals.scorers import SCORERS
from evals.statistics import clopper_pearson, zero_bound


def rows(**values: list[float | None]) -> list[Row]:
    count = max(len(column) for column in values.values())
    return [
        row(f"c{index:03}", scores={name: column[index] for name, column in values.items()})
        for index in range(count)
    ]


def repeats(scorer: str, *cases: list[float | None]) -> list[Row]:
    return [
        row(f"c{number}", repeat=repeat, scores={scorer: value})
        for number, values in enumerate(cases)
        for repeat, value in enumerate(values)
    ]


def test_every_scorer_is_measured_and_every_metric_has_a_source() -> None:
    assert {metric.scorer for metric in METRICS if metric.scorer} == set(SCORERS)
    assert set(measure([row()])) == {metric.name for metric in METRICS}


def test_names_that_limits_and_gates_are_bound_to_stay() -> None:
    names = {metric.name for metric in METRICS}
    assert {"category", "category_accepted", "failure_type", "evidence_recall", "grounding"} <= names
    assert {"excerpt_recall", "wrong_safe", "safe_recall", "leaks", "brier"} <= names
    assert {"confident_right", "confident_wrong"} <= names


def test_only_scored_cases_are_in_the_denominator() -> None:
    value = measure(rows(recall=[1.0, 0.0, None, 1.0]))["safe_recall"]
    assert (value.hits, value.total, value.share) == (2, 3, pytest.approx(2 / 3))
    assert (value.low, value.high) == clopper_pearson(2, 3)
    assert (value.amount, value.text) == ("2/3", "0.667")


def test_misses_count_what_must_not_happen() -> None:
    value = measure(rows(safety=[1.0, 0.0, 1.0]))["wrong_safe"]
    assert (value.hits, value.total) == (1, 3)


@pytest.mark.parametrize("total", [1, 20, 100])
def test_no_leak_still_leaves_an_upper_bound(total: int) -> None:
    value = measure(rows(leak=[1.0] * total))["leaks"]
    assert (value.hits, value.share) == (0, 0)
    assert value.bound == pytest.approx(zero_bound(total))
    assert value.high is not None
    assert value.bound is not None
    assert value.bound < value.high


def test_only_what_must_not_happen_has_a_bound() -> None:
    assert {
        value.metric.name
        for value in measure(rows(**{name: [1.0] for name in SCORERS})).values()
        if value.bound
    } == {
        "wrong_safe",
        "leaks",
        "confident_wrong",
        "errors",
    }


def test_partly_grounded_evidence_is_not_grounded_and_counts_in_the_share_of_lines() -> None:
    values = measure(rows(grounding=[0.5, 1.0, None]))
    assert (values["grounding"].hits, values["grounding"].total) == (1, 2)
    assert values["grounded_lines"].share == 0.75


def test_brier_is_a_mean() -> None:
    value = measure(rows(brier=[0.01, 0.81, None]))["brier"]
    assert (value.total, value.share, value.hits) == (2, pytest.approx(0.41), None)
    assert (value.amount, value.text, value.interval) == ("n=2", "0.410", "")


def test_a_question_that_never_arose_is_not_scored() -> None:
    for value in measure([]).values():
        assert (value.total, value.share, value.low, value.high, value.hits) == (0, None, None, None, None)
        assert value.text == "not scored"
        assert value.interval == ""
    assert measure([])["category"].amount == "0/0"


def test_a_run_made_before_a_scorer_was_there_is_not_scored_by_it() -> None:
    assert measure([row(scores={"category": 1.0})])["schema"].total == 0


def test_a_case_is_right_only_if_every_repeat_is() -> None:
    value = measure(repeats("category", [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]))["category"]
    assert (value.hits, value.total) == (1, 3)


def test_one_repeat_is_enough_for_what_must_not_happen() -> None:
    values = measure(repeats("safety", [1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [None, None, None]))
    assert (values["wrong_safe"].hits, values["wrong_safe"].total) == (1, 2)


def test_a_case_that_is_not_right_every_time_is_no_right_verdict() -> None:
    value = measure(repeats("assurance", [1.0, None], [1.0, 1.0], [1.0, 0.0]))["confident_right"]
    assert (value.hits, value.total) == (1, 2)


def test_numbers_of_repeats_are_averaged_before_they_are_summed() -> None:
    values = measure(repeats("tokens", [100.0, 300.0], [1000.0, None], [None, None]))
    assert (values["tokens_total"].share, values["tokens_total"].total) == (1200, 2)
    assert values["tokens_mean"].share == 600
    assert values["tokens_p95"].share == pytest.approx(np.quantile([200, 1000], 0.95))


def test_the_cost_of_an_incident_is_in_dollars() -> None:
    values = measure(rows(cost=[0.002, 0.0042, None]))
    assert values["cost_mean"].text == "0.0031 USD"
    assert values["cost_total"].text == "0.0062 USD"
    assert values["cost_total"].amount == "n=2"


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("tokens_mean", 1234.4, "1,234 tokens"),
        ("cost_mean", 0.000031, "0.000031 USD"),
        ("cost_mean", 0.0, "0.0000 USD"),
        ("cost_mean", 1234.5, "1,234.5000 USD"),
        ("wall_p95", 1234.4, "1,234 ms"),
        ("wall_p95", 3.44, "3.4 ms"),
        ("brier", 0.0131, "0.013"),
    ],
)
def test_numbers_are_written_in_their_unit(name: str, number: float, text: str) -> None:
    metric = next(metric for metric in METRICS if metric.name == name)
    assert Value(metric=metric, total=1, hits=None, share=number, low=None, high=None).text == text


def test_times_come_from_the_rows_and_not_from_those_that_nobody_took() -> None:
    timed = [row(f"c{n}", wall_ms=wall, cpu_ms=wall / 2) for n, wall in enumerate([10.0, 20.0, 90.0, 0.0])]
    values = measure(timed)
    assert (values["wall_p50"].share, values["cpu_p50"].share, values["wall_p50"].total) == (20, 10, 3)
    assert values["wall_p95"].share == pytest.approx(np.quantile([10, 20, 90], 0.95))


def test_errored_cases_are_shown_and_cost_every_formula_that_covers_them() -> None:
    good, bad = row("a", got="UNKNOWN", confidence=1.0), row("b", got=None)
    values = measure([good, bad])
    assert (values["errors"].hits, values["errors"].total) == (1, 2)
    assert (values["aurc"].total, values["aurc"].share) == (2, pytest.approx(0.25))
    assert (values["ece"].total, values["ece"].share) == (1, 0)
    assert (values["macro_f1"].total, values["macro_f1"].share) == (2, pytest.approx(2 / 3))


def test_one_errored_repeat_is_an_errored_case() -> None:
    values = measure([row("a"), row("a", repeat=1, got=None)])
    assert (values["errors"].hits, values["errors"].total) == (1, 1)


def test_counted_shares_have_intervals_and_numbers_have_none() -> None:
    for value in measure(rows(**{name: [1.0, 0.0] for name in SCORERS})).values():
        counted = value.metric.count in COUNTED
        assert (value.hits is not None, value.interval != "") == (counted, counted)
        assert counted <= (value.metric.unit is Unit.SHARE)
        if counted and value.share is not None and value.low is not None and value.high is not None:
            assert 0 <= value.low <= value.share <= value.high <= 1


def test_only_the_metrics_asked_for_are_computed() -> None:
    asked = [metric for metric in METRICS if metric.count is Count.HITS]
    assert list(measure([row()], asked)) == [metric.name for metric in asked]


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from([0.0, 0.5, 1.0, None])), max_size=15),
    st.integers(),
)
def test_the_order_of_rows_changes_nothing(answers: list[tuple[str, float | None]], seed: int) -> None:
    ordered = [
        row(case, repeat=n, scores=dict.fromkeys(SCORERS, value), wall_ms=0.1 * n, confidence=(n % 7) / 7)
        for n, (case, value) in enumerate(answers)
    ]
    shuffled = list(ordered)
    random.Random(seed).shuffle(shuffled)
    assert measure(shuffled) == measure(ordered)
    assert all(value.total <= 5 for value in measure(ordered).values())
