import dataclasses
import gzip
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import oddlog
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose import chunk, keeper, log, loss, note, record, sieve, stretch, sweep
from diagnose.daemon import DaemonFilter
from diagnose.layout import Source, SourceKind
from diagnose.log import ReadBudget, ReadReport, read_lines
from diagnose.record import Level, Record
from diagnose.scan import Scan, Scanner
from diagnose.task import TaskBook

pytest.importorskip("hyperscan")
MODULES = (chunk, keeper, log, loss, note, record, sieve, stretch, sweep)
APPLICATION = "application_1795340344293_0006"
RELEVANT: list[Callable[[Record], bool] | None] = [None, DaemonFilter([APPLICATION])]
SOURCES = [
    Source(file="f.gz", kind=kind, stream="stderr", application=APPLICATION, attempt=1) for kind in SourceKind
]
LOGGED = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(oddlog.STAMPS[:2]) | st.sampled_from(oddlog.STAMPS),
    st.sampled_from(oddlog.LEVELS[:2]) | st.sampled_from(oddlog.LEVELS),
    st.sampled_from(oddlog.LOGGERS),
    st.sampled_from(oddlog.MESSAGES),
)
PLAIN = st.sampled_from(oddlog.BARE) | st.sampled_from(oddlog.MESSAGES)
DIRTY = st.lists(PLAIN | LOGGED | st.sampled_from(oddlog.DIRT), max_size=3).map("".join)
LINES = st.lists(
    st.tuples(LOGGED | LOGGED | PLAIN | DIRTY, st.sampled_from([1, 1, 1, 2, 15, 40])), min_size=1, max_size=40
)
LIMITS = st.fixed_dictionaries(
    {
        "CHUNK_BYTES": st.sampled_from([1, 200, 3000, 1 << 20]),
        "FIRST_WINDOW_BYTES": st.sampled_from([20, 4096]),
        "MAX_PIECE_BYTES": st.sampled_from([100, 16384]),
        "MAX_RECORD_LINES": st.sampled_from([4, 40, 600]),
        "MAX_RECORD_CHARS": st.sampled_from([80, 1 << 17]),
        "MAX_PASSAGE_LINES": st.sampled_from([8, 400]),
        "MAX_SCAN_BYTES": st.sampled_from([500, 1 << 18]),
        "MAX_TEMPLATES": st.sampled_from([3, 20_000]),
        "MAX_WITNESS_CHARS": st.sampled_from([50, 1 << 16]),
        "MAX_STATEMENT_LINES": st.sampled_from([0, 7, 20_000]),
        "MAX_STATEMENT_CHARS": st.sampled_from([60, 1 << 14]),
        "MAX_SIGNS": st.sampled_from([1, 20]),
        "MAX_TASKS": st.sampled_from([0, 500]),
        "FEW_TASKS": st.sampled_from([0, 3]),
        "TAIL_LINES": st.sampled_from([3, 30]),
        "WARM_BYTES": st.sampled_from([0, 0, 2000]),
        "SECOND_BYTES": st.sampled_from([0, 1 << 28]),
        "_SAMPLE_BYTES": st.sampled_from([0, 4096]),
        "_NEAR_LINES": st.sampled_from([1, 40]),
    }
)


def _scan(
    data: bytes, source: Source, *, sweeps: bool, left: int = 1 << 40, **how: Any
) -> tuple[Scan, TaskBook, int]:
    scanner = Scanner(context_lines=how.get("context", 10), sweeps=sweeps)
    budget, report = ReadBudget(left), ReadReport()
    lines = read_lines(io.BytesIO(data), budget=budget, report=report)
    scan = scanner.scan(source, lines, report, relevant=how.get("relevant"))
    return scan, scanner.tasks, budget.left_bytes


def _assert_same(data: bytes, source: Source, **how: Any) -> None:
    pure, pure_tasks, pure_left = _scan(data, source, sweeps=False, **how)
    swept, tasks, left = _scan(data, source, sweeps=True, **how)
    for field in dataclasses.fields(pure):
        assert getattr(swept, field.name) == getattr(pure, field.name), field.name
    assert (tasks, left) == (pure_tasks, pure_left)


def _packed(data: bytes, how: str) -> bytes:
    if how == "members":
        half = len(data) // 2
        return gzip.compress(data[:half], 1) + gzip.compress(data[half:], 1) + bytes(5)
    packed = gzip.compress(data, 1)
    return {"plain": data, "gzip": packed, "truncated": packed[: len(packed) * 2 // 3]}[how]


@settings(max_examples=250, deadline=None)
@given(
    lines=LINES,
    limits=LIMITS,
    end=st.sampled_from(["\n", "\n", "\r\n"]),
    raw=st.sampled_from([b"", b"", *oddlog.RAW]),
    how=st.sampled_from(["plain", "gzip", "members", "truncated"]),
    source=st.sampled_from(SOURCES),
    relevant=st.sampled_from(RELEVANT),
    context=st.sampled_from([0, 3, 10, 40]),
    left=st.sampled_from([1 << 40, 1 << 40, 700]),
)
def test_a_swept_log_gives_the_scan_of_one_read_line_by_line(
    *,
    lines: list[tuple[str, int]],
    limits: dict[str, int],
    end: str,
    raw: bytes,
    how: str,
    source: Source,
    relevant: Callable[[Record], bool] | None,
    context: int,
    left: int,
) -> None:
    data = end.join(line for line, times in lines for _ in range(times)).encode()
    data = data[: len(data) // 3] + raw + data[len(data) // 3 :]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            for module in MODULES:
                if hasattr(module, name):
                    patch.setattr(module, name, value)
        _assert_same(_packed(data, how), source, relevant=relevant, context=context, left=left)


def _healthy(count: int) -> list[str]:
    made = "26/11/22 08:{:02d}:{:02d} INFO TaskSetManager: Finished task {}.0 in stage 3.0 (TID {}) in {} ms on h (executor 2)"
    return [made.format(n // 60 % 60, n % 60, n % 400, n, n % 900) for n in range(count)]


@pytest.fixture(autouse=True)
def _warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "WARM_BYTES", 0)


DRIVER = Source(file="f", kind=SourceKind.DRIVER, stream="stderr", application=APPLICATION, attempt=1)


def test_a_failure_among_many_healthy_lines_is_kept_with_its_context_over_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = _healthy(30_000)
    trouble = "26/11/22 08:59:59 ERROR Executor: Exception in task 7.0 in stage 3.0 (TID 9)\njava.lang.X: y\n\tat a.b.C(D.java:1)"
    for place in (0, 5, 29_999):
        lines[place] = trouble
    lines[9_000] = lines[9_003] = "26/11/22 08:59:59 ERROR MyJob: Job aborted"
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 100_000)
    data = "\n".join(lines).encode()
    _assert_same(data, DRIVER)
    scan = _scan(data, DRIVER, sweeps=True)[0]
    kept = "\n".join(line.text for passage in scan.passages for line in passage.lines)
    assert lines[8_990] in kept and lines[9_013] in kept and lines[12_000] not in kept
    assert scan.lines == len(lines) + 6


def test_a_lost_task_that_is_finished_much_later_has_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 20_000)
    lost = "26/11/22 08:00:00 WARN TaskSetManager: Lost task {}.0 in stage 5.0 (TID 1) (h executor 1): x"
    done = "26/11/22 08:00:00 INFO TaskSetManager: Finished task {}.1 in stage 5.0 (TID 2) in 1 ms"
    lines = _healthy(3000)
    lines[10], lines[11], lines[2000] = lost.format(7), lost.format(8), done.format(7)
    lines[2500] = lost.format(9)
    lines[2499] = done.format(9)
    data = "\n".join(lines).encode()
    _assert_same(data, DRIVER)
    tasks = _scan(data, DRIVER, sweeps=True)[1]
    assert {task.index for _, task in tasks.survived} == {7}


def test_a_failure_that_repeats_with_its_trace_is_counted_and_its_last_one_is_kept_whole() -> None:
    stamp = "26/11/22 08:00:{:02d} "
    trace = [
        "java.lang.IllegalStateException: value {}",
        *["\tat a.Saved.write(D.java:{})"] * 3,
        "",
        "Caused by: x.Y: {}",
    ]
    lines: list[str] = []
    for n in range(40):
        lines += _healthy(60)
        level = "ERROR" if n % 3 else "WARN"
        lines += [f"{stamp.format(n)}{level} Executor: Exception in task {n}.0 in stage 5.0 (TID {n})"]
        lines += [line.format(n) for line in trace]
        lines += [f"exitCode: {n}"] if n % 7 == 0 else []
    data = "\n".join([*lines, *_healthy(50)]).encode()
    for relevant in RELEVANT:
        _assert_same(data, DRIVER, relevant=relevant)
    scan, book, _ = _scan(data, DRIVER, sweeps=True)
    assert list(scan.counts.values()) == [40]
    assert len(book.lost) == 40
    last = next(p for p in scan.passages if any("(TID 39)" in line.text for line in p.lines))
    assert [line.text for line in last.lines][-1] == "Caused by: x.Y: 39"


def test_a_line_of_a_trace_that_says_more_is_not_passed_over() -> None:
    lines: list[str] = []
    for n in range(12):
        lines += [*_healthy(60), f"26/11/22 08:00:{n:02d} ERROR Executor: lost"]
        lines += ["java.lang.X: y", "password=hunter" if n == 7 else "\tat a.b.C(D.java:1)"]
        lines += ["Write Job 7 committed."] if n == 9 else []
    data = "\n".join([*lines, *_healthy(50)]).encode()
    _assert_same(data, DRIVER)
    scan = _scan(data, DRIVER, sweeps=True)[0]
    assert len(scan.signs) == 1 and scan.witnesses


@pytest.mark.parametrize(("kind", "known"), [(SourceKind.DRIVER, 1), (SourceKind.NODE_MANAGER, 0)])
def test_attempts_are_learned_from_the_job_and_not_from_daemons(kind: SourceKind, known: int) -> None:
    lines = [
        *_healthy(200),
        f"26/11/22 08:00:00 INFO X: {APPLICATION.replace('application', 'appattempt')}_000002",
    ]
    data = "\n".join(lines * 3).encode()
    source = Source(file="f", kind=kind, stream="stderr")
    _assert_same(data, source)
    assert len(_scan(data, source, sweeps=True)[0].attempts) == known


def test_a_print_after_one_header_belongs_to_its_record_however_long_that_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 10_000)
    lines = [
        "26/11/22 08:00:00 ERROR MyJob: begin",
        *(f"row {n} | {n * 7}" for n in range(9000)),
        "ValueError: late",
    ]
    lines += [f"row {n}" for n in range(3000)]
    _assert_same("\n".join(lines).encode(), DRIVER)


def test_a_record_without_a_time_has_that_of_the_last_header_that_had_one() -> None:
    undated = ["INFO no stamp", "INFO no stamp either"]
    lines = [
        *_healthy(500),
        *undated,
        "ERROR no stamp",
        *_healthy(80),
        *undated,
        *undated * 30,
        "ERROR at last",
    ]
    data = "\n".join(lines).encode()
    _assert_same(data, DRIVER)
    marks = [mark for passage in _scan(data, DRIVER, sweeps=True)[0].passages for mark in passage.marks]
    assert [mark.time.minute for mark in marks if mark.level is Level.ERROR and mark.time] == [8, 1]


def test_a_line_that_is_looked_at_twice_is_noted_once() -> None:
    source = Source(file="f", kind=SourceKind.NODE_MANAGER, stream="log")
    trace = [
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "ValueError: bad",
        "then it was aborted",
    ]
    lines = [*_healthy(500), *trace, "Write Job 7 committed.", "token", "next", *_healthy(100)]
    data = "\n".join(lines).encode()
    _assert_same(data, source)
    assert len(_scan(data, source, sweeps=True)[0].signs) == 1


def test_a_line_without_end_flows_through_in_pieces_of_bounded_memory() -> None:
    blocks = (b"INFO y" * 20_000 for _ in range(300))
    source = Source(file="f", kind=SourceKind.EXECUTOR, stream="stdout")

    class Long(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return next(blocks, b"")

    report = ReadReport()
    lines = read_lines(Long(), budget=ReadBudget(1 << 40), report=report)  # type: ignore[arg-type]
    Scanner(sweeps=True).scan(
        source, read_lines(io.BytesIO(b"x\n"), budget=ReadBudget(9), report=report), report
    )
    tracemalloc.start()
    scan = Scanner(sweeps=True).scan(source, lines, report)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scan.lines == 36_000_000 // 16384 + 1
    assert peak < 16 * 1024 * 1024
