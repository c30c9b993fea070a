import pytest

from diagnose.diagnosis import Evidence, EvidenceRole
from evals.report.context import MAX_LINE_CHARS, MAX_MARKED_CHARS, MAX_SHOWN, find_passages


def evidence(text: str, *, file: str = "a.gz", line: int = 1) -> Evidence:
    return Evidence(text=text, file=file, line=line, container=None, attempt=None, role=EvidenceRole.CAUSE)


def excerpt(file: str = "a.gz", first: int = 1, lines: int = 20) -> str:
    body = [f"line {number}" for number in range(first, first + lines)]
    return "\n".join([f"== {file}:{first}-{first + lines - 1} - -", *body]) + "\n"


def test_a_shown_line_stands_among_three_neighbours_on_either_side() -> None:
    (passage,) = find_passages(excerpt(), [evidence("line 10", line=10)])
    assert [line.number for line in passage.lines] == [7, 8, 9, 10, 11, 12, 13]
    assert [line.text for line in passage.lines if line.shown] == ["line 10"]
    assert passage.file == "a.gz"


def test_a_neighbourhood_ends_with_its_file() -> None:
    text = excerpt("a.gz", lines=4) + excerpt("b.gz", first=50, lines=4)
    (passage,) = find_passages(text, [evidence("line 50", file="b.gz", line=50)])
    assert [line.number for line in passage.lines] == [50, 51, 52, 53]
    assert passage.file == "b.gz"


def test_neighbourhoods_that_touch_are_one_and_others_stay_apart() -> None:
    shown = [evidence("line 3", line=3), evidence("line 10", line=10), evidence("line 19", line=19)]
    found = find_passages(excerpt(), shown)
    assert [(each.lines[0].number, each.lines[-1].number) for each in found] == [(1, 13), (16, 20)]


def test_of_equal_lines_the_one_in_its_file_at_its_number_is_taken() -> None:
    text = "== a.gz:1-2 - -\nsame\nsame\n== b.gz:5-6 - -\nsame\nsame\n"
    (passage,) = find_passages(text, [evidence("same", file="b.gz", line=6)], around=0)
    assert (passage.file, passage.lines[0].number) == ("b.gz", 6)


def test_a_labelled_line_that_was_not_shown_is_marked_as_such() -> None:
    found = find_passages(excerpt(), [evidence("line 2", line=2)], ["line 15"], around=0)
    marks = [(line.text, line.shown, line.labelled) for each in found for line in each.lines]
    assert marks == [("line 2", True, False), ("line 15", False, True)]


def test_a_shown_line_that_stands_nowhere_is_told() -> None:
    (passage,) = find_passages(excerpt(), [evidence("made up", line=99)])
    assert not passage.found
    assert [line.text for line in passage.lines] == ["made up"]


@pytest.mark.parametrize("shown", ["line 10 is lo…", "  line 10 is long  "])
def test_a_cut_or_trimmed_line_is_found(shown: str) -> None:
    (passage,) = find_passages("== a.gz:1-1 - -\nline 10 is long\n", [evidence(shown)])
    assert passage.found


def test_lines_are_numbered_only_where_the_header_agrees_with_them() -> None:
    (passage,) = find_passages("== a.gz:1-7 - -\none\ntwo\n", [evidence("two", line=2)])
    assert [line.number for line in passage.lines] == [None, None]


def test_without_a_header_lines_have_no_file_and_no_number() -> None:
    (passage,) = find_passages("before\ncause\nafter", [evidence("cause")])
    assert passage.file == ""
    assert [line.number for line in passage.lines] == [None] * 3


def test_nothing_gives_nothing() -> None:
    assert find_passages("", []) == ()
    assert find_passages(excerpt(), []) == ()
    assert not find_passages("", [evidence("x")])[0].found


def test_long_lines_and_a_flood_of_evidence_are_bounded() -> None:
    text = f"== a.gz:1-2 - -\n{'n' * 9_999}\n{'s' * 9_999}\n"
    (passage,) = find_passages(text, [evidence("s" * 9_999, line=2)])
    assert [len(line.text) for line in passage.lines] == [MAX_LINE_CHARS, MAX_MARKED_CHARS]
    flood = [evidence(f"line {number}", line=number) for number in range(1, 500)]
    found = find_passages(excerpt(lines=500), flood, around=0)
    assert sum(len(each.lines) for each in found) == MAX_SHOWN
