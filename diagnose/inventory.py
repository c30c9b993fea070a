"""A log store in, the sources of one step out, with no more listed than that takes.

A store that can be listed whole is: once, and every question is answered from that. A bucket whose first
page is not all of it (`WideStore`) is asked folder by folder: the step's own, then the containers of each
application, then the daemons; a folder that can't be listed is a gap for that folder alone.
"""

import errno
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from diagnose import layout
from diagnose.deadline import NO_DEADLINE, OUT_OF_TIME, Deadline
from diagnose.layout import Source, SourceKind
from diagnose.log import Listing, LogFile, LogStore, WideStore

_DAEMON_FOLDER: Final = "node/*/applications/hadoop-yarn/"


class Inventory:
    """What a store holds, listed as it is asked for.

    Args:
        store: what is listed.
        gaps: where to put what could not be listed.
        deadline: when listing ends; what is asked for later is a gap.
    """

    def __init__(self, store: LogStore, gaps: list[str], deadline: Deadline = NO_DEADLINE) -> None:
        self._store = store
        self._deadline = deadline
        self._gaps = gaps
        self._files: dict[str, LogFile] = {}
        self._listed: dict[str, tuple[Source, ...]] = {}
        self._whole = self._list_whole()

    @property
    def whole(self) -> tuple[Source, ...] | None:
        """All sources; None where the store holds too many, in EMR's layout."""
        return self._whole

    @property
    def in_layout(self) -> bool:
        """Tell whether anything lies in EMR's layout, readable for us or not."""
        return self._whole is None or any(layout.in_layout(source.file) for source in self._whole)

    def loose(self) -> tuple[Source, ...]:
        """Give the files of a store that holds nothing else than files outside the layout."""
        if self._whole is None or any(s.kind is not SourceKind.OTHER for s in self._whole):
            return ()
        return tuple(s for s in self._whole if not _is_aside(s.file))

    def steps(self, step: str | None) -> tuple[Source, ...]:
        """Give at least the files of one step; of all steps where none is named."""
        return self._under(f"steps/{step}/" if step else "steps/")

    def step_ids(self) -> Sequence[str]:
        """Name the steps that have files."""
        return layout.steps(self._whole) if self._whole is not None else self._folders("steps/")

    def applications(self) -> Sequence[str]:
        """Name the applications that have container logs, oldest first."""
        if self._whole is not None:
            return layout.applications(self._whole)
        present = (name for name in self._folders("containers/") if layout.is_application(name))
        return sorted(present, key=layout.application_order)

    def containers(self, wanted: Iterable[str]) -> tuple[Source, ...]:
        """Give at least the container files of some applications."""
        return self._joined(f"containers/{app}/" for app in wanted)

    def daemons(self, since: datetime | None) -> tuple[Source, ...]:
        """Give the daemon logs, but for those that were last written before a moment."""
        found = layout.daemon_sources(self._under(_DAEMON_FOLDER))
        return tuple(source for source in found if not self._is_older(source, since))

    def modified(self, source: Source) -> datetime | None:
        """Tell when a file was last written; None where nobody knows."""
        return self._files[source.file].modified

    def _is_older(self, source: Source, since: datetime | None) -> bool:
        moment = self.modified(source)
        return since is not None and moment is not None and moment < since

    def _list_whole(self) -> tuple[Source, ...] | None:
        if self._deadline.near:
            self._gaps.append(f"the logs could not be listed ({OUT_OF_TIME})")
            return ()
        try:
            if isinstance(self._store, WideStore):
                return self._list_wide(self._store)
            return self._taken(self._store.list())
        except OSError as error:
            self._gaps.append(f"the logs could not be listed ({_words(error)})")
            return ()

    def _list_wide(self, store: WideStore) -> tuple[Source, ...] | None:
        try:
            head = store.head()
            if head.complete:
                return self._taken(head)
            above = {file.name.partition("/")[0] for file in head}
            if not above.isdisjoint(layout.FOLDERS) or not layout.FOLDERS.isdisjoint(store.folders()):
                return None
        except PermissionError:  # one folder of it may be open to us all the same
            return None
        return self._taken(store.list())

    def _joined(self, folders: Iterable[str]) -> tuple[Source, ...]:
        found = (source for folder in folders for source in self._under(folder))
        return tuple(dict.fromkeys(found))

    def _under(self, folder: str) -> tuple[Source, ...]:
        if self._whole is not None:
            return self._whole
        if folder not in self._listed:
            self._listed[folder] = self._list(folder)
        return self._listed[folder]

    def _list(self, folder: str) -> tuple[Source, ...]:
        try:
            self._check()
            return self._taken(self._store.list(folder), folder)
        except OSError as error:
            self._lose(folder, error)
            return ()

    def _folders(self, under: str) -> Sequence[str]:
        if not isinstance(self._store, WideStore):
            return ()
        try:
            self._check()
            return self._store.folders(under)
        except OSError as error:
            self._lose(under, error)
            return ()

    def _check(self) -> None:
        if self._deadline.near:
            raise TimeoutError(errno.ETIMEDOUT, OUT_OF_TIME)

    def _lose(self, folder: str, error: OSError) -> None:
        self._gaps.append(f"{folder} could not be listed ({_words(error)}){_consequence(folder)}")

    def _taken(self, files: Sequence[LogFile], folder: str = "") -> tuple[Source, ...]:
        if isinstance(files, Listing):
            self._gaps.extend(gap + _consequence(folder) for gap in files.gaps)
        self._files.update((file.name, file) for file in files)
        return tuple(layout.classify(file.name) for file in files)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _consequence(folder: str) -> str:
    """Say what a lost folder means: daemon logs show no writes, so without them silence still counts."""
    return "" if folder == _DAEMON_FOLDER else "; files are missing"


def _is_aside(name: str) -> bool:
    return layout.in_layout(name) or name.rsplit("/", 1)[-1] in ("meta.json", "label.json")
