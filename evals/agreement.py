"""Is a category right for a label? The one place that says so, for scorers and for tables. Pure."""

from typing import Protocol

from diagnose.taxonomy import Category


class Label(Protocol):
    """What a label says of the category: a case's metadata, or what a stored row expects."""

    @property
    def category(self) -> Category:
        """The labelled one."""
        ...

    @property
    def accept(self) -> tuple[Category, ...]:
        """Others that a fair reader of the logs could give."""
        ...


def accepts(label: Label, category: Category | None) -> bool:
    """Tell whether `category` is the labelled one or another that the label accepts; None never is."""
    return category is not None and (category == label.category or category in label.accept)
