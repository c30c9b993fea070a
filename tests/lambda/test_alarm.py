"""Each alarm of the template, driven over its threshold and to just below it, by documents that the function writes.

The alarms' own definitions are evaluated; what they watch are documents of `EmfMeter`, made of real deliveries: a case
of the lab, the pipeline, and Bedrock's stand-in. Metrics of Lambda and SQS are given as numbers.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bedrockserver
import boto3
import pytest
from bedrockserver import BedrockServer, tokens
from botocore.config import Config
from metricmath import Alarm, Metrics
from stack import TEMPLATE, Stack

from diagnose.bedrock import BedrockModel
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Status
from diagnose.event import read_deliveries
from diagnose.intake import Intake, Served, serve
from diagnose.log import DirectoryStore, MemoryStore
from diagnose.metric import NAMESPACE, UNITS, EmfMeter
from diagnose.model import ModelCall
from diagnose.pipeline import default_kit
from diagnose.repeat import MemoryRepeats
from diagnose.reply import wire_schema
from diagnose.settings import Settings
from diagnose.shelf import load_prompt
from diagnose.state import Desk
from diagnose.telemetry import Collector

CASE = Path(__file__).resolve().parents[2] / "datasets" / "lab" / "cart-summary"
META = json.loads((CASE / "meta.json").read_text())
FAILED_AT = datetime.fromisoformat(META["event"]["time"])
BEGIN = 1_800_000_000 // 900 * 900
"""A whole period of every alarm begins here."""
KIND = "AWS::CloudWatch::Alarm"


# --- deliveries


@dataclass(frozen=True)
class Delivered:
    """What one delivery gave: what became of it, None after an exception, and its model calls."""

    served: Served | None
    calls: tuple[ModelCall, ...]

    def tell(self, meter):
        if self.served is None:
            meter.failed(duration_ms=900, calls=self.calls)
        else:
            meter.served(self.served, duration_ms=900, calls=self.calls)


class Archive:
    def __init__(self, store):
        self.store = store

    def find(self, failure, context, *, deadline):
        return self.store, ()


def queued(body):
    return {"Records": [{"messageId": "m-1", "body": json.dumps(body), "eventSource": "aws:sqs"}]}


def broken(_diagnosis):
    raise ConnectionError("the bus is gone")


def deliver(script=(), *, payload=None, logs=True, publish=lambda _: None, deadline=NO_DEADLINE):
    """Serve one delivery of the case, as the function does; the model says what the script says."""
    root = next((CASE / "logs").glob("j-*"))
    told = Collector()
    with BedrockServer(script) as server:
        client = boto3.Session().client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=server.endpoint,
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - what moto wants
        )
        model = BedrockModel(
            clients=lambda _seconds: client,
            model_id="us.anthropic.claude-sonnet-4-6",
            max_tokens=1024,
            schema=wire_schema(),
            guardrail_id=bedrockserver.GUARDRAIL,
            sleep=lambda _seconds: None,
        )
        kit = replace(
            default_kit(Settings()),
            archive=Archive(DirectoryStore(root) if logs else MemoryStore({})),
            desk=Desk(model=model, prompt=load_prompt("v2").version),
            now=lambda: FAILED_AT + timedelta(minutes=1),
        )
        intake = Intake(
            kit=kit,
            repeats=MemoryRepeats(),
            publish=publish,
            telemetry=lambda _failure: told,
            deadline=deadline,
        )
        (delivery,) = read_deliveries(queued(META["event"]) if payload is None else payload)
        try:
            served = serve(delivery, intake)
        except ConnectionError:
            served = None
        client.close()
        assert not server.problems
    return Delivered(served, tuple(told.calls))


def drafted(**usage):
    return lambda request: bedrockserver.ok(bedrockserver.draft(request), usage=tokens(**usage))


def repaired(first, second):
    """An answer that is none, then one: two calls with so many tokens each."""
    answers = iter([bedrockserver.ok("no JSON", usage=tokens(**first)), None])
    return lambda request: next(answers) or drafted(**second)(request)


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


class Watch:
    """The metrics of a deployed stack, and its alarms."""

    def __init__(self, stack):
        self.stack, self.metrics = stack, Metrics()
        self.service = stack.properties("Function")["Environment"]["Variables"]["SERVICE_NAME"]

    def deliver(self, *delivered, after=1.0, service=None):
        """Let the function write of deliveries that end so many seconds after the beginning."""
        moment = datetime.fromtimestamp(BEGIN + after, UTC)
        meter = EmfMeter(service or self.service, self._read, now=lambda: moment)
        for each in delivered:
            each.tell(meter)
        return self

    def _read(self, line):
        self.metrics.take(json.loads(line))

    def crash(self, times, after=1.0):
        """Lambda's own errors: so many invocations that crashed or ran out of time, and wrote nothing."""
        return self.count("AWS/Lambda", "Errors", {"FunctionName": "${Function}"}, *[1] * times, after=after)

    def count(self, namespace, name, dimensions, *values, after=1.0):
        for value in values:
            self.metrics.add(namespace, name, dimensions, value, at=BEGIN + after)
        return self

    def state(self, name, periods=1):
        alarm = Alarm(self.stack.properties(name))
        return alarm.state(self.metrics, end=BEGIN + periods * alarm.period_seconds)


@pytest.fixture
def watch(stack):
    return Watch(stack)


DRIVEN = {"GuardrailBlocksAlarm", "ErrorRateAlarm", "OutputTokensAlarm", "TokenBudgetAlarm", "QueueAgeAlarm", "DeadLetterAlarm", "RuleDeadLetterAlarm"}  # fmt: skip


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
    assert watch.deliver(*good * 40).state(name) == "OK"


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
    [("DeadLetterAlarm", "DeadLetterQueue"), ("RuleDeadLetterAlarm", "RuleDeadLetterQueue")],
)
def test_one_dead_letter_alarms_for_its_queue_alone(stack, alarm, queue):
    for name in ("Queue", "DeadLetterQueue", "RuleDeadLetterQueue"):
        for value in (0, 1):
            watch = Watch(stack).count(
                "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": f"${{{name}.QueueName}}"}, 0, value
            )  # fmt: skip
            assert watch.state(alarm) == ("ALARM" if value and name == queue else "OK")


def test_every_status_was_driven(deliveries):
    assert {status.value for status in Status} <= set(deliveries)
