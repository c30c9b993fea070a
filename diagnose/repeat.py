"""A key in, whether its work is still to be done out: queues and event buses deliver more than once.

`Repeats` is the seam; `MemoryRepeats` lives as long as its process, a table lives longer.
It holds a key, its state, its owner and when it expires, and no diagnosis. It errs towards doing work twice:
a claim that expires or is forgotten costs a second diagnosis, never a lost one. Work that another owner is at
is told apart from work that is done: that owner may die, so who asks must come again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Final, Protocol
from urllib.parse import quote

from diagnose.errors import UsageError
from diagnose.failure import Failure

MAX_KEYS: Final = 10_000
"""Keys held in memory, about 4 MB; a day of a very busy account fails fewer steps."""
CLAIM_SECONDS: Final = 900.0
"""No Lambda function lives longer, so an older claim is one whose owner has died."""
DONE_SECONDS: Final = 14 * 86_400.0
"""SQS keeps a message for 14 days at most; nothing comes again later."""


class Hold(StrEnum):
    """Whose a piece of work is."""

    OURS = "ours"
    BUSY = "busy"
    """Another owner is at it."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of asking for a piece of work."""

    hold: Hold
    wait_seconds: float = 0.0
    """With BUSY: until the other's claim expires at the latest; 0 or more."""


class Repeats(Protocol):
    """Remembers what is done and who is at what."""

    def claim(self, key: str, *, owner: str) -> Claim:
        """Ask for a piece of work.

        Args:
            key: names the work; see `repeat_key`.
            owner: who asks: one for each receipt of a message, so that of two copies one gets the work.

        Returns:
            OURS: it is the owner's to do until the claim expires or is settled; the same owner may ask
            again. BUSY: another owner is at it; ask again after the wait. DONE: nothing is to be done.
        """
        ...

    def settle(self, key: str, *, owner: str, done: bool) -> None:
        """End a claim.

        Args:
            key: as claimed.
            owner: as claimed; a claim that has passed to another owner is not dropped.
            done: True marks the work done, until that expires; False drops the claim, so that anyone may
                claim it again. What is done stays done.
        """
        ...


def repeat_key(failure: Failure) -> str:
    """Name the work on a failed step: platform, cluster and step, the same however the failure was told.

    Raises:
        UsageError: an id is not known, so that two failures could not be told apart.
    """
    if not failure.cluster_id or not failure.step_id:
        raise UsageError("a repeat can't be told without cluster id and step id; diagnose it without")
    return ":".join(
        quote(part, safe="", errors="replace")
        for part in (failure.platform, failure.cluster_id, failure.step_id)
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    owner: str | None
    """None: done."""
    expires_at: float


class MemoryRepeats:
    """Remembers within one process; for tests, the command line and a function without a table.

    Args:
        clock: seconds that never go back.
        claim_seconds: how long a claim holds; longer than the work may take.
        done_seconds: how long what is done is remembered; longer than a message may come again.
        max_keys: with more, those that expire first are forgotten, done ones before claims.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        claim_seconds: float = CLAIM_SECONDS,
        done_seconds: float = DONE_SECONDS,
        *,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._clock = clock
        self._claim_seconds = claim_seconds
        self._done_seconds = done_seconds
        self._max_keys = max_keys
        self._entries: dict[str, _Entry] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def claim(self, key: str, *, owner: str) -> Claim:
        """Ask for a piece of work; see `Repeats.claim`."""
        with self._lock:
            held = self._held(key)
            if held is not None and held.owner is None:
                return Claim(Hold.DONE)
            if held is not None and held.owner != owner:
                return Claim(Hold.BUSY, held.expires_at - self._clock())
            self._keep(key, owner, self._claim_seconds)
            return Claim(Hold.OURS)

    def settle(self, key: str, *, owner: str, done: bool) -> None:
        """End a claim; see `Repeats.settle`."""
        with self._lock:
            held = self._held(key)
            if done:
                self._keep(key, None, self._done_seconds)
            elif held is not None and held.owner == owner:
                del self._entries[key]

    def _held(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.expires_at <= self._clock():
            del self._entries[key]
            return None
        return entry

    def _keep(self, key: str, owner: str | None, seconds: float) -> None:
        if key not in self._entries and len(self._entries) >= self._max_keys:
            self._make_room()
        self._entries[key] = _Entry(owner, self._clock() + seconds)

    def _make_room(self) -> None:
        moment = self._clock()
        self._entries = {key: entry for key, entry in self._entries.items() if entry.expires_at > moment}
        while len(self._entries) >= self._max_keys:
            del self._entries[min(self._entries, key=self._worth)]

    def _worth(self, key: str) -> tuple[bool, float]:
        entry = self._entries[key]
        return entry.owner is not None, entry.expires_at
