import io

import oddlog
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose import chunk, log
from diagnose.chunk import Chunk, Piece, chunks
from diagnose.log import Line, ReadBudget, ReadReport, read_lines
from diagnose.record import parse_header
from diagnose.text import decoded

WORDS = st.sampled_from(
    [*oddlog.BARE, *oddlog.DIRT, *oddlog.MESSAGES, "x" * 70, "26/11/22 08:00:01 INFO X: y"]
)
LINES = st.lists(
    st.lists(WORDS, max_size=3).map("".join).map(str.encode) | st.sampled_from(oddlog.RAW), max_size=30
)


def _is_clean(data: bytes) -> bool:
    return all(
        decoded(raw) == raw.decode("utf-8", errors="replace").replace("\0", "\ufffd")
        for raw in data.split(b"\n")
    )


def _whole(data: bytes) -> list[Line]:
    found: list[Line] = []
    number = 1
    lines = read_lines(io.BytesIO(data), budget=ReadBudget(1 << 30), report=ReadReport())
    for part in chunks(lines, _is_clean):
        if isinstance(part, Piece):
            found.append(part.line(number))
            number += 0 if part.cut_right else 1
        else:
            found += part.lines(0, len(part.data), number)
            number += part.count(0, len(part.data))
    return found


@given(
    lines=LINES,
    end=st.sampled_from([b"\n", b"\r\n"]),
    last=st.sampled_from([b"", b"\n"]),
    size=st.integers(1, 400),
    longest=st.integers(1, 90),
)
def test_chunks_and_pieces_hold_the_lines_that_reading_line_by_line_gives(
    *, lines: list[bytes], end: bytes, last: bytes, size: int, longest: int
) -> None:
    data = end.join(lines) + last
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk, "CHUNK_BYTES", size)
        for module in (chunk, log):
            patch.setattr(module, "MAX_PIECE_BYTES", longest)
        patch.setattr(log, "BLOCK_BYTES", size // 2 + 1)
        expected = list(read_lines(io.BytesIO(data), budget=ReadBudget(1 << 30), report=ReadReport()))
        assert _whole(data) == expected


@given(LINES)
def test_headers_are_found_where_parse_header_finds_them(lines: list[bytes]) -> None:
    texts = [decoded(raw) for raw in lines]
    data = Chunk("".join(f"{text}\n" for text in texts).encode())
    places = [sum(len(text.encode()) + 1 for text in texts[:n]) for n in range(len(texts))]
    headed = [place for place, text in zip(places, texts, strict=True) if parse_header(text)]
    assert [place for place in places if data.is_header(place)] == headed
    with pytest.MonkeyPatch.context() as patch:
        for near in (1, 40):
            patch.setattr(chunk, "_NEAR_LINES", near)
            assert data.first_header(0, len(data.data)) == (headed[0] if headed else len(data.data))
            assert data.last_header(0, len(data.data)) == (headed[-1] if headed else None)


def test_a_stream_that_breaks_off_with_an_error_loses_its_unfinished_line() -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            block = super().read(7)
            if not block:
                raise OSError(5, "Input/output error")
            return block

    report = ReadReport()
    lines = read_lines(Breaking(b"one\ntwo\nhalf"), budget=ReadBudget(1 << 30), report=report)
    parts = list(chunks(lines, lambda _: True))
    assert [part.data for part in parts if isinstance(part, Chunk)] == [b"one\ntwo\n"]
    assert report.error == "Input/output error"


@pytest.mark.parametrize("width", [0, 1, 40, 59, 60, 300])
def test_lines_are_counted_however_long_they_are(width: int) -> None:
    made = chunk.Chunk((b"x" * width + b"\n") * 700)
    assert made.count(0, len(made.data)) == 700
    assert made.count((width + 1) * 100, (width + 1) * 650) == 550
