"""Streams to lines: gzip, bounds, and everything that can be wrong with a file."""

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.deadline import Deadline
from diagnose.log import (
    BLOCK_BYTES,
    MAX_PIECE_BYTES,
    DirectoryStore,
    FileStore,
    Listing,
    LogFile,
    MemoryStore,
    ReadBudget,
    ReadReport,
    StreamStore,
    WideStore,
    is_under,
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


@pytest.mark.parametrize(
    ("name", "under", "inside"),
    [
        ("a.log", "", True),
        ("steps/s-1/stderr.gz", "steps/s-1/", True),
        ("steps/s-1/stderr.gz", "steps/s-1", True),
        ("steps/s-10/stderr.gz", "steps/s-1", False),
        ("steps/s-1", "steps/s-1/", False),
        ("node/i-1/applications/hadoop-yarn/x.log", "node/*/applications/hadoop-yarn/", True),
        ("node/i-1/x/applications/hadoop-yarn/x.log", "node/*/applications/hadoop-yarn/", False),
        ("node/applications/hadoop-yarn/x.log", "node/*/applications/hadoop-yarn/", False),
        ("containers/application_1_2/c/stderr", "containers/*/", True),
        ("containers/stray", "containers/*/", False),
    ],
)
def test_a_folder_is_met_by_whole_names_and_a_star_by_any_one(name, under, inside, tmp_path):
    assert is_under(name, under) is inside
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    for store in (
        DirectoryStore(tmp_path),
        MemoryStore({name: b"x"}),
        FileStore(name, tmp_path / name),
        StreamStore(name, io.BytesIO(b"x")),
    ):
        assert [file.name for file in store.list(under)] == ([name] if inside else [])
        assert not isinstance(store, WideStore)


def test_a_folder_is_no_way_out_of_the_root(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.log").write_bytes(b"x")
    for under in ("..", "../", "*/..", "/", "."):
        assert not DirectoryStore(tmp_path / "in").list(under)


def test_files_are_listed_folder_by_folder(tmp_path):
    for name in ("a-b/x", "a/x", "a.log", "a/b/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    expected = [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    assert [file.name for file in DirectoryStore(tmp_path).list()] == expected


def test_an_unreadable_folder_is_a_gap_and_an_unreadable_root_an_error(tmp_path, monkeypatch):
    for name in ("open/a.log", "shut/b.log", "node/i-1/c.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    shut = set()
    real = os.scandir

    def scandir(path):  # permissions mean nothing to a superuser, who may run the tests
        if str(path) in shut:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    shut.add(str(tmp_path / "shut"))
    found = DirectoryStore(tmp_path).list()
    assert [file.name for file in found] == ["node/i-1/c.log", "open/a.log"]
    assert found.gaps == ("shut/ could not be listed (Permission denied)",)
    shut.add(str(tmp_path))
    with pytest.raises(PermissionError, match="Permission denied"):
        DirectoryStore(tmp_path).list()


def test_a_folder_that_can_be_listed_but_not_entered_is_a_gap(tmp_path, monkeypatch):
    for name in ("open/a.log", "shut/b.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    real = Path.lstat

    def lstat(path):
        if path.parent.name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    found = DirectoryStore(tmp_path).list()
    assert [file.name for file in found] == ["open/a.log"]
    assert found.gaps == ("shut/ could not be listed (Permission denied)",)


def test_a_listing_is_a_sequence_of_its_files():
    files = tuple(LogFile(name=name) for name in "abc")
    assert list(Listing(files)) == list(files)
    assert Listing(files)[1:] == files[1:]
    assert Listing(files)[0] is files[0]
    assert not Listing()


def test_reading_ends_between_two_blocks_when_the_time_is_up():
    looks = iter([1.0, 1.0] + [0.0] * 9)
    report = ReadReport()
    data = b"line\n" * BLOCK_BYTES
    budget = ReadBudget(1 << 30, Deadline(lambda: next(looks)))
    lines = list(read_lines(io.BytesIO(data), budget=budget, report=report))
    assert report.late
    assert not report.whole
    assert len(lines) == 2 * BLOCK_BYTES // 5 + 1
    assert not report.capped


@given(st.binary(max_size=4000))
def test_reading_never_raises_and_keeps_every_line(data):
    lines, report = read(data)
    if report.whole and data[:2] != b"\x1f\x8b":
        assert sum(1 for line in lines if not line.cut_left) == data.count(b"\n") + (
            data[-1:] not in (b"\n", b"")
        )
