"""A diagnosis in, an event on an EventBridge bus out: whoever subscribed gets it.

One event per diagnosis: source `data-job-failure-intelligence`, detail-type `DataJobDiagnosis`, the payload
as detail. A payload that is larger than the bus takes loses what was ruled out, then most of its gaps, then
the ends of its long texts, and says so.
Source: EventBridge API reference, PutEvents; user guide, "Calculating PutEvents event entry size".
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from diagnose.diagnosis import Diagnosis
from diagnose.emr import error_code
from diagnose.errors import DeliveryError

SOURCE: Final = "data-job-failure-intelligence"
DETAIL_TYPE: Final = "DataJobDiagnosis"
MAX_ENTRY_BYTES: Final = 256 * 1024
"""Of source, detail-type, detail and resources together, as UTF-8."""
KEPT_GAPS: Final = 20
KEPT_CHARS: Final = 1000
"""Both of a payload that is too large."""


class Client(Protocol):
    """What is used of boto3's EventBridge client."""

    def put_events(self, **request: object) -> Mapping[str, Any]:
        """Put events on a bus."""
        ...


class Bus:
    """Publishes diagnoses.

    Args:
        client: of EventBridge; repeats what is throttled.
        name: name or ARN of the bus.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, diagnosis: Diagnosis) -> None:
        """Put a diagnosis on the bus.

        Raises:
            DeliveryError: the bus did not take it.
        """
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": _fitting(diagnosis),
            "Resources": [],
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except (BotoCoreError, ClientError) as error:
            raise self._refused(error_code(error)) from None
        if answer.get("FailedEntryCount"):  # the request succeeds though its event was refused
            entries = answer.get("Entries") or [{}]
            raise self._refused(str(entries[0].get("ErrorCode") or "FailedEntry")[:64])

    def _refused(self, code: str) -> DeliveryError:
        return DeliveryError(
            f"EventBridge PutEvents on {self._name!r}: {code}; check RESULT_BUS_NAME, and that the "
            "function's role allows events:PutEvents"
        )


def _fitting(diagnosis: Diagnosis) -> str:
    room = MAX_ENTRY_BYTES - len(SOURCE) - len(DETAIL_TYPE)
    sizes = []
    for candidate in _smaller(diagnosis):
        detail = json.dumps(candidate.model_dump(mode="json"), ensure_ascii=False).encode(errors="replace")
        sizes.append(len(detail))
        if sizes[-1] <= room:
            return detail.decode()
    raise DeliveryError(
        f"the diagnosis has {sizes[-1]} bytes, the bus takes {room}; look at it with `diagnose step`"
    )


def _smaller(diagnosis: Diagnosis) -> Iterator[Diagnosis]:
    yield diagnosis
    told = f"{len(diagnosis.ruled_out)} lines that were ruled out are left out: too large for the event bus"
    bare = diagnosis.model_copy(update={"ruled_out": [], "gaps": [*diagnosis.gaps, told]})
    yield bare
    left = len(diagnosis.gaps) - KEPT_GAPS
    gaps = [*diagnosis.gaps[:KEPT_GAPS], f"{max(left, 0)} more gaps are left out", told]
    fewer = bare.model_copy(update={"gaps": gaps})
    yield fewer
    yield _cut(fewer)


def _cut(diagnosis: Diagnosis) -> Diagnosis:
    """Cut every text of our own and of the model; evidence is bounded as it is."""
    texts = ("root_cause", "retry_reason", "status_reason", "model_text", "job_name")
    told = {name: text[:KEPT_CHARS] for name in texts if (text := getattr(diagnosis, name))}
    lists = {
        name: [text[:KEPT_CHARS] for text in getattr(diagnosis, name)] for name in ("gaps", "recommendations")
    }
    return diagnosis.model_copy(update={**told, **lists})
