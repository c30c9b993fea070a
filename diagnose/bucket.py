"""A place in S3 in, a log store out; and the search for the place where a cluster's logs are.

Listing is bounded (`MAX_LISTED`, `MAX_FOLDERS`) and what lies beyond is told. Every error is an `OSError` in
our own words (`diagnose.refusal`). The client is boto3's S3 client, made by the caller; it is used from
several threads. boto3 is not imported here, and botocore only when something goes wrong.
Source: Amazon S3 API reference, ListObjectsV2 and GetObject; EMR management guide, "View log files".
"""

import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from diagnose.deadline import NO_DEADLINE, OUT_OF_TIME, Deadline
from diagnose.download import ObjectStream, S3Client
from diagnose.errors import UsageError
from diagnose.layer import LayeredStore
from diagnose.log import Listing, LogFile, LogStore, MemoryStore, folder_parts, is_under
from diagnose.refusal import UNUSABLE, failures, refused

MAX_LISTED: Final = 20_000
"""Keys listed of one folder: twenty requests. The containers of one application stay far below; the whole
folder of a long-lived cluster holds 100,000s."""
MAX_FOLDERS: Final = 1000
"""Folders named of one folder: one request; as many nodes or clusters can be looked into."""
MAX_FOLDERS_TRIED: Final = 100
"""Folders of S3_LOG_BUCKET in which a cluster is looked for, one request each."""
PAGE_KEYS: Final = 1000
"""What S3 gives in one answer at most."""
LISTED_AT_ONCE: Final = 8


@dataclass(frozen=True)
class BucketStore:
    """The objects below a prefix of a bucket; a `WideStore`.

    Args:
        client: boto3's S3 client.
        bucket: the bucket's name.
        prefix: the folder, with or without `/` at its end; "" is the whole bucket.
        page_keys: how many keys one request lists, at most 1,000.
        max_listed: how many keys are listed of one folder.
    """

    client: S3Client
    bucket: str
    prefix: str = ""
    page_keys: int = PAGE_KEYS
    max_listed: int = MAX_LISTED

    @property
    def root(self) -> str:
        """The prefix as keys begin with it."""
        return f"{self.prefix.rstrip('/')}/" if self.prefix.rstrip("/") else ""

    def list(self, under: str = "") -> Listing:
        """List the objects below a folder; what was cut or refused below a `*` is told as gaps."""
        folders, complete = self._matching(folder_parts(under))
        gaps = (
            () if complete else (f"{under} has more than {MAX_FOLDERS} folders; only the first were listed",)
        )
        if not folders:
            return Listing(gaps=gaps, complete=complete)
        if len(folders) == 1 and "*" not in folder_parts(under):
            return self._list(folders[0], self.max_listed)
        listings = self._list_all(folders)
        return Listing(
            tuple(sorted((file for found in listings for file in found), key=_place)),
            (*gaps, *_summed(under, listings)),
            complete and all(found.complete for found in listings),
        )

    def head(self) -> Listing:
        """List the first page of keys."""
        answer = self._page(Prefix=self.root, MaxKeys=self.page_keys)
        files = sorted(self._files(answer), key=_place)
        return Listing(tuple(files), complete=not answer.get("IsTruncated"))

    def folders(self, under: str = "") -> Sequence[str]:
        """Name the first `MAX_FOLDERS` folders directly below one."""
        return self._folders("".join(f"{part}/" for part in folder_parts(under)))[0]

    def open(self, name: str) -> BinaryIO:
        """Open an object's stored bytes. Raises OSError, in words, when S3 refuses."""
        return cast("BinaryIO", ObjectStream(self.client, self.bucket, self.root + name))

    def holds(self, under: str = "") -> bool:
        """Tell whether there is any object below a folder, in one request."""
        return bool(self._page(Prefix=self.root + under, MaxKeys=1).get("Contents"))

    def has(self, name: str) -> bool:
        """Tell whether there is an object of exactly this name, by one request: it sorts first."""
        key = self.root + name
        return any(e["Key"] == key for e in self._page(Prefix=key, MaxKeys=1).get("Contents") or ())

    def _matching(self, parts: Sequence[str]) -> tuple[Sequence[str], bool]:
        """Give the folders that a folder with `*` stands for, each with `/` at its end or ""."""
        found, complete = [""], True
        for part in parts:
            if part != "*":
                found = [f"{folder}{part}/" for folder in found]
                continue
            named = [(folder, *self._folders(folder)) for folder in found]
            complete = complete and all(whole for _, _, whole in named)
            found = [f"{folder}{name}/" for folder, names, _ in named for name in names]
        return found[:MAX_FOLDERS], complete and len(found) <= MAX_FOLDERS

    def _folders(self, under: str) -> tuple[Sequence[str], bool]:
        names: dict[str, None] = {}
        start = self.root + under
        for page in self._pages(Prefix=start, Delimiter="/"):
            for entry in page.get("CommonPrefixes") or ():
                if len(names) == MAX_FOLDERS:
                    return tuple(names), False
                names[entry["Prefix"][len(start) :].rstrip("/")] = None
        return tuple(names), True

    def _list_all(self, folders: Sequence[str]) -> Sequence[Listing]:
        limit = max(self.max_listed // len(folders), 1)

        def listed(folder: str) -> Listing:
            try:
                return self._list(folder, limit)
            except OSError as error:
                return Listing(gaps=(error.strerror or "",), complete=False)

        with ThreadPoolExecutor(min(LISTED_AT_ONCE, len(folders)), "list") as pool:
            return tuple(pool.map(listed, folders))

    def _list(self, folder: str, limit: int) -> Listing:
        files: list[LogFile] = []
        try:
            for page in self._pages(Prefix=self.root + folder):
                files.extend(self._files(page))
                if len(files) > limit or (len(files) == limit and page.get("IsTruncated")):
                    gap = f"{folder or 'the tree'} holds more than {limit} files; only the first were listed"
                    return Listing(tuple(sorted(files[:limit], key=_place)), (gap,), complete=False)
        except OSError as error:
            if not files:
                raise
            gap = f"{folder or 'the tree'} could not be listed to its end ({error.strerror})"
            return Listing(tuple(sorted(files, key=_place)), (gap,), complete=False)
        return Listing(tuple(sorted(files, key=_place)))

    def _files(self, page: Mapping[str, Any]) -> Iterator[LogFile]:
        for entry in page.get("Contents") or ():
            name = entry["Key"][len(self.root) :]
            if name and not name.endswith(("/", "_$folder$")):  # marks of folders, not files
                yield LogFile(name=name, size_bytes=entry.get("Size"), modified=entry.get("LastModified"))

    def _pages(self, **arguments: object) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, PaginationConfig={"PageSize": self.page_keys}, **arguments
            )
        except failures() as error:
            raise refused(error, listing=True) from None

    def _page(self, **arguments: object) -> Mapping[str, Any]:
        try:
            return self.client.list_objects_v2(Bucket=self.bucket, **arguments)
        except failures() as error:
            raise refused(error, listing=True) from None


def _place(file: LogFile) -> list[str]:
    return file.name.split("/")


def _summed(under: str, listings: Sequence[Listing]) -> Iterator[str]:
    """Say in one line what was lost of many folders: a thousand nodes may be refused alike."""
    lost = [found for found in listings if found.gaps]
    if lost:
        yield f"{len(lost)} of {len(listings)} folders {under} were not listed whole ({lost[0].gaps[0]})"


_LOCATION: Final = re.compile(r"s3[an]?://(?P<bucket>[A-Za-z0-9._-]{3,255})(?:/(?P<prefix>[^\x00-\x1f]*))?")


def parse_location(uri: str) -> tuple[str, str]:
    """Split a location such as `s3://bucket/logs/` into bucket and prefix (without `/` at its end).

    Raises:
        UsageError: it is no location in S3.
    """
    hit = _LOCATION.fullmatch(uri)
    if hit is None:
        shown = "the location" if "@" in uri or len(uri) > _MAX_SHOWN else repr(uri)  # it may hold a key
        raise UsageError(f"{shown}: not a place in S3; give s3://BUCKET/FOLDER")
    return hit["bucket"], (hit["prefix"] or "").rstrip("/")


_MAX_SHOWN: Final = 400


@dataclass(frozen=True)
class PickedStore:
    """One object of a bucket's folder, under its name there."""

    store: BucketStore
    name: str

    def list(self, under: str = "") -> Sequence[LogFile]:
        """List the one object."""
        return [LogFile(name=self.name)] if is_under(self.name, under) else []

    def open(self, name: str) -> BinaryIO:
        """Open the object."""
        if name != self.name:
            raise FileNotFoundError(f"no log file {name!r}")
        return self.store.open(name)


def find_store(
    client: S3Client,
    *,
    locations: Sequence[str],
    cluster_id: str,
    bucket_setting: str,
    step_id: str,
    deadline: Deadline = NO_DEADLINE,
) -> tuple[LogStore, tuple[str, ...]]:
    """Find where the logs of a cluster are.

    Args:
        client: boto3's S3 client.
        locations: log locations that were told, the step's own before the cluster's.
        cluster_id: the cluster; its folder lies in the location.
        bucket_setting: S3_LOG_BUCKET: a bucket, `bucket/folder`, an S3 location, or "".
        step_id: the step; a place that has its folder comes before one that has only the cluster's.
        deadline: when the search ends, whatever was not looked into yet.

    Returns:
        A store rooted at the cluster's folder (of every location that has one, for a step may log elsewhere
        than its cluster), and what could not be looked into. Without a place, an empty store and where was
        looked. Never raises for what S3 answers.
    """
    search = _Search(client, cluster_id, step_id, deadline)
    told = [location for location in locations if location]
    if not told and not bucket_setting:
        return MemoryStore({}), (
            "the cluster has no log location and S3_LOG_BUCKET is not set; the logs are missing",
        )
    if not cluster_id:
        return MemoryStore({}), ("the cluster is not known, so its logs can't be looked for in S3",)
    for location in told:
        search.look_told(location)
    if bucket_setting:
        search.look_set(bucket_setting)
    return search.outcome()


_MAX_NAMED: Final = 5
"""Places that are named when nothing was found."""


class _Search:
    """Looks into every told place, then into the set one; remembers where it looked."""

    def __init__(self, client: S3Client, cluster_id: str, step_id: str, deadline: Deadline) -> None:
        self._client = client
        self._deadline = deadline
        self._cluster = cluster_id
        self._step = step_id
        self._seen: dict[str, None] = {}
        self._looked: list[str] = []
        self._refused: list[str] = []
        self._with_step: list[BucketStore] = []
        self._without: list[BucketStore] = []
        self._unusable = False

    def look_told(self, location: str) -> None:
        try:
            bucket, prefix = parse_location(location)
        except UsageError as error:
            self._refused.append(f"a log location can't be used: {error}")
        else:
            self._look(bucket, prefix)

    def look_set(self, setting: str) -> None:
        try:
            bucket, prefix = parse_location(setting if "://" in setting else f"s3://{setting}")
        except UsageError as error:
            self._refused.append(f"S3_LOG_BUCKET can't be used: {error}")
            return
        if self._with_step or self._unusable:
            return
        for folder in (prefix, f"{prefix}/elasticmapreduce"):
            self._look(bucket, folder.strip("/"))
        if not (self._with_step or self._without or self._unusable):
            self._look_below(BucketStore(self._client, bucket, prefix))

    def outcome(self) -> tuple[LogStore, tuple[str, ...]]:
        found = (*self._with_step, *self._without)
        if found:
            return found[0] if len(found) == 1 else LayeredStore(found), self._gaps()
        rest = len(self._looked) - _MAX_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        places = f"; looked under {', '.join(self._looked[:_MAX_NAMED])}{more}" if self._looked else ""
        return MemoryStore({}), (*self._gaps(), f"the logs of {self._cluster} are missing in S3{places}")

    def _gaps(self) -> tuple[str, ...]:
        rest = len(self._refused) - _MAX_NAMED
        more = (f"{rest} more places could not be looked into",) if rest > 0 else ()
        return (*self._refused[:_MAX_NAMED], *more)

    def _is_over(self) -> bool:
        if not self._unusable and self._deadline.near:
            self._unusable = True
            self._refused.append(f"S3 was not searched to the end: {OUT_OF_TIME}")
        return self._unusable

    def _look_below(self, store: BucketStore) -> None:
        try:
            folders = store.folders()
        except OSError as error:
            self._refuse(f"s3://{store.bucket}/{store.root}", error)
            return
        for name in folders[:MAX_FOLDERS_TRIED]:
            if not (self._with_step or self._without):
                self._look(store.bucket, store.root + name)
        if not (self._with_step or self._without) and len(folders) > MAX_FOLDERS_TRIED:
            where = f"s3://{store.bucket}/{store.root}"
            self._refused.append(f"only the first {MAX_FOLDERS_TRIED} folders of {where} were looked into")

    def _look(self, bucket: str, prefix: str) -> None:
        store = BucketStore(self._client, bucket, f"{prefix}/{self._cluster}".lstrip("/"))
        where = f"s3://{bucket}/{store.root}"
        if self._is_over() or where in self._seen:
            return
        self._seen[where] = None
        try:
            if not store.holds():
                self._looked.append(where)
                return
            self._without.append(store)
            if not self._step or store.holds(f"steps/{self._step}/"):
                self._with_step.append(self._without.pop())
        except OSError as error:
            self._refuse(where, error)

    def _refuse(self, where: str, error: OSError) -> None:
        self._refused.append(f"{where} could not be looked into ({error.strerror})")
        # A place that hangs is asked with retries already; the next one would hang, too.
        self._unusable = error.errno in (UNUSABLE, errno.ECONNRESET, errno.ETIMEDOUT)
