import gzip
import random
import zlib
from collections.abc import Iterator

import pytest

from diagnose import inflate
from diagnose.inflate import BLOCK_BYTES, inflated

TEXT = b"".join(
    b"26/11/22 08:00:%02d INFO Executor: Running task %d\n" % (n % 60, n * 7919) for n in range(20_000)
)


@pytest.fixture(params=["isal", "zlib"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(inflate, "_isal", lambda: None)
    return str(request.param)


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def _run(data: bytes, size: int = BLOCK_BYTES) -> tuple[bytes, bool]:
    blocks = inflated(_cut(data, size))
    out = []
    while True:
        try:
            out.append(next(blocks))
        except StopIteration as end:
            return b"".join(out), bool(end.value)


def test_members_follow_each_other_wherever_a_block_ends(engine: str) -> None:
    first, second = gzip.compress(TEXT[:5000]), gzip.compress(b"second\n")
    for size in (len(first), len(first) - 1, len(first) + 1, 7, 1):
        assert _run(first + second, size) == (TEXT[:5000] + b"second\n", False)


def test_zero_bytes_behind_a_member_are_padding(engine: str) -> None:
    padded = gzip.compress(b"one\n") + bytes(700)
    assert _run(padded, 64) == (b"one\n", False)
    assert _run(padded + gzip.compress(b"two\n"), 64) == (b"one\ntwo\n", False)


def test_what_follows_a_member_and_is_none_counts_as_damage(engine: str) -> None:
    for junk in (b"junk", b"\x1f", b"\x1fjunk"):
        assert _run(gzip.compress(b"one\n") + junk, 9) == (b"one\n", True)


def test_a_stream_cut_anywhere_gives_the_same_bytes_from_both_engines() -> None:
    pytest.importorskip("isal")
    packed = gzip.compress(TEXT)
    for cut in random.Random(5).sample(range(1, len(packed)), 60):
        expected = zlib.decompressobj(wbits=31).decompress(packed[:cut])
        assert _run(packed[:cut], 4096) == (expected, True)


def test_a_damaged_stream_ends_without_an_error(engine: str) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[len(packed) // 2] ^= 0xFF
    text, broken = _run(bytes(packed), 4096)
    assert broken and TEXT.startswith(text[: len(text) // 2])


def test_a_bomb_comes_in_bounded_blocks(engine: str) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    sizes = [len(block) for block in inflated(iter([bomb]))]
    assert sum(sizes) == 30_000_000 and max(sizes) <= BLOCK_BYTES


def test_only_so_much_of_a_member_is_kept_for_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("isal")
    monkeypatch.setattr(inflate, "MAX_KEPT_BYTES", 1000)
    packed = gzip.compress(TEXT)
    text, broken = _run(packed[: len(packed) // 2], 512)
    assert broken and TEXT.startswith(text) and len(text) > 100_000
