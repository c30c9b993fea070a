"""An append-only file that keeps every row the moment it is there, so that a killed run can go on.

JSON Lines: the first names the run (identity and provenance), each other is one row. A row is one write to a
file opened for appending: a killed process loses at most the row under way, whose half line is removed when
the run is taken up again. What the file system itself loses in a power cut is not guarded against.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeVar

from pydantic import ValidationError

from evals.errors import RunError
from evals.run import VERSION, Identity, Provenance, Row, Run, Stored

FILE: Final = "journal.jsonl"
_T = TypeVar("_T", bound=Stored)


class _Head(Stored):
    version: Literal[1] = VERSION
    identity: Identity
    provenance: Provenance


class Journal:
    """Rows of one run, those of before a kill included; a context manager.

    Args:
        file: made if missing.
        identity: of the run that wants to write; must be that of the rows which are there.
        provenance: of a new run; a run that is taken up again keeps its own.

    Raises:
        RunError: the file can't be used, or holds another run's rows.
    """

    def __init__(self, file: Path, identity: Identity, provenance: Provenance) -> None:
        self.file = file
        self._rows: dict[tuple[str, int], Row] = {}
        head = _Head(identity=identity, provenance=provenance)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = _whole_lines(file)
            self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(
                f"journal {file}: can't be written ({error.strerror}); give another folder"
            ) from None
        if lines:
            head = self._take_up(lines, identity)
        else:
            self._append(head)
        self.identity, self.provenance = head.identity, head.provenance

    def __enter__(self) -> Self:
        """Give the journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @property
    def keys(self) -> frozenset[tuple[str, int]]:
        """Case and repeat of every row that is there."""
        return frozenset(self._rows)

    def keep(self, row: Row) -> None:
        """Write a row.

        Raises:
            RunError: it can't be written, or is there already.
        """
        if row.key in self._rows:
            raise RunError(f"journal {self.file}: case {row.case_id}, repeat {row.repeat} is there already")
        self._append(row)
        self._rows[row.key] = row

    def run(self) -> Run:
        """Give the run as far as it has come, rows in order."""
        rows = tuple(self._rows[key] for key in sorted(self._rows))
        return Run(identity=self.identity, provenance=self.provenance, rows=rows)

    def _take_up(self, lines: list[bytes], identity: Identity) -> _Head:
        head = _parse(_Head, lines[0], self.file, 1)
        if head.identity != identity:
            raise RunError(
                f"journal {self.file}: holds another run ({_difference(head.identity, identity)}); "
                "give another folder, or --fresh to begin anew"
            )
        for number, line in enumerate(lines[1:], start=2):
            row = _parse(Row, line, self.file, number)
            self._rows[row.key] = row
        return head

    def _append(self, item: Stored) -> None:
        line = item.model_dump_json().encode() + b"\n"
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise self._unwritable(error.strerror) from None
        if written != len(line):
            raise self._unwritable("the disk is full")

    def _unwritable(self, reason: str | None) -> RunError:
        return RunError(
            f"journal {self.file}: can't be written ({reason}); make room, and run the same command"
        )


def _whole_lines(file: Path) -> list[bytes]:
    """Read the lines that are complete, and cut off what a killed process left half written."""
    if not file.exists():
        return []
    *whole, rest = file.read_bytes().split(b"\n")
    if rest:
        os.truncate(file, file.stat().st_size - len(rest))
    return whole


def _parse(kind: type[_T], line: bytes, file: Path, number: int) -> _T:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "no JSON"
        raise RunError(f"journal {file}, line {number}: damaged ({field}); run again with --fresh") from None


def _difference(there: Identity, wanted: Identity) -> str:
    """Name the first field that differs, with both values."""
    before, now = there.model_dump(mode="json"), wanted.model_dump(mode="json")
    name = next(name for name in before if before[name] != now[name])
    return f"{name}: {before[name]!r} there, {now[name]!r} now"
