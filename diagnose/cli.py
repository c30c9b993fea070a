"""The command line `diagnose`: answers on standard output, talk on standard error.

Exit codes: 0 an answer was given (UNKNOWN is one), 2 usage or a missing prerequisite. Our own errors
end in one line, never in a traceback.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from diagnose import display
from diagnose.diagnosis import json_schema
from diagnose.errors import DiagnoseError, PatternError, UsageError
from diagnose.log import ReadBudget, ReadReport, read_lines
from diagnose.pipeline import run_logs
from diagnose.place import find_place
from diagnose.redaction import Redactor
from diagnose.settings import Settings, load_settings

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
    command.add_argument("--analyst", default="rules", metavar="NAME", help="rules (the default)")
    command.set_defaults(run=_logs)


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
    command.add_argument("path", metavar="PATH", help="a file, an EMR log tree, a case folder, or -")
    command.add_argument("--step-id", metavar="S", help="the step, where the tree holds several")
    command.add_argument("--format", choices=_FORMATS, default="text", help="text (the default)")


def _logs(args: argparse.Namespace) -> str:
    if args.analyst != "rules":
        raise UsageError(f"--analyst {args.analyst}: not known; give rules")
    diagnosis = run_logs(args.path, step_id=args.step_id, settings=load_settings()).diagnosis
    if args.format == "json":
        return display.as_json(diagnosis)
    if args.format == "markdown":
        return display.as_markdown(diagnosis)
    return display.as_text(diagnosis, colour=sys.stdout.isatty())


def _excerpt(args: argparse.Namespace) -> str:
    excerpt = run_logs(args.path, step_id=args.step_id, settings=load_settings()).excerpt
    for gap in excerpt.gaps:
        sys.stderr.write(f"gap: {display.for_terminal(gap)}\n")
    if args.format == "json":
        return display.excerpt_as_json(excerpt)
    if args.format == "markdown":
        return display.excerpt_as_markdown(excerpt)
    return excerpt.render()


def _redact(args: argparse.Namespace) -> str:
    settings = load_settings()
    store = find_place(args.path).store
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
