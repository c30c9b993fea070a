"""Cases in, judged rows out: asks an analyst about every case, scores each answer, loses none.

`answer` takes one case: whatever it raises becomes an errored row, so that one bad case never hides the
others. `replay` takes many: in this process one after another, or spread over worker processes, each of which
opens the analyst for itself (what a case prints and logs is then its own). At most twice as many cases as
workers are under way, so memory doesn't grow with the dataset. CPU time is the process's, user and system.
"""

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from diagnose.redaction import redact
from evals.case import Case
from evals.dataset import Dataset
from evals.outcome import Answer, Outcome
from evals.run import Expected, Row, Timing
from evals.score import Scorer
from evals.scorers import READERS, SCORERS, judge
from evals.source import read_context, read_lines

Diagnose: TypeAlias = Callable[[Path, int], Answer]
"""A log root and the number of the repeat, from 0, in; the answer out: every analyst stands behind it."""

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a stored diagnosis instead of the moment of analysis, which is kept under `timing`."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One question: a case, for the n-th time."""

    dataset: str
    case: Case
    log_root: Path
    repeat: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """The key of the row it will give."""
        return self.case.id, self.repeat


def plan(datasets: Sequence[Dataset], *, repeats: int = 1) -> list[Task]:
    """List every question of a run, in the order of the datasets."""
    return [
        Task(dataset=dataset.name, case=case, log_root=dataset.log_root(case), repeat=repeat)
        for dataset in datasets
        for case in dataset.cases
        for repeat in range(repeats)
    ]


def replay(
    tasks: Iterable[Task],
    diagnose: Diagnose,
    *,
    pace: Callable[[], None],
    scorers: Mapping[str, Scorer] = SCORERS,
) -> Iterator[Row]:
    """Answer one task after another in this process.

    Args:
        tasks: what to ask.
        diagnose: whom to ask.
        pace: called before each question; waits as long as a rate limit wants it.
        scorers: who judges; all by default.
    """
    for task in tasks:
        pace()
        yield answer(task, diagnose, scorers)


def answer(task: Task, diagnose: Diagnose, scorers: Mapping[str, Scorer] = SCORERS) -> Row:
    """Ask about one case and judge the answer; whatever goes wrong becomes an errored row."""
    raw = not READERS.isdisjoint(scorers)
    try:
        row = _judged(task, run(task.log_root, diagnose, repeat=task.repeat, raw=raw), scorers)
        row.model_dump_json()  # a text that is no Unicode can't be kept
    except Exception as error:  # noqa: BLE001 (files of the case, a scorer, a payload that can't be written)
        return unanswered(task, error, scorers)
    return row


def unanswered(task: Task, error: Exception, scorers: Mapping[str, Scorer] = SCORERS) -> Row:
    """Make the errored row of a task that nobody answered."""
    return _judged(task, Outcome(diagnosis=None, error=_told(error)), scorers)


def _told(error: BaseException) -> str:
    """Give an exception's text as it may be kept: redacted, and writable whatever it holds."""
    text = redact(str(error)).encode("utf-8", errors="replace").decode()
    return f"{type(error).__name__}: {text}"


def _judged(task: Task, outcome: Outcome, scorers: Mapping[str, Scorer]) -> Row:
    label = task.case.metadata
    diagnosis = outcome.diagnosis
    blank = {"analysis_timestamp": NO_TIME, "stage_ms": {}}
    return Row(
        case_id=task.case.id,
        repeat=task.repeat,
        description=task.case.description,
        dataset=task.dataset,
        cluster=label.cluster,
        origin=label.origin,
        difficulty=label.difficulty,
        case_sha256=label.sha256,
        expected=Expected.model_construct(
            category=label.category,
            accept=label.accept,
            failure_type=label.failure_type,
            safe_to_retry=label.safe_to_retry,
            triage_label=label.triage_label,
            evidence=label.evidence,
        ),
        diagnosis=diagnosis.model_copy(update=blank) if diagnosis else None,
        excerpt=outcome.excerpt,
        error=outcome.error,
        scores=judge(task.case, outcome, scorers),
        timing=Timing(
            analysed_at=diagnosis.analysis_timestamp if diagnosis else None,
            cpu_ms=round(outcome.cpu_ms, 1),
            wall_ms=round(outcome.wall_ms, 1),
            stage_ms=diagnosis.stage_ms if diagnosis else {},
        ),
    )


def run(log_root: Path, diagnose: Diagnose, *, repeat: int = 0, raw: bool = True) -> Outcome:
    """Run the product on one log root and collect all it gave out, and with `raw` the logs themselves."""
    cpu_seconds, wall_seconds = time.process_time(), time.perf_counter()
    with _listen() as talk:
        given, error = _attempt(log_root, repeat, diagnose)
    return Outcome(
        diagnosis=given.diagnosis,
        excerpt=given.excerpt,
        prompt=given.prompt,
        reply=given.reply,
        talk=talk.getvalue(),
        error=error,
        cpu_ms=(time.process_time() - cpu_seconds) * 1000,
        wall_ms=(time.perf_counter() - wall_seconds) * 1000,
        lines=read_lines(log_root) if raw else {},
        context=read_context(log_root) if raw else (),
    )


def _attempt(log_root: Path, repeat: int, diagnose: Diagnose) -> tuple[Answer, str]:
    try:
        given = diagnose(log_root, repeat)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a case that raises is a result, counted as wrong)
        return Answer(diagnosis=None), _told(error)
    return given, "" if given.diagnosis else "the run gave no diagnosis"


@contextlib.contextmanager
def _listen() -> Iterator[io.StringIO]:
    """Collect what is printed and logged, at every level of the product's own loggers."""
    talk = io.StringIO()
    logger = logging.getLogger("diagnose")
    level = logger.level
    _EAR.setStream(talk)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(_EAR)
    try:
        with contextlib.redirect_stdout(talk), contextlib.redirect_stderr(talk):
            yield talk
    finally:
        logger.removeHandler(_EAR)
        logger.setLevel(level)


_EAR: Final = logging.StreamHandler(io.StringIO())
"""One handler for all cases of a process, which run one after another."""
