"""Labels that can't be right are refused."""

import gzip

import pytest

from diagnose.taxonomy import FACTS, FailureType
from evals.case import Metadata
from evals.synthesis.check import inflate, problems


def label(**over: object) -> Metadata:
    values: dict[str, object] = {
        "failure_type": FailureType.SERVICE_UNREACHABLE, "safe_to_retry": True, "evidence": ("connection refused by peer",),
        "origin": "synthetic", "cluster": "t", "difficulty": "easy", "version": 1, "sha256": "0" * 64,
    } | over  # fmt: skip
    kind = FailureType(str(values["failure_type"]))
    return Metadata.model_validate(values | {"category": FACTS[kind].category})


def found(text: str, metadata: Metadata, *, names: tuple[str, ...] = ("orders_daily",)) -> str:
    return "; ".join(problems({"a.gz": gzip.compress(text.encode())}, metadata, names=names))


GOOD = "26/05/04 03:10:07 ERROR X: connection refused by peer\n"


def test_a_right_label_has_no_problems() -> None:
    assert found(GOOD, label()) == ""


@pytest.mark.parametrize(
    ("text", "over", "problem"),
    [
        ("nothing\n", {}, "no evidence stands in any file"),
        (GOOD, {"evidence": ("two\nlines here",)}, "not a part of one line"),
        (GOOD, {"evidence": ("refused",)}, "too short"),
        (GOOD, {"canaries": ("Mapolusuni+9964ni",)}, "stands in no file"),
        (GOOD + "INFO FileFormatWriter: Start to commit write Job a-1.\n", {}, "a write is logged"),
        (
            GOOD + "INFO FileFormatWriter: Write Job a-1 committed. Elapsed time: 3 ms.\n",
            {},
            "a write is logged",
        ),
        (
            GOOD + "INFO X: attempt_20260504_0001_m_000001_4: Committed. Elapsed time: 3 ms.\n",
            {},
            "a write is logged",
        ),
        (GOOD, {"failure_type": "MISSING_TABLE"}, "is not transient"),
    ],
)
def test_a_wrong_label_is_refused(text: str, over: dict[str, object], problem: str) -> None:
    assert problem in found(text, label(**over))


def test_a_canary_may_stand_encoded() -> None:
    assert found(GOOD + "url?password=Mapolusuni%2B9964ni\n", label(canaries=("Mapolusuni+9964ni",))) == ""


def test_a_canary_within_the_evidence_is_refused() -> None:
    text = "refused for Mapolusuni+9964ni\n"
    assert "stands in the evidence" in found(
        text, label(evidence=(text.strip(),), canaries=("Mapolusuni+9964ni",))
    )


def test_a_name_may_not_give_the_label_away() -> None:
    found_problem = found(GOOD, label(), names=("orders_daily", "orders_outage"))
    assert found_problem == "the name 'orders_outage' gives the label away (outage)"


def test_a_file_that_is_no_gzip_reads_as_nothing() -> None:
    assert inflate(b"plain text") == ""
