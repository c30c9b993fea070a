"""The evaluator of alarms itself: what it computes as CloudWatch documents it, and what it refuses."""

import pytest
from metricmath import Alarm, Metrics, RefusedError, evaluate

SIMPLE = {
    "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * -a", -12),
        ("2 - 1 - 1", 0),
        ("a >= 4", 1),
        ("a != 4", 0),
        ("a / zero", None),
        ("gone + 1", None),
        ("FILL(gone, 7)", 7),
        ("FILL(a, 7)", 4),
        ("IF(zero > 0, a / zero, 3)", 3),
        ("IF(gone, 1, 2)", None),
        ("IF(a, gone, 2)", None),
    ],
)
def test_metric_math_is_evaluated_as_documented(expression, value):
    assert evaluate(expression, {"a": 4.0, "zero": 0.0, "gone": None}) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "RATE(a)", "FILL(a, REPEAT)", "a b", "SUM([a, a])", "METRICS()", "IF(a, 1)", "a ^ 2", "unknown", "a;", "(a", "a AND a", "FILL(a, gone)"],
)  # fmt: skip
def test_other_metric_math_is_refused(expression):
    with pytest.raises(RefusedError):
        evaluate(expression, {"a": 4.0, "gone": None})


@pytest.mark.parametrize(
    "changes",
    [
        {"ExtendedStatistic": "p99"},
        {"Statistic": "p99"},
        {"Unit": "Count"},
        {"ComparisonOperator": "LessThanLowerThreshold"},
        {"TreatMissingData": "ignore"},
        {"Metrics": []},
    ],
)
def test_other_definitions_of_alarms_are_refused(changes):
    alarm = {**SIMPLE, **changes}
    with pytest.raises(RefusedError):
        Alarm(alarm).state(samples(2), end=60)


def query(name, expression=None, period=60, **more):
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": period, "Stat": "Sum"}
    return {"Id": name, **({"Expression": expression} if expression else {"MetricStat": stat}), **more}


@pytest.mark.parametrize(
    "queries",
    [
        [query("a"), query("b")],
        [query("a", ReturnData=False)],
        [query("a", ReturnData=False), query("b", period=300, ReturnData=False), query("c", "a + b")],
        [query("a", ReturnData=False), query("b", "c", ReturnData=False), query("c", "b + a")],
        [query("a", ReturnData=False), query("c", "other")],
        [query("A")],
        [query("a", AccountId="1")],
    ],
)
def test_queries_that_cloudwatch_would_not_take_are_refused(queries):
    alarm = {name: SIMPLE[name] for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold")}
    with pytest.raises(RefusedError):
        Alarm({**alarm, "Metrics": queries}).state(samples(2), end=60)


def samples(*values):
    watched = Metrics()
    for n, value in enumerate(values):
        if value is not None:
            watched.add("N", "m", {}, value, at=n * 60 + 59)
    return watched


@pytest.mark.parametrize(
    ("values", "changes", "state"),
    [
        ((2,), {}, "ALARM"),
        ((1,), {}, "OK"),
        ((1,), {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, "ALARM"),
        ((2, 2, 0), {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "ALARM"),
        ((2, 0, 0), {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "OK"),
        ((2, 2, 0), {"EvaluationPeriods": 3}, "OK"),
        ((None,), {}, "INSUFFICIENT_DATA"),
        ((None,), {"TreatMissingData": "notBreaching"}, "OK"),
        ((None,), {"TreatMissingData": "breaching"}, "ALARM"),
    ],
)
def test_an_alarm_is_evaluated_over_its_periods(values, changes, state):
    assert Alarm({**SIMPLE, **changes}).state(samples(*values), end=60 * len(values)) == state


@pytest.mark.parametrize(
    ("statistic", "value"), [("Sum", 6), ("Maximum", 3), ("Minimum", 1), ("Average", 2), ("SampleCount", 3)]
)
def test_a_statistic_is_that_of_its_period(statistic, value):
    watched = Metrics()
    for sample in (1, 2, 3):
        watched.add("N", "m", {}, sample, at=5)
    watched.add("N", "m", {}, 99, at=60)
    watched.add("N", "m", {"service": "other"}, 99, at=5)
    for threshold, state in ((value - 0.5, "ALARM"), (value, "OK")):
        assert (
            Alarm({**SIMPLE, "Statistic": statistic, "Threshold": threshold}).state(watched, end=60) == state
        )
