"""What the function's start costs beside the bare import of LangChain's Bedrock model, in processor time.

    python -m benchmarks.coldstart [--pairs 12] [--package build/lambda/package.zip] [--python PYTHON]

Without `--package`: the checkout, with this interpreter's packages. With it: the zip, unpacked, with nothing
else importable, by the interpreter of its version (looked for; or `--python`). Each start is a process of its
own; contenders take turns, and each is held against the bare import of the same turn. What counts is user and
system time of the process from its beginning until the work is done, not its end: on Lambda nobody waits for
that. Bytecode is warm for all but the rows that say otherwise. The exit code is 1 when the imports take more than
TARGET times the bare import.

    bare          `from langchain_aws import ChatBedrockConverse`
    imports       every module that the handler has loaded when it is ready: at most 1.15 of the bare import
    handler       `import handler`: the imports, and catalogue, policy, prompt, chain and AWS clients built
    … no bytecode the same from sources alone, as from a zip that holds no bytecode
"""

import argparse
import ast
import json
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = 1.15
BARE: Final = "from langchain_aws import ChatBedrockConverse"
_HANDLER: Final = "import handler"
_LISTED: Final = f"{_HANDLER}\nimport sys, json; print(json.dumps(list(sys.modules)))"
_CLOCK: Final = "\nimport os, time; os.write(1, str(time.process_time()).encode()); os._exit(0)"
ENVIRON: Final = {
    "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true", "BEDROCK_GUARDRAIL_ID": "abcdefghijkl", "S3_LOG_BUCKET": "example-logs",
    "RESULT_BUS_NAME": "results", "IDEMPOTENCY_TABLE": "repeats",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/failures", "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


class Starter:
    """Starts processes with one interpreter and one search path.

    Args:
        python: path of the interpreter.
        folders: for modules, first searched first.
        alone: nothing else but the standard library can be imported.
    """

    def __init__(self, python: str, folders: Sequence[Path], *, alone: bool) -> None:
        self._command = [python, *(["-S"] if alone else []), "-s", "-P", "-c"]  # -P: nothing of this folder
        self._environ = ENVIRON | {"PYTHONPATH": ":".join(map(str, folders))}

    def run(self, code: str, **environ: str) -> str:
        """Run code and give what it printed last."""
        done = subprocess.run(
            [*self._command, code], env=self._environ | environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"can't start: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.splitlines()[-1]

    def seconds(self, code: str, **environ: str) -> float:
        """Measure the processor time from the process's beginning to the end of the code."""
        return float(self.run(code + _CLOCK, **environ))


def preamble(handler: Path) -> str:
    """Give what the handler does up to its last import."""
    tree = ast.parse(handler.read_text(encoding="utf-8"))
    last = max(i for i, node in enumerate(tree.body) if isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join(map(ast.unparse, tree.body[: last + 1]))


def imports(starter: Starter, handler: Path) -> str:
    """Give code that imports what the handler has loaded when it is ready, in that order, and builds nothing."""
    loaded = json.loads(starter.run(_LISTED))
    ours = [name for name in loaded if name.split(".")[0] in {"diagnose", "langchain_aws", "boto3"}]
    rest = "\n".join(f"import {name}" for name in ours)
    return f"{preamble(handler)}\n{rest}"


def measure(
    starter: Starter, rows: dict[str, tuple[str, dict[str, str]]], pairs: int
) -> list[dict[str, float]]:
    """Start every contender in turn, so many times; give seconds by name for each turn."""
    for code, environ in rows.values():
        starter.seconds(code, **environ)  # files come into the page cache
    return [
        {name: starter.seconds(code, **environ) for name, (code, environ) in rows.items()}
        for _ in range(pairs)
    ]


def report(turns: list[dict[str, float]]) -> int:
    """Print every contender against the bare import, and judge the imports.

    Args:
        turns: seconds by name, for each turn.

    Returns:
        The exit code.
    """
    ratios = {name: statistics.median(turn[name] / turn["bare"] for turn in turns) for name in turns[0]}
    print(f"{'':24}{'CPU s':>8}{'least':>8}{'to bare':>9}")
    for name in turns[0]:
        taken = [turn[name] for turn in turns]
        print(f"{name:24}{statistics.median(taken):8.3f}{min(taken):8.3f}{ratios[name]:8.2f}x")
    kept = ratios["imports"] <= TARGET
    print(
        f"imports are {ratios['imports']:.3f} of the bare import, median of {len(turns)} pairs, of at most "
        f"{TARGET}: {'kept' if kept else 'NOT kept'}"
    )
    print(f"the handler, with everything built, is {ratios['handler']:.3f} of it; no limit")
    return int(not kept)


def _interpreter(package: Path) -> str:
    """Find the interpreter that a package was built for."""
    sys.path.insert(0, str(ROOT / "lambda"))
    from bytecode import find_compiler

    version = json.loads(package.with_suffix(".manifest.json").read_text())["python_version"]
    found = find_compiler(version)
    if found is None:
        raise SystemExit(f"there is no Python {version}, which {package} is built for; give --python")
    return found.path


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--python")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "task"
        if options.package:
            zipfile.ZipFile(options.package).extractall(folder)
            handler, folders = folder / "handler.py", [folder]
            python = options.python or _interpreter(options.package)
        else:
            handler, folders = ROOT / "lambda" / "handler.py", [ROOT / "lambda", ROOT]
            python = options.python or sys.executable
        starter = Starter(python, folders, alone=options.package is not None)
        sources = {"PYTHONPYCACHEPREFIX": str(Path(name) / "nothing")}
        rows: dict[str, tuple[str, dict[str, str]]] = {
            "bare": (BARE, {}),
            "imports": (imports(starter, handler), {}),
            "handler": (_HANDLER, {}),
            "bare, no bytecode": (BARE, sources),
            "handler, no bytecode": (_HANDLER, sources),
        }
        return report(measure(starter, rows, options.pairs))


if __name__ == "__main__":
    sys.exit(main())
