"""One failed step in stand-ins for AWS: EMR, S3, Bedrock Runtime, and how a delivery about it is served.

EMR, Bedrock Runtime and the REST metadata API are stand-ins on loopback, S3 and Secrets Manager are moto's server;
boto3 finds them all by its own endpoint settings. Waits between retries are recorded, not slept.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import bedrockserver as bedrock
import jsonschema
import pytest
from awsserver import AwsServer
from emrserver import EmrServer

from diagnose.assembly import with_analyst, with_sources
from diagnose.client import Clients
from diagnose.deadline import NO_DEADLINE
from diagnose.diagnosis import json_schema
from diagnose.event import read_deliveries
from diagnose.intake import Intake, serve
from diagnose.pipeline import default_kit
from diagnose.repeat import MemoryRepeats
from diagnose.settings import load_settings

OWN = Path(__file__).resolve().parents[2] / "datasets" / "lab"
CASE = OWN / "daily-sales"
TOKENS = bedrock.tokens(900, 80, read=40, write=7)


def meta_of(case):
    return json.loads((case / "meta.json").read_text())


def tree_of(case):
    logs = case / "logs"
    return next(iter(sorted(logs.glob("j-*"))), logs)


@dataclass
class World:
    """One failed step in stand-ins for AWS."""

    aws: AwsServer
    meta: dict
    monkeypatch: pytest.MonkeyPatch
    settings: dict = field(default_factory=dict)
    slept: list = field(default_factory=list)
    opened: list = field(default_factory=list)

    @property
    def cluster(self):
        return self.meta["cluster"]["Id"]

    @property
    def bucket(self):
        return self.meta["cluster"]["LogUri"].split("/")[2]

    def upload(self, folder):
        self.aws.reset()
        self.aws.upload_tree(self.bucket, self.cluster, folder)

    def environment(self, emr, model):
        values = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.aws.endpoint,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.aws.endpoint,
            "AWS_ENDPOINT_URL_EMR": emr.endpoint,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.endpoint,
            "BEDROCK_GUARDRAIL_ID": bedrock.GUARDRAIL,
            **self.settings,
        }
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)
        return values

    def clients(self, settings):
        made = Clients(settings)
        self.opened.append(made)
        return made

    def close(self):
        for each in self.opened:
            each.close()

    def kit(self, prompt="v2"):
        """The kit of the command line, but that waits are only noted."""
        settings = load_settings()
        clients = self.clients(settings)
        plain = with_sources(default_kit(settings), clients, sleep=self.slept.append)
        return with_analyst(plain, "bedrock", clients=lambda: clients, prompt=prompt, sleep=self.slept.append)


@dataclass
class Outcome:
    diagnosis: object
    emr: EmrServer
    model: bedrock.BedrockServer
    served: object

    @property
    def bodies(self):
        return [request.body for request in self.model.requests]


def drafted(request):
    return bedrock.ok(bedrock.draft(request), usage=TOKENS)


def diagnosed(world, script=drafted, *, payload=None, faults=(), change=None, deadline=NO_DEADLINE, **more):
    """Serve the case's event (or another payload) and give the diagnosis and what every server saw."""
    with EmrServer(world.meta) as emr, bedrock.BedrockServer(script) as model:
        for operation, *told in faults:
            emr.fail(operation, *told)
        world.environment(emr, model)
        kit = world.kit()
        kit = change(kit) if change else kit
        intake = Intake(kit=kit, repeats=MemoryRepeats(), deadline=deadline, **more)
        (delivery, *_) = read_deliveries(payload if payload is not None else world.meta["event"])
        served = serve(delivery, intake)
    jsonschema.validate(served.diagnosis.model_dump(mode="json"), json_schema())
    return Outcome(served.diagnosis, emr, model, served)


def known_cause(outcome):
    """The rules speak, whatever happened to the model."""
    d = outcome.diagnosis
    return (
        d.analyst == "rules" and d.category != "UNKNOWN" and bool(d.log_evidences) and bool(d.status_reason)
    )


def own_and_guarded(outcome):
    """All texts of a request but the random marker."""
    request = outcome.model.requests[0]
    return json.dumps([request.body["messages"], request.body["system"]]).replace(
        marker_of(request), "MARKER"
    )


def marker_of(request):
    return next(w.strip(".") for w in request.own[0].split() if len(w.strip(".")) == 32)


class Then:
    """Some scripted replies, then drafts."""

    def __init__(self, *replies):
        self.replies = list(replies)

    def __call__(self, request):
        return self.replies.pop(0) if self.replies else drafted(request)
