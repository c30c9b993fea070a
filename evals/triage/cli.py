"""The command line: makes the triage cases anew, byte for byte the same every time."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.errors import EvalsError
from evals.triage.folder import write_all
from evals.triage.scene import read_all

_EXAMPLE = """example:
  python -m evals.triage --output datasets/triage
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 when the cases can't be made."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.triage",
        description="Make the triage cases: logs, signals and labels, from scenes and a seed.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="where the dataset stands"
    )
    arguments = parser.parse_args(argv)
    try:
        path = write_all(read_all(), arguments.output)
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals.triage: {error}\n")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0
