"""The body of a Converse request → turns for a model, and a completion → the body of the response. Pure.

Requests are checked against botocore's own shape of Converse, and against rules of the service that the
shape does not hold; refusals carry Bedrock's status, code and, where it is known, its wording.
Accepted and without effect: `guardrailConfig` (nothing is scanned, and the response has no trace),
`requestMetadata`, `performanceConfig`,
`serviceTier`, `topP` (decoding is greedy). `outputConfig` is read; whether it is followed is the endpoint's
choice. Whatever else would change an answer is refused.
Sources: Bedrock Runtime API reference, Converse; botocore's service model `bedrock-runtime`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from evals.endpoint.model import Completion, Turn

DEFAULT_MAX_TOKENS: Final = 512
"""Where a request names no limit."""
MAX_MESSAGE_CHARS: Final = 1000
"""Of a refusal: botocore's reports quote what they complain about."""
TOO_LONG: Final = "Input is too long for requested model."
"""Bedrock's wording for a prompt that does not fit in the context window."""
_START: Final = (
    "A conversation must start with a user message. Try again with a conversation that starts with a user"
    " message."
)
_ALTERNATE: Final = (
    "A conversation must alternate between user and assistant roles. Make sure the conversation alternates"
    " between user and assistant roles and try again."
)
_PREFILL: Final = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)


class RefusalError(Exception):
    """A request that is answered with an error.

    Args:
        message: what the caller reads.
        code: of the error, such as `ValidationException`.
        status: of HTTP.
    """

    def __init__(self, message: str, *, code: str = "ValidationException", status: int = 400) -> None:
        super().__init__(message[:MAX_MESSAGE_CHARS])
        self.code = code
        self.status = status

    def body(self) -> dict[str, Any]:
        """Give the response's body."""
        return {"message": str(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a model is asked."""

    turns: tuple[Turn, ...]
    max_tokens: int
    schema: str | None
    """The JSON schema of `outputConfig`, as text."""


def read_request(raw: bytes, *, model_id: str) -> Request:
    """Read the body of a request.

    Args:
        raw: the body.
        model_id: from the path.

    Raises:
        RefusalError: Bedrock would not take it, or this model can't do what it asks for.
    """
    body = _document(raw)
    if problems := _shape_problems(body, model_id):
        raise RefusalError(problems)
    if problem := next(_problems(body), ""):
        raise RefusalError(problem)
    messages = body.get("messages", [])
    _check_roles([message["role"] for message in messages])
    turns = [
        Turn(role=message["role"], text=_joined(message["content"], f"messages.{number}.content"))
        for number, message in enumerate(messages)
    ]
    if body.get("system"):
        turns.insert(0, Turn(role="system", text=_joined(body["system"], "system")))
    limit = body.get("inferenceConfig", {}).get("maxTokens", DEFAULT_MAX_TOKENS)
    return Request(turns=tuple(turns), max_tokens=limit, schema=_schema(body))


def _schema(body: Mapping[str, Any]) -> str | None:
    text_format = body.get("outputConfig", {}).get("textFormat", {})
    text = text_format.get("structure", {}).get("jsonSchema", {}).get("schema")
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        schema = None
    if not isinstance(schema, dict):
        raise RefusalError("The schema in outputConfig.textFormat.structure.jsonSchema is not a JSON object.")
    return str(text)


def response(completion: Completion, *, latency_ms: int) -> dict[str, Any]:
    """Give the body of a response; a blank answer has no content block, Bedrock's are never blank."""
    content = [{"text": completion.text}] if completion.text.strip() else []
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": completion.end.value,
        "usage": {
            "inputTokens": completion.input_tokens,
            "outputTokens": completion.output_tokens,
            "totalTokens": completion.input_tokens + completion.output_tokens,
        },
        "metrics": {"latencyMs": latency_ms},
    }


def _document(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise RefusalError("The body is not a JSON object.", code="SerializationException")
    return body


@cache
def _input_shape() -> Any:  # noqa: ANN401 - botocore has no types
    import botocore.session  # noqa: PLC0415 - takes a tenth of a second

    model = botocore.session.Session().get_service_model("bedrock-runtime")
    return model.operation_model("Converse").input_shape


def _shape_problems(body: Mapping[str, Any], model_id: str) -> str:
    from botocore.validate import ParamValidator  # noqa: PLC0415

    report = ParamValidator().validate({**body, "modelId": model_id}, _input_shape())
    if not report.has_errors():
        return ""
    problems = str(report.generate_report()).splitlines()
    errors = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {errors} detected: {'; '.join(problems)}"


def _problems(body: Mapping[str, Any]) -> Iterator[str]:
    """Name what would change an answer and can't be done."""
    inference = body.get("inferenceConfig", {})
    if inference.get("temperature", 0) != 0:
        yield "The model decodes greedily: inferenceConfig.temperature must be 0 or left out."
    if inference.get("stopSequences"):
        yield "The model doesn't support stop sequences. Remove inferenceConfig.stopSequences and try again."
    if body.get("toolConfig"):
        yield "This model doesn't support tool use."
    for name in ("additionalModelRequestFields", "additionalModelResponseFieldPaths", "promptVariables"):
        if body.get(name):
            yield f"The model doesn't support {name}. Remove the field and try again."


def _check_roles(roles: Sequence[str]) -> None:
    if not roles or roles[0] != "user":
        raise RefusalError(_START)
    if any(role != ("user", "assistant")[number % 2] for number, role in enumerate(roles)):
        raise RefusalError(_ALTERNATE)
    if roles[-1] != "user":
        raise RefusalError(_PREFILL)


def _joined(blocks: Sequence[Mapping[str, Any]], place: str) -> str:
    """Join the texts of a message as they stand: whoever splits one into blocks keeps its line ends."""
    if not blocks:
        raise RefusalError(f"The content field at {place} is empty. Add content and try again.")
    return "".join(_text(block, f"{place}.{number}") for number, block in enumerate(blocks))


def _text(block: Mapping[str, Any], place: str) -> str:
    kind, value = next(iter(block.items()))  # the shape allows for one
    if kind == "guardContent":
        value = value.get("text", {}).get("text")
    elif kind != "text":
        value = None
    if value is None:
        raise RefusalError(f"This model doesn't support the {kind} content block at {place}.")
    if not value.strip():
        raise RefusalError(
            f"The text field in the ContentBlock object at {place} is blank. Add text to the text field, and"
            " try again."
        )
    return str(value)
