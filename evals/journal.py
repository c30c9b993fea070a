"""An append-only file that keeps every row the moment it is there, so that a killed run can go on.

JSON Lines: the first names the run (identity and provenance), each other is one row. A row is one write to a
file opened for appending: a killed process loses at most the row under way, whose half line is removed when
the run is taken up again. The file is locked while it is open: two processes can't write one run. What the
file system itself loses in a power cut is not guarded against.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, TypeVar

from pydantic import ValidationError

from evals.archive import JOURNAL
from evals.errors import RunError
from evals.run import VERSION, Identity, Provenance, Row, Run, Stored

FILE: Final = JOURNAL
Key: TypeAlias = tuple[str, int]
"""Case and repeat."""
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
        planned: the key of each row that the run is to have, and the checksum of its case.

    Raises:
        RunError: the file can't be used, another process has it, or it holds rows of another run.
    """

    def __init__(
        self, file: Path, identity: Identity, provenance: Provenance, planned: Mapping[Key, str]
    ) -> None:
        self.file, self._planned = file, planned
        self._rows: dict[Key, Row] = {}
        head = _Head(identity=identity, provenance=provenance)
        self._descriptor = _open_alone(file)
        try:
            if lines := _whole_lines(file):
                head = self._take_up(lines, identity)
            else:
                self._append(head)
        except BaseException:
            os.close(self._descriptor)
            raise
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
    def keys(self) -> frozenset[Key]:
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

    def drop_errors(self) -> int:
        """Take out rows that errored, so that their cases can be asked once more.

        Returns:
            How many.

        Raises:
            RunError: the file can't be written.
        """
        kept = [row for row in self._rows.values() if not row.error]
        dropped = len(self._rows) - len(kept)
        if dropped:
            self._rows = {}
            os.ftruncate(self._descriptor, 0)
            self._append(_Head(identity=self.identity, provenance=self.provenance))
            for row in kept:
                self.keep(row)
        return dropped

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
            if row.key in self._rows or self._planned.get(row.key) != row.case_sha256:
                raise RunError(
                    f"journal {self.file}, line {number}: case {row.case_id}, repeat {row.repeat} is there "
                    "twice or is no part of this run; run again with --fresh"
                )
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
            f"journal {self.file}: can't be written ({reason}); make room, and run the same command with "
            f"--output {self.file.parent}"
        )


def _open_alone(file: Path) -> int:
    """Open the file for appending, and hold it against every other process until it is closed."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(f"journal {file}: can't be written ({error.strerror}); give another folder") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise RunError(
            f"journal {file}: another `evals run` is writing there; wait for it, or give another folder"
        ) from None
    return descriptor


def _whole_lines(file: Path) -> list[bytes]:
    """Read the lines that are complete, and cut off what a killed process left half written."""
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
