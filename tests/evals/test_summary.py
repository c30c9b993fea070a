"""Comparison and gate for people and programs."""

import json
import re
from functools import cache

import pytest
import runs

from evals import summary
from evals.comparison import compare
from evals.criterion import Check, FailedCase, Verdict
from evals.gate import GateRecord, RunId
from evals.mismatch import Kind


@cache
def comparison():
    old = runs.run(runs.grid(cases=120, clusters=40, wrong=range(4)), run_id="old")
    rows = runs.grid(cases=120, clusters=40, wrong=range(2, 44), prompt_version="v2")
    return compare(old, runs.run(rows, run_id="new", prompt_version="v2"), guards=("category",))


def record(*checks, verdict=Verdict.FAIL, more=None):
    run = RunId(
        run_id="new", file="r", sha256="0" * 64, date=runs.MOMENT, commit="c", analyst=runs.ANALYST,
        model_id=runs.MODEL, prompt_version="v2", prompt_sha256="1" * 64, cases=1, datasets=(),
    )  # fmt: skip
    return GateRecord(
        verdict=verdict, date=runs.MOMENT, candidate=run, baseline=None, policy_sha256="2" * 64,
        production=None, checks=checks, more_cases=more,
    )  # fmt: skip


CHECK = Check(
    name="primary: category", verdict=Verdict.FAIL, measured=-0.2, bound=-0.3, limit=-0.05, reason="worse"
)
OPEN = Check(name="guard: grounding", verdict=Verdict.INCONCLUSIVE, reason="too few", more_cases=7)


def test_text_says_where_the_numbers_come_from_what_differs_and_which_cases():
    text = summary.to_text(comparison())
    assert "baseline: run old" in text
    assert "differs: prompt_version: v1 → v2" in text
    line = next(line for line in text.splitlines() if line.startswith("category, strict (guard)"))
    assert "96.7 %" in line
    assert "65.0 %" in line
    assert "-31.7 pp" in line
    assert line.endswith("worse")
    assert "42 cases changed" in text
    assert text.index("broken [broken: category") < text.index("repaired [repaired: category")


def test_json_holds_everything():
    data = json.loads(summary.to_json(comparison()))
    assert len(data["flips"]) == 42
    assert data["flips"][0]["kind"] == "broken"
    assert data["flips"][0]["expected"]["category"] == "DATA_QUALITY" or data["flips"][0]["expected"]
    found = next(each for each in data["differences"] if each["metric"] == "category")
    assert found["finding"] == "worse"
    assert found["interval"]["high"] < 0
    assert data["baseline"]["identity"]["prompt_version"] == "v1"


def test_markdown_shows_the_worst_cases_and_counts_the_rest():
    text = summary.to_markdown(comparison())
    assert "## Changed cases: 42" in text
    assert text.count("\n| ` case-") == summary.MAX_FLIPS
    assert f"{42 - summary.MAX_FLIPS} more" in text
    assert len(text) < 65_536


def test_tables_have_as_many_cells_as_columns():
    text = summary.to_markdown(comparison()) + summary.gate_markdown(record(CHECK, OPEN))
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    "nasty",
    [
        "a | b",
        "``` fence ` and `` more",
        "<img src=x onerror=1>",
        "![x](https://example.test/p.png)",
        "[click](https://example.test)",
        "line\nbreak | <b>",
        "\x1b[31mred\x00",
        "@everybody #12",
    ],
)
def test_words_of_a_log_never_become_markup(nasty):
    failed = (FailedCase(case_id=nasty, reason=nasty),)
    text = summary.gate_markdown(record(Check(name=nasty, verdict=Verdict.FAIL, reason=nasty, failed=failed)))
    outside = re.sub(r"(`+) .*? \1(?!`)", "", text)
    for mark in ("<img", "![", "](", "@e", " #12", "<b>", "\x1b", "\x00"):
        assert mark not in outside
    assert "`" not in outside
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4, 7}


def test_a_long_line_is_cut_in_markdown():
    failed = (FailedCase(case_id="c", reason="x" * 5000),)
    text = summary.gate_markdown(record(Check(name="n", verdict=Verdict.FAIL, reason="r", failed=failed)))
    assert "x" * 5000 not in text
    assert "…" in text


def test_the_gate_says_its_verdict_first_and_last():
    assert summary.gate_markdown(record(CHECK)).startswith("## ❌ Gate: FAIL: primary: category")
    assert summary.gate_text(record(CHECK)).rstrip().endswith("FAIL: primary: category")
    assert "PASS: all 1 checks hold" in summary.gate_text(
        record(CHECK.model_copy(update={"verdict": Verdict.PASS}), verdict=Verdict.PASS)
    )


def test_an_open_gate_says_how_many_cases_are_needed():
    text = summary.gate_text(record(OPEN, verdict=Verdict.INCONCLUSIVE, more=7))
    assert "INCONCLUSIVE: guard: grounding; about 7 more cases are needed" in text


def test_cases_that_broke_a_limit_are_listed():
    check = Check(
        name="zero: leaks",
        verdict=Verdict.FAIL,
        reason="r",
        failed=(FailedCase(case_id="c-7", reason="why"),),
    )
    assert "  c-7: why" in summary.gate_text(record(check))
    assert "| zero: leaks | ` c-7 ` | ` why ` |" in summary.gate_markdown(record(check))


def test_a_caution_is_shown_on_every_page():
    rows = runs.grid(cases=40, clusters=40)
    found = compare(runs.run(rows), runs.run(rows, code_sha256="0" * 64), allow=[Kind.CODE])
    assert all("compared all the same: product code" in form(found) for form in summary.FORMATS.values())
