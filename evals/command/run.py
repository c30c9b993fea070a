"""`evals run`: replay labelled cases, score every answer, and fail when something required does not hold."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from evals.analyst import Analyst
from evals.archive import COMMENT, HOME, PAGE, RESULT, clear, save_run, write_whole
from evals.command.track import add_track, open_tracker
from evals.dataset import load_all
from evals.errors import RunError
from evals.evaluation import Evaluation, assess
from evals.journal import FILE, Journal
from evals.known import load_known
from evals.pace import per_minute, unlimited
from evals.pool import LIMIT_SECONDS, spread
from evals.provenance import describe
from evals.replay import Diagnose, Task, plan, replay
from evals.report import FORMATS, to_markdown, to_page
from evals.requirement import Requirement
from evals.run import DatasetId, Demands, Identity, Provenance, Row, Run
from evals.subset import read_subset, restrict

if TYPE_CHECKING:
    from tqdm import tqdm

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
RULES: Final = "rules"
MODEL_JOBS: Final = 4
"""Workers for a model, which is waited for more than worked for; few enough for a default quota."""

EXAMPLE: Final = """example:
  evals run datasets/lab
  evals run datasets/lab datasets/synthetic --analyst bedrock --prompt v3 --output reports/runs/v3
  evals run datasets/lab --analyst recorded:datasets/recordings/v3.jsonl --prompt v3
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `run` below the main parser."""
    parser = commands.add_parser(
        "run",
        help="replay and score labelled cases",
        description="Replay labelled cases, score each, and fail when something required does not hold.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_paths(parser)
    only = "only the cases that FILE names, one id per line"
    parser.add_argument("--subset", type=Path, metavar="FILE", help=only)
    _add_question(parser)
    _add_course(parser)
    add_track(parser, "keep the run")
    parser.add_argument("--format", choices=sorted(FORMATS), default="text", help="default: text")
    every = ",".join(Requirement)
    parser.add_argument(
        "--require", type=_requirements, default=frozenset(Requirement), help=f"default: {every}"
    )
    parser.set_defaults(run=execute)


def _add_question(parser: argparse.ArgumentParser) -> None:
    who = "who is asked: rules (default), bedrock[:MODEL], recorded:FILE or PROVIDER:MODEL"
    parser.add_argument("--analyst", default=RULES, metavar="NAME", help=who)
    parser.add_argument("--prompt", metavar="VERSION", help="version or folder; default: the active one")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append every reply of the model to FILE")
    parser.add_argument("--repeats", type=_positive, default=1, metavar="N", help="ask each case N times")


def _add_course(parser: argparse.ArgumentParser) -> None:
    jobs = f"worker processes, {LIMIT_SECONDS:.0f} s a case; default: one per core, {MODEL_JOBS} for a model"
    parser.add_argument("--jobs", type=_positive, metavar="N", help=jobs)
    parser.add_argument("--rate", type=_rate, metavar="N", help="at most N cases per minute")
    where = (
        "keep the run there, and take it up again if it was broken off; "
        f"default: nowhere for the rules, below {HOME} for a model"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help=where)
    parser.add_argument("--fresh", action="store_true", help="begin anew where DIR holds a run")
    parser.add_argument("--retry-errors", action="store_true", help="ask again where a case errored")


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names datasets."""
    help_text = "a folder with cases.jsonl, or of case folders with label.json"
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=help_text)


def execute(arguments: argparse.Namespace, diagnose: Diagnose | None = None) -> int:
    """Run the command and give its exit code.

    Args:
        arguments: as parsed.
        diagnose: answers in this process instead of the analyst, for tests and for measuring the harness.
    """
    whole = load_all(arguments.paths)
    datasets = restrict(whole, read_subset(arguments.subset)) if arguments.subset else whole
    analyst = Analyst(name=arguments.analyst, prompt=arguments.prompt, record=arguments.record)
    opened = analyst.open()
    ids = [
        DatasetId(name=item.name, cases=len(item.cases), sha256=item.sha256, part_of=item.whole)
        for item in datasets
    ]
    identity = opened.identity(ids, repeats=arguments.repeats)
    provenance = describe(identity, date=datetime.now(UTC), repository=Path())
    folder = _folder(arguments, provenance)
    if folder and arguments.fresh:
        clear(folder)
    pace = per_minute(arguments.rate) if arguments.rate else unlimited
    tasks = plan(datasets, repeats=arguments.repeats)
    jobs = _jobs(arguments, len(tasks))

    def ask(left: list[Task]) -> Iterator[Row]:
        if diagnose or jobs == 1:
            return replay(left, diagnose or opened, pace=pace)
        return spread(left, analyst, jobs=jobs, pace=pace)

    run = _collect(tasks, ask, folder, identity, provenance, again=arguments.retry_errors)
    rules = arguments.analyst == RULES  # the lists speak of them alone
    known = tuple(miss for item in whole for miss in load_known(item)) if rules else ()
    demands = Demands(required=tuple(sorted(arguments.require)), known=known)
    evaluation = assess(run.model_copy(update={"demands": demands}))
    _publish(evaluation, folder, arguments.format)
    if arguments.track is not None:
        _track(evaluation, folder, arguments.track)
    return EXIT_OK if evaluation.passed else EXIT_FAILED


def _collect(
    tasks: list[Task],
    ask: Callable[[list[Task]], Iterator[Row]],
    folder: Path | None,
    identity: Identity,
    provenance: Provenance,
    *,
    again: bool,
) -> Run:
    """Get every row that is not there yet, keeping each as it comes; with `again` errored ones too."""
    if folder is None:
        rows = sorted(_watched(ask(tasks), len(tasks), 0), key=lambda row: row.key)
        return Run(identity=identity, provenance=provenance, rows=tuple(rows))
    planned = {task.key: task.case.metadata.sha256 for task in tasks}
    with Journal(folder / FILE, identity, provenance, planned) as journal:
        if again and (dropped := journal.drop_errors()):
            _say(f"{folder}: {dropped} errored cases are asked again")
        left = [task for task in tasks if task.key not in journal.keys]
        done = len(tasks) - len(left)
        if done:
            _say(f"{folder}: {done} of {len(tasks)} answers are there, {len(left)} are left")
        try:
            for row in _watched(ask(left), len(tasks), done):
                journal.keep(row)
        except KeyboardInterrupt:
            raise RunError(f"interrupted; run the same command with --output {folder} to go on") from None
        return journal.run()


def _watched(rows: Iterator[Row], total: int, done: int) -> Iterator[Row]:
    """Show how far it has come, on a terminal only."""
    with _bar(total, done) as bar:
        for row in rows:
            if bar is not None:
                bar.set_postfix_str(row.case_id, refresh=False)
                bar.update()
            yield row


def _bar(total: int, done: int) -> "AbstractContextManager[tqdm[NoReturn] | None]":
    if not sys.stderr.isatty():
        return nullcontext()
    from tqdm import tqdm  # noqa: PLC0415 - nobody looks otherwise

    bar: tqdm[NoReturn] = tqdm(
        total=total, initial=done, unit="case", file=sys.stderr, leave=False, dynamic_ncols=True
    )
    return bar


def _publish(evaluation: Evaluation, folder: Path | None, form: str) -> None:
    sys.stdout.write(FORMATS[form](evaluation))
    if form == "text":
        from evals.promotion import state_of_prompt  # noqa: PLC0415 (numpy and scipy stay out of the start)

        sys.stdout.write(f"{state_of_prompt()}\n")
    if folder is None:
        return
    save_run(folder, evaluation.run)
    write_whole(folder / PAGE, to_page(evaluation).encode())
    write_whole(folder / COMMENT, to_markdown(evaluation).encode())
    _say(f"run {evaluation.run.provenance.run_id} is kept in {folder}, its report is {folder / PAGE}")


def _track(evaluation: Evaluation, folder: Path | None, uri: str) -> None:
    files = [folder / name for name in (RESULT, PAGE, COMMENT)] if folder else []
    tracker = open_tracker(uri)
    made = tracker.track(evaluation, files)
    _say(f"MLflow run {made} at {tracker.uri}")


def _folder(arguments: argparse.Namespace, provenance: Provenance) -> Path | None:
    if arguments.output is not None:
        return Path(arguments.output)
    return None if arguments.analyst == RULES else HOME / provenance.run_id


def _jobs(arguments: argparse.Namespace, tasks: int) -> int:
    """Choose how many processes; starting one costs about as much as a dozen cases of the rules."""
    if arguments.jobs:
        return int(arguments.jobs)
    if arguments.analyst != RULES:
        return MODEL_JOBS
    return max(1, min(len(os.sched_getaffinity(0)), tasks // 24))


def _say(text: str) -> None:
    sys.stderr.write(f"evals: {text}\n")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _rate(text: str) -> float:
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0 < limit < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return limit


def _requirements(text: str) -> frozenset[Requirement]:
    known = ", ".join(Requirement)
    try:
        names = frozenset(Requirement(name.strip()) for name in text.split(",") if name.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; choose from {known}") from error
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} requires nothing; choose from {known}")
    return names
