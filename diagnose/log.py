"""Named streams of bytes in, numbered lines out, in memory that doesn't grow with the log.

`LogStore` is the seam behind which a local tree, standard input and S3 stand (`diagnose.bucket`).
`read_lines` gunzips, splits and decodes one stream. Limits: a line longer than `MAX_PIECE_BYTES` comes
as several pieces with the same number; a shared `ReadBudget` caps the decompressed bytes of a step and
ends reading when the time is up; truncated gzip gives what was readable. What was lost is told by
`ReadReport`, never by an exception.
"""

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol, overload, runtime_checkable

from diagnose import inflate
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.text import decoded

MAX_PIECE_BYTES: Final = 16 * 1024
"""Longest piece of a line; real stack-trace lines and Spark plans stay below it."""
BLOCK_BYTES: Final = inflate.BLOCK_BYTES
_BINARY_SHARE: Final = 0.02
"""A first block with more control characters than this share is no text; random bytes hold a tenth."""
_CONTROLS: Final = bytes({*range(32)} - {7, 8, 9, 10, 12, 13, 27})
"""Of control characters those that text does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFile:
    """One file of a log store: its name relative to the root, with `/`, and its stored size."""

    name: str
    size_bytes: int | None = None
    modified: datetime | None = None
    """When it was last written, where the store knows; None for local files, for copies lie."""


@dataclass(frozen=True)
class Listing(Sequence[LogFile]):
    """The files of a folder, with what could not be listed: for stores that may lose a part of it."""

    files: tuple[LogFile, ...] = ()
    gaps: tuple[str, ...] = ()
    """What is not in `files` though it may be in the store, in words."""
    complete: bool = True
    """False: the listing stopped at its bound, and there is more."""

    @overload
    def __getitem__(self, place: int) -> LogFile: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[LogFile]: ...
    def __getitem__(self, place: int | slice) -> LogFile | Sequence[LogFile]:
        return self.files[place]

    def __len__(self) -> int:
        return len(self.files)


class LogStore(Protocol):
    """Where log files are: list them, open one."""

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List the files below a folder, in order, folder by folder.

        Args:
            under: a folder such as `steps/s-1/` or `node/*/applications/hadoop-yarn/`, where one `*`
                stands for any one folder name; "" is everything.

        Returns:
            The files, none where there is no such folder; a `Listing` where a part of them was lost.

        Raises:
            OSError: the folder can't be listed at all.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Open one file's stored bytes (still compressed). Raises OSError when it can't be read."""
        ...


@runtime_checkable
class WideStore(LogStore, Protocol):
    """A store that may hold more files than anybody wants to list, such as a bucket."""

    def head(self) -> Listing:
        """List the first files in one request; `complete` tells whether these are all."""
        ...

    def folders(self, under: str = "") -> Sequence[str]:
        """Name the folders directly below one, without listing what is in them; bounded."""
        ...


def is_under(name: str, under: str) -> bool:
    """Tell whether a file lies below a folder; see `LogStore.list` for its form."""
    wanted, parts = folder_parts(under), name.split("/")[:-1]
    return len(parts) >= len(wanted) and all(w in ("*", p) for w, p in zip(wanted, parts, strict=False))


def folder_parts(under: str) -> tuple[str, ...]:
    """Split a folder into its names: `steps/s-1/` and `steps/s-1` are the same."""
    return tuple(under.rstrip("/").split("/")) if under.rstrip("/") else ()


@dataclass(frozen=True)
class DirectoryStore:
    """The files below a local folder; symbolic links are not followed out of it."""

    root: Path

    def list(self, under: str = "") -> Listing:
        """List every regular file below a folder; sub-folders that can't be read are told as gaps."""
        lost: dict[Path, str] = {}
        folders = self._matching(folder_parts(under), lost)
        walked = (file for folder in folders for file in _walk(folder, lost))
        found = [LogFile(name=self._name(path), size_bytes=info.st_size) for path, info in walked]
        if self.root in lost:
            raise PermissionError(13, lost[self.root])
        gaps = tuple(f"{self._name(f)}/ could not be listed ({why})" for f, why in lost.items())
        return Listing(tuple(sorted(found, key=lambda file: file.name.split("/"))), gaps)

    def open(self, name: str) -> BinaryIO:
        """Open a file by its name relative to the root."""
        return (self.root / name).open("rb")

    def _matching(self, parts: Sequence[str], lost: dict[Path, str]) -> Sequence[Path]:
        found = [self.root]
        for part in parts:
            if part == "*":
                found = [child for folder in found for child in _children(folder, lost)]
            else:
                found = [folder / part for folder in found if part not in ("", ".", "..")]
            found = [f for f in found if (info := _stat(f, lost)) and stat.S_ISDIR(info.st_mode)]
        return found

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _walk(folder: Path, lost: dict[Path, str]) -> Iterator[tuple[Path, os.stat_result]]:
    for where, _, names in os.walk(folder, onerror=lambda error: _lose(Path(error.filename), error, lost)):
        for path in (Path(where) / name for name in names):
            if (info := _stat(path, lost)) and stat.S_ISREG(info.st_mode):
                yield path, info


def _stat(path: Path, lost: dict[Path, str]) -> os.stat_result | None:
    """Tell what a path itself is, not what a link leads to; what can't be told is lost with its folder."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        _lose(path.parent, error, lost)
        return None


def _children(folder: Path, lost: dict[Path, str]) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        _lose(folder, error, lost)
        return ()


def _lose(folder: Path, error: OSError, lost: dict[Path, str]) -> None:
    lost[folder] = error.strerror or type(error).__name__


@dataclass(frozen=True)
class MemoryStore:
    """Files held in memory: the twin for tests and replay."""

    files: Mapping[str, bytes]

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List the files below a folder in name order."""
        files = sorted(self.files.items())
        return [LogFile(name=name, size_bytes=len(data)) for name, data in files if is_under(name, under)]

    def open(self, name: str) -> BinaryIO:
        """Open a file; OSError when there is none of that name."""
        if name not in self.files:
            raise _no_file(name)
        return io.BytesIO(self.files[name])


@dataclass(frozen=True)
class FileStore:
    """One local file under a name of the caller's choice."""

    name: str
    path: Path

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List the one file."""
        return _one(self.name, under)

    def open(self, name: str) -> BinaryIO:
        """Open the file."""
        if name != self.name:
            raise _no_file(name)
        return self.path.open("rb")


@dataclass(frozen=True)
class StreamStore:
    """One stream that can be read once, such as standard input."""

    name: str
    stream: BinaryIO

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List the one stream; its size is not known."""
        return _one(self.name, under)

    def open(self, name: str) -> BinaryIO:
        """Give the stream; it can be read once."""
        if name != self.name:
            raise _no_file(name)
        return self.stream


def _one(name: str, under: str) -> Sequence[LogFile]:
    return [LogFile(name=name)] if is_under(name, under) else []


def _no_file(name: str) -> FileNotFoundError:
    return FileNotFoundError(f"no log file {name!r}")


@dataclass(slots=True)
class ReadBudget:
    """How many decompressed bytes may still be read, over all files of a step, and until when."""

    left_bytes: int
    deadline: Deadline = NO_DEADLINE


@dataclass(slots=True)
class ReadReport:
    """What became of one stream: filled while its lines are read."""

    truncated: bool = False
    """The gzip stream ends before its end marker, or is damaged."""
    capped: bool = False
    """The read budget ended before the stream did."""
    binary: bool = False
    """The content is no text; nothing was yielded."""
    late: bool = False
    """The time ran out before the stream did."""
    error: str = ""
    """The operating system's reason, when the stream could not be read."""
    open_end: bool = False
    """What was read ends in the middle of a line: its writer was stopped, or a copy. No loss of ours."""

    @property
    def whole(self) -> bool:
        """Tell whether every byte was read as text."""
        return not (self.truncated or self.capped or self.binary or self.late or self.error)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or one piece of an overlong line (then `cut_left` or `cut_right` is true)."""

    number: int
    text: str
    cut_left: bool = False
    cut_right: bool = False


Hear = Callable[[bytes], None]


class Lines(Iterator[Line]):
    """One stream as it is read, once: line by line, or in blocks for whoever finds the lines faster."""

    def __init__(self, stream: BinaryIO, budget: ReadBudget, report: ReadReport, hear: Hear | None) -> None:
        self.report = report
        blocks = _guarded(_checked(_decompressed(stream, budget, report), report), report)
        self._blocks = _heard(blocks, hear) if hear else blocks
        self._lines = _split(self._blocks, report)

    def __next__(self) -> Line:
        return next(self._lines)

    def blocks(self) -> Iterator[bytes]:
        """Give the decompressed bytes; when they end with `report.error`, an unfinished line is not used."""
        return self._blocks


def read_lines(
    stream: BinaryIO, *, budget: ReadBudget, report: ReadReport, hear: Hear | None = None
) -> Lines:
    """Read one stream line by line.

    Args:
        stream: stored bytes; gzip is told by its magic number, whatever the name says.
        budget: shared over the files of a step; it is drawn down by the decompressed bytes, and its
            deadline ends reading between two blocks.
        report: filled while the lines are read; complete when the iterator ends.
        hear: called with each decompressed block before any of its lines is given.

    Returns:
        The lines in order, numbered from 1, without line end and terminal colours; invalid UTF-8
        becomes U+FFFD.
    """
    return Lines(stream, budget, report, hear)


def _heard(blocks: Iterator[bytes], hear: Hear) -> Iterator[bytes]:
    for block in blocks:
        hear(block)
        yield block


def _guarded(blocks: Iterator[bytes], report: ReadReport) -> Iterator[bytes]:
    try:
        yield from blocks
    except OSError as error:
        report.error = error.strerror or type(error).__name__


def _checked(blocks: Iterator[bytes], report: ReadReport) -> Iterator[bytes]:
    for i, block in enumerate(blocks):
        if i == 0 and _is_binary(block):
            report.binary = True
            return
        report.open_end = block[-1:] != b"\n"
        yield block


def _is_binary(block: bytes) -> bool:
    return len(block) - len(block.translate(None, _CONTROLS)) > len(block) * _BINARY_SHARE


def _decompressed(stream: BinaryIO, budget: ReadBudget, report: ReadReport) -> Iterator[bytes]:
    first = stream.read(BLOCK_BYTES)
    raw = _blocks(first, stream)
    blocks = _gunzipped(raw, report) if first.startswith(inflate.GZIP_MAGIC) else raw
    for block in blocks:
        if budget.deadline.near:
            report.late = True
            return
        if len(block) > budget.left_bytes:
            report.capped = True
            allowed = block[: budget.left_bytes]
            budget.left_bytes = 0
            if allowed:
                yield allowed
            return
        budget.left_bytes -= len(block)
        yield block


def _blocks(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    block = first
    while block:
        yield block
        block = stream.read(BLOCK_BYTES)


def _gunzipped(blocks: Iterator[bytes], report: ReadReport) -> Iterator[bytes]:
    report.truncated = yield from inflate.inflated(blocks)


def _split(blocks: Iterator[bytes], report: ReadReport) -> Iterator[Line]:
    number, rest, cut_left = 1, b"", False
    for block in blocks:
        *complete, rest = (rest + block).split(b"\n")
        for raw in complete:
            yield from _pieces(raw, number, cut_left=cut_left)
            number, cut_left = number + 1, False
        while len(rest) > MAX_PIECE_BYTES:
            yield Line(number, decoded(rest[:MAX_PIECE_BYTES]), cut_left, cut_right=True)
            rest, cut_left = rest[MAX_PIECE_BYTES:], True
    if rest and not report.error:
        yield from _pieces(rest, number, cut_left=cut_left)


def _pieces(raw: bytes, number: int, *, cut_left: bool) -> Iterator[Line]:
    for start in range(0, max(len(raw), 1), MAX_PIECE_BYTES):
        end = start + MAX_PIECE_BYTES
        text = decoded(raw[start:end])
        yield Line(number, text, cut_left or start > 0, cut_right=end < len(raw))
