"""A REST metadata API's reply about a failed step in, `Metadata` out. Imported lazily: it loads httpx.

`GET {url}/clusters/{clusterId}/steps/{stepId}`, the key in one header; the reply is `contract.MetadataReply`.
The key travels over TLS only and never to where a redirect points; it stands in no message, repr or log
record.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from diagnose.backoff import asked_seconds
from diagnose.bound import sound
from diagnose.contract import MetadataReply
from diagnose.deadline import Deadline
from diagnose.emr import FORBIDDEN, UNREADABLE, error_code
from diagnose.errors import MetadataError, UsageError
from diagnose.failure import Failure
from diagnose.metadata import Metadata, read_document
from diagnose.silence import hush
from diagnose.timebox import within
from diagnose.wire import ATTEMPTS, persist

MAX_REPLY_BYTES: Final = 1 << 20
"""DescribeCluster's answers stay below 100 KB."""
TIMEOUT_SECONDS: Final = 5.0
"""To connect, and between two pieces of the reply: it is a lookup by two ids."""
MAX_RETRY_AFTER_SECONDS: Final = 60.0
"""An API that asks for more is gone for longer than a diagnosis can wait."""
_KEY_NAMES: Final = ("api_key", "apiKey", "key")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A header's name. Source: RFC 9110, 5.6.2."""
_WIRE_LOGGERS: Final = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


MIN_KEY_CHARS: Final = 8
"""A shorter key could be any word of a reply."""


class _RefusedError(Exception):
    """The API answered with a status other than 200; never leaves this module."""

    def __init__(self, status: int, asked: float) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.asked_seconds = asked


class RestSource:
    """Asks a REST metadata API.

    Args:
        http: client of `http_client`; how certificates are verified is its business.
        url: METADATA_API_URL, `https://` and no query.
        header: METADATA_API_AUTH_HEADER, the header that carries the key.
        key: fetches the key anew, as it stands in the header; None for an API without a key.
        sleep: waits so many seconds.
        now: seconds since 1970, for a `Retry-After` that is a date.

    Raises:
        UsageError: url or header can't be used.
    """

    def __init__(
        self,
        http: httpx.Client,
        url: str,
        header: str,
        key: Callable[[], str] | None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._host = _checked(url)
        if not _TOKEN.fullmatch(header):
            raise UsageError(
                "METADATA_API_AUTH_HEADER: is not the name of an HTTP header; use x-api-key or such"
            )
        hush(*_WIRE_LOGGERS)  # a reply may repeat the key
        self._http = http
        self._header = header
        self._fetch_key = key
        self._key: str | None = None
        self._sleep = sleep
        self._now = now

    def fetch(self, failure: Failure, *, deadline: Deadline) -> Metadata:
        """Ask about a step.

        Raises:
            MetadataError: no usable reply; the message names host, ids and what to do.
            DeadlineError: the time ran out.
        """
        where = f"metadata API {self._host}, step {failure.step_id[:80]!r} of {failure.cluster_id[:80]!r}"
        if not failure.cluster_id.strip(".") or not failure.step_id.strip("."):
            raise MetadataError(f"{where}: cluster id and step id are needed")
        ids = (quote(part, safe="") for part in (failure.cluster_id, failure.step_id))
        url = "{}/clusters/{}/steps/{}".format(self._url, *ids)
        try:
            return _read(self._without_key(self._authorised(url, deadline)), failure)
        except _RefusedError as refused:
            raise MetadataError(f"{where}: {_refusal(refused)}") from None
        except httpx.HTTPError as error:
            raise MetadataError(f"{where}: {_breakage(error)}") from None
        except (httpx.InvalidURL, httpx.StreamError) as error:
            raise MetadataError(f"{where}: {type(error).__name__}; check METADATA_API_URL") from None
        except _UnusableError as error:
            raise MetadataError(f"{where}: {error}") from None

    def _without_key(self, body: bytes) -> bytes:
        """Take the key out of a reply that repeats it: nothing else would know it for a secret."""
        key = (self._key or "").encode()
        return body.replace(key, b"[REDACTED-SECRET]") if len(key) >= MIN_KEY_CHARS else body

    def _authorised(self, url: str, deadline: Deadline) -> bytes:
        """Ask with the known key, and once more when it was refused and another one has taken its place."""
        if self._fetch_key is None:
            return self._ask(url, {}, deadline)
        if self._key is None:
            self._key = self._fetched(deadline)
        try:
            return self._ask(url, {self._header: self._key}, deadline)
        except _RefusedError as refused:
            if refused.status not in (401, 403):
                raise
            known, self._key = self._key, self._fetched(deadline)
            if known == self._key:
                raise
        return self._ask(url, {self._header: self._key}, deadline)

    def _fetched(self, deadline: Deadline) -> str:
        """Fetch the key anew, in time."""
        fetch = self._fetch_key
        if fetch is None:
            return ""
        waited_for = "the metadata API's key"
        return _sendable(within(deadline.check(waited_for), fetch, waited_for))

    def _ask(self, url: str, secrets: dict[str, str], deadline: Deadline) -> bytes:
        return persist(
            lambda: self._once(url, secrets, deadline),
            waited_for="the metadata API",
            passing=_passing,
            deadline=deadline,
            sleep=self._sleep,
            asked=lambda error: getattr(error, "asked_seconds", 0.0) or None,
        )

    def _once(self, url: str, secrets: dict[str, str], deadline: Deadline) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **secrets}
        timeout = _timeout(self._http.timeout, deadline.left_seconds())
        with self._http.stream(
            "GET", url, headers=headers, timeout=timeout, follow_redirects=False
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise _RefusedError(response.status_code, asked_seconds(response.headers, now=self._now()))
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise _UnusableError("the reply is compressed, which was not asked for; serve it as it is")
            return _body(response, deadline)


class _UnusableError(Exception):
    """The reply can't be used; the message is ours. Never leaves this module."""


def _body(response: httpx.Response, deadline: Deadline) -> bytes:
    parts, size = [], 0
    for part in response.iter_raw():
        deadline.check("the metadata API's reply")
        size += len(part)
        if size > MAX_REPLY_BYTES:
            raise _UnusableError(
                f"the reply is larger than {MAX_REPLY_BYTES} bytes; leave out what is not asked"
            )
        parts.append(part)
    return b"".join(parts)


def _read(body: bytes, failure: Failure) -> Metadata:
    try:
        parsed = json.loads(body)
        text = sound(json.dumps(parsed, ensure_ascii=False))
        reply = MetadataReply.model_validate_json(text)
    except ValidationError as error:
        raise _UnusableError(_fault(error)) from None
    except (ValueError, RecursionError):
        raise _UnusableError("the reply is not JSON; check METADATA_API_URL") from None
    if (reply.cluster.id, reply.step.id) != (failure.cluster_id, failure.step_id):
        raise _UnusableError("the reply is about another step or cluster; check the API")
    return read_document(reply.document(), failure=failure, text=text)


def _fault(error: ValidationError) -> str:
    """Name the first field that is not as the schema says; never its value, nor a key of the job's own."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"][:3]) or "reply"
    return f"{name} is not as docs/metadata.schema.json says ({first['type']}); correct the API"


def _passing(error: BaseException) -> bool:
    """Tell whether an error is temporary: 429, 5xx, a time-out, a connection that broke; never TLS."""
    if isinstance(error, _RefusedError):
        temporary = error.status == httpx.codes.TOO_MANY_REQUESTS or error.status >= 500
        return temporary and error.asked_seconds <= MAX_RETRY_AFTER_SECONDS
    broken = isinstance(error, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError)
    return broken and not _tls_fault(error)


def _refusal(refused: _RefusedError) -> str:
    status = refused.status
    if status in (401, 403):
        reason = "the key was refused; put the valid key into METADATA_API_KEY_SECRET_ID's secret"
    elif status == httpx.codes.NOT_FOUND:
        reason = "no such step is known there; check METADATA_API_URL and the ids"
    elif 300 <= status < 400:
        reason = "redirects are not followed, the key would travel; set METADATA_API_URL to the final address"
    elif refused.asked_seconds > MAX_RETRY_AFTER_SECONDS:
        reason = f"asks to come back in {refused.asked_seconds:.0f} s; try again then"
    elif _passing(refused):
        reason = f"gave up after {ATTEMPTS} attempts; try again later"
    else:
        reason = "not worth a retry; see the API's own log"
    return f"HTTP {status}; {reason}"


def _breakage(error: httpx.HTTPError) -> str:
    if fault := _tls_fault(error):
        return fault
    if _passing(error):
        return f"{type(error).__name__}, gave up after {ATTEMPTS} attempts; check that the API can be reached"
    return f"{type(error).__name__}; check METADATA_API_URL"


_UNTRUSTED: Final = {
    9: "the certificate is not valid yet; check both clocks",
    10: "the certificate has expired; have it renewed",
    18: "the certificate is self-signed; have it issued by a CA that is trusted here, or give its CA's file",
    19: "the certificate's chain ends in a CA that is not trusted here; give that CA's file",
    20: "the certificate's issuer is not known here; give the CA's file, or have the server send its chain",
    62: "the certificate is for another host; check METADATA_API_URL's host name",
    64: "the certificate is for another address; use the host name in METADATA_API_URL",
}
"""Which check failed. Source: OpenSSL, x509_vfy.h, X509_V_ERR_*."""
_OLD: Final = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW"}


def _tls_fault(error: BaseException) -> str:
    """Say which check of TLS failed and what to do; "" when TLS is not the reason."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = _UNTRUSTED.get(cause.verify_code, f"certificate check {cause.verify_code} failed")
            return f"TLS: {reason}"
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):  # cut off, which may pass
            return ""
        if isinstance(cause, ssl.SSLError):
            if cause.reason in _OLD:
                return "TLS: the server speaks no TLS 1.2 or later; have it updated"
            if cause.reason == "WRONG_VERSION_NUMBER":
                return "TLS: what answers speaks no TLS; check METADATA_API_URL's port"
            return (
                f"TLS: handshake failed ({cause.reason or type(cause).__name__}); check the server's settings"
            )
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _timeout(usual: httpx.Timeout, left_seconds: float) -> httpx.Timeout:
    """Cap every time-out by the time that is left."""
    limits = (usual.connect, usual.read, usual.write, usual.pool)
    longest = TIMEOUT_SECONDS if left_seconds == float("inf") else left_seconds
    connect, read, write, pool = (min(longest if limit is None else limit, left_seconds) for limit in limits)
    return httpx.Timeout(connect=connect, read=read, write=write, pool=pool)


def _checked(url: str) -> tuple[str, str]:
    """Give the address without its last slash, and the host for messages."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname or "")
    except ValueError:
        raise UsageError("METADATA_API_URL: is no address; give one like https://host/base") from None
    if parts.scheme != "https" or not host:
        raise UsageError(
            "METADATA_API_URL: must begin with https:// and a host; the key may not travel in clear"
        )
    if parts.query or parts.fragment or parts.username or parts.password:
        raise UsageError("METADATA_API_URL: may hold no user, password, query or fragment; leave them out")
    return url.rstrip("/"), host


def _sendable(key: str) -> str:
    """Check a key before any library quotes it in a complaint."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise MetadataError(
            "metadata API: the key is empty or not printable ASCII; correct the secret's value"
        )
    return key


def http_client(
    *,
    cafile: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    proxy: str | None = None,
) -> httpx.Client:
    """Make a client that verifies certificates and speaks TLS 1.2 or later. For the edge only.

    Args:
        cafile: PEM file of the CAs to trust instead of the system's.
        timeout_seconds: to connect, and between two pieces of a reply.
        proxy: address of a proxy; the environment's is not read.

    Raises:
        UsageError: the CA file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=cafile)
    except OSError as error:  # of which SSLError is one
        raise UsageError(f"{cafile}: no PEM file of CA certificates ({type(error).__name__})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return httpx.Client(
        verify=context, timeout=timeout_seconds, follow_redirects=False, trust_env=False, proxy=proxy
    )


def secret_key(client: Any, secret_id: str) -> str:  # noqa: ANN401 - boto3 clients have no type
    """Read the API's key from Secrets Manager, each time anew.

    Args:
        client: boto3's Secrets Manager client, with its own retries.
        secret_id: name or ARN. The secret is the key itself, or a JSON object that holds it under `api_key`,
            `apiKey` or `key`, or as its only text.

    Raises:
        MetadataError: the secret can't be read or holds no key; the message never holds its value.
    """
    hush("botocore.parsers", "botocore.endpoint")  # the answer holds the key
    try:
        answer = client.get_secret_value(SecretId=secret_id)
    except (BotoCoreError, ClientError, *UNREADABLE) as error:
        raise MetadataError(f"secret {secret_id!r}: {_denial(error_code(error))}") from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise MetadataError(f"secret {secret_id!r}: is binary; store the key as text (SecretString)")
    key = _key_of(text)
    if not key:
        names = ", ".join(_KEY_NAMES)
        raise MetadataError(
            f"secret {secret_id!r}: holds no single key; store it plain or under one of {names}"
        )
    return key


def _denial(code: str) -> str:
    if code in FORBIDDEN or code == "DecryptionFailure":
        return f"{code}; allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its KMS key"
    if code == "ResourceNotFoundException":
        return f"{code}; no such secret in this region and account, check METADATA_API_KEY_SECRET_ID"
    return f"{code}; check that Secrets Manager can be reached and that the secret is not being deleted"


def _key_of(text: str) -> str:
    """Find the key in a secret's text; "" when no one can tell which it is."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
    if not isinstance(parsed, dict):
        return text.strip()
    named = [parsed[name] for name in _KEY_NAMES if isinstance(parsed.get(name), str)]
    texts = [value for value in parsed.values() if isinstance(value, str)]
    found = named[0] if named else texts[0] if len(texts) == 1 else ""
    return found.strip()
