"""The command line `evals`: answers on standard output, talk on standard error.

Exit codes: 0 yes; 1 the answer is no (a case or a limit fails, the gate refuses); 2 nothing to score, wrong
usage or a missing prerequisite; 3 the gate can't tell yet. Our own errors are one line, never a traceback.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from evals.command import compare, dataset, gate, promote, report, run
from evals.errors import EvalsError
from evals.replay import Diagnose

EXIT_UNUSABLE: Final = 2
_COMMANDS: Final = (run, compare, report, gate, promote, dataset)


def main(argv: Sequence[str] | None = None, *, diagnose: Diagnose | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        diagnose: What `run` measures; the analyst that it names by default.
    """
    arguments = build_parser().parse_args(argv)
    execute = arguments.run
    if diagnose is not None and execute is run.execute:
        execute = partial(execute, diagnose=diagnose)
    try:
        return int(execute(arguments))
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals: {error}\n")
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        sys.stderr.write("evals: interrupted\n")
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="evals",
        description="Measure how far diagnoses can be trusted.",
        epilog=run.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser
