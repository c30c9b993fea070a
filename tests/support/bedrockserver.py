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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bedrockrequest import FENCE, REFUSED_KEYWORDS, TAG_NAME, TAG_VALUE, TELLING, Request, draft, violations

__all__ = [
    "BLOCKED",
    "BedrockServer",
    "FENCE",
    "GUARDRAIL",
    "REFUSED_KEYWORDS",
    "Reply",
    "Request",
    "Script",
    "TAG_NAME",
    "TAG_VALUE",
    "TELLING",
    "anonymised",
    "assessment",
    "converse",
    "disconnect",
    "document",
    "draft",
    "error",
    "input_blocked",
    "invalid_json",
    "main",
    "ok",
    "output_blocked",
    "slow",
    "throttled",
    "tokens",
    "truncated",
    "violations",
]

GUARDRAIL = "gr1abcd2ef34"
BLOCKED = "Sorry, this can't be answered."


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
