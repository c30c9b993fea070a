"""A line that begins with a date, a level and a logger, still in bytes: what can be told of it unread.

Only the common forms are known here; of any other line nothing is told, and it has to be read. What is told
is what `diagnose.record` and `diagnose.logger` would say of the line.
"""

import re
from typing import Final

from diagnose.log import Line
from diagnose.logger import is_own
from diagnose.record import Header, Level, Record, parse_header, template

_DATE: Final = (
    rb"(?:[0-9]{2}|[12][0-9]{3})[-/]"
    rb"(?:(?:0[1-9]|1[0-2])[-/](?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])[-/](?:29|30)|(?:0[13578]|1[02])[-/]31)"
    rb"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,9})?"
)
"""Of days that there are, leap days aside."""
_LOGGED: Final = re.compile(_DATE + rb" (?:INFO|WARN|ERROR|DEBUG) ([A-Za-z_][A-Za-z0-9_.$]*)(?=[: (])")
_DATED: Final = re.compile(_DATE + rb" (?:INFO|WARN|ERROR|DEBUG) [A-Za-z_]")
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_MAX_KNOWN: Final = 10_000


def is_dated(data: bytes, start: int) -> bool:
    """Tell whether the line that begins here surely has a header with a time that there is."""
    return _DATED.match(data, start) is not None


class Stamps:
    """Remembers loggers, and the templates of lines that differ in their digits only."""

    def __init__(self) -> None:
        self._platforms: dict[bytes, bool] = {}
        self._templates: dict[bytes, str] = {}

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

    def template(self, raw: bytes) -> str:
        """Give the template of a dated line that is a record."""
        alike = raw.translate(_DIGITS)
        known = self._templates.get(alike)
        if known is None:
            line = Line(0, raw.decode("utf-8", errors="replace"))
            known = template(Record((line,), parse_header(line.text), None))
            # 0x1f is one number, 5x1f is two: where digits may make that difference they are not alike
            if b"0x" not in alike and len(self._templates) < _MAX_KNOWN:
                self._templates[alike] = known
        return known
