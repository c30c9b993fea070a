"""A prompt version's name in, the version from the disk out, with what is known of its worth.

A shelf is a folder:

    diagnosis/<version>/{system.j2,user.j2,repair.j2,meta.toml}
    released.toml     one table per released version: `[v1]`, `sha256 = "…"`, `released = 2026-11-22`
    active.toml       written by the promotion tool alone: `version`, `sha256`, `gate`, `reason`, `run_id`;
                      also `date`, and after a gate `gate_sha256` and `model`

A released version never changes: one whose hash differs is refused. A version that is not listed is a draft.
Shelves are looked for in the repository (beside the package, in a checkout), then in the packaged copy; the
first that is there is taken whole, versions of two shelves are never mixed. This module opens files.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from diagnose.errors import PromptError
from diagnose.prompt import PromptVersion

VERSIONS: Final = "diagnosis"
RELEASED: Final = "released.toml"
ACTIVE: Final = "active.toml"
NO_GATE: Final = "none"
"""What is said of a version that no promotion has measured."""

_HERE: Final = Path(__file__).resolve().parent
ROOTS: Final = (_HERE.parent / "prompts", _HERE / "_prompts")
"""Where shelves stand: the repository's, and the copy in the wheel."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NEEDED: Final = ("version", "sha256", "gate", "reason", "run_id")
_TOLD: Final = ("date", "gate_sha256", "model")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A version, and what is known of its worth."""

    version: PromptVersion
    released: bool
    """False for a draft."""
    gate: str
    """`none`, or what the promotion's gate said of exactly these texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Release:
    sha256: str
    released: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Active:
    """What `active.toml` says: which texts are in production, and why."""

    version: str
    sha256: str
    gate: str
    """`none`, or what the gate said."""
    reason: str
    """Why it was promoted without a proof; empty after a gate."""
    run_id: str
    """Of the run that the gate judged; empty without one."""
    date: str = ""
    """When it was promoted, ISO 8601."""
    gate_sha256: str = ""
    """Of the gate's record."""
    model: str = ""
    """The model that the gate's verdict speaks of."""


def load_prompt(name: str | None = None, *, roots: Sequence[Path] | None = None) -> Prompt:
    """Find a version and read it.

    Args:
        name: a version on the shelf such as `v2`, or the path of a version's folder; None takes the active
            version, and without one the newest released.
        roots: where shelves may stand, best first; the repository's and the packaged copy by default.

    Returns:
        The version, compiled and checked.

    Raises:
        PromptError: there is no such version, it was altered after its release or its promotion, or it is not
            valid. The message says which versions there are.
    """
    shelf = _find_shelf(ROOTS if roots is None else roots)
    if name is None:
        return _default(shelf)
    if shelf is not None and _NAME.fullmatch(name) and name in shelf.names():
        return shelf.take(name)
    folder = Path(name)
    if not name or _NAME.fullmatch(name) or not folder.is_dir():
        known = f"there are {', '.join(shelf.names())}" if shelf else "there is no shelf of prompts"
        raise PromptError(f"prompt {name!r} is not there: {known}; or give the path of a version's folder")
    return _take_folder(folder.resolve(), shelf)


def find_root(*, roots: Sequence[Path] | None = None) -> Path | None:
    """Find the folder that versions are taken from; None when there is none."""
    shelf = _find_shelf(ROOTS if roots is None else roots)
    return shelf.root if shelf is not None else None


def read_active(*, roots: Sequence[Path] | None = None) -> Active | None:
    """Read which version was promoted and why; None without a promotion or a shelf.

    Raises:
        PromptError: `active.toml` is not valid.
    """
    shelf = _find_shelf(ROOTS if roots is None else roots)
    return shelf.active() if shelf is not None else None


def _find_shelf(roots: Sequence[Path]) -> "_Shelf | None":
    return next((_Shelf(root) for root in roots if (root / VERSIONS).is_dir()), None)


def _take_folder(folder: Path, shelf: "_Shelf | None") -> Prompt:
    own = _Shelf(folder.parent.parent)
    if folder.parent.name == VERSIONS and own.is_marked():
        return own.take(folder.name)
    version = PromptVersion(folder.name, _read_files(folder))
    # A copy that was changed must not go by a released version's name.
    released = shelf.check_release(version) if shelf is not None else False
    return Prompt(version=version, released=released, gate=NO_GATE)


def _default(shelf: "_Shelf | None") -> Prompt:
    if shelf is None:
        raise PromptError("there is no shelf of prompts; give the path of a version's folder")
    active = shelf.active()
    if active is None:
        return shelf.take(shelf.newest())
    prompt = shelf.take(active.version)
    if prompt.version.sha256 != active.sha256:
        raise PromptError(
            f"prompt {active.version} was altered after its promotion ({shelf.root / ACTIVE} names another "
            "sha256); promote it again, or name a version"
        )
    return prompt


class _Shelf:
    """One folder with versions."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def is_marked(self) -> bool:
        """Tell whether the folder says by itself that it is a shelf."""
        return (self.root / RELEASED).is_file()

    def names(self) -> list[str]:
        """List all versions, oldest number first."""
        try:
            folders = [entry.name for entry in (self.root / VERSIONS).iterdir() if entry.is_dir()]
        except OSError as error:
            raise PromptError(f"{self.root / VERSIONS} can't be read: {_why(error)}") from error
        return sorted((name for name in folders if _NAME.fullmatch(name)), key=_order)

    def newest(self) -> str:
        """Name the newest released version."""
        released = self._released()
        if not released:
            raise PromptError(
                f"no version is released in {self.root}; name one of {', '.join(self.names()) or 'none'}"
            )
        return max(released, key=lambda name: (released[name].released, _order(name)))

    def take(self, name: str) -> Prompt:
        """Read and check one version."""
        if not (self.root / VERSIONS / name).is_dir():
            raise PromptError(
                f"prompt {name} is not in {self.root}: there are {', '.join(self.names()) or 'none'}"
            )
        version = PromptVersion(name, _read_files(self.root / VERSIONS / name))
        released = self.check_release(version)
        active = self.active()
        passed = active is not None and (active.version, active.sha256) == (name, version.sha256)
        gate = active.gate if active is not None and passed else NO_GATE
        return Prompt(version=version, released=released, gate=gate)

    def check_release(self, version: PromptVersion) -> bool:
        """Tell whether a version is released; refuse one that has the name of a release and other texts."""
        release = self._released().get(version.name)
        if release is not None and release.sha256 != version.sha256:
            raise PromptError(
                f"prompt {version.name} was altered after its release (sha256 {version.sha256}, released was "
                f"{release.sha256}): restore it, and make a new version for other words"
            )
        return release is not None

    def active(self) -> Active | None:
        """Read which version was promoted; None without a promotion."""
        table = self._read_toml(ACTIVE)
        if table is None:
            return None
        for field in _NEEDED:
            if not isinstance(table.get(field), str):
                raise PromptError(f"{self.root / ACTIVE}: {field} must be given, as a text; promote again")
        told = {name: table[name] for name in _TOLD if isinstance(table.get(name), str)}
        return Active(**{name: table[name] for name in _NEEDED}, **told)

    def _released(self) -> Mapping[str, _Release]:
        table = self._read_toml(RELEASED) or {}
        return {name: self._release(name, row) for name, row in table.items()}

    def _release(self, name: str, row: object) -> _Release:
        fields = row if isinstance(row, dict) else {}
        digest, day = fields.get("sha256"), fields.get("released")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest) or type(day) is not date:
            raise PromptError(
                f"{self.root / RELEASED}: [{name}] needs sha256 (64 hexadecimal digits) and released (a date)"
            )
        return _Release(sha256=digest, released=day)

    def _read_toml(self, file: str) -> dict[str, Any] | None:
        path = self.root / file
        if not path.exists():
            return None
        try:
            return tomllib.loads(_read_text(path))
        except tomllib.TOMLDecodeError as error:
            raise PromptError(f"{path}: {error}") from error


def _order(name: str) -> list[tuple[int, str]]:
    """Sort `v10` behind `v9`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _read_files(folder: Path) -> dict[str, str]:
    """Read a version's folder; hidden files are an editor's or the system's, not the version's."""
    try:
        files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        raise PromptError(f"prompt folder {folder} can't be read: {_why(error)}") from error
    return {path.name: _read_text(path) for path in files}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"{path} can't be read: {_why(error)}") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is no UTF-8 text (byte {error.start})") from error


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
