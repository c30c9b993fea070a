"""`python -m evals.lab`: `setup` fetches, `run` breaks and harvests, `check` compares, `index` lists."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evals.errors import EvalsError
from evals.lab.cluster.engine import RELEASES
from evals.lab.cluster.supply import supply
from evals.lab.difference import compare
from evals.lab.index import folder_of, write_index
from evals.lab.laboratory import Laboratory, move, run_all
from evals.lab.scenario import SCENARIOS, Scenario, read, read_all

OUTPUT: Final = Path("datasets/lab")
ENGINES: Final = Path("build/lab")
OTHER: Final = "different"
"""Beside the engines: what `check` harvested otherwise than committed."""

_EXAMPLE: Final = """example:
  python -m evals.lab setup
  python -m evals.lab run --scenario orders-merge --output datasets/lab
  python -m evals.lab check --scenario orders-merge
  python -m evals.lab index --output datasets/lab
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line: 0 done, 1 `check` found differences, 2 it can't be done."""
    arguments = _parser().parse_args(argv)
    try:
        return {"setup": _setup, "run": _run, "check": _check, "index": _index}[arguments.command](arguments)
    except (EvalsError, OSError) as error:
        sys.stderr.write(f"evals.lab: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    about = "Break Spark jobs on purpose and harvest their logs in EMR's layout."
    parser = argparse.ArgumentParser(
        prog="python -m evals.lab", description=about, epilog=_EXAMPLE, formatter_class=form
    )
    commands = parser.add_subparsers(dest="command", required=True)
    abouts = {
        "setup": "Fetch Spark and the jars of the cluster.",
        "run": "Run scenarios, check that they end as designed, harvest and index them.",
        "check": "Run scenarios and compare with the harvest that is there, but for times, ids and ports.",
        "index": "Check the labels against the harvested logs and rewrite cases.jsonl.",
    }
    for name, text in abouts.items():
        command = commands.add_parser(
            name, help=text, description=text, epilog=_EXAMPLE, formatter_class=form
        )
        if name == "setup":
            command.add_argument("--engine", action="append", choices=[*RELEASES], help="default: all")
        if name != "index":
            command.add_argument(
                "--engines", type=Path, default=ENGINES, help="folder of the engines (%(default)s)"
            )
            command.add_argument(
                "--jars", type=Path, help="folder of the cluster's jars, instead of fetching them"
            )
        if name in {"run", "check"}:
            command.add_argument("--scenario", action="append", metavar="ID", help="default: all")
        if name != "setup":
            command.add_argument(
                "--output", type=Path, default=OUTPUT, help="the dataset's folder (%(default)s)"
            )
    return parser


def _setup(arguments: argparse.Namespace) -> int:
    for name in arguments.engine or RELEASES:
        sys.stdout.write(f"{supply(name, arguments.engines, arguments.jars)}\n")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    with Laboratory(arguments.engines, jars=arguments.jars) as laboratory:
        for _ in run_all(laboratory, _wanted(arguments), arguments.output, strict=bool(arguments.scenario)):
            pass
    return _index(arguments)


def _check(arguments: argparse.Namespace) -> int:
    ran = differences = 0
    with tempfile.TemporaryDirectory(prefix="evals-lab-check-") as name:
        fresh = Path(name) / arguments.output.name
        with Laboratory(arguments.engines, jars=arguments.jars) as laboratory:
            try:
                for scenario, folder in run_all(
                    laboratory, _wanted(arguments), fresh, strict=bool(arguments.scenario)
                ):
                    committed = folder_of(scenario, arguments.output) / scenario.id
                    found = compare(committed, folder, chance=scenario.chance)
                    if found:
                        found.append(f"the new harvest stands in {move(folder, arguments.engines / OTHER)}")
                    sys.stdout.write("".join(f"{scenario.id}: {line}\n" for line in found))
                    sys.stdout.flush()
                    ran, differences = ran + 1, differences + bool(found)
            finally:  # what was compared is told, whatever ended otherwise
                sys.stdout.write(
                    f"{ran} scenarios ran as designed; {differences} of them differ from {arguments.output}\n"
                )
    return int(bool(differences))


def _index(arguments: argparse.Namespace) -> int:
    sys.stdout.write(f"{write_index(read_all(), arguments.output)}\n")
    return 0


def _wanted(arguments: argparse.Namespace) -> tuple[Scenario, ...]:
    names = arguments.scenario
    return tuple(read(SCENARIOS / f"{name}.toml") for name in names) if names else read_all()
