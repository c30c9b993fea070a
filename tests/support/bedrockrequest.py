"""A request of Bedrock Runtime's Converse as the stand-in takes it: what the service would refuse, and a draft of an answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came in."""

    model_id: str
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def guarded(self) -> list[str]:
        return [b["guardContent"]["text"]["text"] for b in self._blocks() if "guardContent" in b]

    @property
    def own(self) -> list[str]:
        return [b["text"] for b in self._blocks() if "text" in b]

    def _blocks(self) -> list[dict[str, Any]]:
        return [block for message in self.body["messages"] for block in message["content"]]


REFUSED_KEYWORDS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems",
}  # fmt: skip
TAG_NAME = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,-.]{1,256}")
TAG_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}")


def violations(request: Request) -> Iterator[str]:
    """What the real service would refuse.

    Sources: botocore's service model; Bedrock user guide on structured outputs and inference request parameters.
    """
    shape = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")
    report = ParamValidator().validate({**request.body, "modelId": request.model_id}, shape.input_shape)
    if report.has_errors():
        yield report.generate_report()
        return
    yield from _message_violations(request.body.get("messages", []))
    for block in request.body.get("system", []):
        if len(block) != 1 or not block.get("text", "x").strip():
            yield "system: a block must hold one member, and no blank text"
    yield from _setting_violations(request.body)


def _message_violations(messages: list[dict[str, Any]]) -> Iterator[str]:
    roles = [message["role"] for message in messages]
    if roles != [("user", "assistant")[i % 2] for i in range(len(roles))] or len(roles) % 2 == 0:
        yield "messages: must alternate, from user to user"
    for message in messages:
        if not message["content"]:
            yield "messages: empty content"
        for block in message["content"]:
            if len(block) != 1:
                yield "messages: a block must hold one member"
            guard = block.get("guardContent", {}).get("text", {})
            if any(not text.strip() for text in (block.get("text", "x"), guard.get("text", "x"))):
                yield "messages: text content blocks must be non-empty"


def _setting_violations(body: dict[str, Any]) -> Iterator[str]:
    if body.get("inferenceConfig", {}).get("maxTokens", 1) < 1:
        yield "inferenceConfig.maxTokens: must be at least 1"
    tags = body.get("requestMetadata")
    if tags is not None and not 1 <= len(tags) <= 16:
        yield "requestMetadata: 1 to 16 entries"
    for name, value in (tags or {}).items():
        if not (TAG_NAME.fullmatch(name) and TAG_VALUE.fullmatch(value)):
            yield "requestMetadata: characters or length"
    guardrail = body.get("guardrailConfig", {})
    if guardrail and not re.fullmatch(
        r"[a-z0-9]+|arn:aws(?:-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+",
        guardrail.get("guardrailIdentifier", ""),
    ):
        yield "guardrailConfig.guardrailIdentifier: pattern"
    if guardrail and not re.fullmatch(r"[1-9][0-9]{0,7}|DRAFT", guardrail.get("guardrailVersion", "")):
        yield "guardrailConfig.guardrailVersion: pattern"
    text_format = body.get("outputConfig", {}).get("textFormat")
    if text_format:
        yield from _schema_violations(json.loads(text_format["structure"]["jsonSchema"]["schema"]))


def _schema_violations(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _schema_violations(item)
    if not isinstance(node, dict):
        return
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        yield "outputConfig: for 'object' type, 'additionalProperties' must be false"
    if refused := sorted(REFUSED_KEYWORDS & set(node)):
        yield f"outputConfig: not supported: {', '.join(refused)}"
    for key, value in node.items():
        children = (
            list(value.values()) if key in {"properties", "$defs"} and isinstance(value, dict) else value
        )
        yield from _schema_violations(children)


TELLING = re.compile(r"^Caused by: |\b[A-Z]\w*(?:Exception|Error)\b|exit(?:ed with| ?code)|ERROR|Killed")
FENCE = re.compile(r"^(?:== |\[|</?\w|-{3,}|\s*$)")


def draft(request: Request) -> str:
    """Fill in the request's own schema with log lines of the request: a well-formed answer without any thought."""
    lines = [line for text in request.guarded for line in text.splitlines() if not FENCE.search(line)]
    # The longest guarded block is the excerpt; its telling lines are quoted.
    excerpt = max(request.guarded, key=len, default="").splitlines()
    telling = [line for line in excerpt if TELLING.search(line) and not FENCE.search(line)] or lines[:1]
    first = next(
        (line for line in telling if re.search(r"(?:Exception|Error)\b", line)), "".join(telling[:1])
    )
    schema = json.loads(request.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    return json.dumps(_filled(schema, "", first, schema.get("$defs", {})), ensure_ascii=False)


def _filled(node: dict[str, Any], name: str, line: str, defs: dict[str, Any]) -> object:  # noqa: PLR0911
    if "$ref" in node:
        return _filled(defs[node["$ref"].rsplit("/", 1)[-1]], name, line, defs)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in node:
            return _filled(node[key][0], name, line, defs)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        cautious = [value for value in ("UNKNOWN", "UNCLASSIFIED") if value in node["enum"]]
        return (cautious or node["enum"])[0]
    kind = node.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {key: _filled(value, key, line, defs) for key, value in node.get("properties", {}).items()}
    if kind == "array":
        wanted = line and re.search("evidence|recommend", name)
        return [_filled(node.get("items", {}), name, line, defs)] if wanted else []
    if kind in {"number", "integer"}:
        return 0.3 if kind == "number" else 1
    if kind == "boolean":
        return False
    return _words(name, line)


def _words(name: str, line: str) -> str:
    if re.search("evidence|text|quote|line", name):
        return line
    if "recommend" in name:
        return "Read the log from the quoted line on: this answer comes from a stand-in, not from a model."
    if "cause" in name:
        return f"The log shows: {line[:300]}" if line else "The excerpt shows no cause."
    return "said by a stand-in, not by a model"
