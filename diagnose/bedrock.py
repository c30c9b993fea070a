"""Amazon Bedrock behind the `Model` seam: Converse with a guardrail, through LangChain's ChatBedrockConverse.

Guarded blocks go as `guardContent`, so that the guardrail scans what came from the job and not our own
words. The reply's stop reason, usage and trace are read as the service sent them, before LangChain takes the
reply apart; what LangChain can't read still counts as billed.
Limits: no streaming; one region, the client's. Without a guardrail id `guardContent` is sent all the same:
the API has it as a content block of its own, scanned only when the request names a guardrail.
Imported lazily only: it loads boto3's exceptions and LangChain.
Sources: Bedrock Runtime API, Converse; user guide, "Include a guardrail with the Converse API", "Get
validated JSON results from models", "Prompt caching".
"""

import copy
import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from diagnose import guardrail
from diagnose.backoff import DEFAULT_TIMEOUT_SECONDS, RETRYABLE_STATUS, Answer, Backoff, Fault
from diagnose.chat import TEMPERATURE, count, generate, repair_messages, sound, text_of
from diagnose.deadline import Deadline
from diagnose.model import CallSink, ModelReply, Question, Sampling, Stop, schema_sha256
from diagnose.price import cost_usd, foundation
from diagnose.usage import Usage

CACHED_FROM_TOKENS: Final = 2048
"""Shorter prefixes are not cached: the API takes the cache point and silently ignores it (1,024 by one
version of the documentation, 2,048 in practice)."""
CHARACTERS_PER_TOKEN: Final = 4
"""Rough, for English text; counting exactly would be a request of its own."""
_CACHING_VENDORS: Final = frozenset({"anthropic", "amazon"})
"""Claude and Nova take cache points; models of other vendors may refuse a request that holds one."""
_STOPS: Final[Mapping[str, Stop]] = {
    "end_turn": Stop.COMPLETE,
    "stop_sequence": Stop.COMPLETE,
    "max_tokens": Stop.TRUNCATED,
    "model_context_window_exceeded": Stop.TRUNCATED,
    "content_filtered": Stop.OUTPUT_BLOCKED,
}
"""`guardrail_intervened` is ruled by the trace; everything else, known or not, is malformed."""
_SIGNS: Final = frozenset({"output", "stopReason", "usage"})
"""A reply of Converse has all of them; one with none is no reply of Converse."""

_TAG_LIMIT: Final = 16
_TAG_CHARACTERS: Final = 256
_TAG_REFUSED: Final = re.compile(r"[^a-zA-Z0-9 :_@$#=/+,\-.]+")
"""Limits of `requestMetadata`: botocore's service model, RequestMetadata."""

_RETRYABLE_CODES: Final = frozenset(
    {
        "ThrottlingException", "TooManyRequestsException", "ModelNotReadyException", "ModelTimeoutException",
        "ModelErrorException", "InternalServerException", "ServiceUnavailableException", "RequestTimeout",
    }
)  # fmt: skip
_EXPIRED_CODES: Final = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException"}
)
_REFRESH: Final = "refresh the AWS credentials (and check the clock), then try again"
_ADVICE: Final[Mapping[int, str]] = {
    400: "the request is refused as it is: check model id, guardrail id and version, region, maximum tokens",
    403: "allow bedrock:InvokeModel on the profile and on its foundation model in every region it routes to,"
    " and bedrock:ApplyGuardrail on the guardrail; is access to the model granted?",
    404: "no such model, profile or guardrail in this region",
}


class Client(Protocol):
    """What is used of boto3's bedrock-runtime client."""

    meta: Any

    def converse(self, **request: object) -> dict[str, Any]:
        """Send one request to Converse."""
        ...


class BedrockModel:
    """A model on Amazon Bedrock.

    Args:
        clients: gives a bedrock-runtime client whose connect and read time-outs together fit in so many
            seconds and which makes one attempt only; called once for each of a few different time-outs.
        model_id: id of a model or profile, or the ARN of either.
        max_tokens: limit of a reply.
        schema: JSON schema that the reply's text must follow, within the subset that structured outputs take.
        guardrail_id: id or ARN; "" sends no guardrail.
        guardrail_version: a number or DRAFT.
        base_model_id: the model behind an application profile, whose ARN does not say it.
        sleep: waits between attempts.
        rng: draws the waits.
        clock: seconds, for durations.
        timeout_seconds: of one attempt, deadline permitting.
    """

    def __init__(
        self,
        *,
        clients: Callable[[float], Client],
        model_id: str,
        max_tokens: int,
        schema: Mapping[str, Any],
        guardrail_id: str = "",
        guardrail_version: str = "DRAFT",
        base_model_id: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self.name = f"bedrock:{model_id}"
        self.model_id = model_id
        closed = closed_schema(schema)
        self.sampling = Sampling(
            model_id=model_id,
            max_tokens=max_tokens,
            temperature=TEMPERATURE,
            schema_sha256=schema_sha256(closed),
        )
        self._clients = clients
        self._made: dict[float, Client] = {}
        self._base_model_id = base_model_id
        self._foundation = foundation(model_id, base_model_id)
        self._output_config = _output_config(closed)
        self._guardrail = _guardrail_config(guardrail_id, guardrail_version)
        self._backoff = Backoff(
            sleep=sleep, rng=rng or random.SystemRandom(), clock=clock, timeout_seconds=timeout_seconds
        )

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Ask once, with retries; see `Model.ask`."""
        caching = self._foundation is not None and self._foundation.vendor in _CACHING_VENDORS
        messages = guarded_messages(question, caching=caching)
        tags = request_tags(question.tags)
        return self._backoff.ask(
            lambda seconds: self._send(messages, tags, seconds),
            name=self.name,
            model_id=self.model_id,
            cost=lambda usage: cost_usd(self.model_id, usage, base_model_id=self._base_model_id),
            deadline=deadline,
            sink=sink,
        )

    def _send(
        self, messages: Sequence[BaseMessage], tags: Mapping[str, str], seconds: float
    ) -> Answer | Fault:
        try:
            if seconds not in self._made:
                self._made[seconds] = self._clients(seconds)
            tap = _Tap(self._made[seconds])
        except boto.BotoCoreError as error:
            return aws_fault(error)
        outcome = generate(self._chat(tap, tags), messages)
        if tap.reply is not None:
            return read_reply(tap.reply, outcome) if _SIGNS & set(tap.reply) else _unreadable(tap.reply)
        return aws_fault(outcome) if isinstance(outcome, Exception) else Fault(code="NoReply")

    def _chat(self, tap: "_Tap", tags: Mapping[str, str]) -> ChatBedrockConverse:
        """Make LangChain's model for one attempt; takes a tenth of a millisecond."""
        known = self._foundation
        chat = ChatBedrockConverse(
            model=self.model_id,
            # Given always: else LangChain asks Bedrock's control plane about application profiles.
            base_model=f"{known.vendor}.{known.model}" if known else self._base_model_id or self.model_id,
            provider=known.vendor if known else "unknown",
            client=tap,
            bedrock_client=tap,
            max_tokens=self.sampling.max_tokens,
            temperature=TEMPERATURE,
            guardrails=self._guardrail,
            output_config=self._output_config,
            request_metadata=dict(tags) or None,
        )
        if (chat.profile or {}).get("temperature") is False:
            chat.temperature = None  # newer models refuse a request that names one
        return chat


class _Tap:
    """Stands before the client and keeps the reply as the service sent it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.meta = client.meta
        self.reply: Mapping[str, Any] | None = None

    def converse(self, **request: object) -> dict[str, Any]:
        """Send one request."""
        reply = self._client.converse(**request)
        self.reply = dict(reply)  # LangChain removes `output` and `usage` from the one it gets
        return reply


def guarded_messages(question: Question, *, caching: bool) -> list[BaseMessage]:
    """Build the messages of a question; blank blocks are left out, Bedrock refuses them."""
    system = sound(question.prompt.system)
    content: list[str | dict[str, Any]] = [
        {"guardContent": {"text": {"text": sound(block.text)}}}
        if block.guarded
        else {"text": sound(block.text)}
        for block in question.prompt.user
        if block.text.strip()
    ]
    messages: list[BaseMessage] = [HumanMessage(content)]
    if system.strip():
        blocks: list[str | dict[str, Any]] = [{"text": system}]
        if caching and len(system) >= CACHED_FROM_TOKENS * CHARACTERS_PER_TOKEN:
            blocks.append({"cachePoint": {"type": "default"}})
        messages.insert(0, SystemMessage(blocks))
    return messages + repair_messages(question)


def request_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Fit tags into what `requestMetadata` takes: other characters become `_`, the rest is cut or dropped."""
    clean = ((_tag(name), _tag(value)) for name, value in tags.items())
    return dict([(name, value) for name, value in clean if name and value][:_TAG_LIMIT])


def _tag(text: str) -> str:
    return _TAG_REFUSED.sub("_", text)[:_TAG_CHARACTERS].strip()


def _guardrail_config(identifier: str, version: str) -> dict[str, str] | None:
    if not identifier:
        return None
    return {"guardrailIdentifier": identifier, "guardrailVersion": version, "trace": "enabled"}


def _output_config(schema: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(schema, ensure_ascii=False)
    structure = {"jsonSchema": {"schema": text, "name": "diagnosis"}}
    return {"textFormat": {"type": "json_schema", "structure": structure}}


def closed_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Set `additionalProperties: false` in every object; structured outputs refuse a schema without it."""
    closed: dict[str, Any] = copy.deepcopy(dict(schema))
    _close(closed)
    return closed


def _close(node: dict[str, Any]) -> None:
    if node.get("type") == "object" or "properties" in node:
        node["additionalProperties"] = False
    children = [node.get("items")]
    for key in ("properties", "$defs", "definitions"):
        children += node[key].values() if isinstance(node.get(key), dict) else []
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        children += node[key] if isinstance(node.get(key), list) else []
    for child in children:
        if isinstance(child, dict):
            _close(child)


def read_reply(reply: Mapping[str, Any], message: AIMessage | Exception) -> Answer:
    """Read a reply of Converse.

    Args:
        reply: as the service sent it; any field may be missing or of a wrong type.
        message: what LangChain made of it, or the error it ended in.

    Returns:
        The answer. A blocked one has no text; one that can't be read is MALFORMED.
    """
    usage, text = _usage(reply.get("usage")), "" if isinstance(message, Exception) else text_of(message)
    stop, policies = _ruled(reply, usage, text)
    if stop is Stop.COMPLETE and not text.strip():
        stop = Stop.MALFORMED
    blocked = stop in {Stop.INPUT_BLOCKED, Stop.OUTPUT_BLOCKED}
    status, request_id, _ = _transport(reply)
    return Answer(
        text="" if blocked else text,
        stop=stop,
        usage=usage,
        policies=policies,
        request_id=request_id,
        http_status=status,
    )


def _unreadable(reply: Mapping[str, Any]) -> Fault:
    """A body that botocore could not read as JSON, or somebody else's: perhaps cut on its way."""
    status, request_id, headers = _transport(reply)
    return Fault(
        code="UnreadableReply",
        http_status=status,
        request_id=request_id,
        retryable=True,
        headers=headers,
        advice="is the endpoint Bedrock Runtime's?",
    )


def _ruled(reply: Mapping[str, Any], usage: Usage, text: str) -> tuple[Stop, tuple[str, ...]]:
    reason, trace = reply.get("stopReason"), reply.get("trace")
    if reason == "guardrail_intervened":
        ruling = guardrail.rule(trace, usage=usage, text=text)
        return ruling.stop, ruling.policies
    if reason == "content_filtered":
        return Stop.OUTPUT_BLOCKED, ("content_filtered",)
    stop = _STOPS.get(reason, Stop.MALFORMED) if isinstance(reason, str) else Stop.MALFORMED
    return stop, guardrail.masking(trace)


def _usage(value: object) -> Usage:
    fields = value if isinstance(value, Mapping) else {}
    return Usage(
        input_tokens=count(fields.get("inputTokens")),
        cache_read_tokens=count(fields.get("cacheReadInputTokens")),
        cache_write_tokens=count(fields.get("cacheWriteInputTokens")),
        output_tokens=count(fields.get("outputTokens")),
    )


def _transport(response: Mapping[str, Any]) -> tuple[int | None, str | None, Mapping[str, str]]:
    """Read HTTP status, request id and headers as botocore keeps them."""
    metadata = response.get("ResponseMetadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    status, headers = fields.get("HTTPStatusCode"), fields.get("HTTPHeaders")
    known = headers if isinstance(headers, Mapping) else {}
    request_id = fields.get("RequestId") or known.get("x-amzn-requestid")
    return (
        status if isinstance(status, int) else None,
        request_id if isinstance(request_id, str) else None,
        known,
    )


_KINDS: Final[tuple[tuple[tuple[type[Exception], ...], Fault], ...]] = (
    (
        (boto.ReadTimeoutError, boto.ConnectTimeoutError),
        Fault(code="", retryable=True, timed_out=True, advice="is the Bedrock endpoint reachable?"),
    ),
    (
        (
            boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError,
            boto.TokenRetrievalError, boto.NoAuthTokenError, boto.ProfileNotFound, boto.SSOError,
        ),
        Fault(code="", advice="give AWS credentials: a role, a profile or environment variables"),
    ),
    (
        (boto.NoRegionError, boto.InvalidRegionError),
        Fault(code="", advice="set AWS_REGION to the model's region"),
    ),
    ((boto.SSLError,), Fault(code="", advice="the certificate of the endpoint can't be checked")),
    (
        (boto.ConnectionError, boto.HTTPClientError, ResponseParserError),
        Fault(code="", retryable=True, advice="is the Bedrock endpoint reachable?"),
    ),
)  # fmt: skip
"""The first that fits counts: time-outs and certificate errors are connection errors, too."""


def aws_fault(error: Exception) -> Fault:
    """Tell from an error whether another attempt may help; AWS's own words may quote the request: unused."""
    # LangChain words some errors of its own, with the service's one as their cause.
    for origin in (error, error.__cause__):
        if isinstance(origin, boto.ClientError):
            return _service_fault(origin)
    known = next((fault for kinds, fault in _KINDS if isinstance(error, kinds)), Fault(code=""))
    return replace(known, code=type(error).__name__)


def _service_fault(error: boto.ClientError) -> Fault:
    details = error.response.get("Error")
    fields = details if isinstance(details, Mapping) else {}
    status, request_id, headers = _transport(error.response)
    code = str(fields.get("Code") or type(error).__name__)
    name = code if re.fullmatch(r"[A-Za-z][\w.]{0,99}", code) else f"HTTP{status or ''}"
    return Fault(
        code=name,
        http_status=status,
        request_id=request_id,
        retryable=status in RETRYABLE_STATUS or name in _RETRYABLE_CODES,
        headers=headers,
        advice=_advice(name, status, str(fields.get("Message", "")).lower(), type(error)),
    )


def _advice(code: str, status: int | None, message: str, kind: type) -> str:
    if code in _EXPIRED_CODES:
        return _REFRESH
    if any(base.__name__ == "BedrockContextOverflowError" for base in kind.__mro__):
        return "the prompt does not fit in the model's context window: lower MAX_LOG_SIZE_BYTES"
    if "on-demand throughput" in message:
        return "this model is served through inference profiles only: give one, such as us.<model id>"
    return _ADVICE.get(status or 0, "")
