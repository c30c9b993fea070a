"""`python -m evals.lab`: `run` breaks jobs and harvests them, `index` checks labels and rewrites the rows."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from evals.errors import EvalsError, PrerequisiteError
from evals.lab.harvest import harvest
from evals.lab.index import write_index
from evals.lab.scenario import SCENARIOS, read, read_all
from evals.lab.submission import Place, check, find_spark, submit

ALL: Final = "all"

_EXAMPLE: Final = """example:
  python -m evals.lab run all --output datasets/lab
  python -m evals.lab index --output datasets/lab
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 a scenario or a prerequisite is wrong."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "run":
            _run(arguments.scenario, arguments.output, arguments.cache)
        sys.stdout.write(f"{write_index(read_all(), arguments.output)}\n")
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals.lab: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    about = "Break Spark jobs on purpose and harvest their logs in EMR's layout."
    parser = argparse.ArgumentParser(
        prog="python -m evals.lab", description=about, epilog=_EXAMPLE, formatter_class=form
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", help="run scenarios", description=about, epilog=_EXAMPLE, formatter_class=form
    )
    run.add_argument("scenario", nargs="+", help=f"ids of scenarios, or {ALL}")
    run.add_argument("--cache", type=Path, help="folder that keeps fetched jars between runs")
    index_about = "Check the labels against the harvested logs and rewrite cases.jsonl."
    index = commands.add_parser(
        "index", help="check labels", description=index_about, epilog=_EXAMPLE, formatter_class=form
    )
    for command in (run, index):
        command.add_argument("--output", type=Path, required=True, help="the dataset's folder")
    return parser


def _run(names: Sequence[str], output: Path, cache: Path | None) -> None:
    spark = find_spark()
    scenarios = read_all() if ALL in names else tuple(read(SCENARIOS / f"{name}.toml") for name in names)
    for number, scenario in enumerate(scenarios, start=1):
        try:
            check(scenario)
        except PrerequisiteError as error:
            if ALL not in names:
                raise
            sys.stderr.write(f"evals.lab: skipped: {error}\n")
            continue
        sys.stderr.write(f"[{number}/{len(scenarios)}] {scenario.id}\n")
        with _place(spark, cache) as place:
            harvest(scenario, submit(scenario, place), place, output)


@contextlib.contextmanager
def _place(spark: Path, cache: Path | None) -> Iterator[Place]:
    """Make the job's folders, gone afterwards; readable for the user without rights too."""
    with tempfile.TemporaryDirectory(prefix="evals-lab-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        place = Place(home=root / "home", tmp=root / "tmp", cache=cache or root / "cache", spark=spark)
        root.chmod(0o755)
        for folder in (place.home, place.tmp, place.cache):
            folder.mkdir(parents=True, exist_ok=True)
        yield place
