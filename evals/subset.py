"""Datasets and numbers → the ids of a subset, spread over categories and incidents.

The rule, so that anybody gets the same: within a category, one case of each cluster after another, by name;
then one case of each category after another, by name; until the number is reached. No chance in it.
A subset is text: one id per line, sorted; `#` begins a comment.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TypeVar

from evals.case import Case
from evals.dataset import Dataset
from evals.errors import DatasetError

T = TypeVar("T")


def select(cases: Iterable[Case], count: int) -> tuple[str, ...]:
    """Choose cases.

    Args:
        cases: of one dataset.
        count: how many; all of them where there are fewer.

    Returns:
        Their ids, sorted.
    """
    categories: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in sorted(cases, key=lambda case: case.id):
        categories[case.metadata.category][case.metadata.cluster].append(case)
    queues = [
        list(_in_turn([clusters[name] for name in sorted(clusters)]))
        for _, clusters in sorted(categories.items())
    ]
    return tuple(sorted(case.id for case in islice(_in_turn(queues), count)))


def _in_turn(queues: Sequence[Sequence[T]]) -> Iterator[T]:
    """Take the first of each queue, then the second of each, and so on."""
    missing = object()
    rounds = zip_longest(*queues, fillvalue=missing)
    return (item for item in chain.from_iterable(rounds) if item is not missing)  # type: ignore[misc]


def read_subset(path: Path) -> frozenset[str]:
    """Read a subset.

    Raises:
        DatasetError: it can't be read, or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: can't be read ({error}); give a file with one case id per line"
        ) from error
    ids = frozenset(filter(None, (line.partition("#")[0].strip() for line in lines)))
    if not ids:
        raise DatasetError(f"{path}: names no case; give a file with one case id per line")
    return ids


def pick(datasets: Sequence[Dataset], ids: frozenset[str] | None) -> tuple[tuple[Dataset, Case], ...]:
    """Give the cases of a subset, each with its dataset, sorted by id; all of them without one.

    Raises:
        DatasetError: the subset names a case that is in none of the datasets.
    """
    found = {case.id: (dataset, case) for dataset in datasets for case in dataset.cases}
    if missing := sorted((ids or frozenset()) - found.keys()):
        raise DatasetError(
            f"case {missing[0]} of the subset ({len(missing)} such) is in none of the datasets"
            f" {', '.join(dataset.name for dataset in datasets)}; give its dataset too, or select anew"
        )
    return tuple(found[name] for name in sorted(found) if ids is None or name in ids)


def restrict(datasets: Sequence[Dataset], ids: frozenset[str]) -> tuple[Dataset, ...]:
    """Leave of each dataset what the subset names; a dataset of which nothing is left falls away.

    Raises:
        DatasetError: as `pick`.
    """
    pick(datasets, ids)
    left = ((d, tuple(case for case in d.cases if case.id in ids)) for d in datasets)
    return tuple(
        dataset if len(cases) == len(dataset.cases) else replace(dataset, cases=cases, whole=dataset.sha256)
        for dataset, cases in left
        if cases
    )
