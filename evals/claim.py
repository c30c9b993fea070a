"""A row → what it claims about its case: a category, how sure it is, and whether that is right. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diagnose.taxonomy import Category
from evals.agreement import accepts
from evals.fold import cases
from evals.run import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One answer to one case."""

    case_id: str
    expected: Category
    got: Category | None
    """None: the row is errored; it is wrong, and it claims nothing."""
    accepted: bool
    """The category is the labelled one or another that the label accepts."""
    confidence: float
    """0 to 1; 0 for an errored row."""

    @property
    def exact(self) -> bool:
        """Tell whether the category is the labelled one."""
        return self.got is self.expected


def claim(row: Row) -> Claim:
    """Read what a row claims."""
    expected, diagnosis = row.expected, row.diagnosis
    got = diagnosis.category if diagnosis else None
    return Claim(
        case_id=row.case_id,
        expected=expected.category,
        got=got,
        accepted=accepts(expected, got),
        confidence=diagnosis.confidence if diagnosis else 0.0,
    )


def claims(rows: Iterable[Row]) -> tuple[Claim, ...]:
    """Read every row, sorted by case and repeat."""
    return tuple(claim(row) for repeats in cases(rows) for row in repeats)


def folded(rows: Iterable[Row]) -> tuple[Claim, ...]:
    """Read one claim per case: its worst repeat, the first of several.

    Worst is an error, then a category that is not accepted, then an accepted one, then the labelled one. So a
    case stands on the right only if every repeat does.
    """
    return tuple(_worst([claim(row) for row in repeats]) for repeats in cases(rows))


def _worst(repeats: Sequence[Claim]) -> Claim:
    return min(repeats, key=lambda each: (each.got is not None, each.accepted, each.exact))
