"""A Bedrock model at a stand-in, and what it is asked: for tests of what goes over the wire."""

import random

import bedrockserver as stand_in
import boto3
from bedrockserver import BedrockServer
from botocore.config import Config
from canary import canaries

from diagnose.bedrock import BedrockModel
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.model import Question
from diagnose.prompt import Block, RenderedPrompt

MODEL = "us.anthropic.claude-sonnet-4-6"
DRAFT = '{"root_cause": "disk full"}'
SCHEMA = {
    "type": "object",
    "properties": {
        "root_cause": {"type": "string"},
        "evidence": {
            "type": "array",
            "items": {"type": "object", "properties": {"text": {"type": "string"}}},
        },
    },
    "required": ["root_cause"],
}
PROMPT = RenderedPrompt(
    version="v1",
    sha256="0" * 64,
    system="You explain failed jobs.",
    user=(
        Block("Cluster:\n"),
        Block("26/11/22 ERROR Disk full\n", guarded=True),
        Block("  \n"),
        Block("", guarded=True),
        Block("Answer with JSON."),
    ),
    marker="m" * 16,
    repair="Your answer was not valid: {{ problem }}. Answer again.",
)
SECRET = canaries(11)[0].value


def question(**changes) -> Question:
    return Question(**{"prompt": PROMPT, "tags": {"cluster": "j-1", "step": "s-1"}, **changes})


def replaced(**changes) -> RenderedPrompt:
    values = {name: getattr(PROMPT, name) for name in RenderedPrompt.__slots__}
    return RenderedPrompt(**{**values, **changes})


class Edge:
    """A model on a stand-in, with the sleeps and calls that it makes."""

    def __init__(self, server: BedrockServer, **settings) -> None:
        self.calls, self.waits, self.timeouts, self.made = [], [], [], []
        read_timeout = settings.pop("read_timeout", 20)
        credentials = settings.pop(
            "credentials", {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        )

        def clients(seconds: float):
            self.timeouts.append(seconds)
            config = Config(
                connect_timeout=5,
                read_timeout=read_timeout,
                retries={"total_max_attempts": 1, "mode": "standard"},
            )
            self.made.append(
                boto3.Session().client(
                    "bedrock-runtime",
                    region_name="us-east-1",
                    endpoint_url=server.endpoint,
                    config=config,
                    **credentials,
                )
            )
            return self.made[-1]

        values = {
            "clients": clients,
            "model_id": MODEL,
            "max_tokens": 1024,
            "schema": SCHEMA,
            "guardrail_id": stand_in.GUARDRAIL,
            "guardrail_version": "3",
            "sleep": self.waits.append,
            "rng": random.Random(7),
        }
        self.model = BedrockModel(**{**values, **settings})

    def ask(self, asked: Question | None = None, *, deadline: Deadline = NO_DEADLINE):
        try:
            return self.model.ask(asked or question(), deadline=deadline, sink=self.calls.append)
        finally:
            for client in self.made:
                client.close()


def ask_once(reply: stand_in.Reply, asked: Question | None = None, **settings):
    with BedrockServer([reply]) as server:
        edge = Edge(server, **settings)
        answer = edge.ask(asked)
    assert len(server.requests) == 1
    assert not server.problems
    return answer, server.requests[0], edge
