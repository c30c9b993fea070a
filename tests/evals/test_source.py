import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals.source import read_context, read_lines

Build = Callable[..., Any]


def test_lines_are_gunzipped_without_colours_and_carriage_returns(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\x1b[31mred\x1b[0m\r\nplain"))
    (tmp_path / "b.txt").write_bytes(b"not \xff packed\n")
    assert read_lines(tmp_path) == {"a.gz": ("red", "plain"), "b.txt": ("not \ufffd packed", "")}


def test_a_damaged_file_gives_what_came_before_the_damage(tmp_path: Path) -> None:
    whole = gzip.compress(b"first\n" * 5000)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8bnonsense")
    (tmp_path / "two.gz").write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    lines = read_lines(tmp_path)
    assert lines["cut.gz"][0] == "first"
    assert lines["bad.gz"] == ("",)
    assert lines["two.gz"] == ("one two",)


def test_context_holds_values_and_joined_lists(tmp_path: Path, logs: Build) -> None:
    values = read_context(logs(tmp_path / "a"))
    assert {"j-TEST", "--mode", "--mode full"} <= set(values)


def test_no_records_give_no_context(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "c"
    root.mkdir(parents=True)
    assert read_context(root) == ()
