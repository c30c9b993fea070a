"""A dataset → its counts, and counts → a Markdown table. Pure.

Limits: it counts what the labels say; a label that is not valid is in no count.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from diagnose.taxonomy import Category
from evals.case import Case

_DIFFICULTIES: Final = ("easy", "medium", "hard")


@dataclass(frozen=True, kw_only=True)
class Census:
    """What a dataset holds.

    Attributes:
        name: The dataset's folder.
        sha256: `Dataset.sha256`, the version of the dataset.
        size_bytes: Of all files as they are stored.
        cases: Valid cases.
        clusters: Different incidents or templates: the number of independent observations.
        safe: Cases that are truly safe to retry.
        leaky: Cases with canaries.
        canaries: Canaries in all.
        triaged: Cases with a triage label.
        ambiguous: Cases that accept another category.
        origins: Cases per origin.
        categories: Cases per category, every category named.
        difficulties: Cases per difficulty.
        failure_types: Cases per failure type.
    """

    name: str
    sha256: str
    size_bytes: int
    cases: int
    clusters: int
    safe: int
    leaky: int
    canaries: int
    triaged: int
    ambiguous: int
    origins: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    difficulties: dict[str, int] = field(default_factory=dict)
    failure_types: dict[str, int] = field(default_factory=dict)


def count(name: str, cases: Sequence[Case], *, sha256: str, size_bytes: int) -> Census:
    """Count what `cases` are labelled."""
    labels = [case.metadata for case in cases]
    categories = Counter(label.category.value for label in labels)
    difficulties = Counter(label.difficulty for label in labels)
    return Census(
        name=name,
        sha256=sha256,
        size_bytes=size_bytes,
        cases=len(labels),
        clusters=len({label.cluster for label in labels}),
        safe=sum(label.safe_to_retry for label in labels),
        leaky=sum(bool(label.canaries) for label in labels),
        canaries=sum(len(label.canaries) for label in labels),
        triaged=sum(label.triage_label is not None for label in labels),
        ambiguous=sum(bool(label.accept) for label in labels),
        origins=dict(sorted(Counter(label.origin for label in labels).items())),
        categories={category.value: categories[category.value] for category in Category},
        difficulties={name: difficulties[name] for name in _DIFFICULTIES},
        failure_types=dict(sorted(Counter(label.failure_type.value for label in labels).items())),
    )


def render_table(censuses: Sequence[Census]) -> str:
    """Write a Markdown table: one column per dataset, one row per count; empty when there is no dataset."""
    if not censuses:
        return ""
    rows = [("", [census.name for census in censuses]), *_rows(censuses)]
    widths = [max(len(title) for title, _ in rows)]
    widths += [max(len(cells[i]) for _, cells in rows) for i in range(len(censuses))]
    lines = [_line([title, *cells], widths) for title, cells in rows]
    rule = "|".join([f" {'-' * widths[0]} ", *(f" {'-' * (width - 1)}: " for width in widths[1:])])
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]]) + "\n"


def _rows(censuses: Sequence[Census]) -> list[tuple[str, list[str]]]:
    origins = sorted({name for census in censuses for name in census.origins})
    return [
        ("version (sha256)", [census.sha256[:12] for census in censuses]),
        ("size in KB", [f"{census.size_bytes / 1000:,.0f}" for census in censuses]),
        ("cases", [str(census.cases) for census in censuses]),
        ("clusters", [str(census.clusters) for census in censuses]),
        *((f"origin {name}", [str(census.origins.get(name, 0)) for census in censuses]) for name in origins),
        *((name, [str(census.categories.get(name, 0)) for census in censuses]) for name in Category),
        *((name, [str(census.difficulties.get(name, 0)) for census in censuses]) for name in _DIFFICULTIES),
        ("safe to retry", [str(census.safe) for census in censuses]),
        ("accept another category", [str(census.ambiguous) for census in censuses]),
        ("with canaries", [str(census.leaky) for census in censuses]),
        ("canaries", [str(census.canaries) for census in censuses]),
        ("with a triage label", [str(census.triaged) for census in censuses]),
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return "| " + " | ".join([first, *rest]) + " |"
