"""A path of the caller in, the log store and what lies beside it out: the local edge.

PATH may be a case folder, `logs`, `logs/<clusterId>`, a step's folder, a file, or `-` for standard input.
`meta.json` is looked for in PATH and its two parents. A path that does not exist is a `UsageError`;
a tree without a single readable file is not.
"""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.log import DirectoryStore, FileStore, LogStore, StreamStore
from diagnose.metadata import read_metadata

_CLUSTER: Final = re.compile(r"j-[A-Z0-9]{4,}")
_PARTS: Final = ("steps", "containers", "node")
_SEARCHED: Final = 3
"""PATH itself and its two parents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a failure's logs are and what was told about it."""

    store: LogStore
    failure: Failure
    context: JobContext
    gaps: tuple[str, ...] = ()


def find_place(path: Path | str, *, step_id: str | None = None) -> Place:
    """Find the logs of a failed step on this machine.

    Args:
        path: a folder, a file, or `-` for standard input.
        step_id: the step to diagnose; it wins over the one of `meta.json`.

    Raises:
        UsageError: the path does not exist or can't be listed.
    """
    if str(path) == "-":
        store = StreamStore("-", sys.stdin.buffer)
        return Place(store=store, failure=Failure(step_id=step_id or ""), context=JobContext())
    if re.match(r"s3[an]?://", str(path)):
        raise UsageError(f"{path}: S3 is not read by this version; copy the logs and give their folder")
    try:
        return _local(Path(path), step_id)
    except (OSError, ValueError) as error:
        shown = str(path) if len(str(path)) <= MAX_SHOWN_PATH else "the path"
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{shown}: {reason}; give a log file or folder that can be read") from None


MAX_SHOWN_PATH: Final = 400


def _local(where: Path, step_id: str | None) -> Place:
    if not where.exists():
        raise UsageError(f"{where}: no such file or folder; give a log file, an EMR log tree or -")
    failure, context, gaps = _beside(where)
    if not where.is_dir():
        return Place(store=_file_store(where), failure=failure, context=context, gaps=gaps)
    root = _root(where, failure.cluster_id)
    cluster = failure.cluster_id or _cluster_in(root)
    step = step_id or failure.step_id or (where.name if where.parent.name == "steps" else "")
    if step not in ("", failure.step_id):  # what was told is about another step
        failure, context = Failure(), replace(context, step={})
    chosen = replace(failure, cluster_id=cluster, step_id=step)
    return Place(store=DirectoryStore(root), failure=chosen, context=context, gaps=gaps)


def _beside(where: Path) -> tuple[Failure, JobContext, tuple[str, ...]]:
    folder = (where if where.is_dir() else where.parent).absolute()
    for candidate in (folder, *folder.parents)[:_SEARCHED]:
        file = candidate / "meta.json"
        if file.is_file():
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                return Failure(), JobContext(), ("meta.json could not be read",)
            return read_metadata(text)
    return Failure(), JobContext(), ()


def _file_store(file: Path) -> FileStore:
    """Name a single file as far as EMR's layout goes, so that a driver's file is known as one."""
    parts = file.absolute().parts
    starts = [i for i, part in enumerate(parts) if part in _PARTS]
    name = PurePosixPath(*parts[starts[-1] :]).as_posix() if starts else file.name
    return FileStore(name, file)


def _root(where: Path, cluster_id: str) -> Path:
    """Find the folder that holds `steps`, `containers` and `node`; the folder itself when there is none."""
    levels = [where, where / "logs"]
    for level in levels:
        if _is_root(level):
            return level
        clusters = _clusters(level)
        named = [c for c in clusters if c.name == cluster_id]
        if named or len(clusters) == 1:
            return (named or clusters)[0]
        if clusters:
            names = ", ".join(c.name for c in clusters)
            raise UsageError(f"{where}: holds several clusters ({names}); give the folder of one")
    return _root_above(where) or where


_DEEPEST: Final = 4
"""`containers/<application>/<host>/<container>` lies this far below a cluster's folder."""


def _root_above(where: Path) -> Path | None:
    """Find the cluster's folder of a step's or container's folder; folders further up mean nothing."""
    here = where.absolute()
    chain = (here, *here.parents)[:_DEEPEST]
    return next((part.parent for part in chain if part.name in _PARTS), None)


def _is_root(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in _PARTS)


def _clusters(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and (_is_root(p) or _CLUSTER.fullmatch(p.name)))


def _cluster_in(root: Path) -> str:
    return root.name if _CLUSTER.fullmatch(root.name) else ""
