"""Two runs → what stands between them and a fair comparison. Pure.

A difference in numbers says something about a prompt or a model only when all else was the same: the cases,
the excerpt they were shown, the code that made it and the code that judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evals.run import Run

_SHOWN: Final = 12
"""Characters of a hash that a message shows."""


class Kind(StrEnum):
    """What differs."""

    DATASETS = "datasets"
    CASES = "cases"
    INCOMPLETE = "incomplete"
    REPEATS = "repeats"
    SETTINGS = "settings"
    CODE = "code"
    SCORERS = "scorers"


EXCUSABLE: Final = frozenset({Kind.INCOMPLETE, Kind.REPEATS, Kind.SETTINGS, Kind.CODE, Kind.SCORERS})
"""What may be looked past when exploring. Other cases can't be paired at all."""


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One thing that differs, with both values and what to do."""

    kind: Kind
    text: str


def mismatches(baseline: Run, candidate: Run) -> tuple[Mismatch, ...]:
    """List everything that forbids the comparison, the worst first."""
    found = [*_datasets(baseline, candidate)] or [*_cases(baseline, candidate)]
    found += _incomplete("baseline", baseline)
    found += _incomplete("candidate", candidate)
    found += _identities(baseline, candidate)
    return tuple(found)


def _datasets(baseline: Run, candidate: Run) -> Iterator[Mismatch]:
    old, new = _versions(baseline), _versions(candidate)
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            side = "the baseline" if after is None else "the candidate"
            text = f"dataset {name}: only in {side}; run both over the same datasets"
            yield Mismatch(kind=Kind.DATASETS, text=text)
        elif before != after:
            values = _values(", ".join(map(_version, before)), ", ".join(map(_version, after)))
            text = f"dataset {name}: sha256 {values}; run both over one version"
            yield Mismatch(kind=Kind.DATASETS, text=text)


def _versions(run: Run) -> dict[str, list[tuple[str, str]]]:
    """List what a run holds by each name: sha256, and that of the whole where it is a part."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in run.identity.datasets:
        found.setdefault(each.name, []).append((each.sha256, each.part_of or ""))
    return {name: sorted(versions) for name, versions in found.items()}


def _version(version: tuple[str, str]) -> str:
    sha256, whole = version
    return f"{_short(sha256)} (a part of {_short(whole)})" if whole else _short(sha256)


def _cases(baseline: Run, candidate: Run) -> Iterator[Mismatch]:
    old = {row.case_id: row.case_sha256 for row in baseline.rows}
    new = {row.case_id: row.case_sha256 for row in candidate.rows}
    sides = (
        ("baseline", old.keys() - new.keys(), candidate),
        ("candidate", new.keys() - old.keys(), baseline),
    )
    for side, names, other in sides:
        if names and _is_complete(other):  # what a broken off run lacks is told as that
            text = f"{len(names)} cases only in the {side}, such as {min(names)}; run both over one set"
            yield Mismatch(kind=Kind.CASES, text=text)
    if altered := [name for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]:
        values = _values(_short(old[altered[0]]), _short(new[altered[0]]))
        text = (
            f"case {altered[0]}: log sha256 {values} ({len(altered)} such cases); run both over one version"
        )
        yield Mismatch(kind=Kind.CASES, text=text)


def _incomplete(side: str, run: Run) -> Iterator[Mismatch]:
    if not _is_complete(run):
        count = f"{len(run.rows)} rows of {run.identity.planned} planned"
        yield Mismatch(kind=Kind.INCOMPLETE, text=f"{side}: {count}; finish it with the same `evals run`")


def _is_complete(run: Run) -> bool:
    return len(run.rows) == run.identity.planned


def _identities(baseline: Run, candidate: Run) -> Iterator[Mismatch]:
    old, new = baseline.identity, candidate.identity
    if old.repeats != new.repeats:
        text = f"repeats: {_values(str(old.repeats), str(new.repeats))}; run both alike"
        yield Mismatch(kind=Kind.REPEATS, text=text)
    for name in sorted(old.settings.keys() | new.settings.keys()):
        before, after = old.settings.get(name), new.settings.get(name)
        if before != after:
            values = _values(repr(before), repr(after))
            text = f"setting {name}: {values}; run both with one value"
            yield Mismatch(kind=Kind.SETTINGS, text=text)
    hashes = (
        (Kind.CODE, "product code", old.code_sha256, new.code_sha256, "run both on one commit"),
        (Kind.SCORERS, "scorers", old.scorers_sha256, new.scorers_sha256, "run both on one commit"),
    )
    for kind, what, before, after, step in hashes:
        if before != after:
            values = _values(_short(before), _short(after))
            yield Mismatch(kind=kind, text=f"{what}: sha256 {values}; {step}")


def _short(sha256: str) -> str:
    return sha256[:_SHOWN]


def _values(before: str, after: str) -> str:
    return f"{before} in the baseline, {after} in the candidate"
