"""An evaluation → the first line of its report: passed or failed, and what. Pure."""

from dataclasses import dataclass

from evals.evaluation import Evaluation
from evals.requirement import Failure


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The verdict in words."""

    passed: bool
    text: str
    """What failed, or how much holds."""
    required: str
    """What was asked, in one line."""

    @property
    def verdict(self) -> str:
        """`PASSED` or `FAILED`."""
        return "PASSED" if self.passed else "FAILED"


def headline(evaluation: Evaluation) -> Headline:
    """Put the verdict into words, with its counts."""
    cases = len({row.case_id for row in evaluation.run.rows})
    required = ", ".join(evaluation.required) or "no error"
    return Headline(passed=evaluation.passed, text=_told(evaluation, cases), required=required)


def line(failure: Failure) -> str:
    """Write a failure as one line."""
    return f"{failure.case_id or 'all cases'}: {failure.requirement}: {failure.reason}"


def _told(evaluation: Evaluation, cases: int) -> str:
    failed = len({failure.case_id for failure in evaluation.failures if failure.case_id})
    limits = sum(not failure.case_id for failure in evaluation.failures)
    known = len({failure.case_id for failure in evaluation.known if failure.case_id})
    parts = [f"{failed} of {cases} cases fail" if failed else f"{cases - known} of {cases} cases hold"]
    if limits:
        parts.append(f"{limits} {'limit' if limits == 1 else 'limits'} over all cases broken")
    if known:
        parts.append(f"{known} known {'miss' if known == 1 else 'misses'}")
    return ", ".join(parts)
