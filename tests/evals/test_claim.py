from runs import scored as row

from evals.claim import claim, folded


def test_a_claim_is_exact_accepted_or_wrong() -> None:
    exact, near, wrong = (
        claim(row(expected="DATA_QUALITY", accept=("UNKNOWN",), got=got))
        for got in ("DATA_QUALITY", "UNKNOWN", "PERMISSION_DENIED")
    )
    assert (exact.exact, exact.accepted) == (True, True)
    assert (near.exact, near.accepted) == (False, True)
    assert (wrong.exact, wrong.accepted) == (False, False)


def test_an_errored_row_claims_nothing_and_is_wrong() -> None:
    errored = claim(row(got=None))
    assert (errored.got, errored.accepted, errored.exact, errored.confidence) == (None, False, False, 0.0)


def test_a_case_stands_on_its_worst_repeat() -> None:
    answers = ["DATA_QUALITY", "UNKNOWN", "PERMISSION_DENIED", "DEPENDENCY_FAILURE", None]
    rows = [
        row("a", repeat=n, expected="DATA_QUALITY", accept=("UNKNOWN",), got=got)
        for n, got in enumerate(answers)
    ]
    assert [folded(rows[:count])[0].got for count in range(1, 6)] == [
        "DATA_QUALITY",
        "UNKNOWN",
        "PERMISSION_DENIED",
        "PERMISSION_DENIED",
        None,
    ]
