"""A run and its verdict → one sheet per answer, with all that a reader needs to judge it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from evals.evaluation import Evaluation
from evals.metric import COUNTED, METRICS
from evals.report.context import Passage, find_passages
from evals.requirement import PER_CASE, Failure
from evals.run import Row, Run

if TYPE_CHECKING:
    from evals.flip import Answer, Flip

_COUNTED: Final = tuple(
    dict.fromkeys(metric.scorer for metric in METRICS if metric.count in COUNTED and metric.scorer)
)
_SCORER: Final[Mapping[str, str]] = {str(requirement): scorer for requirement, scorer in PER_CASE.items()}


class State(StrEnum):
    """How an answer fares, the worst first."""

    ERRORED = "errored"
    FAILED = "failed"
    KNOWN = "known miss"
    MISSED = "not exact"
    """Nothing required is missing, and some scorer is not satisfied."""
    HELD = "holds"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One answer, judged."""

    number: int
    """From 1, in the order of the run."""
    row: Row
    repeats: int
    state: State
    failures: tuple[Failure, ...]
    known: tuple[Failure, ...]
    misses: tuple[tuple[str, str], ...]
    """Scorers of right and wrong that are not satisfied, with their reasons."""
    unscored: tuple[str, ...]
    passages: tuple[Passage, ...]
    change: str = ""
    """What happened to the case since the baseline."""

    @property
    def name(self) -> str:
        """The case, with the number of the answer where there are several."""
        return f"{self.row.case_id} #{self.row.repeat + 1}" if self.repeats > 1 else self.row.case_id

    @property
    def category_right(self) -> bool:
        """Tell whether the category is accepted."""
        score = self.row.scores.get("acceptance")
        return score is not None and score.value == 1


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A changed case with both its answers."""

    flip: "Flip"
    before: Sheet
    after: Sheet


def make_sheets(evaluation: Evaluation, flips: Iterable["Flip"] = ()) -> tuple[Sheet, ...]:
    """Make the sheets of a run, in its order."""
    changes = {flip.case_id: str(flip.kind) for flip in flips}
    run = evaluation.run
    failed, known = _by_row(evaluation.failures, run), _by_row(evaluation.known, run)
    return tuple(
        _sheet(
            row,
            run,
            number=number,
            failures=failed.get(row.key, ()),
            known=known.get(row.key, ()),
            change=changes.get(row.case_id, ""),
        )
        for number, row in enumerate(run.rows, start=1)
    )


def make_pairs(flips: Iterable["Flip"], before: Run, sheets: Sequence[Sheet]) -> tuple[Pair, ...]:
    """Put both answers of each changed case side by side: those that decided."""
    old, new = dict(before.by_case()), _sheets_by_case(sheets)
    return tuple(
        Pair(
            flip=flip,
            before=_sheet(_decisive(old[flip.case_id], flip.before), before),
            after=_decisive_sheet(new[flip.case_id], flip.after),
        )
        for flip in flips
        if flip.case_id in old and flip.case_id in new
    )


def _sheet(
    row: Row,
    run: Run,
    *,
    number: int = 0,
    failures: Sequence[Failure] = (),
    known: Sequence[Failure] = (),
    change: str = "",
) -> Sheet:
    scores = {name: row.scores[name] for name in _COUNTED if name in row.scores}
    misses = tuple(
        (name, score.reason) for name, score in scores.items() if score.value is not None and score.value < 1
    )
    shown = row.diagnosis.evidence if row.diagnosis else []
    return Sheet(
        number=number,
        row=row,
        repeats=run.identity.repeats,
        state=_state(row, failures, known, misses),
        failures=tuple(failures),
        known=tuple(known),
        misses=misses,
        unscored=tuple(name for name, score in scores.items() if score.value is None),
        passages=find_passages(row.excerpt, shown, row.expected.evidence),
        change=change,
    )


def _state(
    row: Row, failures: Sequence[Failure], known: Sequence[Failure], misses: Sequence[tuple[str, str]]
) -> State:
    if row.error:
        return State.KNOWN if known and not failures else State.ERRORED
    if failures:
        return State.FAILED
    if known:
        return State.KNOWN
    return State.MISSED if misses else State.HELD


def _by_row(failures: Iterable[Failure], run: Run) -> dict[tuple[str, int], list[Failure]]:
    """Assign failures to the answers that they are of, each once: repeats may fail alike."""
    cases = dict(run.by_case())
    found: dict[tuple[str, int], list[Failure]] = {}
    for failure in dict.fromkeys(failures):
        rows = cases.get(failure.case_id, ())
        # A listed miss that no longer misses is no answer's own: it is shown with all of the case.
        for row in [row for row in rows if _broke(row, failure)] or rows:
            found.setdefault(row.key, []).append(failure)
    return found


def _broke(row: Row, failure: Failure) -> bool:
    if row.error:
        return row.error == failure.reason
    score = row.scores.get(_SCORER.get(failure.requirement, ""))
    missed = score is not None and score.value is not None and score.value < 1
    return missed and score is not None and score.reason == failure.reason


def _sheets_by_case(sheets: Iterable[Sheet]) -> dict[str, list[Sheet]]:
    groups: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        groups.setdefault(sheet.row.case_id, []).append(sheet)
    return groups


def _decisive(rows: Sequence[Row], answer: "Answer") -> Row:
    return next((row for row in rows if _gave(row, answer)), rows[0])


def _decisive_sheet(sheets: Sequence[Sheet], answer: "Answer") -> Sheet:
    return next((sheet for sheet in sheets if _gave(sheet.row, answer)), sheets[0])


def _gave(row: Row, answer: "Answer") -> bool:
    """Tell whether a row gave this answer."""
    given = row.diagnosis
    if given is None:
        return answer.safe_to_retry is None and answer.error == (row.error or "no answer")
    said = (given.category, given.failure_type, given.safe_to_retry, given.confidence)
    told = (answer.category, answer.failure_type, answer.safe_to_retry, answer.confidence)
    return said == told and tuple(given.log_evidences[: len(answer.evidence)]) == answer.evidence
