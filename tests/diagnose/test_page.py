"""A page's arithmetic: what it takes is what it renders, and never more than it may."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.anchor import Interest
from diagnose.finding import Event, Standing
from diagnose.layout import Source, SourceKind
from diagnose.log import Line
from diagnose.page import MAX_LINE_CHARS, Page, header, shorten
from diagnose.passage import Mark, Passage
from diagnose.record import Level

SOURCE = Source(file="steps/s-1/stderr.gz", kind=SourceKind.STEP, stream="stderr")
MARK = Mark(
    first=0,
    last=0,
    interest=Interest.ERROR,
    level=Level.ERROR,
    time=None,
    logger="",
    traceback=False,
    template="t",
    after_end=False,
)


def _event(texts, number=1, source=SOURCE, before=0):
    """An event of some lines, the first `before` of its passage being context."""
    lines = tuple(Line(number + n, text) for n, text in enumerate(texts))
    mark = replace(MARK, first=before, last=len(lines) - 1)
    return Event(Passage(source, lines, (mark,)), mark, Standing.ERROR, "", number, (None, None))


def _render(page):
    return "".join(
        "\n".join((header(run.source, run.numbers[0], run.numbers[-1]), *run.lines)) + "\n"
        for run in page.runs()
    )


FRAMES = [f"\tat org.apache.spark.A.b{n}(A.scala:{n})" for n in range(40)]


def test_a_record_is_taken_whole_under_one_header():
    event = _event(["one", "two"])
    page = Page(1000, [event], {})
    assert page.take(event)
    assert _render(page) == "== steps/s-1/stderr.gz:1-2 - -\none\ntwo\n"
    assert page.left_bytes == 1000 - len(_render(page))


def test_a_fold_is_a_jump_in_line_numbers_with_its_count():
    event = _event(["26/11/22 07:00:05 ERROR X: top", *FRAMES, "Caused by: java.io.IOException: root"])
    page = Page(1400, [event], {})
    assert page.take(event)
    first, second = page.runs()
    assert first.numbers == (1, 2)
    assert second.lines == ("Caused by: java.io.IOException: root",)
    assert second.folded == second.numbers[0] - first.numbers[-1] - 1 == 39


@pytest.mark.parametrize("chief", [False, True])
def test_only_the_cause_s_own_line_may_take_more_than_a_share(chief):
    event = _event(["ERROR X: top", *FRAMES, "Caused by: java.io.IOException: " + "long " * 160])
    page = Page(1500, [event], {})
    assert page.take(event, [41], chief=chief)
    assert any("long" in line for run in page.runs() for line in run.lines) is chief


def test_frames_that_stand_on_the_page_are_not_shown_twice():
    one, two = _event(["ERROR X: one", *FRAMES]), _event(["ERROR X: two", *FRAMES], number=100)
    page = Page(32768, [one, two], {})
    assert page.take(one)
    assert page.take(two)
    first, second = page.runs()
    assert first.lines == ("ERROR X: one", *FRAMES)
    assert second.lines == ("ERROR X: two", FRAMES[0])


def test_how_often_a_record_occurred_is_told():
    event = _event(["one"])
    page = Page(1000, [event], {(SOURCE.file, "t"): 5000})
    page.take(event)
    assert [run.repeats for run in page.runs()] == [5000]


def test_context_comes_nearest_first_while_there_is_room():
    event = _event(["far " * 20, "near", "the record"], before=2)
    page = Page(60, [event], {})
    page.take(event)
    page.take_context(event)
    assert [run.lines for run in page.runs()] == [("near", "the record")]


@pytest.mark.parametrize(("most", "taken"), [(10, False), (500, True)])
def test_a_single_line_costs_no_more_than_it_may(most, taken):
    event = _event(["some line"])
    page = Page(1000, [event], {})
    assert page.take_line(event.passage, 0, most) is taken
    assert page.holds(event.passage, 0) is taken


def test_shorten_leaves_what_is_short():
    assert shorten("a" * MAX_LINE_CHARS, MAX_LINE_CHARS) == "a" * MAX_LINE_CHARS


TEXTS = st.lists(
    st.sampled_from(["x", "word " * 9, "é" * 30, *FRAMES[:3], "Caused by: y"]), min_size=1, max_size=30
)


@given(
    records=st.lists(st.tuples(TEXTS, st.integers(0, 4), st.booleans()), min_size=1, max_size=8),
    budget=st.integers(0, 3000),
)
def test_what_is_left_is_what_is_not_rendered(records, budget):
    events, number = [], 1
    for texts, gap, other in records:
        source = replace(SOURCE, file="other.gz", container="container_1", attempt=2) if other else SOURCE
        events.append(_event(texts, number + gap, source, before=min(gap, len(texts) - 1)))
        number += gap + len(texts)
    page = Page(budget, events, {})
    for event in reversed(events):
        page.take(event)
    for event in events:
        page.take_context(event)
    rendered = len(_render(page).encode())
    assert rendered <= budget - page.left_bytes <= budget
    assert page.left_bytes >= 0
