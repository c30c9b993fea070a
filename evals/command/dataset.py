"""`evals dataset check|index|schema`: labels and files looked at without running anything."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from evals.case import json_schema
from evals.census import render_table
from evals.command.run import EXIT_FAILED, EXIT_OK, add_paths
from evals.dataset import index_labels
from evals.finding import render_findings
from evals.inspection import check

_EXAMPLE: Final = """example:
  evals dataset check datasets/lab
"""
_INDEX_EXAMPLE: Final = """example:
  evals dataset index datasets/historical
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
    checking = actions.add_parser(
        "check", help="check labels and files", description=text, epilog=_EXAMPLE, formatter_class=_RAW
    )
    add_paths(checking)
    checking.set_defaults(run=_check)
    text = "Write cases.jsonl from the label.json of each case folder."
    index = actions.add_parser(
        "index", help="write cases.jsonl", description=text, epilog=_INDEX_EXAMPLE, formatter_class=_RAW
    )
    index.add_argument("path", type=Path, metavar="PATH", help="a folder of case folders with label.json")
    index.set_defaults(run=_index)
    text = "Print the JSON schema of a line of cases.jsonl."
    schema = actions.add_parser(
        "schema", help="print a case's schema", description=text, epilog=_SCHEMA_EXAMPLE, formatter_class=_RAW
    )
    schema.set_defaults(run=_schema)


def _check(arguments: argparse.Namespace) -> int:
    findings = check(arguments.paths)
    sys.stdout.write(f"{render_table(findings.censuses)}\n{render_findings(findings)}")
    return EXIT_OK if findings.passed else EXIT_FAILED


def _index(arguments: argparse.Namespace) -> int:
    sys.stdout.write(f"{index_labels(arguments.path)}\n")
    return EXIT_OK


def _schema(_: argparse.Namespace) -> int:
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
    return EXIT_OK
