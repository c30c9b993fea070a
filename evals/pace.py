"""A rate limit: at most so many questions per minute, evenly spread."""

import time
from collections.abc import Callable

Pace = Callable[[], None]


def unlimited() -> None:
    """Wait for nothing."""


def per_minute(
    limit: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Pace:
    """Make a pace of at most `limit` questions per minute.

    Args:
        limit: above 0.
        clock: seconds that only grow.
        sleep: waits for some seconds.
    """
    gap_seconds = 60 / limit
    free_at = clock()

    def wait() -> None:
        nonlocal free_at
        now = clock()
        if free_at > now:
            sleep(free_at - now)
        free_at = max(free_at, now) + gap_seconds

    return wait
