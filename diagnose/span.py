"""Stages and model calls in, spans of AWS X-Ray out: one subsegment for each, as UDP datagrams to its daemon.

All stand under one subsegment `diagnose`, which is sent when it begins and again, complete, when the last
stage ends: what Lambda breaks off is seen as unfinished. Sending never waits and never fails: what the socket
doesn't take is lost. Only numbers, statuses, error codes, model and version are told, no text of log, request
or reply. The X-Ray SDK is in maintenance and would cost a tenth of a second at every cold start;
OpenTelemetry has no exporter to this daemon.
Sources: AWS X-Ray developer guide, "AWS X-Ray segment documents" and "Sending segment documents to the X-Ray
daemon"; "Tracing header".
"""

import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from diagnose.model import ModelCall
from diagnose.telemetry import StageRecord

ROOT_NAME: Final = "diagnose"
CALL_NAME: Final = "model call"
LAST_STAGE: Final = "verdict"
"""With it the root span ends; see `stage.STAGES`."""
_PREAMBLE: Final = b'{"format":"json","version":1}\n'
_TRACE_ID: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_NOT_IN_NAMES: Final = re.compile(r"[^\w .:/%&#=+\\@-]")
MAX_NAME_CHARS: Final = 200
_SHOWN: Final = re.compile(r"[\w.:/@+-]{1,500}", re.ASCII)
"""Form of a status, an error code, a model's id or ARN, a version: nothing else is told."""
_UNKNOWN: Final = "other"
_THROTTLED: Final = 429
_CLIENT_ERRORS: Final = range(400, 500)
_MAX_PORT: Final = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """The trace that spans belong to."""

    trace_id: str
    parent_id: str


def read_trace(header: str) -> Trace | None:
    """Read a trace header, `Root=…;Parent=…;Sampled=1`, with whatever else stands in it.

    Args:
        header: X-Ray's tracing header, as Lambda gives it for each invocation.

    Returns:
        None when the request is not sampled, or the header is no such header.
    """
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    trace_id, parent_id = parts.get("Root", ""), parts.get("Parent", "")
    if parts.get("Sampled") != "1" or not _TRACE_ID.fullmatch(trace_id) or not _SPAN_ID.fullmatch(parent_id):
        return None
    return Trace(trace_id=trace_id, parent_id=parent_id)


def read_address(text: str) -> tuple[str, int] | None:
    """Read the daemon's address: `host:port`, or `tcp:host:port udp:host:port`, of which UDP counts.

    Returns:
        None where there is none, or the host is no IPv4 address: a name would have to be looked up, and that
        takes time.
    """
    words = text.split()
    chosen = next((word.removeprefix("udp:") for word in words if word.startswith("udp:")), "")
    if not chosen and len(words) == 1:
        chosen = words[0]
    host, _, port = chosen.rpartition(":")
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return None
    usable = port.isascii() and port.isdigit() and 0 < int(port) <= _MAX_PORT
    return (host, int(port)) if usable else None


class Spans:
    """Tells the daemon of one diagnosis; made when it begins.

    Args:
        address: of the daemon, see `read_address`; nothing is sent without one that can be used.
        trace: the trace header, see `read_trace`; nothing is sent for a request that isn't sampled.
        prompt_version: annotates every model call; "" where it isn't known.
        now_seconds: the clock, in seconds since 1970.
    """

    def __init__(
        self,
        address: str,
        trace: str,
        *,
        prompt_version: str = "",
        now_seconds: Callable[[], float] = time.time,
    ) -> None:
        self._address = read_address(address)
        self._trace = read_trace(trace) if self._address else None
        self._prompt_version = prompt_version
        self._now = now_seconds
        self._root_id = _new_id()
        self._start = now_seconds()
        self._ended = False
        self._send(self._root(in_progress=True))

    def stage(self, record: StageRecord) -> None:
        """Send a stage; with the last one the root span, too."""
        told = {"annotations": _annotations(status=record.status)}
        self._send(
            self._span(record.stage, record.duration_ms, {**told, **_numbers(suspects=record.suspects)})
        )
        if record.stage == LAST_STAGE and not self._ended:
            self._ended = True
            self._send(self._root(end_time=self._now(), **told))

    def call(self, model_call: ModelCall) -> None:
        """Send one attempt to call a model."""
        usage, status = model_call.usage, model_call.http_status
        annotations = _annotations(
            status="ok" if model_call.error is None else "error",
            stop=model_call.stop.value if model_call.stop else None,
            error=model_call.error,
            model_id=model_call.model_id,
            prompt_version=self._prompt_version,
        )
        numbers = _numbers(
            attempt=model_call.attempt,
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=model_call.cost_usd,
        )
        told = {"namespace": "remote", "annotations": annotations, **numbers}
        if status is not None:
            told["http"] = {"response": {"status": status}}
        told |= _blame(model_call.error, status)
        self._send(self._span(CALL_NAME, model_call.duration_ms, told))

    def _span(self, name: str, duration_ms: int, told: Mapping[str, Any]) -> dict[str, Any]:
        end = self._now()
        times = {"start_time": end - max(duration_ms, 0) / 1000, "end_time": end}
        return {"name": _name(name), "id": _new_id(), "parent_id": self._root_id, **times, **told}

    def _root(self, **told: object) -> dict[str, Any]:
        parent_id = self._trace.parent_id if self._trace else ""
        head = {"name": ROOT_NAME, "id": self._root_id, "parent_id": parent_id}
        return {**head, "start_time": self._start, **told}

    def _send(self, span: Mapping[str, Any]) -> None:
        if self._address is None or self._trace is None:
            return
        document = {**span, "trace_id": self._trace.trace_id, "type": "subsegment"}
        try:
            packet = _PREAMBLE + json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
                channel.settimeout(0)
                channel.sendto(packet, self._address)
        except (OSError, ValueError):  # a span is lost, not a diagnosis
            return


def _new_id() -> str:
    return secrets.token_hex(8)


def _name(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text)[:MAX_NAME_CHARS] or _UNKNOWN


def _annotations(**values: str | None) -> dict[str, str]:
    told = {name: value for name, value in values.items() if value}
    return {name: value if _SHOWN.fullmatch(value) else _UNKNOWN for name, value in told.items()}


def _numbers(**values: float | None) -> dict[str, Any]:
    return {"metadata": {ROOT_NAME: values}}


def _blame(error: str | None, status: int | None) -> dict[str, bool]:
    """Tell whose failure it was, as X-Ray counts: the caller's (`error`) or the service's (`fault`)."""
    if error is None:
        return {}
    if status not in _CLIENT_ERRORS:
        return {"fault": True}
    return {"error": True, "throttle": True} if status == _THROTTLED else {"error": True}
