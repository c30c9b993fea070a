"""Alarms and the dashboard: what they look at exists, and each fires where it should and not before."""

import ast
import json
import operator
import re

import pytest
from stack import Stack, read

from diagnose.metric import NAMESPACE, UNITS

OF_AWS = {
    "AWS/Lambda": {"Errors": "FunctionName", "Invocations": "FunctionName", "Throttles": "FunctionName"},
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage": "QueueName",
        "ApproximateNumberOfMessagesDelayed": "QueueName",
        "ApproximateNumberOfMessagesNotVisible": "QueueName",
        "ApproximateNumberOfMessagesVisible": "QueueName",
    },
}
"""Metrics of the services and their dimensions. Sources: Lambda and SQS developer guides, "CloudWatch metrics"."""
TARGETS = {
    "FunctionName": {"${Function}"},
    "QueueName": {
        f"${{{name}.QueueName}}"
        for name in (
            "Queue",
            "DeadLetterQueue",
            "CallDeadLetterQueue",
            "RuleDeadLetterQueue",
            "BusDeadLetterQueue",
        )
    },
}
EXPECTED = {
    "GuardrailBlocksAlarm", "ErrorRateAlarm", "CrashAlarm", "NotBegunAlarm", "OutputTokensAlarm", "TokenBudgetAlarm", "QueueAgeAlarm",
    "DeadLetterAlarm", "CallDeadLetterAlarm", "RuleDeadLetterAlarm", "BusDeadLetterAlarm",
}  # fmt: skip
BEYOND = {
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
}
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Gt: operator.gt,
}  # fmt: skip
REDUCE = {"Sum": sum, "Maximum": max}
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


def metrics(alarm):
    """(namespace, name, dimensions, statistic, period) of everything that an alarm looks at, by id."""
    if "MetricName" in alarm:
        return {
            "": (
                alarm["Namespace"],
                alarm["MetricName"],
                alarm["Dimensions"],
                alarm["Statistic"],
                alarm["Period"],
            )
        }
    return {
        m["Id"]: (m["MetricStat"]["Metric"]["Namespace"], m["MetricStat"]["Metric"]["MetricName"], m["MetricStat"]["Metric"]["Dimensions"], m["MetricStat"]["Stat"], m["MetricStat"]["Period"])
        for m in alarm["Metrics"]
        if "MetricStat" in m
    }  # fmt: skip


def calculate(expression, values):
    """Metric math of the template: arithmetic, comparison, IF and FILL; None is a metric without a value.

    Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics".
    """
    return value_of(ast.parse(expression, mode="eval").body, values)


def value_of(node, values):
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[what, otherwise]):
            value = value_of(what, values)
            return value_of(otherwise, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            return value_of(yes if value_of(condition, values) else no, values)
        case (
            ast.Compare(left=left, ops=[sign], comparators=[right])
            | ast.BinOp(left=left, op=sign, right=right)
        ):
            return operate(value_of(left, values), type(sign), value_of(right, values))
    raise AssertionError(ast.dump(node))


def operate(left, sign, right):
    if left is None or right is None or (sign is ast.Div and right == 0):
        return None  # CloudWatch drops such a point
    return OPERATORS[sign](left, right)


def fires(alarm, points):
    """Whether an alarm fires on one period's points, a list by metric name; a name that is missing has none."""
    reduced = {}
    for ident, (_, name, _, statistic, _) in metrics(alarm).items():
        reduced[ident] = REDUCE[statistic](points[name]) if points.get(name) else None
    if "Metrics" not in alarm:
        value = reduced[""]
    else:
        expressions = {m["Id"]: m for m in alarm["Metrics"] if "Expression" in m}
        for ident in reversed(expressions):  # the result stands first
            reduced[ident] = calculate(expressions[ident]["Expression"], reduced)
        (result,) = [m["Id"] for m in alarm["Metrics"] if m["ReturnData"]]
        value = reduced[result]
    if value is None:
        return alarm["TreatMissingData"] == "breaching"
    return BEYOND[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


@pytest.fixture(scope="module")
def alarms():
    return Stack(AlarmTopicArn=TOPIC).of_type("AWS::CloudWatch::Alarm")


def test_these_are_the_alarms(alarms):
    assert set(alarms) == EXPECTED


def test_every_alarm_looks_at_metrics_that_exist(alarms):
    looked = [metric for alarm in alarms.values() for metric in metrics(alarm).values()]
    assert len(looked) == 16
    for namespace, name, dimensions, _, _ in looked:
        (dimension,) = dimensions
        if namespace == NAMESPACE:
            assert name in UNITS
            assert dimension == {"Name": "service", "Value": "${AWS::StackName}"}
        else:
            assert dimension["Name"] == OF_AWS[namespace][name]
            assert dimension["Value"] in TARGETS[dimension["Name"]]


def test_the_alarms_dimension_is_the_functions(alarms):
    assert Stack().properties("Function")["Environment"]["Variables"]["SERVICE_NAME"] == "${AWS::StackName}"


def test_alarms_but_one_judge_one_period_and_missing_data_are_no_breach(alarms):
    long = {"ErrorRateAlarm", "CrashAlarm", "NotBegunAlarm"}
    for name, alarm in alarms.items():
        judged = (alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm"))
        assert judged == ((4, 3) if name == "NotBegunAlarm" else (1, None)), name
        assert alarm["TreatMissingData"] == "notBreaching"
        assert {m[4] for m in metrics(alarm).values()} == ({900} if name in long else {300}), name
        assert not fires(alarm, {}), name


def test_alarms_and_their_end_are_sent_to_the_topic_if_there_is_one(alarms):
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC] for alarm in alarms.values())
    without = Stack().of_type("AWS::CloudWatch::Alarm").values()
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [] for alarm in without)


FAILED, TAKEN, CRASHED = "EMRAnalyserFailures", "EMRAnalyserInvocations", "Errors"
LATE, UNBEGUN, STARTED = "EMRAnalyserPostponed", "EMRAnalyserNotBegun", "Invocations"


@pytest.mark.parametrize(
    ("alarm", "points", "fired"),
    [
        ("GuardrailBlocksAlarm", {"EMRAnalyserGuardrailBlocks": [1] * 5}, False),
        ("GuardrailBlocksAlarm", {"EMRAnalyserGuardrailBlocks": [1] * 5 + [0, 1]}, True),
        ("ErrorRateAlarm", {FAILED: [1] + [0] * 19, TAKEN: [1] * 20, CRASHED: [0] * 20}, False),  # 5 %
        ("ErrorRateAlarm", {FAILED: [1] + [0] * 18, TAKEN: [1] * 19, CRASHED: [0] * 19}, True),
        ("ErrorRateAlarm", {FAILED: [0] * 20, TAKEN: [1] * 20, CRASHED: [0] * 20}, False),
        ("ErrorRateAlarm", {FAILED: [0] * 10, TAKEN: [1] * 10, CRASHED: [1]}, True),
        ("ErrorRateAlarm", {CRASHED: [1]}, True),  # it can't even start: nothing of ours is written
        ("ErrorRateAlarm", {CRASHED: [0]}, False),
        ("ErrorRateAlarm", {FAILED: [0], TAKEN: [0]}, False),
        ("ErrorRateAlarm", {FAILED: [1], TAKEN: [1]}, True),
        # what is postponed is no end of a delivery: 1 of 19 that ended, however often others were put off
        ("ErrorRateAlarm", {FAILED: [1], TAKEN: [1] * 119, LATE: [1] * 100}, True),
        ("ErrorRateAlarm", {FAILED: [1], TAKEN: [1] * 120, LATE: [1] * 100}, False),
        ("ErrorRateAlarm", {FAILED: [0], TAKEN: [1] * 100, LATE: [1] * 100}, False),
        ("ErrorRateAlarm", {FAILED: [0], TAKEN: [1] * 100, LATE: [1] * 100, CRASHED: [1]}, True),
        ("ErrorRateAlarm", {FAILED: [0], TAKEN: [0] * 50, LATE: [0] * 50, UNBEGUN: [1] * 50}, False),
        ("ErrorRateAlarm", {FAILED: [0], TAKEN: [1] * 4, CRASHED: [1] * 4}, True),  # direct calls, all raised
        ("CrashAlarm", {CRASHED: [1], STARTED: [1]}, True),
        ("CrashAlarm", {CRASHED: [0, 1], STARTED: [1, 1]}, True),
        ("CrashAlarm", {CRASHED: [0, 0, 1], STARTED: [1, 1, 1]}, False),
        ("CrashAlarm", {CRASHED: [0], STARTED: [0]}, False),
        ("NotBegunAlarm", {UNBEGUN: [1, 0, 0, 0, 0], TAKEN: [0, 1, 1, 1, 1]}, False),  # a fifth
        ("NotBegunAlarm", {UNBEGUN: [1, 0, 0, 0], TAKEN: [0, 1, 1, 1]}, True),
        ("NotBegunAlarm", {UNBEGUN: [0], TAKEN: [0]}, False),
        ("OutputTokensAlarm", {"EMRAnalyserOutputTokens": [80, 921]}, False),
        ("OutputTokensAlarm", {"EMRAnalyserOutputTokens": [80, 922]}, True),  # 90 % of 1024 is 921.6
        ("TokenBudgetAlarm", {"EMRAnalyserTokensUsed": [20_000, 20_000, 40_000]}, False),
        ("TokenBudgetAlarm", {"EMRAnalyserTokensUsed": [40_001]}, True),
        ("QueueAgeAlarm", {"ApproximateAgeOfOldestMessage": [300 + 600 + 300 + 600]}, False),
        ("QueueAgeAlarm", {"ApproximateAgeOfOldestMessage": [300 + 600 + 300 + 601]}, True),
        ("DeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [0]}, False),
        ("DeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [0, 1]}, True),
        ("CallDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [0]}, False),
        ("CallDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [1]}, True),
        ("BusDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [0]}, False),
        ("BusDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [1]}, True),
        ("RuleDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [0]}, False),
        ("RuleDeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": [1]}, True),
    ],
)
def test_an_alarm_fires_beyond_its_threshold_only(alarms, alarm, points, fired):
    assert fires(alarms[alarm], points) is fired


def test_the_error_rate_never_exceeds_a_hundred_per_cent(alarms):
    """Four that failed and four that crashed; four direct calls that raised leave a document and an error of Lambda's."""
    rate = next(m["Expression"] for m in alarms["ErrorRateAlarm"]["Metrics"] if m["ReturnData"])
    assert calculate(rate, {"failures": 4, "crashes": 4, "ended": 4}) == 100
    assert calculate(rate, {"failures": 0, "crashes": 4, "ended": 4}) == 50
    assert calculate(rate, {"failures": 0, "crashes": 0, "ended": 0}) == 0


def test_the_alarm_of_crashes_needs_no_metric_that_a_function_that_never_started_would_have_written(alarms):
    assert {m[0] for m in metrics(alarms["CrashAlarm"]).values()} == {"AWS/Lambda"}
    assert "FILL" not in json.dumps(alarms["CrashAlarm"])


def test_thresholds_follow_the_parameters():
    stack = Stack(
        BedrockMaxTokens=2000,
        TokenBudget=9000,
        QueueDelaySeconds=0,
        LogsLateLimitSeconds=1800,
        TimeoutSeconds=60,
    )
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    assert not fires(alarms["OutputTokensAlarm"], {"EMRAnalyserOutputTokens": [1799]})
    assert fires(alarms["OutputTokensAlarm"], {"EMRAnalyserOutputTokens": [1800]})
    assert not fires(alarms["TokenBudgetAlarm"], {"EMRAnalyserTokensUsed": [9000]})
    assert fires(alarms["TokenBudgetAlarm"], {"EMRAnalyserTokensUsed": [9001]})
    assert not fires(alarms["QueueAgeAlarm"], {"ApproximateAgeOfOldestMessage": [2460]})
    assert fires(alarms["QueueAgeAlarm"], {"ApproximateAgeOfOldestMessage": [2461]})


def test_each_alarm_watches_its_own_queue(alarms):
    looked = {name: next(iter(metrics(alarm).values())) for name, alarm in alarms.items()}
    assert {name: first[2][0]["Value"] for name, first in looked.items() if first[0] == "AWS/SQS"} == {
        "QueueAgeAlarm": "${Queue.QueueName}",
        "CallDeadLetterAlarm": "${CallDeadLetterQueue.QueueName}",
        "BusDeadLetterAlarm": "${BusDeadLetterQueue.QueueName}",
        "DeadLetterAlarm": "${DeadLetterQueue.QueueName}",
        "RuleDeadLetterAlarm": "${RuleDeadLetterQueue.QueueName}",
    }


# ---------------------------------------------------------------------------------------------------- dashboard


def dashboard():
    return json.loads(Stack().properties("Dashboard")["DashboardBody"])


def spelled(rows):
    """Metrics of a widget with its abbreviations written out: `.` repeats a field of the row above, `...` all before.

    Source: CloudWatch API reference, "Dashboard body structure and syntax".
    """
    above = []
    for row in rows:
        fields = [field for field in row if isinstance(field, str)]
        if fields[0] == "...":
            fields = above[: len(above) - len(fields) + 1] + fields[1:]
        above = [above[place] if field == "." else field for place, field in enumerate(fields)]
        yield tuple(above)


def test_the_dashboard_shows_metrics_that_exist_and_all_of_ours():
    shown = {
        m
        for w in dashboard()["widgets"]
        if w["type"] == "metric"
        for m in spelled(w["properties"]["metrics"])
    }
    for namespace, name, dimension, value in shown:
        if namespace == NAMESPACE:
            assert (name in UNITS, dimension, value) == (True, "service", "${AWS::StackName}")
        else:
            assert OF_AWS[namespace][name] == dimension
            assert value in TARGETS[dimension]
    assert {name for namespace, name, *_ in shown if namespace == NAMESPACE} == set(UNITS)
    assert {value for *_, value in shown} >= TARGETS["QueueName"]


def test_the_dashboard_shows_all_alarms():
    (widget,) = [w for w in dashboard()["widgets"] if w["type"] == "alarm"]
    assert {re.fullmatch(r"\$\{(\w+)\.Arn\}", arn)[1] for arn in widget["properties"]["alarms"]} == EXPECTED


def test_the_dashboards_widgets_do_not_overlap_and_fit_its_width():
    taken = set()
    for widget in dashboard()["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_name_in_the_dashboard_is_one_of_the_template():
    body = read()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = {name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", body)}
    assert named <= set(read()["Resources"]) | set(read()["Parameters"])
