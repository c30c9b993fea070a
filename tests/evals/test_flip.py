"""Cases whose verdict differs, with both answers."""

import runs

from evals.flip import MAX_SHOWN_LINES, Kind, find_flips


def flips(old, new):
    return find_flips(runs.run(old), runs.run(new))


def test_the_worst_comes_first():
    old = [
        runs.row("a", right=False),
        runs.row("b"),
        runs.row("c"),
        runs.row("d", leak=False),
        runs.row("e"),
        runs.row("f", right=False),
    ]
    new = [
        runs.row("a"),
        runs.row("b", right=False),
        runs.row("c", said=True),
        runs.row("d", leak=True),
        runs.row("e"),
        runs.row("f", right=False),
    ]
    found = flips(old, new)
    assert [(flip.case_id, flip.kind) for flip in found] == [
        ("d", Kind.NEW_LEAK),
        ("c", Kind.NEW_WRONG_SAFE),
        ("b", Kind.BROKEN),
        ("a", Kind.REPAIRED),
    ]


def test_nothing_changed_gives_nothing():
    rows = [runs.row("a"), runs.row("b", right=False)]
    assert flips(rows, rows) == ()


def test_a_case_is_listed_once_with_all_that_changed_on_it():
    (flip,) = flips([runs.row("a", invented=True)], [runs.row("a", right=False)])
    changed = {change.metric: change.repaired for change in flip.changes}
    assert changed["category"] is False
    assert changed["grounding"] is True
    assert flip.kind is Kind.BROKEN
    assert [change.repaired for change in flip.changes] == sorted(changed.values())
    assert "got UNKNOWN" in flip.changes[0].reason


def test_both_answers_are_shown():
    (flip,) = flips([runs.row("a")], [runs.row("a", right=False, confidence=0.3, shown=False)])
    assert (flip.before.category, flip.after.category) == ("DATA_QUALITY", "UNKNOWN")
    assert (flip.before.confidence, flip.after.confidence) == (0.9, 0.3)
    assert (flip.before.evidence, flip.after.evidence) == ((runs.LINE,), ())
    assert flip.expected.failure_type == "MALFORMED_INPUT"


def test_no_answer_is_shown_as_none():
    (flip,) = flips([runs.row("a")], [runs.row("a", error="ValueError: boom")])
    assert (flip.after.safe_to_retry, flip.after.error) == (None, "ValueError: boom")


def test_of_several_repeats_the_wrong_one_is_shown():
    old = [runs.row("a", repeat=0), runs.row("a", repeat=1)]
    new = [runs.row("a", repeat=0), runs.row("a", repeat=1, right=False, confidence=0.4)]
    (flip,) = flips(old, new)
    assert (flip.after.category, flip.after.confidence) == ("UNKNOWN", 0.4)


def test_only_the_first_lines_of_evidence_are_kept():
    many = runs.row("a", right=False)
    given = many.diagnosis.model_copy(update={"log_evidences": ["x"] * 50})
    (flip,) = flips([runs.row("a")], [many.model_copy(update={"diagnosis": given})])
    assert len(flip.after.evidence) == MAX_SHOWN_LINES
