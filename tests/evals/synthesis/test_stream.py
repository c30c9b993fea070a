"""One clock for all files, and log4j's layouts."""

import random
from datetime import datetime

import pytest

from evals.synthesis.stream import Clock, Stream
from evals.synthesis.trace import Throwable


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 5, 4, 3, 10, 7), random.Random(1))


def test_sparks_default_layout(clock: Clock) -> None:
    stream = Stream(clock)
    stream.warn("TaskSetManager", "Lost task")
    assert stream.text == "26/05/04 03:10:07 WARN TaskSetManager: Lost task\n"


def test_a_daemon_names_its_thread_and_milliseconds(clock: Clock) -> None:
    stream = Stream(clock, layout="daemon")
    stream.info("org.x.Y", "hello", thread="T 1")
    assert stream.text.startswith("2026-05-04 03:10:07,")
    assert stream.text.endswith(" INFO org.x.Y (T 1): hello\n")


def test_the_custom_layout_pads_the_level(clock: Clock) -> None:
    stream = Stream(clock, layout="iso")
    stream.info("A", "b", thread="main")
    assert " INFO  [main] A - b" in stream.text


def test_time_only_moves_forward_over_all_files(clock: Clock) -> None:
    one, other = Stream(clock, layout="iso"), Stream(clock, layout="iso")
    one.info("A", "first")
    clock.advance(-5)
    other.info("A", "second")
    assert one.text[:23] < other.text[:23]


def test_raw_text_and_traces_get_no_time(clock: Clock) -> None:
    stream = Stream(clock)
    stream.raw("plain\n\n")
    stream.trace(Throwable("x.Y", "z"))
    assert stream.text == "plain\nx.Y: z\n"
    assert len(stream) == 2
