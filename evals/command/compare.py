"""`evals compare`: two runs over the same cases, side by side. It judges nothing; `evals gate` does."""

import argparse
import sys
from pathlib import Path
from typing import Final

from evals.mismatch import EXCUSABLE, Kind

FORMATS: Final = ("json", "markdown", "text")

_EXAMPLE: Final = """example:
  evals compare reports/runs/v2 reports/runs/v3
  evals compare reports/runs/v2 reports/runs/v3 --format markdown --output comparison.md
  evals compare reports/runs/v2 reports/runs/v3 --allow settings,code    a look, no proof
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `compare` below the main parser."""
    parser = commands.add_parser(
        "compare",
        help="compare two runs case by case",
        description="Compare two runs over the same cases: every metric with interval and p value, and the "
        "cases that changed, the worst first.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_run(parser, "baseline", "what is there: the folder of a run, or its result.json")
    add_run(parser, "candidate", "what wants to replace it")
    names = ",".join(sorted(EXCUSABLE))
    parser.add_argument(
        "--allow",
        type=_kinds,
        default=frozenset(),
        metavar="KINDS",
        help=f"compare although these differ, with a caution: {names}",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, not to standard output")
    parser.set_defaults(run=execute)


def add_run(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """Add an argument that names a finished run."""
    parser.add_argument(name, type=Path, metavar=name.upper(), help=text)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and give its exit code, 0."""
    from evals import summary  # noqa: PLC0415 (numpy and scipy stay out of the start)
    from evals.archive import load_run, write_whole  # noqa: PLC0415
    from evals.comparison import compare  # noqa: PLC0415
    from evals.policy import load_policy  # noqa: PLC0415

    found = compare(
        load_run(arguments.baseline),
        load_run(arguments.candidate),
        guards=load_policy().guards,
        allow=arguments.allow,
    )
    report = summary.FORMATS[arguments.format](found)
    if arguments.output is None:
        sys.stdout.write(report)
    else:
        write_whole(arguments.output, report.encode())
        sys.stderr.write(f"evals: comparison written to {arguments.output}\n")
    return 0


def _kinds(text: str) -> frozenset[Kind]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(names - EXCUSABLE):
        known = ", ".join(sorted(EXCUSABLE))
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} can't be looked past; choose from {known}")
    return frozenset(map(Kind, names))
