"""What arrives in, `Delivery` values out: an event of EventBridge, messages of SQS, or a plain request.

Taken: the event `EMR Step Status Change` as EventBridge sends it; `{"Records": [...]}` of SQS, where a body
is such an event, a plain request, or an SNS notification that holds either; a plain request
`{"clusterId", "stepId", "region"}`. Anything else is a rejected delivery with a reason, never an exception.
A reason holds our own words and at most a value that looks like the platform's own; whatever else stood in
a field is only described, since it may be a secret. The event's `message` is not read, as AWS asks.
Pure. Source: Amazon EMR management guide, "Monitor events with Amazon EventBridge"; AWS Lambda developer
guide, "Using Lambda with Amazon SQS".
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from diagnose.diagnosis import Status
from diagnose.failure import Failure
from diagnose.identifier import CLUSTER_ID, REGION, STEP_ID
from diagnose.redaction import redact

MAX_PAYLOAD_BYTES: Final = 6 << 20
"""The largest synchronous payload of Lambda; a text beyond it is refused unread."""
MAX_BODY_BYTES: Final = 1 << 20
"""The largest message of SQS, and larger than any event of EventBridge."""
MAX_RECORDS: Final = 10_000
"""The largest batch that Lambda takes from an SQS queue."""
MAX_NAME_CHARS: Final = 256
"""EMR's own limit of a step's name; what is longer is cut."""

_MESSAGE_ID: Final = re.compile(r"[\x21-\x7e]{1,100}")
_RECEIPT: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_MILLIS: Final = re.compile(r"[1-9][0-9]{11,12}")  # since 1970, up to 2286
_COUNT: Final = re.compile(r"[1-9][0-9]{0,6}")
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_STATE: Final = re.compile(r"[A-Z][A-Z_]{1,31}")
_STATES: Final = frozenset(
    {"PENDING", "CANCEL_PENDING", "RUNNING", "COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"}
)
_SHOWN: Final = re.compile(
    r"[js]-[A-Za-z0-9]{1,20}|aws[.:][a-z]{2,12}(-[a-z]{2,12}){0,2}|EMR( [A-Z][a-z]{1,15}){1,6}"
)
"""Ids, sources and types of events as the platform writes them: no other value is ever repeated."""

SOURCE: Final = "aws.emr"
DETAIL_TYPE: Final = "EMR Step Status Change"
QUEUE_SOURCE: Final = "aws:sqs"


class Origin(StrEnum):
    """By which way a delivery came."""

    EVENT = "event"
    QUEUE = "queue"
    DIRECT = "direct"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """Why a delivery is not diagnosed."""

    status: Status
    """INVALID_EVENT, or IGNORED for a sound event that tells of no failed step."""
    reason: str
    """For people; no value of the event but ids, names and states of the platform."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One thing to diagnose, or the reason why it is none: exactly one of `failure` and `verdict` is set."""

    failure: Failure | None = None
    origin: Origin
    message_id: str | None = None
    """The SQS message's, to be named when it shall come again."""
    receipt: str | None = None
    """The SQS message's receipt handle, by which it can be put off."""
    receives: int = 1
    """How often the message was received, this time included."""
    sent_at: datetime | None = None
    event_id: str | None = None
    verdict: Rejection | None = None
    cluster_id: str = ""
    step_id: str = ""
    """Both ids stand here for rejected deliveries, too; "" where none of the platform's form was told."""


def read_deliveries(payload: object) -> tuple[Delivery, ...]:
    """Read what a Lambda function, a queue or a person sent.

    Args:
        payload: a parsed JSON value, or its text (str, or bytes of UTF-8).

    Returns:
        One delivery, or one for each SQS record in their order; at least one, whatever came.
    """
    origin = Origin.DIRECT
    try:
        document = _document(payload)
        if "Records" in _mapping(document):
            origin = Origin.QUEUE
            return tuple(_queued(record) for record in _records(_mapping(document)["Records"]))
    except _RefusedError as refused:
        return (Delivery(origin=origin, verdict=refused.rejection),)
    return (_delivered(document, Origin.EVENT if _is_event(document) else Origin.DIRECT),)


class _RefusedError(Exception):
    """Carries a rejection from where it is found to its delivery."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.rejection = Rejection(status=status, reason=reason)


def _refuse(reason: str) -> NoReturn:
    raise _RefusedError(Status.INVALID_EVENT, reason)


def _ignore(reason: str) -> NoReturn:
    raise _RefusedError(Status.IGNORED, reason)


# --- text → JSON value


def _document(payload: object) -> object:
    if isinstance(payload, bytes | bytearray | str):
        return _parsed(payload, "the event", MAX_PAYLOAD_BYTES)
    return payload


def _parsed(text: bytes | bytearray | str, what: str, limit_bytes: int) -> object:
    """Parse strictly: what two parsers may read differently is refused."""
    if len(text) > limit_bytes:  # of a str the characters are counted, so its bytes are bounded as well
        _refuse(f"{what} is larger than {limit_bytes} bytes")
    try:
        plain = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        _refuse(f"{what} is not UTF-8 text")
    plain = plain.removeprefix("\ufeff")
    if not plain.strip():
        _refuse(f"{what} is empty")
    try:
        return json.loads(plain, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(f"{what} is not JSON (line {error.lineno}, column {error.colno})")
    except RecursionError:
        _refuse(f"{what} is nested too deep")
    except ValueError:  # Python's limit on the digits of a number
        _refuse(f"{what} holds a number that is too long")


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("the JSON holds the same key twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    _refuse(f"the JSON holds {name}, which is no JSON value")


# --- SQS


class _Received(BaseModel):
    """What we read of AWS's or a caller's value.

    Unlike elsewhere unknown fields are ignored: AWS adds fields to its events without notice, and callers
    such as Step Functions hand on what they have; a diagnosis must not be lost by that.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Record(_Received):
    source: str = Field(default=QUEUE_SOURCE, alias="eventSource")
    body: str


def _records(records: object) -> Sequence[object]:
    if not isinstance(records, list):
        _refuse(f"Records must be a list, not {_kind(records)}")
    if not records:
        _refuse("Records is empty")
    if len(records) > MAX_RECORDS:
        _refuse(f"Records holds more than {MAX_RECORDS} messages")
    return records


def _queued(record: object) -> Delivery:
    message_id = _formed(_mapping(record).get("messageId"), _MESSAGE_ID)
    try:
        delivery = _delivered(_body(record, message_id), Origin.QUEUE, message_id)
    except _RefusedError as refused:
        delivery = Delivery(origin=Origin.QUEUE, message_id=message_id, verdict=refused.rejection)
    told = _mapping(_mapping(record).get("attributes"))
    receives = _formed(told.get("ApproximateReceiveCount"), _COUNT)
    return replace(
        delivery,
        receipt=_formed(_mapping(record).get("receiptHandle"), _RECEIPT),
        receives=int(receives) if receives else 1,
        sent_at=_sent(told.get("SentTimestamp")),
    )


def _sent(value: object) -> datetime | None:
    millis = _formed(value, _MILLIS)
    return datetime.fromtimestamp(int(millis) / 1000, UTC) if millis else None


def _body(record: object, message_id: str | None) -> object:
    read = _validated(_Record, record, "the record")
    if read.source != QUEUE_SOURCE:
        _refuse(f"eventSource must be {QUEUE_SOURCE}, not {_described(read.source)}")
    if message_id is None:  # without it nobody could ask for the message again
        _refuse("messageId is missing or can't be used")
    document = _parsed(read.body, "the message's body", MAX_BODY_BYTES)
    envelope = _mapping(document)
    notification = envelope.get("Message")
    if envelope.get("Type") == "Notification" and isinstance(notification, str):
        document = _parsed(notification, "the notification's Message", MAX_BODY_BYTES)
    if "Records" in _mapping(document):
        _refuse("the message's body holds Records itself; it must be one event or one request")
    return document


# --- one event or one request

_ClusterId = Annotated[str, StringConstraints(pattern=f"^{CLUSTER_ID}$")]
_StepId = Annotated[str, StringConstraints(pattern=f"^{STEP_ID}$")]
_Region = Annotated[str, StringConstraints(pattern=f"^({REGION})?$")]


class _Request(_Received):
    cluster_id: _ClusterId = Field(alias="clusterId")
    step_id: _StepId = Field(alias="stepId")
    region: _Region | None = None


class _Head(_Received):
    source: str
    detail_type: str = Field(alias="detail-type")


class _Detail(_Received):
    cluster_id: _ClusterId = Field(alias="clusterId")
    step_id: _StepId = Field(alias="stepId")
    state: str
    name: str | None = None

    @field_validator("name", mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return value[:MAX_NAME_CHARS].encode("utf-8", errors="replace").decode()


class _Event(_Received):
    detail: _Detail
    region: _Region | None = None


def _delivered(document: object, origin: Origin, message_id: str | None = None) -> Delivery:
    failure, verdict = None, None
    try:
        failure = _failure(document)
    except _RefusedError as refused:
        verdict = refused.rejection
    return Delivery(
        failure=failure,
        origin=origin,
        message_id=message_id,
        event_id=_formed(_mapping(document).get("id"), _EVENT_ID) if _is_event(document) else None,
        verdict=verdict,
        cluster_id=_told(document, "clusterId", CLUSTER_ID),
        step_id=_told(document, "stepId", STEP_ID),
    )


def _is_event(document: object) -> bool:
    """Tell EventBridge's envelope from a request, which may carry a `source` of its own."""
    fields = _mapping(document)
    asked = "clusterId" in fields or "stepId" in fields
    return "detail" in fields or "detail-type" in fields or ("source" in fields and not asked)


def _failure(document: object) -> Failure:
    if not isinstance(document, dict):
        _refuse(f"the event must be a JSON object, not {_kind(document)}")
    if _is_event(document):
        return _from_event(document)
    if "clusterId" in document or "stepId" in document:
        request = _validated(_Request, document, "the request")
        return Failure(cluster_id=request.cluster_id, step_id=request.step_id, region=request.region or "")
    _refuse(f"neither an event {DETAIL_TYPE!r} nor a request with clusterId and stepId")


def _from_event(document: dict[str, Any]) -> Failure:
    head = _validated(_Head, document, "the event")
    if head.source != SOURCE:
        _refuse(f"source must be {SOURCE}, not {_described(head.source)}")
    if head.detail_type != DETAIL_TYPE:
        _ignore(f"detail-type is {_described(head.detail_type)}, not {DETAIL_TYPE!r}")
    event = _validated(_Event, document, "the event")
    _check_state(event.detail.state)
    return Failure(
        cluster_id=event.detail.cluster_id,
        step_id=event.detail.step_id,
        job_name=event.detail.name or None,
        failed_at=_moment(document.get("time")),
        region=event.region or "",
    )


def _check_state(state: str) -> None:
    if state == "FAILED":
        return
    if state in _STATES:
        _ignore(f"the step is {state}, not FAILED")
    if _STATE.fullmatch(state):  # a state that AWS may have added; it is not FAILED either
        _ignore("the step is in a state that is not FAILED and not known here")
    _refuse(f"detail.state must be a step's state such as FAILED, not {_described(state)}")


def _moment(value: object) -> datetime | None:
    """Read the event's time, which no diagnosis depends on; None where it can't be read."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _told(document: object, name: str, form: str) -> str:
    """Find an id, in the detail first; "" where it has not the platform's form."""
    fields = _mapping(document)
    values = (_mapping(fields.get("detail")).get(name), fields.get(name))
    return next((v for v in values if isinstance(v, str) and re.fullmatch(form, v)), "")


# --- what is wrong, in our words

_Model = TypeVar("_Model", bound=BaseModel)
_FORMS: Final = {
    "clusterId": "j- and capitals or digits",
    "stepId": "s- and capitals or digits",
    "region": "a region such as us-east-1",
}


def _validated(model: type[_Model], document: object, what: str) -> _Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    names = [str(part) for part in first["loc"]]
    field = ".".join(names) or what
    if first["type"] == "missing":
        _refuse(f"{field} is missing")
    expected = _FORMS.get(names[-1], "text") if names and names[-1] != "detail" else "a JSON object"
    value = first["input"]
    _refuse(
        f"{field} must be {expected}, not {_described(value) if isinstance(value, str) else _kind(value)}"
    )


def _described(text: str) -> str:
    """Repeat a value that looks like the platform's own; of any other tell only how long it is."""
    if _SHOWN.fullmatch(text):
        return repr(redact(text))
    return f"a text of {len(text)} characters" if text else "an empty text"


def _kind(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (type(None), "null"),
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "something that is not JSON")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _formed(value: object, form: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and form.fullmatch(value) else None
