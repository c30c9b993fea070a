"""A relay before moto's server: notes every call by its operation, and answers those that shall fail itself.

    with Relay(aws.endpoint) as relay:
        relay.fail("PutEvents", 200, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]})
        …
        relay.heal()

Operations of the JSON protocols are told by X-Amz-Target, others by their method.
"""

import contextlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CUT = (0, None)
"""The connection ends without an answer."""


class Relay:
    """Stands before an endpoint; a context manager."""

    def __init__(self, target):
        self._target = urlsplit(target).netloc
        self._faults = {}
        self._lock = threading.Lock()
        self.calls = []
        """Operation and parsed body of each call, in order of arrival."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.endpoint = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def fail(self, operation, status, document=None):
        """Answer an operation so from now on."""
        self._faults[operation] = (status, document)

    def fail_once(self, operation, status, document=None):
        """Answer the next call of an operation so."""
        self._faults[operation] = (status, document, "once")

    def heal(self):
        """Let everything through again."""
        self._faults.clear()

    def operations(self):
        return [operation for operation, _ in self.calls]

    def bodies(self, operation):
        return [body for told, body in self.calls if told == operation]

    def answer(self, method, path, headers, raw):
        """Status, headers and body of one call; None for a connection that is cut."""
        operation = headers.get("X-Amz-Target", method).rpartition(".")[2]
        body = json.loads(raw) if raw and "json" in headers.get("Content-Type", "") else raw
        with self._lock:
            self.calls.append((operation, body))
            status, document, *once = self._faults.get(operation, (None, None))
            if once:
                del self._faults[operation]
        if status is None:
            return self._forward(method, path, headers, raw)
        told = {"Content-Type": headers.get("Content-Type", "application/json")}
        return None if (status, document) == CUT else (status, told, json.dumps(document).encode())

    def _forward(self, method, path, headers, raw):
        with contextlib.closing(http.client.HTTPConnection(self._target, timeout=30)) as connection:
            connection.request(method, path, raw, dict(headers))
            reply = connection.getresponse()
            own = {"content-length", "connection", "transfer-encoding", "date", "server"}
            kept = {name: value for name, value in reply.getheaders() if name.lower() not in own}
            return reply.status, kept, reply.read()


def _handler(relay):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self):
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = relay.answer(self.command, self.path, self.headers, raw)
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.serve()

        def do_POST(self):
            self.serve()

        def handle(self):
            with contextlib.suppress(OSError):  # the client gave up before we did
                super().handle()

        def log_message(self, *_):
            pass

    return Handler
