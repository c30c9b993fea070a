"""Stages and model calls in, JSON log records out: one redacted object on one line.

`Telemetry` is the seam; `JsonTelemetry` writes to a logger, `Collector` keeps lists, `Silent` does nothing,
`Fork` tells several. `JsonFormatter` is for the root handler, so that records of botocore and LangChain pass
through it too (`diagnose.console` puts it there); fields of a context stand on every line.
It is part of SECURITY BOUNDARY 1: no text of a record leaves it unredacted, whether it stood in the message,
its arguments, an exception, a traceback or `extra`; a record that can't be redacted is withheld as a whole.
Thread, process and file names are not printed. Records are bounded: what lies beyond `MAX_RECORD_CHARS` is
cut, more than `MAX_FIELDS` fields of `extra` are dropped.
"""

import json
import logging
import math
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from diagnose.identifier import is_cluster_id, is_step_id
from diagnose.model import ModelCall
from diagnose.redaction import redact

MAX_RECORD_CHARS: Final = 64 * 1024
"""Text of one record; CloudWatch Logs takes 256 KB, and JSON may write one character as six."""
MAX_FIELDS: Final = 64
LOGGER_NAME: Final = "diagnose"
WITHHELD: Final = "a log record was withheld: it could not be redacted"
_CUT: Final = " … (cut)"
_NO_ID: Final = "[REDACTED-ID]"
_GAP: Final = "\n-\n"
"""Between texts that are redacted together: a key that ends one of them finds no value in the next."""
_BREAK: Final = re.compile(r"(\n)")
_COLOUR: Final = re.compile(r"(?:\x1b|\\+(?:x1b|u001b|033|e))\[[0-9;]{0,20}m", re.IGNORECASE)
"""Terminal colours, printed or escaped: they hide where a secret begins, and are dropped."""
_ESCAPED_BREAK: Final = re.compile(r"(\n|\\+[nrt])")
"""A text of several lines that stands escaped in another, such as a body in the `repr` of an answer."""
_NUMBERS: Final = frozenset(
    {"duration_ms", "attempt", "http_status", "wait_ms", "cost_usd"}
    | {"input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"}
)
"""Our own numbers: no secrets, whatever their names look like."""
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_ARGS: Final = "args"
"""Named arguments of a message (`%(password)s`): their names tell what to redact; they are not printed."""
_JSON_TYPES: Final = (dict, list, tuple, int, float, bool, type(None))
_WORD: Final = re.compile(r"[A-Za-z_]{0,40}")
"""A name of ours, such as that of a stage: shown even on a line whose texts could not be redacted."""

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRecord:
    """How one stage of a diagnosis went."""

    stage: str
    duration_ms: int
    status: str
    """`ok`, or the status with which the diagnosis ended here."""
    suspects: int = 0
    """How many values a second look at redacted text had to mask."""


class Telemetry(Protocol):
    """Takes what is worth measuring; never raises and never holds a text of log, request or reply."""

    def stage(self, record: StageRecord) -> None:
        """Take a stage that has ended."""
        ...

    def call(self, model_call: ModelCall) -> None:
        """Take one attempt to call a model."""
        ...


class Silent:
    """Does nothing: the default."""

    def stage(self, record: StageRecord) -> None:
        """Drop a stage."""

    def call(self, model_call: ModelCall) -> None:
        """Drop a call."""


@dataclass(slots=True)
class Collector:
    """Keeps everything, in order: the twin for tests and replay."""

    stages: list[StageRecord] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)

    def stage(self, record: StageRecord) -> None:
        """Keep a stage."""
        self.stages.append(record)

    def call(self, model_call: ModelCall) -> None:
        """Keep a call."""
        self.calls.append(model_call)


class Fork:
    """Tells several sinks as one, in order."""

    def __init__(self, *sinks: Telemetry) -> None:
        self._sinks = sinks

    def stage(self, record: StageRecord) -> None:
        """Tell each of a stage."""
        for sink in self._sinks:
            sink.stage(record)

    def call(self, model_call: ModelCall) -> None:
        """Tell each of a call."""
        for sink in self._sinks:
            sink.call(model_call)


class JsonTelemetry:
    """Writes one log record for each stage and each call; `JsonFormatter` makes JSON of it.

    Args:
        logger: where to, by default the package's.
        cluster_id: of the failure; a text of another form than the platform's is not shown.
        step_id: likewise.
    """

    def __init__(self, logger: logging.Logger | None = None, *, cluster_id: str, step_id: str) -> None:
        self._logger = logger or logging.getLogger(LOGGER_NAME)
        ids = {"cluster_id": cluster_id, "step_id": step_id}
        self._ids = {name: checked_id(name, value) for name, value in ids.items()}

    def stage(self, record: StageRecord) -> None:
        """Write a stage at level INFO."""
        fields = {
            "stage": record.stage,
            "duration_ms": record.duration_ms,
            "status": record.status,
            "suspects": record.suspects,
        }
        self._logger.info("stage ended", extra={**self._ids, **fields})

    def call(self, model_call: ModelCall) -> None:
        """Write a call, at level WARNING where it failed."""
        failed = model_call.error is not None
        fields: dict[str, object] = {
            "stage": "model",
            "duration_ms": model_call.duration_ms,
            "status": "error" if failed else "ok",
            "model_id": model_call.model_id,
            "attempt": model_call.attempt,
            "request_id": model_call.request_id,
            "error": model_call.error,
            "http_status": model_call.http_status,
            "wait_ms": round(model_call.wait_seconds * 1000),
            "stop": model_call.stop.value if model_call.stop else None,
            "input_tokens": model_call.usage.input_tokens,
            "cache_read_tokens": model_call.usage.cache_read_tokens,
            "cache_write_tokens": model_call.usage.cache_write_tokens,
            "output_tokens": model_call.usage.output_tokens,
            "cost_usd": model_call.cost_usd,
        }
        level = logging.WARNING if failed else logging.INFO
        self._logger.log(level, "model call ended", extra={**self._ids, **fields})


class JsonFormatter(logging.Formatter):
    """Makes one line of JSON of any log record.

    It never raises: the standard library prints the raw arguments of a record that can't be formatted.
    Fields: `timestamp` (UTC), `level`, `logger`, `message`; with an exception `exception` (its type),
    `exception_message` and `traceback`; `stack` where one was asked for; then those of `extra` in order.
    What is JSON stays JSON, anything else becomes text; a field of `extra` that is called like one of the
    former is dropped. Fields of the context come before those of `extra`; where both name one, the record's
    own value stands.

    Args:
        redact: text → redacted text with as many lines. It is called on each record over all texts,
            so that a value found in one is removed from all, and over names and values, since a name such
            as `password` tells what the value is.
        context: fields of every line, whoever logs it, such as `Trail.fields`; asked anew for each record,
            by the thread that logs.
    """

    def __init__(
        self,
        redact: Callable[[str], str] = redact,
        *,
        context: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        super().__init__()
        self._redact = redact
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as one line of JSON, without a line break."""
        return _guarded(lambda: self._line(record), lambda: self._withheld(record))

    def _surroundings(self) -> dict[str, object]:
        told: Mapping[str, object] = _guarded(self._context, dict)
        return _guarded(lambda: {_spoken(name): told[name] for name in told if name != "timestamp"}, dict)

    def _withheld(self, record: logging.LogRecord) -> str:
        """Tell of a record that could not be redacted, with what needs no redaction."""
        fields: dict[str, object] = {"timestamp": _timestamp(record), "level": "ERROR"}
        fields |= {"logger": __name__, "message": WITHHELD}
        plain: dict[str, object] = _guarded(lambda: _plain(self._surroundings()), dict)
        return json.dumps({**plain, **fields})

    def _line(self, record: logging.LogRecord) -> str:
        extra = {**self._surroundings(), **_extra(record)}
        numbers = {name: value for name, value in extra.items() if name in _NUMBERS and _is_number(value)}
        values = {**_message(record), **self._exception(record)}
        values |= {name: value for name, value in extra.items() if name not in values and name not in numbers}
        shown = self._redacted({name: checked_id(name, value) for name, value in values.items()}, record.args)
        return json.dumps({"timestamp": _timestamp(record), **shown, **numbers}, allow_nan=False)

    def _exception(self, record: logging.LogRecord) -> dict[str, object]:
        found: dict[str, object] = {}
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            error = record.exc_info[1]
            found["exception"] = f"{type(error).__module__}.{type(error).__qualname__}"
            found["exception_message"] = _spoken(error)
            found["traceback"] = _guarded(lambda: _traceback(error), lambda: "")
        elif record.exc_text:  # another formatter, or a queue between processes, has made text of it
            found["traceback"] = record.exc_text
        if record.stack_info:
            found["stack"] = record.stack_info
        return found

    def _redacted(self, values: Mapping[str, object], args: object) -> dict[str, object]:
        """Redact all texts together, then once more beside their names."""
        known = {**values, _ARGS: args} if isinstance(args, Mapping) else values
        texts = self._together(_bounded([_text(value) for value in known.values()]))
        document = json.dumps(dict(zip(known, texts, strict=True)), ensure_ascii=False)
        pairs = json.loads(self._redact(document), object_pairs_hook=list)
        shown = zip(values, pairs[: len(values)], strict=True)
        return {name: _value(text, values[key]) for key, (name, text) in shown}

    def _together(self, texts: Sequence[str]) -> list[str]:
        joined = self._line_by_line(_GAP.join(texts), _BREAK)
        if "\\" in joined:
            joined = self._line_by_line(joined, _ESCAPED_BREAK)
        lines = iter(joined.split("\n"))
        found = []
        for text in texts:
            found.append("\n".join(next(lines) for _ in range(text.count("\n") + 1)))
            next(lines, None)
        return found

    def _line_by_line(self, text: str, line_break: re.Pattern[str]) -> str:
        """Redact a text whose lines end so, and put the same ends back.

        Raises:
            ValueError: redaction gave more or fewer lines than it got.
        """
        parts = line_break.split(text)
        lines = self._redact("\n".join(parts[::2])).split("\n")
        return "".join(part for pair in zip(lines, [*parts[1::2], ""], strict=True) for part in pair)


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _message(record: logging.LogRecord) -> dict[str, object]:
    text = _guarded(record.getMessage, lambda: f"{_spoken(record.msg)} (its arguments do not fit)")
    return {"level": record.levelname, "logger": record.name, "message": text}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    taken = _STANDARD | {"timestamp"}
    names = [name for name in record.__dict__ if name not in taken]
    return {_spoken(name): record.__dict__[name] for name in names[:MAX_FIELDS]}


def checked_id(name: str, value: object) -> object:
    """Hide what claims to be an id of the platform and has not its form.

    Args:
        name: the field's; only `cluster_id` and `step_id` are looked at.
        value: None and "" pass, too.
    """
    form = {"cluster_id": is_cluster_id, "step_id": is_step_id}.get(name)
    if form is None or value is None or value == "" or (isinstance(value, str) and form(value)):
        return value
    return _NO_ID


def _plain(fields: Mapping[str, object]) -> dict[str, object]:
    """Keep ids of the platform's form, numbers of ours, and words; "" stands for anything else."""
    found: dict[str, object] = {}
    for name, value in fields.items():
        checked = checked_id(name, value)
        fit = checked is not value or name in {"cluster_id", "step_id"}
        fit = fit or (name in _NUMBERS and _is_number(value))
        fit = fit or (isinstance(value, str) and _WORD.fullmatch(value) is not None)
        if _WORD.fullmatch(name):
            found[name] = checked if fit else ""
    return found


def _is_number(value: object) -> bool:
    return value is None or type(value) is int or (isinstance(value, float) and math.isfinite(value))


def _timestamp(record: logging.LogRecord) -> str:
    return _guarded(
        lambda: datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        lambda: "",
    )


def _bounded(texts: Sequence[str]) -> list[str]:
    """Cut what is too long: a text may take half of what those before it left."""
    left, found = MAX_RECORD_CHARS, []
    for text in texts:
        kept = _COLOUR.sub("", text if len(text) <= left // 2 else _cut(text, left // 2))
        left = max(left - len(kept), 0)
        found.append(kept)
    return found


def _cut(text: str, size: int) -> str:
    """Cut at a blank, since redaction does not know half a token."""
    head = text[:size]
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)] + _CUT


def _text(value: object) -> str:
    if not isinstance(value, _JSON_TYPES):
        return _spoken(value)
    return _guarded(
        lambda: json.dumps(value, default=_spoken, ensure_ascii=False, allow_nan=False),
        lambda: _spoken(value),
    )


def _value(text: str, original: object) -> object:
    """Give JSON back as what it was, where redaction left it JSON."""
    if not isinstance(original, _JSON_TYPES):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _spoken(value: object) -> str:
    return _guarded(lambda: str(value), lambda: f"<{type(value).__name__}>")


def _guarded(make: Callable[[], _T], otherwise: Callable[[], _T]) -> _T:
    """Run what any object in a log record may break."""
    try:
        return make()
    except Exception:  # noqa: BLE001 - `__str__` of a stranger's object raises what it likes
        return otherwise()
