"""A store and the names that will be opened next in, the same store with the waiting done side by side out.

Over a network most of the time of a small file is waiting. `ReadAhead` opens the next few files in threads
and reads the beginning of each, while the caller works through them one after the other: same order, same
bytes, same errors, at the same place. Memory: `depth` + 1 times `head_bytes`. Threads and streams end with
the context; a thread that waits for the network ends with that request's own timeout.
"""

import io
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from diagnose.log import BLOCK_BYTES, LogFile, LogStore

AHEAD_FILES: Final = 8
"""How many files are opened ahead: with the one being read, below boto3's ten connections of a client."""
HEAD_BYTES: Final = 1 << 20
"""Read ahead of each file, still compressed: most container logs are smaller."""


class ReadAhead:
    """A log store that opens what is expected before it is asked for.

    Args:
        store: what is read; its `open` is called in threads.
        depth: how many files may be open ahead of the one asked for.
        head_bytes: how much of each is read ahead; a multiple of `BLOCK_BYTES` keeps blocks as they are.
    """

    def __init__(self, store: LogStore, depth: int = AHEAD_FILES, head_bytes: int = HEAD_BYTES) -> None:
        self._store = store
        self._depth = depth
        self._head_bytes = head_bytes
        self._pool = ThreadPoolExecutor(max_workers=depth, thread_name_prefix="read-ahead")
        self._waiting: deque[str] = deque()
        self._started: dict[str, Future[BinaryIO]] = {}
        self._ending = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for future in self._started.values():
            if not future.cancelled() and future.exception() is None:
                future.result().close()
        self._started.clear()

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List as the store does."""
        return self._store.list(under)

    def expect(self, names: Iterable[str]) -> None:
        """Tell which files will be opened next, in this order; each is opened ahead once."""
        self._waiting.extend(name for name in names if name not in self._started)
        self._fill()

    def open(self, name: str) -> BinaryIO:
        """Open a file, or give the stream that was opened ahead; OSError as from the store."""
        future = self._started.pop(name, None)
        if future is None and name in self._waiting:
            self._waiting.remove(name)
        self._fill()
        return self._store.open(name) if future is None else future.result()

    def _fill(self) -> None:
        while self._waiting and len(self._started) < self._depth:
            name = self._waiting.popleft()
            if name not in self._started:
                self._started[name] = self._pool.submit(self._begin, name)

    def _begin(self, name: str) -> BinaryIO:
        """Open a file and read its beginning; runs in a thread."""
        stream = self._store.open(name)
        head, failure = bytearray(), None
        try:
            while len(head) < self._head_bytes and not self._ending.is_set():
                block = stream.read(min(BLOCK_BYTES, self._head_bytes - len(head)))
                if not block:
                    break
                head += block
        except OSError as error:
            failure = error
        except BaseException:
            stream.close()
            raise
        return cast("BinaryIO", _Begun(bytes(head), stream, failure))


class _Begun(io.RawIOBase):
    """A stream whose beginning was read: first that, then the error that ended it, or the rest."""

    def __init__(self, head: bytes, rest: BinaryIO, failure: OSError | None) -> None:
        self._head = io.BytesIO(head)
        self._rest = rest
        self._failure = failure

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes; fewer at the seam between the beginning and the rest."""
        if size < 0:
            return self.readall()
        if block := self._head.read(size):
            return block
        if self._failure is not None:
            raise self._failure
        return self._rest.read(size)

    def readall(self) -> bytes:
        """Read all that is left."""
        return b"".join(iter(lambda: self.read(BLOCK_BYTES), b""))

    def close(self) -> None:
        self._head.close()
        self._rest.close()
        super().close()
