"""The servers of a scenario: loopback only, one thread each, gone when the context ends.

All but the database misbehave as told.
"""

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from evals.lab import database
from evals.lab.scenario import Service

HOST: Final = "127.0.0.1"

SILENCE_SECONDS: Final = 120
"""How long a silent server holds a connection: longer than any client here waits."""

_SSL_REQUEST: Final = 80877103
_READ_BYTES: Final = 65536


@contextlib.contextmanager
def serving(services: Sequence[Service]) -> Iterator[dict[str, str]]:
    """Start every service; give `service:NAME` → host:port; stop them all afterwards."""
    with contextlib.ExitStack() as stack:
        addresses: dict[str, str] = {}
        for service in services:
            port = stack.enter_context(_start(service))
            addresses[f"service:{service.name}"] = f"{HOST}:{port}"
        yield addresses


@contextlib.contextmanager
def _start(service: Service) -> Iterator[int]:
    if service.kind == "closed":
        # Bound and never listening: the port stays ours, and every connection is refused.
        with socket.socket() as reserved:
            reserved.bind((HOST, 0))
            yield reserved.getsockname()[1]
        return
    if service.kind == "database":
        with database.running(service.text) as port:
            yield port
        return
    with _Server(service) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.stopped.set()
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: Service) -> None:
        super().__init__((HOST, 0), _Handler)
        self.service = service
        self.stopped = threading.Event()
        self._left = list(service.statuses)
        self._lock = threading.Lock()

    def next_status(self) -> int:
        with self._lock:
            return self._left.pop(0) if len(self._left) > 1 else self._left[0]


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        answers = {
            "silent": self._keep_silent,
            "hangup": self._read,
            "http": self._answer_http,
            "postgres": self._answer_postgres,
        }
        with contextlib.suppress(ConnectionError):
            answers[self.server.service.kind]()

    def _read(self) -> bytes:
        data: bytes = self.request.recv(_READ_BYTES)
        return data

    def _keep_silent(self) -> None:
        self._read()
        self.server.stopped.wait(SILENCE_SECONDS)

    def _answer_http(self) -> None:
        asked = self._read()
        status = HTTPStatus(self.server.next_status())
        body = self.server.service.text.encode() or b"[]"
        kind = "application/xml" if body.startswith(b"<") else "application/json"
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.request.sendall(head.encode() + (b"" if asked.startswith(b"HEAD ") else body))

    def _answer_postgres(self) -> None:
        """Decline TLS, then answer the startup packet with ErrorResponse (PostgreSQL manual, 55.7)."""
        data = self._read()
        if len(data) >= 8 and struct.unpack(">II", data[:8])[1] == _SSL_REQUEST:
            self.request.sendall(b"N")
            self._read()
        service = self.server.service
        fields = f"SFATAL\0VFATAL\0C{service.code}\0M{service.text}\0\0".encode()
        self.request.sendall(b"E" + struct.pack(">I", len(fields) + 4) + fields)
