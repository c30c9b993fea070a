"""`evals gate`: may this prompt go to production? Exit 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 2 can't be judged."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diagnose.shelf import ROOTS
from evals.command.compare import FORMATS, add_run
from evals.command.track import add_track, move_alias, open_tracker

if TYPE_CHECKING:
    from evals.gate import GateRecord

RECORD: Final = "gate.json"
DATASETS: Final = Path("datasets")

_EXAMPLE: Final = """example:
  evals gate reports/runs/v3 --baseline reports/runs/v2
  evals gate reports/runs/v3 --baseline reports/runs/v2 --junit gate.xml --summary "$GITHUB_STEP_SUMMARY"

exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE (with how many more cases are needed), 2 it can't be judged
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `gate` below the main parser."""
    parser = commands.add_parser(
        "gate",
        help="judge whether a prompt may go to production",
        description="Judge a prompt by a run of it, a run of what is in production, and the policy.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_run(parser, "candidate", "the folder of a run, or its result.json")
    what = "a run of the prompt in production; of the rules, before one is proven"
    parser.add_argument("--baseline", type=Path, metavar="RUN", help=what)
    rules = "default: the repository's, the only one whose PASS can be promoted"
    parser.add_argument("--policy", type=Path, metavar="FILE", help=rules)
    add_prompts(parser)
    add_datasets(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    where = (
        f"where the record goes that `evals promote` takes; default: {RECORD} beside the candidate's result"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=where)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the checks there as JUnit XML")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="append a summary in Markdown to FILE")
    add_track(parser, "keep the record with the run, and move the alias candidate on a PASS,")
    parser.set_defaults(run=execute)


def add_prompts(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the shelf of prompts."""
    parser.add_argument(
        "--prompts", type=Path, metavar="DIR", default=ROOTS[0], help="default: the repository's prompts/"
    )


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the folder of datasets."""
    what = "where the datasets stand that the policy requires, as they are today; default: datasets"
    parser.add_argument("--datasets", type=Path, metavar="DIR", default=DATASETS, help=what)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and give its exit code."""
    from evals.archive import write_whole  # noqa: PLC0415 (numpy and scipy stay out of the start)
    from evals.gate import judge  # noqa: PLC0415
    from evals.policy import DEFAULT, load_policy  # noqa: PLC0415
    from evals.promotion import read_exhibit, read_shelf, read_standing  # noqa: PLC0415

    candidate = read_exhibit(arguments.candidate)
    policy = load_policy(arguments.policy or DEFAULT)
    record = judge(
        candidate,
        read_exhibit(arguments.baseline) if arguments.baseline else None,
        policy,
        shelf=read_shelf(arguments.prompts, candidate.run.identity.prompt_version),
        standing=read_standing(policy, arguments.datasets),
        date=datetime.now(UTC),
    )
    target = arguments.output or Path(candidate.file).with_name(RECORD)
    write_whole(target, record.dump())
    _publish(record, arguments)
    sys.stderr.write(f"evals: gate record written to {target}\n")
    if arguments.track is not None:
        _track(record, target, arguments)
    return record.exit_code


def _track(record: "GateRecord", file: Path, arguments: argparse.Namespace) -> None:
    tracker = open_tracker(arguments.track)
    tracker.attach(record.candidate.run_id, [file], {"gate.verdict": record.verdict})
    version = record.candidate.prompt_version
    if record.exit_code == 0 and version:
        before = tracker.holder("candidate")
        move_alias(arguments.track, "candidate", version, before, prompts=arguments.prompts)


def _publish(record: "GateRecord", arguments: argparse.Namespace) -> None:
    from evals.archive import write_whole  # noqa: PLC0415
    from evals.junit import to_junit  # noqa: PLC0415
    from evals.summary import gate_markdown, gate_text  # noqa: PLC0415

    if arguments.junit is not None:
        write_whole(arguments.junit, to_junit(record))
    if arguments.summary is not None:
        with arguments.summary.open("a", encoding="utf-8") as file:
            file.write(gate_markdown(record))
    if arguments.format == "json":
        sys.stdout.write(record.dump().decode())
    else:
        sys.stdout.write((gate_markdown if arguments.format == "markdown" else gate_text)(record))
