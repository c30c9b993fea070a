"""A path of the caller in, the log store and what lies beside it out: the edge where logs are named.

PATH may be a case folder, `logs`, `logs/<clusterId>`, a step's folder, a file, the same in a bucket
(`s3://…`), or `-` for standard input. `meta.json` is looked for in PATH and its two parents. A path that
does not exist is a `UsageError`; a tree without a single readable file is not.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from diagnose import layout
from diagnose.address import find_address
from diagnose.download import S3Client
from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.log import DirectoryStore, FileStore, LogStore, StreamStore
from diagnose.metadata import read_metadata

_SEARCHED: Final = 3
"""PATH itself and its two parents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a failure's logs are and what was told about it."""

    store: LogStore
    failure: Failure
    context: JobContext
    gaps: tuple[str, ...] = ()


def find_place(
    path: Path | str, *, step_id: str | None = None, s3: Callable[[], S3Client] | None = None
) -> Place:
    """Find the logs of a failed step, on this machine or in S3.

    Args:
        path: a folder, a file, an `s3://` address, or `-` for standard input.
        step_id: the step to diagnose; it wins over the one of `meta.json`.
        s3: makes boto3's S3 client; called for an `s3://` address only.

    Raises:
        UsageError: the path does not exist or can't be listed.
    """
    if str(path) == "-":
        store = StreamStore("-", sys.stdin.buffer)
        return Place(store=store, failure=Failure(step_id=step_id or ""), context=JobContext())
    try:
        if not re.match(r"s3[an]?://", str(path)):
            return _local(Path(path), step_id)
        if s3 is not None:
            return _remote(str(path), step_id, s3())
    except (OSError, ValueError) as error:
        shown = str(path) if len(str(path)) <= MAX_SHOWN_PATH else "the path"
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{shown}: {reason}; give a log file or folder that can be read") from None
    raise UsageError(f"{path}: S3 can't be read from here; copy the logs and give their folder")


MAX_SHOWN_PATH: Final = 400


def _local(where: Path, step_id: str | None) -> Place:
    if not where.exists():
        raise UsageError(f"{where}: no such file or folder; give a log file, an EMR log tree or -")
    failure, context, gaps = _beside(where)
    told = Place(store=DirectoryStore(where), failure=failure, context=context, gaps=gaps)
    if not where.is_dir():
        return replace(told, store=_file_store(where))
    root = _root(where, failure.cluster_id)
    step = where.name if where.parent.name == "steps" else ""
    return _chosen(replace(told, store=DirectoryStore(root)), step_id, folder=root.name, step=step)


def _remote(uri: str, step_id: str | None, client: S3Client) -> Place:
    address = find_address(client, uri)
    text, lost = address.meta()
    failure, context, gaps = read_metadata(text) if text is not None else (Failure(), JobContext(), ())
    store, folder = address.store(failure.cluster_id)
    told = Place(store=store, failure=failure, context=context, gaps=(*gaps, *lost))
    if address.name is not None:
        return told
    step = address.folder[-1] if address.folder[-2:-1] == ("steps",) else ""
    return _chosen(told, step_id, folder=folder, step=step)


def _chosen(told: Place, step_id: str | None, *, folder: str, step: str) -> Place:
    """Choose cluster and step: by argument, by `meta.json`, else by the names of the folders."""
    failure, context = told.failure, told.context
    cluster = failure.cluster_id or (folder if layout.is_cluster(folder) else "")
    step = step_id or failure.step_id or step
    if step not in ("", failure.step_id):  # what was told is about another step
        failure = Failure()
        context = JobContext(cluster=context.cluster, yarn=context.yarn, document=context.document)
    return replace(told, failure=replace(failure, cluster_id=cluster, step_id=step), context=context)


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
    starts = [i for i, part in enumerate(parts) if part in layout.FOLDERS]
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
    return next((part.parent for part in chain if part.name in layout.FOLDERS), None)


def _is_root(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in layout.FOLDERS)


def _clusters(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and (_is_root(p) or layout.is_cluster(p.name)))
