"""A blocking call in, its answer out, or an error when the time is up.

A library's read time-out counts anew for every piece that arrives, so a peer that trickles holds a call for
ever. Here the call runs in a thread that nobody waits for longer than allowed; it ends by the library's own
time-out. Without a deadline the call is made directly.
"""

import errno
import math
from collections.abc import Callable, Iterator, Mapping
from threading import Thread
from typing import Any, TypeVar

from diagnose.deadline import OUT_OF_TIME, Deadline
from diagnose.errors import DeadlineError

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T], waited_for: str) -> T:
    """Make a call that may take so many seconds.

    Args:
        seconds: may be infinite: then the call is made directly.
        call: what it gives after its time is dropped.
        waited_for: what the error names.

    Raises:
        DeadlineError: it took longer.
        Exception: what the call raised.
    """
    if math.isinf(seconds):
        return call()
    box: list[tuple[T | None, BaseException | None]] = []

    def run() -> None:
        try:
            box.append((call(), None))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            box.append((None, error))

    thread = Thread(target=run, name="timebox", daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        raise DeadlineError(f"{OUT_OF_TIME} while waiting for {waited_for}")
    answer, error = box[0]
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # no error, so it is what the call gave


class TimeboxedS3:
    """boto3's S3 client with a deadline over every call and every read of a body.

    Args:
        client: the real one.
        deadline: when nothing is waited for any more.
    """

    def __init__(self, client: Any, deadline: Deadline) -> None:  # noqa: ANN401 - boto3 has no types
        self._client = client
        self._deadline = deadline

    def get_object(self, **arguments: object) -> Mapping[str, Any]:
        """Open an object; its body is timeboxed, too."""
        answer = dict(self._call(lambda: self._client.get_object(**arguments)))
        answer["Body"] = _Body(answer["Body"], self._deadline)
        return answer

    def list_objects_v2(self, **arguments: object) -> Mapping[str, Any]:
        """List one page of keys."""
        return self._call(lambda: self._client.list_objects_v2(**arguments))

    def get_paginator(self, operation_name: str) -> "_Pages":
        """List page after page."""
        return _Pages(self._client.get_paginator(operation_name), self._deadline)

    def _call(self, call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        return _in_time(self._deadline, call)


def _in_time(deadline: Deadline, call: Callable[[], T]) -> T:
    """Make a call of a file's kind: what a deadline ends is an error of the operating system's kind."""
    try:
        return within(deadline.left_seconds(), call, "S3")
    except DeadlineError as error:
        raise TimeoutError(errno.ETIMEDOUT, OUT_OF_TIME) from error


class _Pages:
    def __init__(self, paginator: Any, deadline: Deadline) -> None:  # noqa: ANN401 - as above
        self._paginator = paginator
        self._deadline = deadline

    def paginate(self, **arguments: object) -> Iterator[Mapping[str, Any]]:
        """Give the pages, each in time."""
        pages = iter(self._paginator.paginate(**arguments))
        while (page := _in_time(self._deadline, lambda: next(pages, None))) is not None:
            yield page


class _Body:
    def __init__(self, body: Any, deadline: Deadline) -> None:  # noqa: ANN401 - as above
        self._body = body
        self._deadline = deadline
        self._given_up = False

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes in time."""
        try:
            return _in_time(self._deadline, lambda: bytes(self._body.read(size)))
        except TimeoutError:
            self._given_up = True
            raise

    def close(self) -> None:
        """Give the connection up; closing one that is still being read would wait for that read."""
        if not self._given_up:
            self._body.close()
