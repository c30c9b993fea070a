import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import DatasetError
from evals.jsonl import MAX_LINE_BYTES, read_lines, read_rows, write_rows

OBJECTS = st.lists(st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.none()))


def as_promptfoo_reads(data: bytes) -> list[Any]:
    """Split at line feeds, skip blank lines, parse each; a byte order mark is no JSON."""
    return [json.loads(line) for line in data.decode().split("\n") if line.strip()]


def numbers(path: Path) -> list[tuple[int, bool]]:
    return [(line.number, line.value is not None) for line in read_lines(path)]


@given(OBJECTS)
def test_what_is_written_is_read_again_and_by_promptfoo(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]]
) -> None:
    path = write_rows(tmp_path_factory.mktemp("rows") / "cases.jsonl", objects)
    assert [row for _, row in read_rows(path)] == objects
    assert as_promptfoo_reads(path.read_bytes()) == objects


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}\r\n\r\n{"a":2}\r\n',
        b'\n\n  \n{"a":1}\n\t\n{"a":2}',
        b'{"a":"\xe2\x80\xa8 and \xc2\x85"}\n',
        b'{"a":1}\r\n{"a":2}',
        b"",
    ],
)
def test_a_harmless_oddity_is_read_as_promptfoo_reads_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(data)
    assert [row for _, row in read_rows(path)] == as_promptfoo_reads(data)


def test_a_bad_line_in_the_middle_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":\n[1]\n\n{"a":2}\n')
    assert numbers(path) == [(1, True), (2, False), (3, False), (5, True)]
    with pytest.raises(DatasetError, match=r"cases\.jsonl:2: not valid JSON"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'\xef\xbb\xbf{"a":1}\n', "byte order mark"),
        (b'{"a":1}\x00\n', "not valid JSON"),
        (b'{"a":"\xff"}\n', "not valid JSON"),
        (b'{"a":NaN}\n', "not valid JSON"),
        (b"[" * 100_000 + b"\n", "not valid JSON"),
        (b'{"a":1} {"a":2}\n', "not valid JSON"),
        (b'{"a":1}\r{"a":2}\n', "not valid JSON"),
        (b'"text"\n', "a JSON str, not an object"),
    ],
)
def test_a_bad_line_is_named_with_its_problem(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=rf"cases\.jsonl:1: .*{problem}"):
        list(read_rows(path))


def test_a_huge_line_is_refused_and_the_next_has_its_number(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b'{"a":"' + b"x" * (3 * MAX_LINE_BYTES) + b'"}\n{"a":2}\n')
    assert numbers(path) == [(1, False), (2, True)]


def test_a_missing_file_is_a_dataset_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="can't be read"):
        list(read_rows(tmp_path / "cases.jsonl"))


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "cases.jsonl", [{"a": 1}])
    with pytest.raises(TypeError):
        write_rows(path, [{"a": object()}])
    assert path.read_bytes() == b'{"a":1}\n'
    assert list(tmp_path.iterdir()) == [path]
