"""Streams to lines: gzip, bounds, and everything that can be wrong with a file."""

import gzip
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.log import (
    MAX_PIECE_BYTES,
    DirectoryStore,
    MemoryStore,
    ReadBudget,
    ReadReport,
    StreamStore,
    read_lines,
)


def read(data, budget=1 << 30):
    report = ReadReport()
    lines = list(read_lines(io.BytesIO(data), budget=ReadBudget(budget), report=report))
    return lines, report


def test_lines_are_numbered_from_one_and_lose_only_their_end():
    lines, report = read(b"one\r\ntwo\n\nfour")
    assert [(line.number, line.text) for line in lines] == [(1, "one"), (2, "two"), (3, ""), (4, "four")]
    assert report.whole


def test_gzip_is_told_by_its_content_not_by_its_name():
    assert [line.text for line in read(gzip.compress(b"a\nb\n"))[0]] == ["a", "b"]


def test_concatenated_gzip_members_are_one_log():
    assert [line.text for line in read(gzip.compress(b"a\n") + gzip.compress(b"b\n"))[0]] == ["a", "b"]


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_truncated_gzip_gives_what_was_readable(cut):
    data = gzip.compress(b"".join(b"line %d\n" % i for i in range(500)))
    lines, report = read(data[:-cut])
    assert report.truncated
    assert lines[0].text == "line 0"


def test_damaged_gzip_is_a_report_not_an_exception():
    data = bytearray(gzip.compress(b"".join(b"line %d\n" % i for i in range(5000))))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    assert read(bytes(data))[1].truncated


def test_empty_and_binary_files_yield_nothing():
    assert read(b"") == ([], ReadReport())
    lines, report = read(bytes(range(256)) * 64)
    assert lines == []
    assert report.binary


def test_an_overlong_line_comes_in_pieces_of_the_same_number():
    lines, _ = read(b"x" * (3 * MAX_PIECE_BYTES + 5) + b"\nnext\n")
    assert [line.number for line in lines] == [1, 1, 1, 1, 2]
    assert "".join(line.text for line in lines[:-1]) == "x" * (3 * MAX_PIECE_BYTES + 5)
    assert [line.cut_left for line in lines[:4]] == [False, True, True, True]
    assert not lines[3].cut_right


def test_the_budget_caps_a_gzip_bomb_in_bounded_memory():
    bomb = gzip.compress(b"\n" * (40 << 20), compresslevel=9)
    tracemalloc.start()
    report = ReadReport()
    budget = ReadBudget(1 << 20)
    count = sum(1 for _ in read_lines(io.BytesIO(bomb), budget=budget, report=report))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.capped
    assert budget.left_bytes == 0
    assert count <= (1 << 20)
    assert peak < 64 << 20


def test_invalid_utf8_nul_and_colours_don_t_stop_reading():
    lines, _ = read(b"ok \xff\xfe bytes and more text\nnul\0here\n\x1b[31mERROR\x1b[0m red\n")
    assert lines[0].text.startswith("ok \ufffd\ufffd")
    assert lines[1].text == "nul\ufffdhere"
    assert lines[2].text == "ERROR red"


class _Failing(io.BytesIO):
    def read(self, *_):
        raise PermissionError(13, "Permission denied")


def test_an_unreadable_stream_is_a_report():
    report = ReadReport()
    assert list(read_lines(_Failing(), budget=ReadBudget(100), report=report)) == []
    assert report.error == "Permission denied"


def test_stores_list_and_open_the_same_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.log").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for store in (DirectoryStore(tmp_path), MemoryStore({"a/b.log": b"x"})):
        assert [f.name for f in store.list()] == ["a/b.log"]
        with store.open("a/b.log") as stream:
            assert stream.read() == b"x"
        with pytest.raises(OSError, match=r"no log file|No such file"):
            store.open("none")
    stream = StreamStore("-", io.BytesIO(b"x"))
    assert [f.name for f in stream.list()] == ["-"]
    assert stream.open("-").read() == b"x"


@given(st.binary(max_size=4000))
def test_reading_never_raises_and_keeps_every_line(data):
    lines, report = read(data)
    if report.whole and data[:2] != b"\x1f\x8b":
        assert sum(1 for line in lines if not line.cut_left) == data.count(b"\n") + (
            data[-1:] not in (b"\n", b"")
        )
