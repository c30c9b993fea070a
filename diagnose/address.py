"""An S3 address of the caller in, the cluster's folder around it out: the rules of a local path, in a bucket.

An address may be a bucket, a folder above, at or inside a cluster's folder, or one object. Few requests
whatever the bucket holds: no listing but of the folders directly below one, and that bounded.
"""

from dataclasses import dataclass
from typing import Final

from diagnose import layout
from diagnose.bucket import BucketStore, PickedStore, parse_location
from diagnose.download import S3Client
from diagnose.errors import UsageError
from diagnose.log import LogStore

_SEARCHED: Final = 3
"""The folder itself and its two parents."""
_DEEPEST: Final = 4
"""`containers/<application>/<host>/<container>` lies this far below a cluster's folder."""
_MAX_PROBED: Final = 20
"""Folders whose name is no cluster id that are looked into for `steps`, `containers` and `node`."""
_MAX_NAMED: Final = 10
_MAX_META_BYTES: Final = 4 << 20

Parts = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """An address that leads somewhere."""

    bucket: BucketStore
    """The whole bucket."""
    folder: Parts
    """The names of the folder, or of the folder of the object."""
    name: str | None = None
    """The object's own name, where the address is one."""

    def meta(self) -> tuple[str | None, tuple[str, ...]]:
        """Read the `meta.json` of the folder or of its two parents; None where there is none."""
        for up in range(min(_SEARCHED, len(self.folder) + 1)):
            name = "/".join((*self.folder[: len(self.folder) - up], "meta.json"))
            try:
                with self.bucket.open(name) as stream:
                    return stream.read(_MAX_META_BYTES).decode("utf-8", errors="replace"), ()
            except FileNotFoundError:
                continue
            except PermissionError as error:
                if up == 0:
                    return None, (f"meta.json could not be read ({error.strerror})",)
            except OSError as error:
                return None, (f"meta.json could not be read ({error.strerror})",)
        return None, ()

    def store(self, cluster_id: str) -> tuple[LogStore, str]:
        """Give the logs, rooted at the cluster's folder, and that folder's name.

        Raises:
            UsageError: the folder holds several clusters.
            OSError: a folder can't be listed.
        """
        if self.name is not None:
            return self._object(self.name), ""
        root = self._root(cluster_id)
        return self._at(root), root[-1] if root else ""

    def _object(self, name: str) -> LogStore:
        """Name a single object as far as EMR's layout goes, so that a driver's file is known as one."""
        starts = [place for place, part in enumerate(self.folder) if part in layout.FOLDERS]
        start = starts[-1] if starts else len(self.folder)
        return PickedStore(self._at(self.folder[:start]), "/".join((*self.folder[start:], name)))

    def _root(self, cluster_id: str) -> Parts:
        for level in (self.folder, (*self.folder, "logs")):
            names = self._folders(level)
            if not layout.FOLDERS.isdisjoint(names):
                return level
            if cluster_id and (cluster_id in names or self._holds((*level, cluster_id))):
                return (*level, cluster_id)
            clusters = self._clusters(level, names)
            if len(clusters) == 1:
                return (*level, clusters[0])
            if clusters:
                more = ", …" if len(clusters) > _MAX_NAMED else ""
                raise UsageError(
                    f"s3://{self.bucket.bucket}/{'/'.join(level)}: holds several clusters "
                    f"({', '.join(clusters[:_MAX_NAMED])}{more}); give the folder of one"
                )
        return self._root_above() or self.folder

    def _root_above(self) -> Parts | None:
        """Find the cluster's folder of a step's or container's folder; folders further up mean nothing."""
        depths = range(len(self.folder), max(len(self.folder) - _DEEPEST, 0), -1)
        inside = (depth for depth in depths if self.folder[depth - 1] in layout.FOLDERS)
        return next((self.folder[: depth - 1] for depth in inside), None)

    def _clusters(self, level: Parts, names: tuple[str, ...]) -> list[str]:
        others = [name for name in names if not layout.is_cluster(name)][:_MAX_PROBED]
        roots = {n for n in others if not layout.FOLDERS.isdisjoint(self._folders((*level, n)))}
        return [name for name in names if layout.is_cluster(name) or name in roots]

    def _folders(self, parts: Parts) -> tuple[str, ...]:
        return tuple(self.bucket.folders("/".join(parts)))

    def _holds(self, parts: Parts) -> bool:
        return self.bucket.holds("".join(f"{part}/" for part in parts))

    def _at(self, parts: Parts) -> BucketStore:
        return BucketStore(self.bucket.client, self.bucket.bucket, "/".join(parts))


def find_address(client: S3Client, uri: str) -> Address:
    """Resolve an address.

    Raises:
        UsageError: it is no address in S3, or nothing is there.
        OSError: the bucket can't be listed; `strerror` says why.
    """
    name, prefix = parse_location(uri)
    bucket = BucketStore(client, name)
    parts = tuple(prefix.split("/")) if prefix else ()
    if parts and not uri.endswith("/") and bucket.has(prefix):
        return Address(bucket=bucket, folder=parts[:-1], name=parts[-1])
    if not bucket.holds(f"{prefix}/" if prefix else ""):
        raise UsageError(f"{uri}: no such object or folder; give a log object, an EMR log tree or its bucket")
    return Address(bucket=bucket, folder=parts)
