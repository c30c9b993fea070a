"""A stand-in for Bedrock Runtime that speaks its HTTP protocol on loopback. It is no model: its replies are scripted.

    with BedrockServer([throttled(retry_after="3"), ok('{"root_cause": "…"}')]) as server:
        client = boto3.client("bedrock-runtime", endpoint_url=server.endpoint, …)

Every request is checked against botocore's own input shape of Converse and against rules of the real service that the
shape does not hold; one that fails is answered with a ValidationException. Also a program:

    python tests/support/bedrockserver.py --port 0 [--reply FILE]

prints its endpoint and answers each request with FILE, or with a draft made from the request's own log lines.
"""

import argparse
import contextlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.validate import ParamValidator

GUARDRAIL = "gr1abcd2ef34"
BLOCKED = "Sorry, this can't be answered."


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


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    held_until: threading.Event | None = None
    disconnect: bool = False


Script = Sequence[Reply] | Callable[[Request], Reply]


def tokens(input: int = 70, output: int = 209, *, read: int = 0, write: int = 0) -> dict[str, Any]:  # noqa: A002
    """Usage as Bedrock spells it; its total counts the cache, too."""
    usage: dict[str, Any] = {
        "inputTokens": input,
        "outputTokens": output,
        "totalTokens": input + output + read + write,
    }
    if read or write:
        usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": write}
        usage["cacheDetails"] = [{"ttl": "5m", "inputTokens": write}] if write else []
    return usage


def converse(
    content: list[dict[str, Any]],
    *,
    stop: str = "end_turn",
    usage: dict[str, Any] | None = None,
    trace: dict[str, Any] | None = None,
) -> Reply:
    """A reply of Converse with any content."""
    body: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": tokens() if usage is None else usage,
        "metrics": {"latencyMs": 421},
    }
    if trace is not None:
        body["trace"] = {"guardrail": trace}
    return document(body)


def document(body: object) -> Reply:
    """Any JSON as a reply."""
    return Reply(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def ok(text: str, *, usage: dict[str, Any] | None = None, stop: str = "end_turn") -> Reply:
    """A complete reply."""
    return converse([{"text": text}], usage=usage, stop=stop)


def truncated(text: str) -> Reply:
    """Cut at maxTokens."""
    return ok(text, stop="max_tokens")


def assessment(match: str = "", *, action: str = "BLOCKED") -> dict[str, Any]:
    """Findings of every policy, with the match that a real trace holds."""
    return {
        "topicPolicy": {"topics": [{"name": "Credentials", "type": "DENY", "action": action}]},
        "contentPolicy": {
            "filters": [
                {
                    "type": "PROMPT_ATTACK",
                    "confidence": "HIGH",
                    "filterStrength": "HIGH",
                    "action": action,
                },
                {"type": "INSULTS", "confidence": "LOW", "filterStrength": "HIGH", "action": "NONE"},
            ]
        },
        "wordPolicy": {
            "customWords": [{"match": match, "action": action}],
            "managedWordLists": [{"match": match, "type": "PROFANITY", "action": action}],
        },
        "sensitiveInformationPolicy": {
            "piiEntities": [{"match": match, "type": "EMAIL", "action": action}],
            "regexes": [{"name": "ticket", "match": match, "regex": "T-[0-9]+", "action": action}],
        },
        "contextualGroundingPolicy": {
            "filters": [{"type": "GROUNDING", "threshold": 0.7, "score": 0.1, "action": action}]
        },
    }


def input_blocked(match: str = "", *, usage: dict[str, Any] | None = None) -> Reply:
    """The guardrail blocked what was sent: the model was never asked."""
    trace = {"inputAssessment": {GUARDRAIL: assessment(match)}, "actionReason": "Guardrail blocked."}
    return converse(
        [{"text": BLOCKED}],
        stop="guardrail_intervened",
        usage=usage or tokens(0, 0),
        trace=trace,
    )


def output_blocked(match: str = "", *, model_output: str = "") -> Reply:
    """The guardrail blocked what the model said, which was billed and stands raw in the trace."""
    harmless = assessment(match, action="NONE")
    trace = {
        "modelOutput": [model_output],
        "inputAssessment": {GUARDRAIL: harmless},
        "outputAssessments": {GUARDRAIL: [assessment(match)]},
    }
    return converse([{"text": BLOCKED}], stop="guardrail_intervened", usage=tokens(70, 209), trace=trace)


def anonymised(text: str, match: str = "") -> Reply:
    """The guardrail masked something and let the rest through."""
    found = {"piiEntities": [{"match": match, "type": "EMAIL", "action": "ANONYMIZED", "detected": True}]}
    trace = {
        "inputAssessment": {GUARDRAIL: {"sensitiveInformationPolicy": found}},
        "outputAssessments": {GUARDRAIL: [{"sensitiveInformationPolicy": found}]},
    }
    return converse([{"text": text}], stop="guardrail_intervened", trace=trace)


def error(
    status: int, code: str, message: str = "said by the stand-in", headers: Mapping[str, str] | None = None
) -> Reply:
    """An error as the service words it."""
    kind = f"{code}:http://internal.amazon.com/coral/com.amazonaws.bedrock/"
    return Reply(
        status=status,
        body=json.dumps({"message": message}).encode(),
        headers={"Content-Type": "application/json", "x-amzn-ErrorType": kind, **(headers or {})},
    )


def throttled(retry_after: str | None = None, *, milliseconds: str | None = None) -> Reply:
    """Too many requests, perhaps with the wait that the service wants."""
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    if milliseconds is not None:
        headers["x-amz-retry-after"] = milliseconds
    return error(429, "ThrottlingException", "Too many tokens, please wait", headers)


def slow(released: threading.Event) -> Reply:
    """No answer until the event is set, or the server stops."""
    return Reply(held_until=released)


def invalid_json(text: str = '{"output": {"mess') -> Reply:
    """A damaged body."""
    return Reply(body=text.encode(), headers={"Content-Type": "application/json"})


def disconnect() -> Reply:
    """The connection ends without an answer."""
    return Reply(disconnect=True)


class BedrockServer:
    """The stand-in; a context manager. A scripted list is used up in order, then every request is an error."""

    def __init__(self, script: Script, *, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self._script = script
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = False  # joined at the end: no thread outlives its test
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "BedrockServer":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.serve_forever()
        self._server.server_close()

    def answer(self, path: str, headers: Mapping[str, str], raw: bytes) -> tuple[Reply, str]:
        """Record and check one request; give the reply and the request's id."""
        with self._lock:
            found = re.fullmatch(r"/model/([^/]+)/converse", path)
            request_id = f"00000000-0000-4000-8000-{len(self.requests) + 1:012d}"
            if not found:
                return error(404, "UnknownOperationException"), request_id
            low = {name.lower(): value for name, value in headers.items()}
            if not low.get("authorization"):
                return error(403, "MissingAuthenticationTokenException"), request_id
            request = Request(model_id=unquote(found[1]), body=json.loads(raw), headers=low)
            self.requests.append(request)
            problems = list(violations(request))
            self.problems += problems
            if problems:
                return error(400, "ValidationException", "; ".join(problems)), request_id
            return self._scripted(request), request_id

    def _scripted(self, request: Request) -> Reply:
        if callable(self._script):
            return self._script(request)
        number = len(self.requests)
        if number > len(self._script):
            return error(400, "ScriptEndedException", f"request {number} was not expected")
        return self._script[number - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "Server"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                reply, request_id = owner.answer(self.path, dict(self.headers), raw)
                self.close_connection = True
                if reply.held_until is not None:
                    owner.hold(reply.held_until)
                if reply.disconnect or reply.held_until is not None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(reply.status)
                sent = {
                    **reply.headers,
                    "x-amzn-RequestId": request_id,
                    "Content-Length": str(len(reply.body)),
                    "Connection": "close",
                }
                for name, value in sent.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # the client gave up before we did
                    super().handle()

            def finish(self) -> None:
                with contextlib.suppress(OSError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def hold(self, released: threading.Event) -> None:
        """Wait until the event is set or the server stops."""
        while not (released.wait(0.02) or self._stopping.is_set()):
            pass


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for Amazon Bedrock Runtime. It is not a model.")
    parser.add_argument("--port", type=int, default=8990, help="0 takes a free one")
    parser.add_argument("--reply", type=Path, help="a file with the text of every reply")
    options = parser.parse_args(arguments)
    text = options.reply.read_text(encoding="utf-8") if options.reply else None
    server = BedrockServer(lambda request: ok(draft(request) if text is None else text), port=options.port)
    sys.stderr.write("This is a stand-in, not a model: its answers are made from the request itself.\n")
    sys.stdout.write(f"{server.endpoint}\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
