"""`evals report`: a saved run → a page to read, Markdown for a pull request, JSON for a program, or text."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evals.mismatch import EXCUSABLE, Kind

if TYPE_CHECKING:
    from evals.gate import GateRecord
    from evals.report import Baseline
    from evals.run import Run

PAGE: Final = "html"
FORMATS: Final = (PAGE, "json", "markdown", "text")
NAME: Final = "report"
"""Of the page beside a run's result, when nobody says where it goes."""

EXAMPLE: Final = """example:
  evals report reports/runs/v3
  evals report reports/runs/v3 --baseline reports/runs/v2 --gate reports/runs/v3/gate.json
  evals report reports/runs/v3 --baseline reports/runs/v2 --format markdown > comment.md
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `report` below the main parser."""
    parser = commands.add_parser(
        "report",
        help="show a saved run: a page, Markdown, JSON or text",
        description="Show a saved run: what failed first, scores with intervals, what changed against a "
        "baseline. It judges nothing anew and asks nobody.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("candidate", type=Path, metavar="RUN", help="the folder of a run, or its result.json")
    parser.add_argument("--baseline", type=Path, metavar="RUN", help="the run to compare it with")
    names = ",".join(sorted(EXCUSABLE))
    what = f"compare although these differ, with a caution: {names}"
    parser.add_argument("--allow", type=_kinds, default=frozenset(), metavar="KINDS", help=what)
    parser.add_argument(
        "--gate", type=Path, metavar="FILE", help="the gate's record, as `evals gate` wrote it"
    )
    parser.add_argument("--format", choices=FORMATS, default=PAGE, help=f"default: {PAGE}")
    where = (
        f"write it there; default: {NAME}.{PAGE} beside the run's result, standard output for other formats"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=where)
    parser.set_defaults(run=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and give its exit code, 0: whether the run passed is what `evals run` says."""
    from evals import report  # noqa: PLC0415 (what draws and compares stays out of the start)
    from evals.archive import find_result, load_run  # noqa: PLC0415
    from evals.errors import RunError  # noqa: PLC0415
    from evals.evaluation import assess  # noqa: PLC0415

    run = load_run(arguments.candidate)
    if not run.rows:
        raise RunError(f"{arguments.candidate}: nothing in the run; run the cases first")
    evaluation = assess(run)
    baseline = _compare(arguments, run) if arguments.baseline else None
    gate = _read_gate(arguments.gate, run) if arguments.gate else None
    form = arguments.format
    render = {
        PAGE: report.to_page,
        "json": report.to_json,
        "markdown": report.to_markdown,
        "text": report.to_text,
    }
    target = arguments.output
    if target is None and form == PAGE:
        target = find_result(arguments.candidate).with_name(f"{NAME}.{PAGE}")
    _write(render[form](evaluation, baseline=baseline, gate=gate), target)
    return 0


def _write(text: str, target: Path | None) -> None:
    from evals.archive import write_whole  # noqa: PLC0415

    if target is None:
        sys.stdout.write(text)
    else:
        write_whole(target, text.encode())
        sys.stderr.write(f"evals: report written to {target}\n")


def _compare(arguments: argparse.Namespace, run: "Run") -> "Baseline":
    from evals.archive import load_run  # noqa: PLC0415
    from evals.comparison import compare  # noqa: PLC0415 (numpy and scipy stay out of the start)
    from evals.policy import load_policy  # noqa: PLC0415
    from evals.report import Baseline  # noqa: PLC0415

    other = load_run(arguments.baseline)
    found = compare(other, run, guards=load_policy().guards, allow=arguments.allow)
    return Baseline(run=other, comparison=found)


def _read_gate(path: Path, run: "Run") -> "GateRecord":
    """Read a gate record and hold it against the run that is shown.

    Raises:
        GateError: it can't be read, or it judged another run.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from evals.errors import GateError  # noqa: PLC0415
    from evals.gate import GateRecord  # noqa: PLC0415

    try:
        record = GateRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise GateError(f"gate record {path} can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "no JSON"
        raise GateError(f"gate record {path}: {field}: {first['msg']}; judge the run again") from None
    judged, shown = record.candidate.run_id, run.provenance.run_id
    if judged != shown:
        raise GateError(
            f"gate record {path} is of run {judged}, the report of {shown}; give the record of that run"
        )
    return record


def _kinds(text: str) -> frozenset[Kind]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(names - EXCUSABLE):
        known = ", ".join(sorted(EXCUSABLE))
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} can't be looked past; choose from {known}")
    return frozenset(map(Kind, names))
