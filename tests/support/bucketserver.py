"""A stand-in for S3 that can misbehave: refuse, break off, keep requests waiting. Speaks ListObjectsV2 and GetObject.

with BucketServer({"logs/a.gz": b"…"}) as server:
    server.faults["logs/a.gz"] = Fault(403, "AccessDenied")
    server.cuts["logs/a.gz"] = [10]        # the first answer breaks off after ten bytes
"""

import threading
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from awsserver import loopback_client

BUCKET = "the-logs"


@dataclass(frozen=True)
class Fault:
    """An error answer of S3."""

    status: int
    code: str
    message: str = "told by nobody"


class BucketServer:
    """One bucket's objects over HTTP; answers are changed by the public fields."""

    def __init__(self, objects=None):
        self.objects = dict(objects or {})
        self.faults = {}
        """By key: the answer to GetObject."""
        self.refused_listings = {}
        """By prefix: the answer to a listing whose prefix begins with it."""
        self.cuts = {}
        """By key: after how many bytes the next answers break off, one after the other."""
        self.gate = None
        """Called by every GetObject before it answers, such as a threading.Barrier's wait."""
        self.requests = []
        """`LIST <prefix>` and `GET <key>`, in order of arrival."""
        self._clients = []

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"told": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._http.server_port}"
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def client(self, **config):
        self._clients.append(loopback_client("s3", self.endpoint, **config))
        return self._clients[-1]

    def listed(self):
        return [r.removeprefix("LIST ") for r in self.requests if r.startswith("LIST ")]

    def got(self):
        return [r.removeprefix("GET ") for r in self.requests if r.startswith("GET ")]


def _etag(data):
    return f'"{zlib.crc32(data):08x}"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: BucketServer

    def log_message(self, *_):
        pass

    def do_GET(self):
        address = urlsplit(self.path)
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        if bucket != BUCKET:
            self._refuse(Fault(404, "NoSuchBucket"))
        elif key:
            self._object(key)
        else:
            self._listing({k: v[0] for k, v in parse_qs(address.query, keep_blank_values=True).items()})

    def _object(self, key):
        self.told.requests.append(f"GET {key}")
        if self.told.gate is not None:
            self.told.gate()
        if key in self.told.faults:
            return self._refuse(self.told.faults[key])
        if key not in self.told.objects:
            return self._refuse(Fault(404, "NoSuchKey"))
        data = self.told.objects[key]
        if self.headers.get("If-Match", _etag(data)) != _etag(data):
            return self._refuse(Fault(412, "PreconditionFailed"))
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        cuts = self.told.cuts.get(key)
        return self._send(206 if start else 200, data[start:], cut=cuts.pop(0) if cuts else None, whole=data)

    def _listing(self, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        self.told.requests.append(f"LIST {prefix}")
        for refused, fault in self.told.refused_listings.items():
            if prefix.startswith(refused):
                return self._refuse(fault)
        rows = {}
        for key in sorted(k for k in self.told.objects if k.startswith(prefix)):
            folder, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            rows.setdefault(prefix + folder + "/" if found else key, bool(found))
        names = sorted(n for n in rows if n > query.get("continuation-token", ""))
        page = names[: int(query.get("max-keys", 1000))]
        body = "".join(self._row(name, folder=rows[name]) for name in page)
        more = len(names) > len(page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{body}</ListBucketResult>"
        return self._send(200, text.encode())

    def _row(self, name, *, folder):
        if folder:
            return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        size = len(self.told.objects[name])
        return (
            f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size>"
            "<LastModified>2026-11-22T07:00:00.000Z</LastModified></Contents>"
        )

    def _refuse(self, fault):
        text = f"<Error><Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message></Error>"
        self._send(fault.status, text.encode())

    def _send(self, status, data, cut=None, whole=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", _etag(data) if whole is None else _etag(whole))
        self.end_headers()
        self.wfile.write(data if cut is None else data[:cut])
        if cut is not None:
            self.close_connection = True
