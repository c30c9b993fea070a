"""A call over the network in, its answer out: retries within a deadline.

Only what is temporary is tried again: after 1, 2 and 4 seconds, or when the other side says.
Loads tenacity on first use.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from diagnose.deadline import Deadline
from diagnose.errors import DeadlineError
from diagnose.timebox import within

WAITS_SECONDS: Final = (1.0, 2.0, 4.0)
"""Before each retry; throttling of the EMR API passes within seconds."""
ATTEMPTS: Final = len(WAITS_SECONDS) + 1

Answer = TypeVar("Answer")


def _no_word(error: BaseException) -> float | None:
    return None


def persist(
    call: Callable[[], Answer],
    *,
    waited_for: str,
    passing: Callable[[BaseException], bool],
    deadline: Deadline,
    sleep: Callable[[float], object] = time.sleep,
    asked: Callable[[BaseException], float | None] = _no_word,
) -> Answer:
    """Call, and call again while what stands in the way is temporary.

    Args:
        call: one attempt.
        waited_for: what the deadline's error names.
        passing: whether an error is temporary.
        deadline: no wait begins that does not end before it.
        sleep: waits so many seconds.
        asked: how long the other side asks to wait, in seconds; None when it does not say.

    Raises:
        DeadlineError: the time is up, or would be before the next attempt.
        Exception: what the last attempt raised.
    """
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415 - heavy

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = asked(error) if error else None
        usual = WAITS_SECONDS[min(state.attempt_number, len(WAITS_SECONDS)) - 1]  # asked after the last, too
        return usual if told is None else told

    def wait(seconds: float) -> None:
        if seconds >= deadline.left_seconds():
            raise DeadlineError(f"time ran out while waiting for {waited_for}")
        sleep(seconds)

    def attempt() -> Answer:
        return within(deadline.check(waited_for), call, waited_for)

    retrying = Retrying(
        sleep=wait,
        stop=stop_after_attempt(ATTEMPTS),
        wait=pause,
        retry=retry_if_exception(passing),
        reraise=True,
    )
    return retrying(attempt)
