"""The command line `diagnose`: answers on standard output, talk on standard error.

Exit codes: 0 an answer was given (UNKNOWN is one, and so is every status), 2 usage or a missing prerequisite.
Our own errors end in one line, never in a traceback.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from diagnose import display
from diagnose.assembly import with_analyst, with_sources
from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.diagnosis import Diagnosis, json_schema
from diagnose.errors import DiagnoseError, PatternError, UsageError
from diagnose.event import MAX_PAYLOAD_BYTES, read_deliveries
from diagnose.failure import Failure
from diagnose.identifier import is_cluster_id, is_region, is_step_id
from diagnose.intake import Intake, serve
from diagnose.log import ReadBudget, ReadReport, read_lines
from diagnose.pipeline import default_kit, run, start, start_place
from diagnose.place import Place, find_place
from diagnose.redaction import Redactor
from diagnose.repeat import MemoryRepeats
from diagnose.settings import Settings, load_settings
from diagnose.state import Kit
from diagnose.talk import Progress, telemetry
from diagnose.telemetry import Telemetry

if TYPE_CHECKING:
    from diagnose.client import Clients

EXIT_OK: Final = 0
EXIT_USAGE: Final = 2
_FORMATS: Final = ("text", "json", "markdown")
_RAW: Final = argparse.RawDescriptionHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; those of the process by default.

    Returns:
        The exit code.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        answer: str = args.run(args)
    except PatternError as error:
        sys.stderr.write(f"diagnose: {display.for_terminal(str(error))}\n")
        return EXIT_USAGE
    except DiagnoseError as error:
        sys.stderr.write(f"diagnose: {_redacted(str(error))}\n")
        return EXIT_USAGE
    except KeyboardInterrupt:
        sys.stderr.write("diagnose: interrupted\n")
        return 130
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback, no raw value
        sys.stderr.write(f"diagnose: internal error, {type(error).__name__}: {_redacted(str(error))}\n")
        return EXIT_USAGE
    return _write(answer)


def _write(answer: str) -> int:
    if sys.stdout.isatty() and "\x1b[" not in answer:
        answer = display.for_terminal(answer)
    try:
        sys.stdout.buffer.write(answer.encode("utf-8", errors="replace"))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
    return EXIT_OK


def _redacted(message: str) -> str:
    return display.for_terminal(Redactor().session().text(message))


class _Parser(argparse.ArgumentParser):
    """Redacts its complaints: a mistyped command line may hold a password."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: error: {_redacted(message)}\n")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; every command's help ends in an example."""
    parser: argparse.ArgumentParser = _Parser(
        prog="diagnose",
        description="Say why a data job failed, from its logs. It only observes and recommends.",
        epilog="example:\n  diagnose logs s3-copy/logs/j-2AXXXXXXGAPLF",
        formatter_class=_RAW,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_logs(commands)
    _add_step(commands)
    _add_event(commands)
    _add_excerpt(commands)
    _add_redact(commands)
    _add_schema(commands)
    return parser


def _add_logs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "logs",
        help="diagnose a failed step from its logs",
        description="Diagnose a failed step from its logs.",
        epilog="examples:\n  diagnose logs logs/j-2AXXXXXXGAPLF --step-id s-1AXXXXXXXXXXX\n"
        "  diagnose logs case/ --format markdown\n  zcat stderr.gz | diagnose logs -",
        formatter_class=_RAW,
    )
    _add_place(command)
    _add_analyst(command)
    command.set_defaults(run=_logs)


def _add_step(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "step",
        help="diagnose a failed step of a cluster, with its metadata and logs from AWS",
        description="Diagnose a failed step: metadata from the EMR API (or METADATA_SOURCE), logs from S3.",
        epilog="example:\n  diagnose step --cluster-id j-2AXXXXXXGAPLF --step-id s-1AXXXXXXXXXXX "
        "--analyst bedrock",
        formatter_class=_RAW,
    )
    command.add_argument("--cluster-id", required=True, metavar="J")
    command.add_argument("--step-id", required=True, metavar="S")
    command.add_argument("--region", default="", metavar="R", help="of the cluster; AWS_REGION by default")
    _add_format(command)
    _add_analyst(command)
    command.set_defaults(run=_step)


def _add_event(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "event",
        help="diagnose what an event says has failed, as the Lambda would",
        description="Diagnose what an event says: EventBridge's, the same in SQS records, or\n"
        "{clusterId, stepId}. Several records give several answers, a list with --format json.",
        epilog="example:\n  diagnose event failed-step.json --analyst bedrock --format json",
        formatter_class=_RAW,
    )
    command.add_argument("path", metavar="FILE", help="a JSON file, or -")
    _add_format(command)
    _add_analyst(command)
    command.set_defaults(run=_event)


def _add_analyst(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--analyst",
        default="rules",
        metavar="NAME",
        help="rules (the default), bedrock[:<model id>], recorded:<file>, <provider>:<model>",
    )
    command.add_argument("--prompt", metavar="VERSION", help="a version such as v2, or a version's folder")
    command.add_argument(
        "--record", type=Path, metavar="FILE", help="append the model's replies to a recording"
    )
    command.add_argument("--log", action="store_true", help="write JSON log records to standard error")
    help_text = "end with what is done after so long; DEADLINE_RESERVE_SECONDS of it are kept for the rules"
    command.add_argument("--time-limit", type=_seconds, metavar="SECONDS", help=help_text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _add_excerpt(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "excerpt",
        help="print the redacted lines that explain the failure",
        description="Print the redacted lines that explain the failure, within MAX_LOG_SIZE_BYTES.",
        epilog="example:\n  diagnose excerpt case/logs --format json",
        formatter_class=_RAW,
    )
    _add_place(command)
    command.set_defaults(run=_excerpt)


def _add_redact(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "redact",
        help="print a text without secrets and personal data",
        description="Print a text, line for line, without secrets and personal data.",
        epilog="example:\n  diagnose redact stderr.gz > stderr.redacted",
        formatter_class=_RAW,
    )
    command.add_argument("path", nargs="?", default="-", metavar="PATH", help="a file, or - (the default)")
    command.set_defaults(run=_redact)


def _add_schema(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "schema",
        help="print the JSON schema of the payload",
        description="Print the JSON schema of the payload.",
        epilog="example:\n  diagnose schema > diagnosis.schema.json",
        formatter_class=_RAW,
    )
    command.set_defaults(run=lambda _: json.dumps(json_schema(), indent=2, sort_keys=True) + "\n")


def _add_place(command: argparse.ArgumentParser) -> None:
    help_text = "a file, an EMR log tree, a case folder, s3://…, or -"
    command.add_argument("path", metavar="PATH", help=help_text)
    command.add_argument("--step-id", metavar="S", help="the step, where the tree holds several")
    _add_format(command)


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=_FORMATS, default="text", help="text (the default)")


class _Edge:
    """What a command works with: settings, a deadline, and clients made when one is needed."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.settings = load_settings()
        self._args = args
        self._clients: Clients | None = None
        self._kits: dict[str, Kit] = {}
        self.deadline = NO_DEADLINE
        if limit := getattr(args, "time_limit", None):
            end = time.monotonic() + limit
            self.deadline = Deadline(lambda: end - time.monotonic(), self.settings.deadline_reserve_seconds)

    def clients(self) -> "Clients":
        """Give the process's AWS clients."""
        if self._clients is None:
            from diagnose.client import Clients  # noqa: PLC0415 - the rules need no AWS

            self._clients = Clients(self.settings)
        return self._clients

    def progress(self) -> Progress:
        """Tell a terminal the stage under way, where log records don't."""
        return Progress(sys.stderr, on=not self._args.log)

    def kit(self, progress: Progress) -> Kit:
        """Make the kit that the options name, without sources."""
        args = self._args
        plain = replace(default_kit(self.settings), on_stage=progress.show)
        return with_analyst(plain, args.analyst, clients=self.clients, prompt=args.prompt, record=args.record)

    def sourced(self, kit: Kit, region: str) -> Kit:
        """Give the kit sources of AWS, the same for each region: they remember what they were told."""
        if region not in self._kits:
            self._kits[region] = with_sources(kit, self.clients(), region=region)
        return self._kits[region]

    def place(self) -> Place:
        """Find the logs that PATH names."""
        step_id = getattr(self._args, "step_id", None)
        return find_place(self._args.path, step_id=step_id, s3=lambda: self.clients().s3())

    def telemetry(self, failure: Failure, kit: Kit) -> Telemetry:
        """Give where stages and calls are told."""
        return telemetry(failure, kit, on=self._args.log)


def _logs(args: argparse.Namespace) -> str:
    edge = _Edge(args)
    with edge.progress() as progress:
        kit, place = edge.kit(progress), edge.place()
        told = edge.telemetry(place.failure, kit)
        result = run(start_place(place, kit, deadline=edge.deadline, telemetry=told), kit)
    return _shown(args, result.diagnosis)


def _step(args: argparse.Namespace) -> str:
    if not is_cluster_id(args.cluster_id):
        raise UsageError(
            f"--cluster-id {args.cluster_id!r}: is no cluster's id; give one such as j-2AXXXXXXGAPLF"
        )
    if not is_step_id(args.step_id):
        raise UsageError(f"--step-id {args.step_id!r}: is no step's id; give one such as s-1AXXXXXXXXXXX")
    if args.region and not is_region(args.region):
        raise UsageError(f"--region {args.region!r}: is no region; give one such as eu-central-1")
    failure = Failure(cluster_id=args.cluster_id, step_id=args.step_id, region=args.region)
    edge = _Edge(args)
    with edge.progress() as progress:
        kit = edge.sourced(edge.kit(progress), args.region)
        result = run(start(failure, kit, deadline=edge.deadline, telemetry=edge.telemetry(failure, kit)), kit)
    return _shown(args, result.diagnosis)


def _event(args: argparse.Namespace) -> str:
    edge, repeats = _Edge(args), MemoryRepeats()
    answers = []
    deliveries = read_deliveries(_event_bytes(args.path))
    with edge.progress() as progress:
        kit = edge.kit(progress)
        for delivery in deliveries:
            sourced = edge.sourced(kit, delivery.failure.region) if delivery.failure is not None else kit
            intake = Intake(
                kit=sourced,
                repeats=repeats,
                telemetry=partial(edge.telemetry, kit=sourced),
                deadline=edge.deadline,
                patient=False,
            )
            answers.append(serve(delivery, intake).diagnosis)
    return _shown(args, *(answer for answer in answers if answer is not None))


def _event_bytes(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_PAYLOAD_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_PAYLOAD_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: {reason}; give a JSON file or -") from None


def _shown(args: argparse.Namespace, *answers: Diagnosis) -> str:
    if args.format == "json":
        return display.as_json(*answers)
    if args.format == "markdown":
        return "\n".join(display.as_markdown(each) for each in answers)
    return "\n".join(display.as_text(each, colour=sys.stdout.isatty()) for each in answers)


def _excerpt(args: argparse.Namespace) -> str:
    edge = _Edge(args)
    kit = default_kit(edge.settings)
    excerpt = run(start_place(edge.place(), kit), kit).excerpt
    for gap in excerpt.gaps:
        sys.stderr.write(f"gap: {display.for_terminal(gap)}\n")
    if args.format == "json":
        return display.excerpt_as_json(excerpt)
    if args.format == "markdown":
        return display.excerpt_as_markdown(excerpt)
    return excerpt.render()


def _redact(args: argparse.Namespace) -> str:
    edge = _Edge(args)
    settings, store = edge.settings, edge.place().store
    files = store.list()
    if len(files) != 1:
        raise UsageError(f"{args.path}: is a folder; give one file or -")
    report = ReadReport()
    with store.open(files[0].name) as stream:
        lines = read_lines(stream, budget=ReadBudget(settings.max_read_bytes), report=report)
        text = "".join(("" if line.cut_left or line.number == 1 else "\n") + line.text for line in lines)
    if not report.whole:
        sys.stderr.write(f"diagnose: {args.path}: not read whole; only what could be read is printed\n")
    return _session_text(settings, text)


def _session_text(settings: Settings, text: str) -> str:
    redactor = Redactor(settings.redaction_extra_patterns, numbered=settings.redaction_numbered)
    return redactor.session().text(text) + ("\n" if text else "")
