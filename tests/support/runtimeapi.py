"""A Lambda Runtime API on loopback, and the real runtime interface client in a process that sees nothing else.

    with RuntimeApi() as api, Runtime(api, sandbox, "handler.handle", environment, output) as runtime:
        answer = runtime.invoke({"Records": []}, seconds=60)
        assert answer.kind == "response"

Source of the protocol: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes" (2018-06-01).
"""

import contextlib
import json
import re
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue

from sandbox import FUNCTION

ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{FUNCTION}"
VERSION = "/2018-06-01/runtime"
INVOCATION = re.compile(VERSION + r"/invocation/([^/]+)/(response|error)")


class RuntimeDiedError(AssertionError):
    """The process ended while its answer was waited for; holds what it printed last."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the function gave back."""

    request_id: str
    kind: str
    """`response` or `error`."""
    body: object
    """Parsed JSON."""
    seconds: float
    """From the handing out of the payload to its answer."""
    headers: dict


@dataclass(kw_only=True)
class _Invocation:
    request_id: str
    payload: bytes
    deadline_seconds: float
    trace_id: str
    handed_out: float = 0.0
    answer: Answer | None = None
    answered: threading.Event = field(default_factory=threading.Event)


class RuntimeApi:
    """Hands out payloads one after the other and collects the answers; a context manager."""

    def __init__(self):
        self.init_errors = []
        """What the client could not begin with, as parsed JSON."""
        self.init_failed = threading.Event()
        self.asked = threading.Event()
        """The process has begun: it asked for its first payload."""
        self.restores = 0
        """How often the client asked to be restored from a snapshot."""
        self._queue = Queue()
        self._given = {}
        self._stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.address = f"127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def put(self, payload, *, seconds=60.0, sampled=False):
        """Queue a payload; see `Runtime.invoke`."""
        invocation = _Invocation(
            request_id=str(uuid.uuid4()),
            payload=payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
            deadline_seconds=seconds,
            trace_id=f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled={int(sampled)}",
        )
        self._queue.put(invocation)
        return invocation

    def next(self):
        """The next invocation, waited for; None when the server stops."""
        while not self._stopping.is_set():
            with contextlib.suppress(Empty):
                invocation = self._queue.get(timeout=0.02)
                invocation.handed_out = time.monotonic()
                self._given[invocation.request_id] = invocation
                return invocation
        return None

    def take(self, request_id, kind, body, headers):
        """Keep an answer; False for one that nobody waits for."""
        invocation = self._given.pop(request_id, None)
        if invocation is None:
            return False
        invocation.answer = Answer(
            request_id=request_id,
            kind=kind,
            body=json.loads(body),
            seconds=time.monotonic() - invocation.handed_out,
            headers=headers,
        )
        invocation.answered.set()
        return True

    def fail_init(self, body):
        self.init_errors.append(json.loads(body))
        self.init_failed.set()


def _handler(api):
    return type("Handler", (_Handler,), {"api": api})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: RuntimeApi

    def do_GET(self):
        if self.path == f"{VERSION}/restore/next":
            self.api.restores += 1
            self._send(200, {})
        elif self.path == f"{VERSION}/invocation/next":
            self._hand_out()
        else:
            self._send(404, {})

    def do_POST(self):
        body = self._body()
        if self.path == f"{VERSION}/init/error":
            self.api.fail_init(body)
            self._send(202, {})
            return
        hit = INVOCATION.fullmatch(self.path)
        told = hit and self.api.take(hit[1], hit[2], body, dict(self.headers))
        self._send(202 if told else 404, {})

    def _hand_out(self):
        self.api.asked.set()
        invocation = self.api.next()
        if invocation is None:
            self.close_connection = True
            return
        deadline = time.time() + invocation.deadline_seconds
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        self._send(200, headers, invocation.payload)

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status, headers, body=b"{}"):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        with contextlib.suppress(OSError):  # the client was ended while it waited
            super().handle()

    def log_message(self, *_):
        pass


class Runtime:
    """The runtime interface client as a process; a context manager that ends it.

    Args:
        api: where it asks for work.
        sandbox: how it is started.
        handler: `module.function`.
        environment: the function's own variables.
        output: folder for what it prints, made when it is not there.
        framed: give it the channel for logs that it has in Lambda, beside its standard output.
    """

    def __init__(self, api, sandbox, handler, environment, output, *, framed=False):
        self.api = api
        self.sandbox = sandbox
        output.mkdir(parents=True, exist_ok=True)
        self._files = [output / "stdout", output / "stderr"]
        self._channel = output / "frames" if framed else None
        self._environment = sandbox.environment(
            AWS_LAMBDA_RUNTIME_API=api.address, _HANDLER=handler, **environment
        )
        self._handler = handler
        self._process = None

    def __enter__(self):
        with contextlib.ExitStack() as files:
            out, err = (files.enter_context(file.open("wb")) for file in self._files)
            environment, channel = self._environment, ()
            if self._channel:
                channel = (files.enter_context(self._channel.open("wb")).fileno(),)
                environment = {**environment, "_LAMBDA_TELEMETRY_LOG_FD": str(channel[0])}
            self._process = subprocess.Popen(
                self.sandbox.command("-m", "awslambdaric", self._handler),
                cwd=self.sandbox.task,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=channel,
            )
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self):
        return self._process.pid

    @property
    def alive(self):
        return self._process.poll() is None

    def invoke(self, payload, *, seconds=60.0, patience_seconds=60.0, sampled=False):
        """Have the function serve a payload, and wait for its answer.

        Args:
            payload: bytes as they are, anything else as JSON.
            seconds: from its handing out to the deadline that the function is told.
            patience_seconds: how long the answer is waited for.
            sampled: whether its trace is to be told to X-Ray.
        """
        invocation = self.api.put(payload, seconds=seconds, sampled=sampled)
        until = time.monotonic() + patience_seconds
        while not invocation.answered.wait(0.05):
            if not self.alive or self.api.init_failed.is_set():
                raise RuntimeDiedError(f"{self.api.init_errors}\n{self.printed()[-4000:]}")
            if time.monotonic() > until:
                raise AssertionError(f"no answer in {patience_seconds} s\n{self.printed()[-4000:]}")
        return invocation.answer

    def wait(self, timeout_seconds=30.0):
        """Wait for the process to end by itself; its exit code."""
        return self._process.wait(timeout=timeout_seconds)

    def printed(self):
        """All of its standard output, then of its standard error, then of its own channel."""
        texts = [file.read_bytes().decode("utf-8", "replace") for file in self._files]
        return "".join([*texts, *(f"{text}\n" for _, text in self.frames())])

    def frames(self):
        """Type and text of each message on the client's own channel.

        Source of the format: `FramedTelemetryLogSink` of awslambdaric: type, length, time, message.
        """
        data = self._channel.read_bytes() if self._channel else b""
        found, at = [], 0
        while at + 16 <= len(data):
            kind, size = (int.from_bytes(data[at + n : at + n + 4], "big") for n in (0, 4))
            found.append((kind, data[at + 16 : at + 16 + size].decode()))
            at += 16 + size
        return found

    def lines(self):
        """The lines that it printed, empty ones left out."""
        return [line for line in self.printed().split("\n") if line]

    def mapped(self):
        """Files whose code the process runs, as the kernel tells; none where it tells nothing."""
        maps = Path(f"/proc/{self.pid}/maps")
        rows = maps.read_text().splitlines() if maps.exists() else []
        return {Path(row.split(None, 5)[5]) for row in rows if row.count("/") and ".so" in row}
