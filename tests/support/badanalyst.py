"""An analyst that ends its own process, or never answers, where a case's folder says so."""

import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from evals.analyst import Analyst, Opened
from evals.outcome import Answer


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class BadAnalyst(Analyst):
    at: str = ""
    """The case id at which it goes wrong."""
    how: str = "kill"
    once: Path | None = None
    """Made when it went wrong; where it is, nothing goes wrong again."""

    def open(self) -> Opened:
        if self.how == "begin":
            kill()
        if self.how == "begin second" and self.once is not None:
            self._begin_after_another(self.once)
        opened = super().open()
        return Bad(analyst=self, kit=opened.kit)

    def _begin_after_another(self, first: Path) -> None:
        """Die, once, where another worker came first, and when it is at work."""
        try:
            first.touch(exist_ok=False)
        except FileExistsError:
            if not (again := first.with_suffix(".again")).exists():
                again.touch()
                time.sleep(8)
                kill()


@dataclass(frozen=True, kw_only=True)
class Bad(Opened):
    def __call__(self, log_root: Path, repeat: int = 0) -> Answer:
        analyst = self.analyst
        assert isinstance(analyst, BadAnalyst)
        if analyst.at in log_root.parts and not (analyst.once and analyst.once.exists()):
            if analyst.once:
                analyst.once.touch()
            match analyst.how:
                case "kill":
                    kill()
                case "wait":
                    time.sleep(600)
                case "half":
                    die_in_the_middle_of_the_answer()
        return super().__call__(log_root, repeat)


def die_in_the_middle_of_the_answer() -> None:
    """Let the process die when half of its next message is written."""
    send = Connection._send

    def half(self: Connection, buf: bytes, write: object = None) -> None:
        if len(buf) < 100:  # the row's length, where it goes ahead
            send(self, buf)
        else:
            os.write(self.fileno(), bytes(buf)[: len(buf) // 2])
            kill()

    Connection._send = half
