"""Lines to records: headers of every platform, tracebacks, and what belongs to what."""

import pytest

from diagnose.log import Line
from diagnose.record import MAX_RECORD_LINES, Level, parse_header, records, template


def group(text):
    return list(records(Line(n, line) for n, line in enumerate(text.splitlines(), start=1)))


def shape(text):
    return [(r.lines[0].number, r.lines[-1].number, r.traceback) for r in group(text)]


@pytest.mark.parametrize(
    ("line", "level", "logger"),
    [
        ("26/11/22 07:35:00 WARN YarnAllocator: Container killed", Level.WARN, "YarnAllocator"),
        (
            "2026-11-22 07:35:00,412 INFO org.apache.hadoop.X (Thread-1): msg",
            Level.INFO,
            "org.apache.hadoop.X",
        ),
        ("2026-11-22T07:45:00.101Z WARN Step failed with exitCode 1", Level.WARN, "Step"),
        ("INFO startExec 'hadoop jar'", Level.INFO, "startExec"),
        ("ERROR:root:load failed", Level.ERROR, "root"),
        ("2026-11-22 07:45:24,123 - etl.job - ERROR - msg", Level.ERROR, "msg"),
        ("2026-11-22 07:45:24,123 [main] ERROR full.Class - x", Level.ERROR, "full.Class"),
        ('{"ts":"2026-11-22T07:45:24.123Z","level":"ERROR","msg":"x"}', Level.ERROR, ""),
    ],
)
def test_headers_of_the_platforms_are_read(line, level, logger):
    header = parse_header(line)
    assert header is not None
    assert (header.level, header.logger) == (level, logger)


@pytest.mark.parametrize(
    "line",
    [
        "ERRORS found: 0",
        "Error: Failed to load class com.acme.Main.",
        "[2026-11-22 07:35:13.711]Container exited with a non-zero exit code 143.",
        "\tat org.apache.spark.X.y(X.scala:1)",
        "INFORMATION about the job",
        "",
    ],
)
def test_lines_that_only_look_like_headers_are_none(line):
    assert parse_header(line) is None


def test_a_stack_trace_belongs_to_its_header():
    text = "26/11/22 07:00:00 ERROR X: boom\njava.lang.Y: z\n\tat a.b(C.java:1)\n26/11/22 07:00:01 INFO X: on"
    assert shape(text) == [(1, 3, False), (4, 4, False)]


def test_a_traceback_keeps_its_java_half_and_ends_before_the_next_words():
    text = (
        'rows: 10\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\n'
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.x.\n: java.lang.A: b\n\tat c.d(E.java:1)\n"
        "Caused by: java.lang.F: g\n\t... 3 more\n\ngoing on\n"
    )
    assert shape(text) == [(1, 1, False), (2, 10, True), (11, 11, False)]


def test_chained_tracebacks_are_one_record_and_separate_ones_are_two():
    one = "Traceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'x'\n"
    chain = "\nDuring handling of the above exception, another exception occurred:\n\n"
    assert shape(one + chain + one) == [(1, 9, True)]
    assert shape(one + "handled\n" + one) == [(1, 3, True), (4, 4, False), (5, 7, True)]


def test_an_endless_record_keeps_its_first_and_last_lines():
    record = group("26/11/22 07:00:00 ERROR X: boom\n" + "  detail\n" * 5000)[0]
    assert len(record.lines) == MAX_RECORD_LINES
    assert (record.lines[0].number, record.lines[-1].number) == (1, 5001)


def test_late_messages_of_an_endless_trace_outlive_its_frames():
    frames = "\tat a.b(C.java:1)\n" * 500
    record = group("26/11/22 07:00:00 ERROR X: boom\n" + frames + f"Caused by: java.io.Y: z\n{frames}" * 4)[0]
    causes = [line.number for line in record.lines if line.text.startswith("Caused by")]
    assert causes == [502, 1003, 1504, 2005]


def test_templates_forget_numbers_and_ids_but_not_causes():
    one, two = (
        group(f"26/11/22 07:00:0{i} WARN T: Lost task {i}.0 (TID {i})\nCaused by: java.io.X: y")[0]
        for i in (1, 2)
    )
    other = group("26/11/22 07:00:01 WARN T: Lost task 1.0 (TID 1)\nCaused by: java.io.Z: y")[0]
    assert template(one) == template(two) != template(other)
