import oddlog
from hypothesis import given
from hypothesis import strategies as st

from diagnose.log import Line
from diagnose.logger import is_own
from diagnose.reason import APPLICATION, GRADE
from diagnose.record import Level, Record, parse_header, records, template
from diagnose.stamp import Stamps, is_dated, is_loud, record_end

LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(oddlog.STAMPS)
    | st.from_regex(r"[0-3]\d/[01]\d/[0-3]\d [012]\d:[0-6]\d:[0-6]\d ", fullmatch=True),
    st.sampled_from(oddlog.LEVELS),
    st.sampled_from(oddlog.LOGGERS),
    st.sampled_from(oddlog.MESSAGES) | st.from_regex(r"[a0-9x.:-]{0,200}", fullmatch=True),
)


@given(LINES)
def test_a_dated_line_has_a_header_with_a_time(line: str) -> None:
    if is_dated(line.encode(), 0):
        header = parse_header(line)
        assert header is not None and header.time is not None


@given(st.lists(LINES, max_size=20))
def test_templates_are_those_of_the_records_whatever_was_seen_before(lines: list[str]) -> None:
    stamps = Stamps()
    for text in lines:
        if is_dated(text.encode(), 0) and text.isascii():
            record = Record((Line(1, text),), parse_header(text), None)
            assert stamps.template(text.encode()) == template(record)


def test_lines_that_differ_in_digits_only_share_their_template() -> None:
    stamps = Stamps()
    first, second = (stamps.template(b"26/11/22 08:00:0%d INFO Executor: task %d" % (n, n)) for n in (1, 7))
    assert first is second


def test_a_hexadecimal_number_is_not_taken_for_two() -> None:
    stamps = Stamps()
    for value in ("0x1f", "5x1f", "0x2f"):
        text = f"26/11/22 08:00:01 INFO Executor: at {value}"
        record = Record((Line(1, text),), parse_header(text), None)
        assert stamps.template(text.encode()) == template(record)


@given(LINES)
def test_only_platform_lines_are_called_the_platforms(line: str) -> None:
    if Stamps().is_platforms(line.encode(), 0):
        assert not is_own(parse_header(line))


@given(LINES)
def test_a_loud_line_is_logged_as_a_warning_or_worse(line: str) -> None:
    if is_loud(line.encode(), 0):
        header = parse_header(line)
        assert header is not None and header.time is not None and header.level >= Level.WARN


@given(st.lists(LINES | st.sampled_from(oddlog.BARE) | st.sampled_from(oddlog.MESSAGES), max_size=12))
def test_where_a_record_is_said_to_end_it_ends(below: list[str]) -> None:
    lines = ["26/11/22 08:00:01 INFO Executor: x", *below, "26/11/22 08:00:02 INFO Executor: y"]
    data = "".join(f"{line}\n" for line in lines).encode()
    end = record_end(data, data.index(b"\n"))
    if end:
        first = next(records(Line(n, line) for n, line in enumerate(lines)))
        assert data[:end] == "".join(f"{line.text}\n" for line in first.lines).encode()


def test_a_record_with_a_trace_ends_at_the_next_dated_line() -> None:
    record = b"26/11/22 08:00:01 ERROR Executor: x\njava.lang.X: y\n\tat a.B\n\nCaused by: z\n"
    assert record_end(record + b"26/11/22 08:00:02 INFO Executor: y\n", record.index(b"\n")) == len(record)
    assert record_end(record, record.index(b"\n")) == 0


def test_a_line_that_only_names_an_application_is_told_once() -> None:
    report = (
        b"26/11/22 08:00:0%d INFO Client: Application report for application_1795340344293_0001 (state: %s)"
    )
    stamps = Stamps()

    def told(line: bytes, reasons: int = APPLICATION) -> bool:
        return stamps.is_told(line + b"\n", 0, len(line), reasons)

    assert [told(report % (second, b"RUNNING")) for second in (1, 2, 3)] == [False, True, True]
    assert not told(report % (4, b"FAILED")), "it says something else"
    assert not told(report % (5, b"RUNNING"), APPLICATION | GRADE), "there is more to it"
    undated = b"application_1795340344293_0001"
    assert not told(undated) and not told(undated), "what differs in it is not known"
