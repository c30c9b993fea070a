"""What the process is at, told to every log line: which failure, which stage, for how long, how it stands.

`Trail.fields` is the context of `telemetry.JsonFormatter`, so that the lines of libraries say it, too. There
is one trail in a process, since deliveries are served one after another; the threads that fetch files side by
side read it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from diagnose.telemetry import checked_id

RUNNING: Final = "running"
"""The status of a delivery until another is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where the process stands; replaced as a whole, so that no reader sees half a change."""

    cluster_id: object = ""
    step_id: object = ""
    stage: str = ""
    status: str = ""
    since_seconds: float | None = None


class Trail:
    """Says what is being done; may be read from any thread at any time.

    Args:
        monotonic_seconds: the clock that durations are measured by.
    """

    def __init__(self, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock = monotonic_seconds
        self._place = _Place()
        self._writing = threading.Lock()

    def begin(self, cluster_id: str, step_id: str) -> None:
        """Begin a delivery; what was said of the one before is gone.

        Args:
            cluster_id: of the failure, "" where nobody told; a text of another form than the platform's is
                not shown.
            step_id: likewise.
        """
        place = _Place(
            cluster_id=checked_id("cluster_id", cluster_id),
            step_id=checked_id("step_id", step_id),
            status=RUNNING,
            since_seconds=self._clock(),
        )
        with self._writing:
            self._place = place

    def stage(self, name: str) -> None:
        """Name the stage that begins; fits `Kit.on_stage`."""
        with self._writing:
            self._place = replace(self._place, stage=name)

    def status(self, text: str) -> None:
        """Say how it stands, such as the status of the diagnosis."""
        with self._writing:
            self._place = replace(self._place, status=text)

    def end(self) -> None:
        """End the delivery: what is logged from here on belongs to none."""
        with self._writing:
            self._place = _Place()

    def fields(self) -> dict[str, object]:
        """Give `cluster_id`, `step_id`, `stage`, `duration_ms` and `status`.

        Returns:
            Texts, "" where there is nothing to say; `duration_ms` since `begin`, an int from 0, None outside
            a delivery.
        """
        place = self._place
        since = place.since_seconds
        spent_ms = None if since is None else max(round((self._clock() - since) * 1000), 0)
        return {
            "cluster_id": place.cluster_id,
            "step_id": place.step_id,
            "stage": place.stage,
            "duration_ms": spent_ms,
            "status": place.status,
        }
