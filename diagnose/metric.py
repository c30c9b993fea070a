"""A delivery in, its numbers out: one document of CloudWatch's embedded metric format on one line.

Each document holds its counts, zeros included, so that a rate has its denominator, under one namespace and
one dimension, `service`: neither ids nor any text of a log. `MemoryMeter` is the twin for tests.
aws-lambda-powertools makes the document; namespace and service are always given, so none of its variables
(`POWERTOOLS_…`) counts. Importing it costs about 20 ms, so that is left to the one who makes an `EmfMeter`.
Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from diagnose.diagnosis import Status
from diagnose.errors import UsageError
from diagnose.intake import Served
from diagnose.model import ModelCall, Stop
from diagnose.usage import Usage

NAMESPACE: Final = "DataJobFailureIntelligence"
UNITS: Final[Mapping[str, str]] = {
    "EMRAnalyserInvocations": "Count",
    "EMRAnalyserTokensUsed": "Count",
    "EMRAnalyserOutputTokens": "Count",
    "EMRAnalyserGuardrailBlocks": "Count",
    "EMRAnalyserPipelineDuration": "Milliseconds",
    "EMRAnalyserLogSizeBytes": "Bytes",
    "EMRAnalyserRedactionSuspects": "Count",
    "EMRAnalyserFailures": "Count",
    "EMRAnalyserPostponed": "Count",
    "EMRAnalyserNotBegun": "Count",
}
"""All metrics and their units."""
BLOCKED: Final = frozenset({Status.GUARDRAIL_BLOCKED, Status.GUARDRAIL_OUTPUT_BLOCKED})
FAILED: Final = frozenset(
    {Status.ANALYSIS_ABORTED, Status.PARSE_ERROR, Status.PARTIAL_ANALYSIS, Status.INVALID_EVENT}
)
"""What counts as a failure of ours, though the function itself ends well."""
_BLOCKS: Final = frozenset({Stop.INPUT_BLOCKED, Stop.OUTPUT_BLOCKED})
_DIMENSION: Final = re.compile(r"(?!:)[!-~](?:[ -~]{0,1022}[!-~])?")
"""Source: CloudWatch API reference, Dimension; blanks at the ends are left out here."""


class Meter(Protocol):
    """Takes the numbers of each delivery; never raises."""

    def served(self, served: Served, *, duration_ms: int, calls: Sequence[ModelCall]) -> None:
        """Take a delivery that came to its end.

        Args:
            served: what became of it.
            duration_ms: from its taking up to its end.
            calls: all attempts to call a model.
        """
        ...

    def failed(self, *, duration_ms: int, calls: Sequence[ModelCall] = (), raised: bool = False) -> None:
        """Take a delivery that ended in an exception; see `served`.

        Args:
            duration_ms: as in `served`.
            calls: as in `served`.
            raised: Lambda is told of it, and counts it as an error of its own.
        """
        ...

    def put_back(self) -> None:
        """Take a message that was not begun, since too little time was left."""
        ...


def measure(served: Served, *, duration_ms: int, calls: Sequence[ModelCall]) -> dict[str, int]:
    """Give the metrics of a delivery that came to its end; see `Meter.served`.

    Returns:
        Numbers from 0, by the names of `UNITS`, all of them.
    """
    diagnosis, state = served.diagnosis, served.result.state if served.result else None
    status = diagnosis.status if diagnosis else None
    found = _common(duration_ms, calls)
    if diagnosis is not None:
        found["EMRAnalyserTokensUsed"] = diagnosis.tokens_used
    if status in BLOCKED:
        found["EMRAnalyserGuardrailBlocks"] = max(found["EMRAnalyserGuardrailBlocks"], 1)
    incident = state.incident if state else None
    found["EMRAnalyserLogSizeBytes"] = incident.read_bytes if incident else 0
    found["EMRAnalyserRedactionSuspects"] = state.suspects if state else 0
    found["EMRAnalyserFailures"] = int(status in FAILED)
    found["EMRAnalyserPostponed"] = int(served.postponed)
    found["EMRAnalyserNotBegun"] = 0
    return found


def measure_failure(
    *, duration_ms: int, calls: Sequence[ModelCall] = (), raised: bool = False
) -> dict[str, int]:
    """Give the metrics of a delivery that ended in an exception; see `Meter.failed`.

    Returns:
        As `measure`, without the size of the logs: it is not known, and 0 would draw down its average.
    """
    found = _common(duration_ms, calls)
    counts = {"EMRAnalyserRedactionSuspects": 0, "EMRAnalyserFailures": int(not raised)}
    return {**found, **counts, "EMRAnalyserPostponed": 0, "EMRAnalyserNotBegun": 0}


def measure_put_back() -> dict[str, int]:
    """Give the metrics of a message that was not begun: counts alone, and no delivery."""
    counts = ("EMRAnalyserInvocations", "EMRAnalyserFailures", "EMRAnalyserPostponed")
    return {**dict.fromkeys(counts, 0), "EMRAnalyserNotBegun": 1}


def _common(duration_ms: int, calls: Sequence[ModelCall]) -> dict[str, int]:
    return {
        "EMRAnalyserInvocations": 1,
        "EMRAnalyserTokensUsed": sum((call.usage for call in calls), Usage()).total_tokens,
        "EMRAnalyserOutputTokens": max((call.usage.output_tokens for call in calls), default=0),
        "EMRAnalyserGuardrailBlocks": sum(call.stop in _BLOCKS for call in calls),
        "EMRAnalyserPipelineDuration": max(duration_ms, 0),
    }


@dataclass(slots=True)
class MemoryMeter:
    """Keeps the metrics of all deliveries, in order: the twin for tests."""

    readings: list[Mapping[str, int]] = field(default_factory=list)

    def served(self, served: Served, *, duration_ms: int, calls: Sequence[ModelCall]) -> None:
        """Keep the metrics of a delivery that came to its end."""
        self.readings.append(measure(served, duration_ms=duration_ms, calls=calls))

    def failed(self, *, duration_ms: int, calls: Sequence[ModelCall] = (), raised: bool = False) -> None:
        """Keep the metrics of a delivery that ended in an exception."""
        self.readings.append(measure_failure(duration_ms=duration_ms, calls=calls, raised=raised))

    def put_back(self) -> None:
        """Keep the metrics of a message that was not begun."""
        self.readings.append(measure_put_back())


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _print(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more, or the stream is closed
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class EmfMeter:
    """Writes one document for each delivery.

    Args:
        service: value of the one dimension, such as the name of the stack; 1 to 1024 printable characters.
        write: takes a document, one line without its end; standard output by default, where Lambda and
            CloudWatch find it.
        now: the clock.

    Raises:
        UsageError: the service can't be a dimension's value.
    """

    def __init__(
        self,
        service: str,
        write: Callable[[str], None] | None = None,
        *,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        if not _DIMENSION.fullmatch(service):
            raise UsageError(
                f"SERVICE_NAME: {service!r} can't be a metric's dimension; give the stack's name"
            )
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf import cloudwatch  # noqa: PLC0415 - heavy

        # Its debug records, on with POWERTOOLS_DEBUG, would pass by our formatter.
        logging.getLogger("aws_lambda_powertools").setLevel(logging.WARNING)
        self._provider = cloudwatch.AmazonCloudWatchEMFProvider
        self._service = service
        self._write = write or _print
        self._now = now

    def served(self, served: Served, *, duration_ms: int, calls: Sequence[ModelCall]) -> None:
        """Write the document of a delivery that came to its end."""
        self._tell(measure(served, duration_ms=duration_ms, calls=calls))

    def failed(self, *, duration_ms: int, calls: Sequence[ModelCall] = (), raised: bool = False) -> None:
        """Write the document of a delivery that ended in an exception."""
        self._tell(measure_failure(duration_ms=duration_ms, calls=calls, raised=raised))

    def put_back(self) -> None:
        """Write the document of a message that was not begun."""
        self._tell(measure_put_back())

    def _tell(self, values: Mapping[str, int]) -> None:
        # A new one each time: `Metrics` of the same package shares its numbers over the whole process.
        provider = self._provider(namespace=NAMESPACE, service=self._service)
        provider.timestamp = round(self._now().timestamp() * 1000)
        for name, value in values.items():
            provider.add_metric(name, UNITS[name], value)
        self._write(json.dumps(provider.serialize_metric_set(), separators=(",", ":")))
