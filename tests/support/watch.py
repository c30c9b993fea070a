"""Real deliveries of one case of the lab, and what CloudWatch holds after the function has written of them."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bedrockserver
import boto3
from bedrockserver import BedrockServer, tokens
from botocore.config import Config
from metricmath import Alarm, Metrics

from diagnose.bedrock import BedrockModel
from diagnose.deadline import NO_DEADLINE
from diagnose.event import read_deliveries
from diagnose.intake import Intake, Served, serve
from diagnose.log import DirectoryStore, MemoryStore
from diagnose.metric import EmfMeter
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


@dataclass(frozen=True)
class Delivered:
    """What one delivery gave: what became of it, None after an exception, and its model calls."""

    served: Served | None
    calls: tuple[ModelCall, ...]
    raised: bool = False
    """The exception went on to Lambda, as a direct call's does."""

    def tell(self, meter):
        if self.served is None:
            meter.failed(duration_ms=900, calls=self.calls, raised=self.raised)
        else:
            meter.served(self.served, duration_ms=900, calls=self.calls)


class PutBack:
    """A message for which too little time was left."""

    def tell(self, meter):
        meter.put_back()


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
        return self.invoke(times, after=after, error=1)

    def invoke(self, times, after=1.0, error=0):
        """What Lambda counts of so many invocations."""
        for name, value in (("Errors", error), ("Invocations", 1)):
            self.count("AWS/Lambda", name, {"FunctionName": "${Function}"}, *[value] * times, after=after)
        return self

    def count(self, namespace, name, dimensions, *values, after=1.0):
        for value in values:
            self.metrics.add(namespace, name, dimensions, value, at=BEGIN + after)
        return self

    def state(self, name, periods=1):
        alarm = Alarm(self.stack.properties(name))
        return alarm.state(self.metrics, end=BEGIN + periods * alarm.period_seconds)
