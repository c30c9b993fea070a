"""Each alarm of the template, driven over its threshold and to just below it, by documents that the function writes.

The alarms' own definitions are evaluated; what they watch are documents of `EmfMeter`, made of real deliveries: a case
of the lab, the pipeline, and Bedrock's stand-in. Metrics of Lambda and SQS are given as numbers.
"""

import re
from dataclasses import replace

import bedrockserver
import pytest
from metricmath import Alarm
from stack import TEMPLATE, Stack
from watch import META, PutBack, Watch, broken, deliver, drafted, queued, repaired

from diagnose.deadline import Deadline
from diagnose.diagnosis import Status
from diagnose.metric import NAMESPACE, UNITS

KIND = "AWS::CloudWatch::Alarm"


@pytest.fixture(scope="session")
def deliveries():
    """One delivery of each kind; each is a real run."""
    made = {
        "DIAGNOSED": deliver(drafted()),
        "GUARDRAIL_BLOCKED": deliver([bedrockserver.input_blocked()]),
        "GUARDRAIL_OUTPUT_BLOCKED": deliver([bedrockserver.output_blocked()]),
        "PARSE_ERROR": deliver([bedrockserver.truncated("{")]),
        "ANALYSIS_ABORTED": deliver([bedrockserver.error(403, "AccessDeniedException")]),
        "PARTIAL_ANALYSIS": deliver(deadline=Deadline(lambda: 5.0, 30.0)),
        "INVALID_EVENT": deliver(payload=queued({"nonsense": 1})),
        "IGNORED": deliver(payload=queued({**META["event"], "detail": {**META["event"]["detail"], "state": "COMPLETED"}})),
        "postponed": deliver(logs=False),
        "exception": deliver(drafted(), publish=broken),
    }  # fmt: skip
    for name, delivered in made.items():
        diagnosis = delivered.served.diagnosis if delivered.served else None
        told = diagnosis.status.value if diagnosis else None
        assert told == (None if name in ("postponed", "exception") else name)
    return made


# --- what is watched


@pytest.fixture(scope="session")
def stack():
    return Stack()


@pytest.fixture
def watch(stack):
    return Watch(stack)


DRIVEN = {
    "GuardrailBlocksAlarm", "ErrorRateAlarm", "CrashAlarm", "NotBegunAlarm", "OutputTokensAlarm", "TokenBudgetAlarm", "QueueAgeAlarm",
    "DeadLetterAlarm", "CallDeadLetterAlarm", "RuleDeadLetterAlarm", "BusDeadLetterAlarm",
}  # fmt: skip


def test_every_alarm_of_the_template_is_driven_here(stack):
    assert set(stack.of_type(KIND)) == DRIVEN


def test_every_metric_that_is_watched_is_one_that_the_function_writes(stack):
    watched = [metric for p in stack.of_type(KIND).values() for metric in Alarm(p).metrics]
    ours = {metric["MetricName"] for metric in watched if metric["Namespace"] == NAMESPACE}
    assert ours <= set(UNITS)
    assert {metric["Namespace"] for metric in watched} == {NAMESPACE, "AWS/Lambda", "AWS/SQS"}
    assert set(re.findall(r"\bEMRAnalyser[A-Za-z]+", TEMPLATE.read_text())) <= set(UNITS)


@pytest.mark.parametrize("name", sorted(DRIVEN))
def test_nothing_delivered_alarms_nobody(watch, name):
    assert watch.state(name) == "OK"


@pytest.mark.parametrize("name", sorted(DRIVEN))
def test_a_day_s_good_work_alarms_nobody(watch, deliveries, name):
    good = [deliveries["DIAGNOSED"], deliveries["IGNORED"], deliveries["postponed"]]
    assert watch.deliver(*good * 40).invoke(120).state(name) == "OK"


@pytest.mark.parametrize(
    "name", ["GuardrailBlocksAlarm", "ErrorRateAlarm", "OutputTokensAlarm", "TokenBudgetAlarm"]
)
def test_deliveries_of_another_stack_count_to_none_of_ours(watch, name):
    bad = [deliver(drafted(input=90_000, output=1024)), *[deliver([bedrockserver.input_blocked()])] * 9]
    bad += [deliver([bedrockserver.truncated("{")])] * 9
    assert watch.deliver(*bad, service="other").state(name) == "OK"
    assert watch.deliver(*bad).state(name) == "ALARM"


@pytest.mark.parametrize("status", ["GUARDRAIL_BLOCKED", "GUARDRAIL_OUTPUT_BLOCKED"])
def test_more_than_five_blocks_in_five_minutes_alarm(stack, deliveries, status):
    blocked, good = deliveries[status], deliveries["DIAGNOSED"]
    below = Watch(stack).deliver(*[blocked] * 5, *[good] * 50)
    assert below.state("GuardrailBlocksAlarm") == "OK"
    assert below.deliver(blocked, after=299).state("GuardrailBlocksAlarm") == "ALARM"
    spread = Watch(stack).deliver(*[blocked] * 5).deliver(*[blocked] * 5, after=301)
    assert [spread.state("GuardrailBlocksAlarm", periods=n) for n in (1, 2, 3)] == ["OK"] * 3


FAILURES = ["PARSE_ERROR", "ANALYSIS_ABORTED", "PARTIAL_ANALYSIS", "INVALID_EVENT", "exception"]


@pytest.mark.parametrize("kind", FAILURES)
def test_more_than_five_percent_of_failures_in_fifteen_minutes_alarm(stack, deliveries, kind):
    good, bad = deliveries["DIAGNOSED"], deliveries[kind]
    assert Watch(stack).deliver(*[good] * 19, bad).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*[good] * 18, bad).state("ErrorRateAlarm") == "ALARM"
    spread = Watch(stack).deliver(*[good] * 18).deliver(bad, after=899)
    assert [spread.state("ErrorRateAlarm", periods=n) for n in (1, 2)] == ["ALARM", "OK"]


def test_failures_of_all_kinds_and_crashes_count_together(stack, deliveries):
    bad = [deliveries[kind] for kind in FAILURES]
    good = [deliveries["DIAGNOSED"]] * 114
    assert Watch(stack).deliver(*good, *bad).crash(1).state("ErrorRateAlarm") == "OK"  # 6 of 120
    assert Watch(stack).deliver(*good, *bad).crash(2).state("ErrorRateAlarm") == "ALARM"


def test_a_crash_that_leaves_no_document_counts_above_and_below_the_line(stack, deliveries):
    good = deliveries["DIAGNOSED"]
    assert Watch(stack).deliver(*[good] * 19).crash(1).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*[good] * 18).crash(1).state("ErrorRateAlarm") == "ALARM"
    assert Watch(stack).crash(1).state("ErrorRateAlarm") == "ALARM"


@pytest.mark.parametrize("kind", FAILURES)
def test_what_is_put_off_again_and_again_dilutes_no_failure(stack, deliveries, kind):
    good, bad, late = deliveries["DIAGNOSED"], deliveries[kind], deliveries["postponed"]
    assert Watch(stack).deliver(*[good] * 19, bad, *[late] * 200).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*[good] * 18, bad, *[late] * 200).state("ErrorRateAlarm") == "ALARM"
    assert Watch(stack).deliver(bad, *[late] * 200).state("ErrorRateAlarm") == "ALARM"


def test_nothing_but_what_is_put_off_divides_by_nothing(stack, deliveries):
    late = [deliveries["postponed"]] * 200
    assert Watch(stack).deliver(*late).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*late, *[PutBack()] * 9).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*late).crash(1).state("ErrorRateAlarm") == "ALARM"


def test_messages_that_were_not_begun_dilute_no_failure(stack, deliveries):
    good, bad = deliveries["DIAGNOSED"], deliveries["PARSE_ERROR"]
    assert Watch(stack).deliver(*[good] * 18, bad, *[PutBack()] * 200).state("ErrorRateAlarm") == "ALARM"


def test_a_direct_call_that_raised_is_counted_by_lambda_and_not_by_us_too(stack, deliveries):
    good, raised = deliveries["DIAGNOSED"], replace(deliveries["exception"], raised=True)
    assert Watch(stack).deliver(*[good] * 19, raised).invoke(19).crash(1).state("ErrorRateAlarm") == "OK"
    assert Watch(stack).deliver(*[good] * 17, raised).invoke(17).crash(1).state("ErrorRateAlarm") == "ALARM"
    assert Watch(stack).deliver(*[raised] * 3).crash(3).state("ErrorRateAlarm") == "ALARM"
    assert Watch(stack).deliver(*[raised] * 3).state("ErrorRateAlarm") == "OK", "or it would count twice"


def test_half_of_all_invocations_crashing_alarms_whatever_we_write(stack, deliveries):
    assert Watch(stack).crash(1).state("CrashAlarm") == "ALARM"
    assert Watch(stack).crash(5).invoke(5).state("CrashAlarm") == "ALARM"
    assert Watch(stack).crash(5).invoke(6).state("CrashAlarm") == "OK"
    assert Watch(stack).deliver(*[deliveries["ANALYSIS_ABORTED"]] * 9).invoke(9).state("CrashAlarm") == "OK"


def test_messages_that_are_not_begun_for_three_quarters_of_an_hour_alarm(stack, deliveries):
    def state(bad_periods, unbegun, periods=4):
        watch = Watch(stack)
        for n in range(periods):
            many = unbegun if n in bad_periods else 0
            watch.deliver(*[deliveries["DIAGNOSED"]] * 40, *[PutBack()] * many, after=900 * n + 1)
        return watch.state("NotBegunAlarm", periods=periods)

    assert state({0, 1, 2, 3}, 10) == "OK", "a fifth and no more"
    assert state({1, 2, 3}, 11) == "ALARM"
    assert state({0, 2, 3}, 11) == "ALARM"
    assert state({2, 3}, 99) == "OK", "not for long"


def test_what_is_blocked_ignored_or_postponed_is_no_error(stack, deliveries):
    kinds = ["GUARDRAIL_BLOCKED", "GUARDRAIL_OUTPUT_BLOCKED", "IGNORED", "postponed"]
    assert Watch(stack).deliver(*(deliveries[kind] for kind in kinds)).state("ErrorRateAlarm") == "OK"


@pytest.mark.parametrize("limit", [256, 1024, 2000])
def test_an_answer_of_ninety_percent_of_its_limit_alarms(limit):
    stack = Stack(BedrockMaxTokens=limit)
    most = -(-limit * 9 // 10)
    assert Watch(stack).deliver(deliver(drafted(output=most - 1))).state("OutputTokensAlarm") == "OK"
    assert Watch(stack).deliver(deliver(drafted(output=most))).state("OutputTokensAlarm") == "ALARM"


def test_answers_below_the_limit_are_not_added_up(watch):
    twice = deliver(repaired({"output": 900}, {"output": 900}))
    assert len(twice.calls) == 2
    assert watch.deliver(twice, twice).state("OutputTokensAlarm") == "OK"
    first = deliver(repaired({"output": 1000}, {"output": 100}))
    assert watch.deliver(first).state("OutputTokensAlarm") == "ALARM"


@pytest.mark.parametrize("budget", [5_000, 40_000])
def test_a_delivery_above_its_budget_of_tokens_alarms(budget):
    stack = Stack(TokenBudget=budget)
    at, above = (
        deliver(drafted(input=budget - 300 - more, output=100, read=150, write=50 + 2 * more))
        for more in (0, 1)
    )
    assert at.served.diagnosis.tokens_used == budget
    assert Watch(stack).deliver(at, at).state("TokenBudgetAlarm") == "OK"
    assert Watch(stack).deliver(at, above, at).state("TokenBudgetAlarm") == "ALARM"


def test_all_calls_of_a_delivery_count_to_its_budget(watch):
    twice = deliver(repaired({"input": 20_000, "output": 1}, {"input": 20_000, "output": 0}))
    assert watch.deliver(twice).state("TokenBudgetAlarm") == "ALARM"


def test_a_delivery_that_failed_after_its_calls_counts_to_the_budget(watch):
    failed = deliver(drafted(input=40_000, output=1), publish=broken)
    assert failed.served is None
    assert watch.deliver(failed).state("TokenBudgetAlarm") == "ALARM"


@pytest.mark.parametrize(
    ("parameters", "lawful_seconds"),
    [
        ({}, 300 + 600 + 300),
        ({"QueueDelaySeconds": 0, "LogsLateLimitSeconds": 3600, "TimeoutSeconds": 60}, 3660),
    ],
)
def test_an_event_that_waits_longer_than_is_lawful_alarms(parameters, lawful_seconds):
    stack, oldest = Stack(**parameters), ("AWS/SQS", "ApproximateAgeOfOldestMessage")
    for name, excess, state in (
        ("Queue", 600, "OK"),
        ("Queue", 601, "ALARM"),
        ("DeadLetterQueue", 9999, "OK"),
    ):
        watch = Watch(stack).count(
            *oldest, {"QueueName": f"${{{name}.QueueName}}"}, 0, lawful_seconds + excess
        )
        assert watch.state("QueueAgeAlarm") == state


@pytest.mark.parametrize(
    ("alarm", "queue"),
    [(f"{name}DeadLetterAlarm", f"{name}DeadLetterQueue") for name in ("", "Call", "Rule", "Bus")],
)
def test_one_dead_letter_alarms_for_its_queue_alone(stack, alarm, queue):
    for name in stack.of_type("AWS::SQS::Queue"):
        for value in (0, 1):
            watch = Watch(stack).count(
                "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": f"${{{name}.QueueName}}"}, 0, value
            )  # fmt: skip
            assert watch.state(alarm) == ("ALARM" if value and name == queue else "OK")


def test_every_status_was_driven(deliveries):
    assert {status.value for status in Status} <= set(deliveries)
