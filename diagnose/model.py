"""The seam behind which language models stand: a rendered prompt in, one checked reply out.

`Model.ask` is one question with all its retries. What a guardrail blocked and what was cut at the token limit
are replies with another `stop`, not errors: both were billed, and neither may be parsed.
Twins: `bedrock` (Bedrock Converse), `chat` (any other LangChain chat model), `recording` (replies of before).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from diagnose.deadline import Deadline
from diagnose.prompt import RenderedPrompt
from diagnose.usage import Usage


class Stop(StrEnum):
    """Why a reply ended, told before anything of it is parsed."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    """Cut at the token limit or the context window: no valid answer, whatever it looks like."""
    INPUT_BLOCKED = "input_blocked"
    OUTPUT_BLOCKED = "output_blocked"
    MALFORMED = "malformed"
    """The service itself says that the output is malformed, or it ended for a reason we don't know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCall:
    """One attempt over the wire, successful or not; holds no text of request or reply."""

    model_id: str
    attempt: int
    """From 1 within one question."""
    request_id: str | None
    error: str | None
    """Error code such as `ThrottlingException` or the exception's class; None for a reply."""
    http_status: int | None
    wait_seconds: float
    """How long was waited before this attempt."""
    stop: Stop | None
    usage: Usage
    cost_usd: float | None
    """None where the model's price is not known."""
    duration_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReply:
    """What a model answered."""

    text: str
    stop: Stop
    usage: Usage
    cost_usd: float | None
    policies: tuple[str, ...] = ()
    """Names of the guardrail policies that intervened, such as `contentPolicy PROMPT_ATTACK`; never a
    match."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One request to a model."""

    prompt: RenderedPrompt
    repair: tuple[str, str] | None = None
    """The reply that was no valid answer, and what was wrong with it in our own words: asks once more."""
    tags: Mapping[str, str]
    """For the service's own invocation records: cluster, step, prompt version."""
    repeat: int = 0
    """The how-manieth time the same is asked, from 0: a model that samples is asked more than once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """What of a model's settings decides its replies, beside the prompt."""

    model_id: str
    max_tokens: int
    temperature: float
    schema_sha256: str
    """Of the schema that replies must follow, as canonical JSON; "" without one."""


CallSink = Callable[[ModelCall], None]
"""Takes every attempt, as it ends."""


class Model(Protocol):
    """A language model that answers a rendered prompt."""

    @property
    def name(self) -> str:
        """What the payload's `analyst` says, such as `bedrock:us.anthropic.claude-sonnet-4-6`."""
        ...

    @property
    def model_id(self) -> str:
        """The model or profile id alone."""
        ...

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Ask once, with retries.

        Raises:
            ModelError: no answer after all retries, or an error that no retry mends.
            DeadlineError: the time ran out before an answer came.
            RecordingError: replies are replayed and there is none to this question.
        """
        ...


def schema_sha256(schema: Mapping[str, Any] | None) -> str:
    """Give the hash of a JSON schema, "" without one."""
    return sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest() if schema else ""


class SampledModel(Model, Protocol):
    """A model that says how it samples, so that its replies can be recorded and found again."""

    @property
    def sampling(self) -> Sampling:
        """How it samples."""
        ...
