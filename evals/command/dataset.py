"""`evals dataset check|schema`: labels and files looked at without running anything."""

import argparse
import json
import sys
from typing import Final

from evals.case import json_schema
from evals.command.run import EXIT_OK, add_paths
from evals.dataset import load_all

_EXAMPLE: Final = """example:
  evals dataset check datasets/lab
"""
_SCHEMA_EXAMPLE: Final = """example:
  evals dataset schema > datasets/case.schema.json
"""
_RAW: Final = argparse.RawDescriptionHelpFormatter


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `dataset` below the main parser."""
    parser = commands.add_parser(
        "dataset",
        help="work on datasets",
        description="Work on datasets.",
        epilog=_EXAMPLE,
        formatter_class=_RAW,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    text = "Check labels, ids, folders, checksums and contents without running anything."
    check = actions.add_parser(
        "check", help="check labels and files", description=text, epilog=_EXAMPLE, formatter_class=_RAW
    )
    add_paths(check)
    check.set_defaults(run=_check)
    text = "Print the JSON schema of a line of cases.jsonl."
    schema = actions.add_parser(
        "schema", help="print a case's schema", description=text, epilog=_SCHEMA_EXAMPLE, formatter_class=_RAW
    )
    schema.set_defaults(run=_schema)


def _check(arguments: argparse.Namespace) -> int:
    for dataset in load_all(arguments.paths):
        sys.stdout.write(f"{dataset.name}: {len(dataset.cases)} cases, sha256 {dataset.sha256}\n")
    return EXIT_OK


def _schema(_: argparse.Namespace) -> int:
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
    return EXIT_OK
