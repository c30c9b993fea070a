"""Gzip blocks in, inflated blocks out, in bounded steps; with isal where it is installed, else with zlib.

Members one after the other, zero bytes behind the last, a missing end, a block that inflates a thousandfold:
the same bytes come out of both. isal (ISA-L's igzip) is several times as fast, but where a stream breaks off
it holds the last symbol back; there zlib goes over the member again (up to `MAX_KEPT_BYTES` of it) for the
rest. Damage in the middle may be noticed a few bytes earlier by the one than by the other.
"""

import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

BLOCK_BYTES: Final = 256 * 1024
"""Read and inflated at once."""
GZIP_MAGIC: Final = b"\x1f\x8b"
MAX_KEPT_BYTES: Final = 16 * 1024 * 1024
"""Stored bytes of a member that are kept for a second look: more than any log that EMR has rotated."""
_GZIP_BITS: Final = 31


@cache
def _isal() -> Any | None:  # noqa: ANN401 - isal's stubs name no module type
    """Give isal's twin of `zlib`, or None where it is not installed."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return isal_zlib


@dataclass(slots=True)
class _Member:
    """One gzip member while it is inflated: its stored bytes, and how much was given of it."""

    engine: Any
    inflater: Any
    given_bytes: int = 0
    kept_bytes: int = 0
    kept: list[bytes] | None = field(default_factory=list)

    @classmethod
    def begin(cls) -> "_Member":
        engine = _isal() or zlib
        member = cls(engine, engine.decompressobj(wbits=_GZIP_BITS))
        if engine is zlib:
            member.kept = None
        return member

    def steps(self, data: bytes) -> Generator[bytes, None, bool]:
        """Inflate some of its bytes; tell whether they are sound."""
        self._keep(data)
        while data:
            try:
                out = self.inflater.decompress(data, BLOCK_BYTES)
            except self.engine.error:
                return False
            if out:
                self.given_bytes += len(out)
                yield out
            if self.inflater.eof:
                return True
            data = self.inflater.unconsumed_tail
        return True

    def _keep(self, data: bytes) -> None:
        if self.kept is not None:
            self.kept.append(data)
            self.kept_bytes += len(data)
            if self.kept_bytes > MAX_KEPT_BYTES:
                self.kept = None

    def rest(self) -> Iterator[bytes]:
        """Give what zlib finds in a broken member beyond what was given."""
        skip, inflater = self.given_bytes, zlib.decompressobj(wbits=_GZIP_BITS)
        for block in self.kept or ():
            data = block
            while data:
                try:
                    out = inflater.decompress(data, BLOCK_BYTES)
                except zlib.error:
                    return
                if len(out) > skip:
                    yield out[skip:]
                skip = max(0, skip - len(out))
                data = inflater.unconsumed_tail


def inflated(blocks: Iterable[bytes]) -> Generator[bytes, None, bool]:
    """Inflate gzip members one after the other.

    Args:
        blocks: stored bytes, beginning with a member.

    Yields:
        Blocks of at most `BLOCK_BYTES`.

    Returns:
        True when the stream ends before its end marker, is damaged, or goes on with something else.
    """
    member: _Member | None = _Member.begin()
    held = b""
    for block in blocks:
        data, held = held + block, b""
        while data:
            if member is None:
                data = data.lstrip(b"\0")
                if len(data) < len(GZIP_MAGIC) and GZIP_MAGIC.startswith(data):
                    held = data
                    break
                if not data.startswith(GZIP_MAGIC):
                    return True
                member = _Member.begin()
            if not (yield from member.steps(data)):
                yield from member.rest()
                return True
            data, member = (member.inflater.unused_data, None) if member.inflater.eof else (b"", member)
    if member is not None:
        yield from member.rest()
    return bool(held) or member is not None
