"""What a command says on standard error while it works: the stage under way, log records if asked for."""

import logging
from types import TracebackType
from typing import Final, Self, TextIO

from diagnose.failure import Failure
from diagnose.state import Kit
from diagnose.telemetry import JsonFormatter, JsonTelemetry, Silent, Telemetry

_CLEAR: Final = "\r\x1b[K"


class Progress:
    """One line that names the stage under way, on a terminal only; gone when the work is done.

    Args:
        stream: standard error.
        on: false where something else writes to the stream, too.
    """

    def __init__(self, stream: TextIO, *, on: bool = True) -> None:
        self._stream = stream if on and stream.isatty() else None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, however the work ended."""
        self._write("")

    def show(self, stage: str) -> None:
        """Name the stage that begins."""
        self._write(f"{stage} …")

    def _write(self, text: str) -> None:
        if self._stream:
            self._stream.write(_CLEAR + text)
            self._stream.flush()


def telemetry(failure: Failure, kit: Kit, *, on: bool) -> Telemetry:
    """Give where stages and model calls are told: JSON records on standard error, or nowhere.

    Args:
        failure: names the run in every record.
        kit: its redactor cleans every record.
        on: whether anybody wants to know.
    """
    if not on:
        return Silent()
    logger = logging.getLogger("diagnose")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter(lambda text: kit.redactor.session().text(text)))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return JsonTelemetry(logger, cluster_id=failure.cluster_id, step_id=failure.step_id)
