"""A JSON Lines file ↔ its objects: read line by line in bounded memory, written whole or not at all.

What is accepted here, promptfoo accepts too (`tests: file://cases.jsonl`): lines end at a line feed alone,
with or without a carriage return before it; blank lines are skipped; a byte order mark is an error.
Limits: one object per line, UTF-8; a line above `MAX_LINE_BYTES` is refused without being held in memory.
Format: https://jsonlines.org.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from evals.errors import DatasetError

MAX_LINE_BYTES: Final = 1024 * 1024
"""A case is a few kilobytes; a line of a megabyte holds what belongs into a file of its own."""

_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line that is not blank.

    Attributes:
        number: From 1, as an editor counts.
        value: The object; None when the line holds none.
        problem: Why there is no object, and what to do; empty when there is one.
    """

    number: int
    value: dict[str, Any] | None = None
    problem: str = ""


def read_lines(path: Path) -> Iterator[Line]:
    """Read every line that is not blank, the bad ones with their problem.

    Raises:
        DatasetError: The file can't be read.
    """
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(_pieces(stream), start=1):
                if raw.strip():
                    yield _parse(number, raw)
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error}); restore the file") from error


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects with the numbers of their lines; the first bad line ends it.

    Raises:
        DatasetError: The file can't be read, or a line holds no object; the message opens with `file:line`.
    """
    for line in read_lines(path):
        if line.value is None:
            raise DatasetError(f"{path}:{line.number}: {line.problem}")
        yield line.number, line.value


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write one line per row, in the given order; the file is whole or as it was before.

    Raises:
        OSError: The folder can't be written to.
    """
    data = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        part.chmod(0o644)  # a temporary file is its owner's alone; a dataset is to be shared
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines; of one that is too long, its head of more than `MAX_LINE_BYTES`."""
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        yield raw
        while len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raw = stream.readline(MAX_LINE_BYTES + 1)


def _parse(number: int, raw: bytes) -> Line:
    if len(raw) > MAX_LINE_BYTES:
        problem = f"longer than {MAX_LINE_BYTES} bytes; keep raw logs in files, a line holds the label alone"
        return Line(number=number, problem=problem)
    if raw.startswith(_MARK):
        problem = "begins with a byte order mark, which promptfoo refuses; save the file as UTF-8 without it"
        return Line(number=number, problem=problem)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return Line(number=number, problem=f"not valid JSON ({error}); correct or remove the line")
    if not isinstance(value, dict):
        problem = f"holds a JSON {type(value).__name__}, not an object; a line is one case"
        return Line(number=number, problem=problem)
    return Line(number=number, value=value)
