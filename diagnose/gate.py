"""Many patterns and the words without which none of them matches → the patterns worth trying on a text.

All words are searched in one walk (RE2 Set), whatever their case; only patterns with a word in the text are
tried then.
Limits: says nothing about where a word stands.
"""

from collections.abc import Sequence

import re2

from diagnose.label import MAX_PATTERN_BYTES


class Gate:
    """Compiled words of patterns; immutable.

    Args:
        triggers: For each pattern a simpler one, matched whatever the case, without which it can't match.
    """

    __slots__ = ("_count", "_set")

    def __init__(self, triggers: Sequence[bytes]) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = MAX_PATTERN_BYTES
        self._count = len(triggers)
        self._set = re2.Set.SearchSet(options)
        for trigger in triggers:
            self._set.Add(trigger)
        self._set.Add(b"")  # matches always: its absence tells that RE2 ran out of memory
        self._set.Compile()

    def opened(self, data: bytes) -> list[int]:
        """The indices of the patterns worth trying, in order."""
        found: set[int] = set(self._set.Match(data))
        return sorted(found - {self._count}) if self._count in found else list(range(self._count))
