"""A line that begins with a date, a level and a logger, still in bytes: what can be told of it unread.

Only the common forms are known here; of any other line nothing is told, and it has to be read. What is told
is what `diagnose.record` and `diagnose.logger` would say of the line, and of the lines that belong to it.
"""

import re
from typing import Final

from diagnose.keeper import Repeat
from diagnose.logger import is_own
from diagnose.reason import APPLICATION
from diagnose.record import Header, Level, template

_DATE: Final = (
    rb"(?:[0-9]{2}|[12][0-9]{3})[-/]"
    rb"(?:(?:0[1-9]|1[0-2])[-/](?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])[-/](?:29|30)|(?:0[13578]|1[02])[-/]31)"
    rb"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,9})?"
)
"""Of days that there are, leap days aside."""
_LOGGED: Final = re.compile(_DATE + rb" (?:INFO|WARN|ERROR|DEBUG) ([A-Za-z_][A-Za-z0-9_.$]*)(?=[: (])")
_DATED: Final = re.compile(_DATE + rb" (?:INFO|WARN|ERROR|DEBUG) [A-Za-z_]")
_LOUD: Final = re.compile(_DATE + rb" (?:WARN|ERROR) [A-Za-z_]")
_BODY: Final = re.compile(rb"(?:\n|(?:[^\[{0-9TDINWESFC\n]|Caused by: )[^\n]*\n){1,200}")
"""Lines with no header and no beginning of a traceback: none of those begins like this."""
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_MAX_KNOWN: Final = 10_000
_MAX_KNOWN_BYTES: Final = 8 * 1024 * 1024
_MAX_TOLD: Final = 256
_MAX_TOLD_BYTES: Final = 1024


def is_dated(data: bytes, start: int) -> bool:
    """Tell whether the line that begins here surely has a header with a time that there is."""
    return _DATED.match(data, start) is not None


def is_loud(data: bytes, start: int) -> bool:
    """Tell whether the line that begins here is surely dated and logged as a warning or an error."""
    return _LOUD.match(data, start) is not None


def record_end(data: bytes, stop: int) -> int:
    """Find where the record of a dated line ends.

    Args:
        data: whole lines.
        stop: where the line's line feed stands.

    Returns:
        Where the next record begins, with a dated line; 0 where that can't be told so easily.
    """
    if is_dated(data, stop + 1):
        return stop + 1
    body = _BODY.match(data, stop + 1)
    return body.end() if body and is_dated(data, body.end()) else 0


class Stamps:
    """Remembers loggers, and the templates of records that differ in their digits only."""

    def __init__(self) -> None:
        self._platforms: dict[bytes, bool] = {}
        self._templates: dict[bytes, str] = {}
        self._left_bytes = _MAX_KNOWN_BYTES
        self._told: set[bytes] = set()

    def is_platforms(self, data: bytes, start: int) -> bool:
        """Tell whether the line that begins here was surely logged by the platform, not by the job."""
        hit = _LOGGED.match(data, start)
        if hit is None:
            return False
        name = hit[1]
        known = self._platforms.get(name)
        if known is None:
            known = not is_own(Header(Level.INFO, None, name.decode(), 0))
            if len(self._platforms) < _MAX_KNOWN:
                self._platforms[name] = known
        return known

    def is_told(self, data: bytes, start: int, stop: int, reasons: int) -> bool:
        """Tell whether a line only names an application, and was told before: clients say it every second."""
        hit = _LOGGED.match(data, start) if reasons == APPLICATION else None
        if hit is None:
            return False
        said = data[hit.start(1) : stop]
        if said in self._told:
            return True
        if len(self._told) < _MAX_TOLD and len(said) < _MAX_TOLD_BYTES:
            self._told.add(said)
        return False

    def template(self, raw: bytes) -> str:
        """Give the template of a record that begins with a dated line, "" where it must be decoded first."""
        alike = raw.translate(_DIGITS)
        known = self._templates.get(alike)
        if known is None:
            known = template(Repeat(0, raw).record()) if raw.isascii() and b"\0" not in raw else ""
            # 0x1f is one number, 5x1f is two: where digits may make that difference they are not alike
            if b"0x" not in alike and len(alike) <= self._left_bytes:
                self._templates[alike] = known
                self._left_bytes -= len(alike)
        return known
