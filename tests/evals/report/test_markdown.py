from collections.abc import Callable

import runs

from evals.evaluation import Evaluation
from evals.report import Baseline, to_markdown
from evals.report.markdown import MAX_CHARS
from evals.requirement import Requirement
from evals.run import Row


def test_it_opens_with_the_verdict_and_provenance(failed: Evaluation) -> None:
    text = to_markdown(failed)
    assert text.startswith("# ❌ Evaluation FAILED: 2 of 9 cases fail")
    assert text.index("- run: new") < text.index("## Scores") < text.index("## Failures: 2")
    assert "| category, strict | 6/9 | 0.667 |" in text


def test_failed_and_known_cases_are_folded_with_their_evidence(failed: Evaluation) -> None:
    text = to_markdown(failed)
    assert "<details><summary>broken: category</summary>" in text
    assert "<details><summary>errored: no error</summary>" in text
    assert f"> {runs.LINE}" in text
    assert "## Known misses: 1" in text


def test_changed_cases_have_both_answers(failed: Evaluation, baseline: Baseline) -> None:
    text = to_markdown(failed, baseline=baseline)
    assert "## Changed cases: 2" in text
    assert "- baseline: DATA_QUALITY/MALFORMED_INPUT" in text
    assert "- candidate: UNKNOWN/UNCLASSIFIED" in text
    assert "no difference seen" in text


def test_what_does_not_fit_is_left_out_whole_and_counted(row: Callable[..., Row]) -> None:
    wrong = [row(f"case-{number:03}", right=False) for number in range(400)]
    text = to_markdown(runs.assessed(runs.run(wrong), Requirement))
    assert len(text) <= MAX_CHARS
    shown = text.count("<details><summary>case-")
    assert 20 < shown < 400
    assert f"{400 - shown} more are left out here" in text
    assert text.count("<details>") == text.count("</details>")


def test_a_run_that_passes_has_no_failures_to_show(passed: Evaluation) -> None:
    text = to_markdown(passed)
    assert text.startswith("# ✅ Evaluation PASSED: 4 of 4 cases hold")
    assert "## Failures" not in text


def test_log_lines_can_not_become_markup(row: Callable[..., Row]) -> None:
    hostile = "```\n</details><img src=x> [a](https://example.org) @everyone | \x1b[31m"
    bad = row("a", error=hostile, right=False)
    text = to_markdown(runs.assessed(runs.run([bad]), Requirement))
    assert "\x1b" not in text
    outside = [line for line in text.splitlines() if "</details><img" in line]
    assert outside
    assert all(line.lstrip("- ").startswith(("got: no answer: ````", "no error: ````")) for line in outside)
