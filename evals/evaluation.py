"""A finished run as one frozen value: where it comes from, every judged case, the numbers, what failed."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from evals.dataset import Dataset
from evals.metric import Value, measure
from evals.replay import Diagnose, run
from evals.requirement import Failure, Requirement, check
from evals.result import Result
from evals.scorers import judge

Progress = Callable[[int, int, str], None]
"""Called before each case with its number, the count of cases and its id."""

NO_COMMIT: Final = "unknown"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What must be known to repeat the run."""

    date: datetime
    commit: str
    python: str
    datasets: tuple[tuple[str, int, str], ...]
    """Name, count of cases and checksum of each dataset."""
    analysts: tuple[str, ...]
    prompts: tuple[str, ...]
    """Prompt versions with their hashes; empty for the rules."""
    cost_usd: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything a report shows."""

    provenance: Provenance
    results: tuple[Result, ...]
    values: Mapping[str, Value]
    required: tuple[Requirement, ...]
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Tell whether everything required holds."""
        return not self.failures


def evaluate(
    datasets: Sequence[Dataset],
    diagnose: Diagnose,
    *,
    required: Collection[Requirement],
    date: datetime,
    commit: str = NO_COMMIT,
    progress: Progress = lambda _number, _total, _name: None,
) -> Evaluation:
    """Replay and judge every case of `datasets`, then measure and check."""
    results = tuple(_results(datasets, diagnose, progress))
    values = measure([result.scores for result in results])
    return Evaluation(
        provenance=_provenance(datasets, results, date=date, commit=commit),
        results=results,
        values=values,
        required=tuple(sorted(required)),
        failures=check(results, values, required),
    )


def read_commit(folder: Path) -> str:
    """Read the commit that `folder` stands on from its `.git`; `NO_COMMIT` when it can't be read."""
    try:
        head = (folder / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            return (folder / ".git" / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except OSError:
        return NO_COMMIT
    return head


def _results(datasets: Sequence[Dataset], diagnose: Diagnose, progress: Progress) -> list[Result]:
    total = sum(len(dataset.cases) for dataset in datasets)
    results: list[Result] = []
    for dataset in datasets:
        for case in dataset.cases:
            progress(len(results) + 1, total, case.id)
            outcome = run(dataset.log_root(case), diagnose)
            results.append(Result(case=case, outcome=outcome, scores=judge(case, outcome)))
    return results


def _provenance(
    datasets: Sequence[Dataset], results: Sequence[Result], *, date: datetime, commit: str
) -> Provenance:
    given = [result.outcome.diagnosis for result in results if result.outcome.diagnosis]
    prompts = {f"{item.prompt_version} {item.prompt_sha256}" for item in given if item.prompt_version}
    return Provenance(
        date=date,
        commit=commit,
        python=sys.version.split()[0],
        datasets=tuple((dataset.name, len(dataset.cases), dataset.sha256) for dataset in datasets),
        analysts=tuple(sorted({item.analyst for item in given})),
        prompts=tuple(sorted(prompts)),
        cost_usd=sum(item.cost_usd or 0.0 for item in given),
    )
