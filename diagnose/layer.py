"""Several stores of one cluster in, one store out: a step may log elsewhere than its cluster does.

A file is taken from the first store that lists it. A store that can't be listed is a gap while another can.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from diagnose.log import Listing, LogFile, WideStore


@dataclass(frozen=True)
class LayeredStore:
    """Stores one over the other, the surest first; a `WideStore`."""

    stores: tuple[WideStore, ...]
    _owners: dict[str, WideStore] = field(default_factory=dict)

    def list(self, under: str = "") -> Listing:
        """List the files below a folder of every store."""
        return self._joined(lambda store: store.list(under))

    def head(self) -> Listing:
        """List the first files of every store."""
        return self._joined(lambda store: store.head())

    def folders(self, under: str = "") -> Sequence[str]:
        """Name the folders directly below one, of every store."""
        names: dict[str, None] = {}
        for store in self.stores:
            names.update(dict.fromkeys(store.folders(under)))
        return sorted(names)

    def open(self, name: str) -> BinaryIO:
        """Open a file of the store that listed it."""
        return self._owners.get(name, self.stores[0]).open(name)

    def _joined(self, ask: Callable[[WideStore], Sequence[LogFile]]) -> Listing:
        files: dict[str, LogFile] = {}
        gaps: dict[str, None] = {}
        failures: list[OSError] = []
        complete = True
        for store in self.stores:
            try:
                found = ask(store)
            except OSError as error:
                failures.append(error)
                continue
            for file in found:
                files.setdefault(file.name, file)
                self._owners.setdefault(file.name, store)
            if isinstance(found, Listing):
                gaps.update(dict.fromkeys(found.gaps))
                complete = complete and found.complete
        if len(failures) == len(self.stores):
            raise failures[0]
        gaps.update(
            (f"one of several log locations could not be listed ({e.strerror})", None) for e in failures
        )
        ordered = sorted(files.values(), key=lambda file: file.name.split("/"))
        return Listing(tuple(ordered), tuple(gaps), complete and not failures)
