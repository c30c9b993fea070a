"""The command line: `evals run` measures the product, `evals dataset check` checks labels and files.

Answers go to standard output, talk to standard error. Exit 0: all holds; 1: a case or a limit fails;
2: nothing to score, an invalid dataset, wrong usage or a missing prerequisite.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from evals.case import json_schema
from evals.dataset import load_all
from evals.errors import EvalsError
from evals.evaluation import evaluate, read_commit
from evals.replay import Diagnose, product
from evals.report import FORMATS
from evals.requirement import Requirement

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_UNUSABLE: Final = 2

_RUN_EXAMPLE: Final = """example:
  evals run datasets/lab
  evals run datasets/lab ../incidents --require category,retry,leak --format json --output report.json
"""
_CHECK_EXAMPLE: Final = """example:
  evals dataset check datasets/lab
"""

_SCHEMA_EXAMPLE: Final = """example:
  evals dataset schema > datasets/case.schema.json
"""


def main(argv: Sequence[str] | None = None, *, diagnose: Diagnose | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        diagnose: What to measure; the product itself by default.
    """
    arguments = _parser().parse_args(argv)
    try:
        return _dataset(arguments) if arguments.command == "dataset" else _run(arguments, diagnose)
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals: {error}\n")
        return EXIT_UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = _described(
        argparse.ArgumentParser(prog="evals"), "Measure how far diagnoses can be trusted.", _RUN_EXAMPLE
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="replay and score labelled cases")
    _described(
        run,
        "Replay labelled cases, score each, and fail when something required does not hold.",
        _RUN_EXAMPLE,
    )
    _add_paths(run)
    run.add_argument("--format", choices=sorted(FORMATS), default="text", help="default: text")
    every = ",".join(Requirement)
    run.add_argument(
        "--require", type=_requirements, default=frozenset(Requirement), help=f"default: {every}"
    )
    run.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report there, not to standard output"
    )
    dataset = commands.add_parser("dataset", help="work on datasets")
    _described(dataset, "Work on datasets.", _CHECK_EXAMPLE)
    actions = dataset.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help="check labels, ids, folders and checksums")
    _described(check, "Check labels, ids, folders and checksums without running anything.", _CHECK_EXAMPLE)
    _add_paths(check)
    schema = actions.add_parser("schema", help="print the JSON schema of a line of cases.jsonl")
    _described(schema, "Print the JSON schema of a line of cases.jsonl.", _SCHEMA_EXAMPLE)
    return parser


def _described(parser: argparse.ArgumentParser, text: str, example: str) -> argparse.ArgumentParser:
    parser.description = text
    parser.epilog = example
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _add_paths(parser: argparse.ArgumentParser) -> None:
    help_text = "a folder with cases.jsonl, or of case folders with label.json"
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=help_text)


def _requirements(text: str) -> frozenset[Requirement]:
    try:
        return frozenset(Requirement(name.strip()) for name in text.split(",") if name.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; choose from {', '.join(Requirement)}") from error


def _dataset(arguments: argparse.Namespace) -> int:
    if arguments.action == "schema":
        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
        return EXIT_OK
    for dataset in load_all(arguments.paths):
        sys.stdout.write(f"{dataset.name}: {len(dataset.cases)} cases, sha256 {dataset.sha256}\n")
    return EXIT_OK


def _run(arguments: argparse.Namespace, diagnose: Diagnose | None) -> int:
    datasets = load_all(arguments.paths)
    evaluation = evaluate(
        datasets,
        diagnose or product(),
        required=arguments.require,
        date=datetime.now(UTC),
        commit=read_commit(Path()),
        progress=_Bar(sys.stderr).show,
    )
    report = FORMATS[arguments.format](evaluation)
    if arguments.output:
        arguments.output.write_text(report, encoding="utf-8")
        sys.stderr.write(f"evals: report written to {arguments.output}\n")
    else:
        sys.stdout.write(report)
    return EXIT_OK if evaluation.passed else EXIT_FAILED


class _Bar:
    """One line that overwrites itself, on a terminal only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None

    def show(self, number: int, total: int, name: str) -> None:
        """Say which case runs; the last one clears the line when the report follows."""
        if self._stream:
            self._stream.write(f"\r\x1b[K[{number}/{total}] {name}")
            self._stream.write("\r\x1b[K" if number == total else "")
            self._stream.flush()
