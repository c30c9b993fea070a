"""`python -m evals.interop --promptfoo EXECUTABLE DATASET…`: the same cases here and in a real promptfoo.

Exit codes: 0 both agree on every case; 1 they differ; 2 one of both can't be run.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.analyst import Analyst
from evals.dataset import load_all
from evals.errors import EvalsError
from evals.interop.agreement import compare, ours, theirs
from evals.pace import unlimited
from evals.replay import plan, replay


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.interop", description="Compare our verdicts with a real promptfoo's."
    )
    parser.add_argument("--promptfoo", type=Path, required=True, metavar="FILE", help="its executable")
    parser.add_argument("paths", nargs="+", type=Path, metavar="DATASET")
    arguments = parser.parse_args(argv)
    try:
        return _compare(arguments)
    except EvalsError as error:
        sys.stderr.write(f"evals: {error}\n")
        return 2


def _compare(arguments: argparse.Namespace) -> int:
    differ = 0
    opened = Analyst().open()
    environment = dict(os.environ)  # noqa: TID251 (handed on to a child process, not read)
    for dataset in load_all(arguments.paths):
        here = ours(list(replay(plan([dataset]), opened, pace=unlimited)))
        there = theirs(dataset, arguments.promptfoo, environment)
        found = compare(here, there)
        differ += len(found)
        scores = sum(len(verdict.scores) for verdict in here.values())
        sys.stdout.write(
            f"{dataset.name}: {len(here) - len(found)} of {len(here)} cases agree ({scores} scores)\n"
        )
        sys.stdout.writelines(f"  {item.case_id}: {item.what}\n" for item in found)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
