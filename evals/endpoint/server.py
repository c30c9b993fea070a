"""HTTP on loopback, as Bedrock Runtime speaks it, before a local model.

One operation: POST /model/{modelId}/converse. Others are unknown, and every request must be signed as if it
mattered, though signatures are not checked. The model answers one request at a time; whoever waits for longer
than `QUEUE_SECONDS` is throttled. A client that goes away does not stop the answer under way.
Limits: no TLS, no streaming, no InvokeModel; loopback only.
"""

import contextlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from evals.endpoint.converse import TOO_LONG, RefusalError, read_request, response
from evals.endpoint.model import Completion, ContextOverflowError, LanguageModel

HOST: Final = "127.0.0.1"
MAX_BODY_BYTES: Final = 25_000_000
"""Bedrock's limit of a request body. Source: Bedrock Runtime API reference, InvokeModel."""
QUEUE_SECONDS: Final = 60.0
"""A client of the product waits for two minutes; it should learn that the model is busy before that."""
SOCKET_SECONDS: Final = 30.0
"""A client that sends nothing for so long is given up."""
_OPERATION: Final = re.compile(r"/model/(?P<model>[^/]+)/converse")
_Answer = tuple[int, str, dict[str, Any]]
"""HTTP status, code of the error or "", body."""


class Endpoint:
    """The endpoint; a context manager that serves from threads of its own.

    Args:
        model: answers; asked by one thread at a time.
        model_id: the one id that is known.
        port: 0 takes a free one.
        structured: whether answers follow the request's JSON schema, as Bedrock's do; else they are the
            model's own words.
        queue_seconds: how long a request may wait for the model.
        log: told of each request in one line, without its content.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        model_id: str,
        port: int = 0,
        structured: bool = False,
        queue_seconds: float = QUEUE_SECONDS,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._model, self._model_id, self._log = model, model_id, log
        self._structured, self._queue_seconds = structured, queue_seconds
        self._busy = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        self._server.daemon_threads = True  # an answer under way may take minutes; nobody waits for it
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Serve until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def answer(self, path: str, headers: Mapping[str, str], raw: bytes) -> _Answer:
        """Answer one request.

        Args:
            path: with or without a query.
            headers: names in lower case.
            raw: the body.
        """
        try:
            return 200, "", self._converse(path, headers, raw)
        except RefusalError as refusal:
            return refusal.status, refusal.code, refusal.body()
        except Exception as error:  # noqa: BLE001 - whatever a model's library raises is the service's fault
            self._log(f"the model failed: {type(error).__name__}: {error}")
            message = "The system encountered an unexpected error during processing. Try your request again."
            return 500, "InternalServerException", {"message": message}

    def _converse(self, path: str, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
        found = _OPERATION.fullmatch(urlsplit(path).path)
        if not found:
            raise unknown_operation()
        if not headers.get("authorization"):
            raise RefusalError(
                "Missing Authentication Token", code="MissingAuthenticationTokenException", status=403
            )
        model_id = unquote(found["model"])
        if model_id != self._model_id:
            raise RefusalError("The provided model identifier is invalid.")
        request, begun = read_request(raw, model_id=model_id), time.monotonic()
        with self._turn():
            try:
                schema = request.schema if self._structured else None
                completion = self._model.write(request.turns, max_tokens=request.max_tokens, schema=schema)
            except ContextOverflowError:
                raise RefusalError(TOO_LONG) from None
        seconds = time.monotonic() - begun
        self._log(_told(completion, seconds))
        return response(completion, latency_ms=round(seconds * 1000))

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._busy.acquire(timeout=self._queue_seconds):
            message = "Too many requests, please wait before trying again."
            raise RefusalError(message, code="ThrottlingException", status=429)
        try:
            yield
        finally:
            self._busy.release()


def unknown_operation() -> RefusalError:
    """Make the answer to a path or method that there is not."""
    return RefusalError("Unknown operation.", code="UnknownOperationException", status=404)


def _told(completion: Completion, seconds: float) -> str:
    tokens = f"{completion.input_tokens} + {completion.output_tokens} tokens"
    return f"converse: {tokens}, {completion.end.value}, {seconds:.1f} s"


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        owner = endpoint

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Server"
    sys_version = ""
    timeout = SOCKET_SECONDS
    owner: Endpoint

    def do_POST(self) -> None:
        try:
            raw = self.rfile.read(self._length())
        except RefusalError as refusal:
            self._send((refusal.status, refusal.code, refusal.body()))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.owner.answer(self.path, headers, raw))

    def _refuse(self) -> None:
        refusal = unknown_operation()
        self._send((refusal.status, refusal.code, refusal.body()))

    do_GET = do_PUT = do_DELETE = do_PATCH = do_HEAD = _refuse  # noqa: N815 - http.server's names

    def _length(self) -> int:
        text = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
            message = "The request has no valid Content-Length."
            raise RefusalError(message, code="MissingContentLengthException", status=411)
        if int(text) > MAX_BODY_BYTES:
            message = f"The request is larger than {MAX_BODY_BYTES} bytes."
            raise RefusalError(message, code="RequestEntityTooLargeException", status=413)
        return int(text)

    def _send(self, answer: _Answer) -> None:
        status, code, document = answer
        data = json.dumps(document).encode("ascii")
        self.close_connection = True  # a refused body may still be on its way
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if code:
            origin = "http://internal.amazon.com/coral/com.amazon.bedrock/"
            self.send_header("x-amzn-ErrorType", f"{code}:{origin}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client gave up before we did
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_: object) -> None:
        return
