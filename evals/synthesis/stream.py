"""Events in, the text of one log file out: a shared clock, and log4j's layouts.

`Stream` is the one mutable thing a template writes to; every line takes the clock's time and moves it on.
"""

import random
from datetime import datetime, timedelta
from typing import Final

from evals.synthesis.trace import Throwable

LAYOUTS: Final = ("spark", "iso")
"""spark: `26/05/04 03:10:07 INFO Class: …`, Spark's default and EMR's. iso: a common custom pattern with thread."""


class Clock:
    """The time of a scene, one for all of its files; it only moves forward."""

    def __init__(self, start: datetime, rng: random.Random) -> None:
        """Start at `start`; `rng` draws the small steps between lines."""
        self.start = start
        self.now = start
        self._rng = rng

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=max(0.0, seconds))

    def tick(self) -> datetime:
        """Move on by a few milliseconds and tell the time."""
        self.now += timedelta(milliseconds=self._rng.randrange(1, 60))
        return self.now

    @property
    def epoch_ms(self) -> int:
        """Milliseconds since 1970."""
        return int((self.now - datetime(1970, 1, 1)).total_seconds() * 1000)


class Stream:
    """One log file being written.

    `info`, `warn` and `error` write one record; a message may hold newlines, as log4j lets it.
    `raw` writes lines as they are; `trace` a stack trace as log4j writes it under a record.
    """

    def __init__(self, clock: Clock, *, layout: str = "spark") -> None:
        """Write with the clock's time, in one of `LAYOUTS` or `daemon` (YARN's daemons)."""
        self._clock = clock
        self._layout = layout
        self._lines: list[str] = []

    def __len__(self) -> int:
        """The number of records and raw texts so far."""
        return len(self._lines)

    @property
    def text(self) -> str:
        """Everything written, with a newline at its end; empty when nothing was."""
        return "".join(f"{line}\n" for line in self._lines)

    def info(self, source: str, message: str, *, thread: str = "main") -> None:
        """Write an INFO record of the class `source`."""
        self._record("INFO", source, message, thread)

    def warn(self, source: str, message: str, *, thread: str = "main") -> None:
        """Write a WARN record."""
        self._record("WARN", source, message, thread)

    def error(self, source: str, message: str, *, thread: str = "main") -> None:
        """Write an ERROR record."""
        self._record("ERROR", source, message, thread)

    def log(self, level: str, source: str, message: str, *, thread: str = "main") -> None:
        """Write a record of any level, also FATAL and DEBUG."""
        self._record(level, source, message, thread)

    def raw(self, text: str) -> None:
        """Write text without time or level: a traceback, a table, a banner."""
        self._lines.append(text.rstrip("\n"))

    def trace(self, failure: Throwable) -> None:
        """Write a stack trace."""
        self._lines.append(failure.text)

    def _record(self, level: str, source: str, message: str, thread: str) -> None:
        now = self._clock.tick()
        if self._layout == "daemon":
            head = f"{_iso(now)} {level} {source} ({thread})"
        elif self._layout == "iso":
            self._lines.append(f"{_iso(now)} {level:<5} [{thread}] {source} - {message}")
            return
        else:
            head = f"{now:%y/%m/%d %H:%M:%S} {level} {source}"
        self._lines.append(f"{head}: {message}")


def _iso(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}"
