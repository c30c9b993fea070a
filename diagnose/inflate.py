"""Gzip blocks in, inflated blocks out, in bounded steps; with isal where it is installed, else with zlib.

Members one after the other, zero bytes behind the last, a missing end, a block that inflates a thousandfold:
the same bytes come out of both. isal (ISA-L's igzip) is several times as fast, but where a stream breaks off
it holds the last symbol back; there zlib goes over the member again (up to `MAX_KEPT_BYTES` of it) for the
rest. Damage in the middle may be noticed a few bytes earlier by the one than by the other.
"""

import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
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
    """Give isal's module of decompressors, or None where it is not installed."""
    try:
        from isal import igzip_lib  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return igzip_lib


class _Zlib:
    """zlib behind the face of isal's decompressor, which keeps the input that it has no room for."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=_GZIP_BITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inflater.decompress(data or self._inflater.unconsumed_tail, max_length)
        self.needs_input = not self._inflater.unconsumed_tail and len(out) < max_length
        return out


@dataclass(slots=True)
class _Member:
    """One gzip member while it is inflated: its stored bytes, and how much was given of it."""

    inflater: Any
    error: type[Exception]
    given_bytes: int = 0
    kept_bytes: int = 0
    kept: list[bytes] | None = None

    @classmethod
    def begin(cls) -> "_Member":
        if isal := _isal():
            return cls(isal.IgzipDecompressor(flag=isal.DECOMP_GZIP), isal.error, kept=[])
        return cls(_Zlib(), zlib.error)

    def steps(self, data: bytes) -> Generator[bytes, None, bool]:
        """Inflate some of its bytes; tell whether they are sound."""
        self._keep(data)
        try:
            for out in _steps(self.inflater, data):
                self.given_bytes += len(out)
                yield out
        except self.error:
            return False
        return True

    def _keep(self, data: bytes) -> None:
        if self.kept is not None:
            self.kept.append(data)
            self.kept_bytes += len(data)
            if self.kept_bytes > MAX_KEPT_BYTES:
                self.kept = None

    def rest(self) -> Iterator[bytes]:
        """Give what zlib finds in a broken member beyond what was given."""
        skip, inflater = self.given_bytes, _Zlib()
        try:
            for block in self.kept or ():
                for out in _steps(inflater, block):
                    if len(out) > skip:
                        yield out[skip:]
                    skip = max(0, skip - len(out))
        except zlib.error:
            return


def _steps(inflater: Any, data: bytes) -> Iterator[bytes]:  # noqa: ANN401 - isal's or `_Zlib`
    """Inflate all that can be of some bytes, in blocks."""
    while not inflater.eof:
        if out := inflater.decompress(data, BLOCK_BYTES):
            yield out
        if inflater.needs_input:
            return
        data = b""


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
