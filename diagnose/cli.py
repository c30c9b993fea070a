"""The command line `diagnose`: answers on standard output, talk on standard error.

Exit codes: 0 an answer was given (UNKNOWN is one, and so is every status), 2 usage or a missing prerequisite.
Our own errors end in one line, never in a traceback.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from diagnose import display
from diagnose.assembly import with_analyst, with_sources
from diagnose.diagnosis import Diagnosis, json_schema
from diagnose.errors import DiagnoseError, PatternError, UsageError
from diagnose.event import MAX_PAYLOAD_BYTES, read_deliveries
from diagnose.failure import Failure
from diagnose.identifier import is_cluster_id, is_region, is_step_id
from diagnose.intake import Intake, serve
from diagnose.log import ReadBudget, ReadReport, read_lines
from diagnose.pipeline import Result, default_kit, run, start, start_place
from diagnose.place import Place, find_place
from diagnose.redaction import Redactor
from diagnose.repeat import MemoryRepeats
from diagnose.settings import Settings, load_settings
from diagnose.state import Kit
from diagnose.talk import Progress, telemetry

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
    """What a command works with: settings, and clients made when one is needed."""

    def __init__(self) -> None:
        self.settings = load_settings()
        self._clients: Clients | None = None

    def clients(self) -> "Clients":
        """Give the process's AWS clients."""
        if self._clients is None:
            from diagnose.client import Clients  # noqa: PLC0415 - the rules need no AWS

            self._clients = Clients(self.settings)
        return self._clients

    def kit(self, args: argparse.Namespace, progress: Progress) -> Kit:
        """Make the kit that the options name."""
        plain = replace(default_kit(self.settings), on_stage=progress.show)
        return with_analyst(plain, args.analyst, clients=self.clients, prompt=args.prompt, record=args.record)

    def place(self, args: argparse.Namespace) -> Place:
        """Find the logs that PATH names."""
        return find_place(args.path, step_id=args.step_id, s3=lambda: self.clients().s3())


def _logs(args: argparse.Namespace) -> str:
    edge = _Edge()
    with Progress(sys.stderr) as progress:
        kit, place = edge.kit(args, progress), edge.place(args)
        result = run(start_place(place, kit, telemetry=telemetry(place.failure, kit, on=args.log)), kit)
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
    edge = _Edge()
    with Progress(sys.stderr) as progress:
        kit = with_sources(edge.kit(args, progress), edge.clients(), region=args.region)
        result: Result = run(start(failure, kit, telemetry=telemetry(failure, kit, on=args.log)), kit)
    return _shown(args, result.diagnosis)


def _event(args: argparse.Namespace) -> str:
    edge, repeats = _Edge(), MemoryRepeats()
    answers = []
    with Progress(sys.stderr) as progress:
        kit = edge.kit(args, progress)
        for delivery in read_deliveries(_event_bytes(args.path)):
            if delivery.failure is not None:
                kit = with_sources(kit, edge.clients(), region=delivery.failure.region)
            told = partial(telemetry, kit=kit, on=args.log)
            intake = Intake(kit=kit, repeats=repeats, telemetry=told, patient=False)
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
    edge = _Edge()
    kit = default_kit(edge.settings)
    excerpt = run(start_place(edge.place(args), kit), kit).excerpt
    for gap in excerpt.gaps:
        sys.stderr.write(f"gap: {display.for_terminal(gap)}\n")
    if args.format == "json":
        return display.excerpt_as_json(excerpt)
    if args.format == "markdown":
        return display.excerpt_as_markdown(excerpt)
    return excerpt.render()


def _redact(args: argparse.Namespace) -> str:
    edge = _Edge()
    settings = edge.settings
    store = find_place(args.path, s3=lambda: edge.clients().s3()).store
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
