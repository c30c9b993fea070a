"""A stand-in for a REST metadata API on loopback, over TLS: replies by path, scripted answers before them.

with MetadataServer({"/clusters/j-1/steps/s-1": reply}) as server:
    server.script.append(Answer(status=503))
    http_client(cafile=server.cafile).get(server.endpoint + "/clusters/j-1/steps/s-1")
"""

import json
import ssl
import tempfile
import warnings
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import trustme

KINDS = ("good", "self-signed", "wrong-host", "unknown-issuer", "old-tls", "expired", "no-tls")


@dataclass
class Answer:
    """One scripted answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    hold: bool = False  # no answer at all until the server ends
    cut: bool = False  # the connection ends without an answer
    echo: bool = False  # repeats the request's headers in headers and body


class MetadataServer:
    """Answers GET by path with JSON; 404 for other paths, 401 without the key where one is set.

    Args:
        replies: JSON documents by path.
        kind: which certificate and protocol it shows, one of `KINDS`.
        header: the header that must hold the key.
        key: the key that is asked for; None takes anyone.
    """

    def __init__(self, replies=None, *, kind="good", header="x-api-key", key=None):
        self.replies = dict(replies or {})
        self.header, self.key = header, key
        self.script = deque()
        """Answers to give first, one each."""
        self.paths = []
        """Path of each request, as it came."""
        self.headers = []
        """Headers of each request."""
        self.over = Event()
        self._folder = tempfile.TemporaryDirectory()
        self.cafile = str(Path(self._folder.name) / "ca.pem")
        """PEM file of the CA to trust."""
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        ours = trustme.CA()
        ours.cert_pem.write_to_path(self.cafile)
        if kind != "no-tls":
            self._http.context = self._context(kind, ours)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def endpoint(self):
        return f"https://localhost:{self._http.server_address[1]}"

    @property
    def calls(self):
        """How many requests came."""
        return len(self.paths)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._folder.cleanup()

    def _context(self, kind, ours):
        foreign = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "self-signed":
            self._load(context, foreign.private_key_pem.bytes() + foreign.cert_pem.bytes())
            return context
        issuer = foreign if kind == "unknown-issuer" else ours
        name = "elsewhere.example" if kind == "wrong-host" else "localhost"
        issuer.issue_cert(name, **_validity(kind)).configure_cert(context)
        if kind == "old-tls":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        return context

    def _load(self, context, pem):
        file = Path(self._folder.name) / "server.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)


def _validity(kind):
    return {"not_after": datetime.now(UTC) - timedelta(days=1)} if kind == "expired" else {}


class _Server(ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so that a client that leaves stops nobody."""

    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        if self.context is None:
            super().finish_request(request, client_address)
            return
        gone = suppress(OSError, ValueError)  # a client that does not trust us goes away
        with gone, self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            server.paths.append(self.path)
            server.headers.append(dict(self.headers))
            answer = server.script.popleft() if server.script else self._usual()
            if answer.hold:
                server.over.wait()
            if answer.hold or answer.cut:
                self.close_connection = True
                return
            if answer.echo:
                answer.headers = {f"Echo-{name}": value for name, value in self.headers.items()}
                answer.body = json.dumps(dict(self.headers)).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _usual(self):
            if server.key is not None and self.headers.get(server.header) != server.key:
                return Answer(status=401)
            if self.path not in server.replies:
                return Answer(status=404)
            return Answer(body=json.dumps(server.replies[self.path]).encode())

        def log_message(self, *_):
            pass

    return Handler
