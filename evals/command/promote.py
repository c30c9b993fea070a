"""`evals promote`: puts a prompt into production, after a PASS of the gate, or openly without a proof."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evals.command.gate import add_datasets, add_prompts
from evals.command.track import add_track, move_alias, open_tracker
from evals.errors import EvalsError, GateError

if TYPE_CHECKING:
    from diagnose.shelf import Active
    from evals.promotion import Announce

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 1
EXIT_UNTRACKED: Final = 2

_EXAMPLE: Final = """example:
  evals promote reports/runs/v3/gate.json
  evals promote --unproven v2 --reason "no replies of a real model yet"
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hang `promote` below the main parser."""
    parser = commands.add_parser(
        "promote",
        help="put a prompt into production",
        description="Write prompts/active.toml: after a PASS of the gate, whose runs are judged once more by "
        "the repository's policy, or without a proof, which every diagnosis then says. Exit 1: refused. What "
        "is in production already is not promoted again; --track then moves the alias alone.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("record", nargs="?", type=Path, metavar="GATE_RECORD", help="what `evals gate` wrote")
    parser.add_argument("--unproven", metavar="VERSION", help="promote a released version without a gate")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why without; kept and shown")
    parser.add_argument("--expect", metavar="VERSION", help="refuse unless this one is in production now")
    for side in ("candidate", "baseline"):
        text = f"the {side}'s run, if it is no longer where the gate found it"
        parser.add_argument(f"--{side}", type=Path, metavar="RUN", help=text)
    add_prompts(parser)
    add_datasets(parser)
    add_track(parser, "move the alias production")
    parser.set_defaults(run=execute)


def execute(arguments: argparse.Namespace, announce: "Announce | None" = None) -> int:
    """Run the command and give its exit code.

    Args:
        arguments: as parsed.
        announce: told what was promoted, after it is written.
    """
    from evals.promotion import (  # noqa: PLC0415 (numpy and scipy stay out of the start)
        PromotionRefusedError,
        read_shelf,
    )

    if (arguments.record is None) == (arguments.unproven is None):
        raise GateError("give either a gate record, or --unproven VERSION with --reason TEXT")
    before = read_shelf(arguments.prompts, None).active
    try:
        active = _unproven(arguments, announce) if arguments.record is None else _proven(arguments, announce)
    except PromotionRefusedError as error:
        sys.stderr.write(f"evals: refused: {error}\n")
        return EXIT_REFUSED
    why = f" ({active.reason})" if active.reason else ""
    sys.stdout.write(f"prompt {active.version} is in production, gate {active.gate}{why}\n")
    sys.stdout.flush()
    return EXIT_OK if arguments.track is None else _track(arguments, active, before)


def _track(arguments: argparse.Namespace, active: "Active", before: "Active | None") -> int:
    """Move the alias; production is what it is by now, whether or not this succeeds."""
    try:
        expected = before.sha256 if before else None
        if expected == active.sha256:  # promoted before, and the alias left behind: wherever that was
            expected = open_tracker(arguments.track).holder("production")
        move_alias(arguments.track, "production", active.version, expected, prompts=arguments.prompts)
    except (EvalsError, OSError) as error:
        sys.stderr.write(
            f"evals: prompt {active.version} IS in production, but the alias production in MLflow was not "
            f"moved: {error}\nevals: run the same command again to move the alias alone\n"
        )
        return EXIT_UNTRACKED
    return EXIT_OK


def _proven(arguments: argparse.Namespace, announce: "Announce | None") -> "Active":
    from evals.policy import load_policy  # noqa: PLC0415
    from evals.promotion import promote, read_exhibit, read_record, read_standing  # noqa: PLC0415

    record, sha256 = read_record(arguments.record)
    candidate = arguments.candidate or _find(record.candidate.file, arguments.record)
    baseline = arguments.baseline
    if baseline is None and record.baseline is not None:
        baseline = _find(record.baseline.file, arguments.record)
    policy = load_policy()
    return promote(
        record,
        record_sha256=sha256,
        candidate=read_exhibit(candidate),
        baseline=read_exhibit(baseline) if baseline else None,
        policy=policy,
        standing=read_standing(policy, arguments.datasets),
        root=arguments.prompts,
        date=datetime.now(UTC),
        expect=arguments.expect,
        announce=announce,
    )


def _unproven(arguments: argparse.Namespace, announce: "Announce | None") -> "Active":
    from evals.promotion import promote_unproven  # noqa: PLC0415

    return promote_unproven(
        arguments.unproven,
        arguments.reason,
        root=arguments.prompts,
        date=datetime.now(UTC),
        expect=arguments.expect,
        announce=announce,
    )


def _find(file: str, record: Path) -> Path:
    """Look for a run where the gate found it, seen from here or from the record's folder."""
    here = Path(file)
    return here if here.exists() else record.parent / file
