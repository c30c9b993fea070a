import pytest
from runs import scored as row

from evals.breakdown import MAIN, breakdown
from evals.metric import METRICS, measure

ROWS = [
    row("a", expected="DATA_QUALITY", difficulty="hard", cluster="x", scores={"category": 0.0}),
    row("a", repeat=1, expected="DATA_QUALITY", difficulty="hard", cluster="x", scores={"category": 1.0}),
    row("b", difficulty="easy", origin="synthetic", cluster="x", scores={"category": 1.0}),
    row("c", difficulty="medium", dataset="other", cluster="y", scores={"category": 1.0}),
]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("difficulty", [("easy", 1), ("medium", 1), ("hard", 1)]),
        ("origin", [("lab", 2), ("synthetic", 1)]),
        ("dataset", [("lab", 2), ("other", 1)]),
        ("category", [("DATA_QUALITY", 1), ("UNKNOWN", 2)]),
        ("cluster", [("x", 2), ("y", 1)]),
    ],
)
def test_groups_hold_their_cases_in_their_order(by, groups) -> None:
    assert [(group.name, group.cases) for group in breakdown(ROWS, by)] == groups
    assert breakdown(list(reversed(ROWS)), by) == breakdown(ROWS, by)


def test_a_groups_numbers_are_those_of_its_rows() -> None:
    found = {group.name: group for group in breakdown(ROWS, "cluster")}
    assert found["x"].values["category"] == measure(ROWS[:3])["category"]
    assert (found["x"].values["category"].hits, found["x"].values["category"].total) == (1, 2)


def test_only_main_metrics_are_shown() -> None:
    assert set(MAIN) < {metric.name for metric in METRICS}
    assert set(breakdown(ROWS, "origin")[0].values) == set(MAIN)
    assert breakdown([], "origin") == ()
