import sys

import oddlog
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose import note, reason, sieve, statement
from diagnose.anchor import AnchorSearch, Interest
from diagnose.log import Line
from diagnose.record import Record, parse_header
from diagnose.sieve import PLACE_BITS, PLACE_MASK, Sieve
from diagnose.sign import OWN_WORDS, SIGNS, SignSearch
from diagnose.text import decoded

hyperscan = pytest.importorskip("hyperscan")
SIEVE = Sieve(hyperscan)
SIEVE.search(b"", own=True, headers=True, applications=True, settings=True)  # builds what is then only used
ANCHORS, SEARCH, PATTERNS = AnchorSearch(), SignSearch(), note.Patterns()
WORDS = [
    *oddlog.MESSAGES,
    *oddlog.BARE,
    *(row.example for row in SIGNS),
    OWN_WORDS.example,
    "not ",
    "no rows ",
    ", ",
]
TEXTS = st.lists(st.sampled_from([*WORDS, " ", "/", "x"]), max_size=4).map("".join)
LINES = st.lists(TEXTS, min_size=1, max_size=8)


def _reasons(lines: list[str]) -> list[int]:
    data = "".join(f"{line}\n" for line in lines).encode()
    found = SIEVE.search(data, own=True, headers=True, applications=True, settings=True)
    reasons = [0] * len(lines)
    for hit in found.lines:
        reasons[data.count(b"\n", 0, (hit >> PLACE_BITS) - 1)] |= 1 << (hit & PLACE_MASK)
    return [bits | (reason.ATTEMPT if found.names_attempt else 0) for bits in reasons]


@given(LINES)
def test_no_line_that_says_something_is_missed(lines: list[str]) -> None:
    for text, reasons in zip(lines, _reasons(lines), strict=True):
        header = parse_header(text)
        record = Record((Line(1, text),), header, None)
        wanted = {
            reason.GRADE: ANCHORS.grade(record) > Interest.CONTEXT,
            reason.DIRE: ANCHORS.grade(record) > Interest.HINT,
            reason.SIGN: SEARCH.find(text) is not None,
            reason.OWN: SEARCH.find_own(text) is not None,
            reason.SECRET: PATTERNS.sensitive.search(text) is not None,
            reason.HEADER: header is not None,
            reason.STATE: note.SPARK_START in text or any(words in text for words in note.ENDINGS),
            reason.ATTEMPT: note.ATTEMPT_ID.search(text) is not None,
            reason.SETTING: statement.states(text),
        }
        assert not [bit for bit, needed in wanted.items() if needed and not reasons & bit]


@pytest.mark.parametrize("row", SIGNS, ids=lambda row: row.what)
def test_examples_of_signs_are_found(row: object) -> None:
    assert _reasons([row.example])[0] & reason.SIGN  # type: ignore[attr-defined]


def test_what_spark_prints_for_every_task_and_block_is_passed() -> None:
    lines = [
        "26/11/22 08:00:01 INFO Executor: Finished task 1.0 in stage 2.0 (TID 7). 2048 bytes result sent to driver",
        "26/11/22 08:00:01 INFO MemoryStore: Block broadcast_1 stored as values in memory (estimated size 5.0 KiB)",
        "26/11/22 08:00:01 INFO SparkContext: Created broadcast 1 from broadcast at DAGScheduler.scala:1585",
        "26/11/22 08:00:01 INFO TaskSetManager: Starting task 1.0 in stage 2.0 (TID 7) (h, executor 1, partition 1)",
    ]
    data = "".join(f"{line}\n" for line in lines).encode()
    assert SIEVE.search(data, own=True, headers=False, applications=False, settings=True) == ([], False)


@given(st.text(alphabet=[*"ab\t\r\n", *(c for d in oddlog.DIRT for c in d), "\xe9", "\u2026", "\U0001f600"]))
def test_clean_is_what_decoding_leaves_as_it_is(text: str) -> None:
    data = f"{text}\n".encode()
    plain = (raw.decode().replace("\0", "\ufffd") for raw in data.split(b"\n"))
    if SIEVE.is_clean(data):
        assert [decoded(raw) for raw in data.split(b"\n")] == list(plain)


def test_finished_tasks_are_found_by_their_index_however_many_are_wanted() -> None:
    data = b"".join(b"INFO x: Finished task %d.0 in stage 2.0 (TID 9)\n" % n for n in range(1000))
    for wanted in ({3, 400}, set(range(900)), {7}):
        ends = SIEVE.finished(data, wanted)
        lines = {data.count(b"\n", 0, end) for end in ends}
        assert wanted <= lines
    assert len(ends) < 100


def test_a_search_that_does_not_pay_is_not_begun() -> None:
    fresh = Sieve(hyperscan)
    assert not fresh.pays(sieve.WARM_BYTES - 1)
    assert fresh.pays(2)
    assert SIEVE.pays(1)


def test_without_hyperscan_there_is_no_sieve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    monkeypatch.setattr(sieve, "_mine", type("Mine", (), {})())
    assert sieve.load() is None
