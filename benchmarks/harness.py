"""What the harness itself costs: 1,000 trivial cases, beside other harnesses, in one run.

    .venv/bin/uv venv build/peers && .venv/bin/uv pip install --python build/peers/bin/python --group harness
    .venv/bin/python -m benchmarks.harness --peers build/peers/bin/python [--cases 1000] [--rounds 3]

Each case is one log line; the "model" is one regular expression, the scorer an exact match of its category. Ours
reads each case's files and writes a journal line per case, which the others don't; "everything" is what `evals
run` does: all scorers, all metrics with their intervals, the result file. Every harness runs in a process of its
own; imports and the writing of the cases are not counted. Printed: wall seconds of each round's
evaluation, the best of them, and how many times ours that is. deepeval runs without its cache file (with it, it
takes a minute and more) and inspect_ai with a solver that writes the output; both are their faster ways.
"""

import argparse
import contextlib
import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SEED = 20261122
LINES = {
    "DEPENDENCY_FAILURE": "java.net.ConnectException: Connection refused by service {n}",
    "RESOURCE_EXHAUSTION": "java.lang.OutOfMemoryError: Java heap space in task {n}",
    "DATA_QUALITY": "java.lang.NumberFormatException: For input string: x{n}",
    "PERMISSION_DENIED": "AccessDeniedException: Access Denied for request {n}",
}
TYPES = {
    "DEPENDENCY_FAILURE": "SERVICE_UNREACHABLE",
    "RESOURCE_EXHAUSTION": "EXECUTOR_OOM",
    "DATA_QUALITY": "CAST_FAILURE",
    "PERMISSION_DENIED": "STORAGE_PERMISSION",
}
PATTERN = re.compile(r"(?P<d>refused)|(?P<r>OutOfMemory)|(?P<q>NumberFormat)|(?P<p>Denied)")
NAMES = {"d": "DEPENDENCY_FAILURE", "r": "RESOURCE_EXHAUSTION", "q": "DATA_QUALITY", "p": "PERMISSION_DENIED"}
PEERS = ("pydantic_evals", "deepeval", "inspect_ai")
PROMPTFOO = Path("build/promptfoo/node_modules/.bin/promptfoo")


def classify(text: str) -> str:
    """Be the model."""
    hit = PATTERN.search(text)
    return NAMES[hit.lastgroup or ""] if hit else "UNKNOWN"


def questions(count: int) -> list[tuple[str, str]]:
    """Make lines and their categories."""
    chance = random.Random(SEED)
    drawn = [chance.choice(sorted(LINES)) for _ in range(count)]
    return [(LINES[name].format(n=number), name) for number, name in enumerate(drawn)]


@contextlib.contextmanager
def quiet():
    """Send what a harness prints to nowhere."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    with quiet():
        work()
    return time.perf_counter() - start


def everything(count: int) -> float:
    """Replay, judge by all scorers, keep and measure, as `evals run` does."""
    return ours(count, full=True)


def ours(count: int, *, full: bool = False) -> float:
    """Replay, judge by one scorer as the others do, and keep each answer."""
    from diagnose.diagnosis import Diagnosis, Evidence
    from diagnose.taxonomy import Category, FailureType
    from evals.archive import save_run
    from evals.case import Case
    from evals.dataset import digest, load, write_cases
    from evals.evaluation import assess
    from evals.journal import FILE, Journal
    from evals.outcome import Answer
    from evals.pace import unlimited
    from evals.provenance import describe
    from evals.replay import plan, replay
    from evals.requirement import Requirement
    from evals.run import DatasetId, Demands, Identity
    from evals.scorers import SCORERS

    def diagnose(log_root: Path, _: int) -> Answer:
        line = gzip.decompress((log_root / "stderr.gz").read_bytes()).decode()
        category = Category(classify(line))
        evidence = Evidence(text=line, file="stderr.gz", line=1, container=None, attempt=None, role="cause")
        said = {"category": category, "failure_type": FailureType(TYPES[category]), "evidence": [evidence], "log_evidences": [line]}  # fmt: skip
        return Answer(excerpt=line, diagnosis=blank.model_copy(update=said))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "set"
        cases = []
        for number, (line, category) in enumerate(questions(count)):
            root = folder / f"c{number}" / "logs"
            root.mkdir(parents=True)
            (root / "stderr.gz").write_bytes(gzip.compress(line.encode(), mtime=0))
            cases.append(_case(Case, f"c{number}", category, line, digest(root)))
        write_cases(folder, cases)
        dataset = load(folder)
        ids = (DatasetId(name="set", cases=count, sha256=dataset.sha256),)
        identity = Identity(datasets=ids, analyst="regex", code_sha256="0" * 64, scorers_sha256="0" * 64)

        scorers = SCORERS if full else {"category": SCORERS["category"]}
        blank = Diagnosis(**BLANK)

        def work() -> None:
            provenance = describe(identity, date=datetime.now(UTC), repository=Path())
            planned = {case.id: case.metadata.sha256 for case in dataset.cases}
            with Journal(
                Path(name) / "run" / FILE,
                identity,
                provenance,
                {(key, 0): value for key, value in planned.items()},
            ) as journal:
                for row in replay(plan([dataset]), diagnose, pace=unlimited, scorers=scorers):
                    journal.keep(row)
                run = journal.run()
            assert sum(row.scores["category"].value or 0 for row in run.rows) == count
            if full:
                assess(run.model_copy(update={"demands": Demands(required=tuple(Requirement))}))
                save_run(Path(name) / "run", run)

        return timed(work)


BLANK: dict[str, Any] = {
    "root_cause": "matched", "recommendations": [], "cluster_id": "", "step_id": "",
    "analysis_timestamp": datetime(2026, 1, 1, tzinfo=UTC), "tokens_used": 0, "diagnosis_id": "d",
    "platform": "emr", "job_name": None, "run_id": None, "attempt": None, "failed_at": None,
    "status": "DIAGNOSED", "status_reason": None, "model_text": None, "completed_stages": [],
    "triage_label": "UNKNOWN", "safe_to_retry": False, "retry_reason": "", "partial_write_risk": False,
    "confidence": 0.9, "ruled_out": [], "gaps": [], "analyst": "regex", "model_id": None,
    "prompt_version": None, "prompt_sha256": None, "prompt_gate": "none", "input_tokens": 0,
    "output_tokens": 0, "cost_usd": None, "stage_ms": {}, "category": "UNKNOWN", "failure_type": "UNCLASSIFIED",
    "evidence": [], "log_evidences": [],
}  # fmt: skip


def _case(kind: Any, name: str, category: str, line: str, sha256: str) -> Any:
    metadata = {
        "category": category, "failure_type": TYPES[category], "safe_to_retry": False, "evidence": [line],
        "origin": "synthetic", "cluster": category, "difficulty": "easy", "version": 1, "sha256": sha256,
    }  # fmt: skip
    where = {"case_id": name, "log_root": f"{name}/logs", "cluster_id": "", "step_id": ""}
    return kind.model_validate(
        {"description": name, "vars": where, "metadata": metadata, "options": {"disableVarExpansion": True}}
    )


def pydantic_evals(count: int) -> float:
    from pydantic_evals import Case, Dataset
    from pydantic_evals.evaluators import EqualsExpected

    cases = [
        Case(name=str(n), inputs=text, expected_output=name)
        for n, (text, name) in enumerate(questions(count))
    ]
    dataset = Dataset(name="set", cases=cases, evaluators=[EqualsExpected()])

    async def answer(text: str) -> str:
        return classify(text)

    return timed(lambda: dataset.evaluate_sync(answer, max_concurrency=20, progress=False))


def deepeval(count: int) -> float:
    from deepeval import evaluate
    from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
    from deepeval.metrics import BaseMetric
    from deepeval.test_case import LLMTestCase

    class Exact(BaseMetric):
        threshold = 1.0
        async_mode = False

        def measure(self, case: Any, *_: Any, **__: Any) -> float:
            self.score = float(case.actual_output == case.expected_output)
            self.success = self.score >= 1
            return self.score

        async def a_measure(self, case: Any, *_: Any, **__: Any) -> float:
            return self.measure(case)

        def is_successful(self) -> bool:
            return self.success

        @property
        def __name__(self) -> str:
            return "exact"

    cases = [
        LLMTestCase(input=t, actual_output=classify(t), expected_output=name) for t, name in questions(count)
    ]
    return timed(
        lambda: evaluate(
            cases, [Exact()], async_config=AsyncConfig(run_async=False),
            cache_config=CacheConfig(write_cache=False),
            display_config=DisplayConfig(show_indicator=False, print_results=False),
        )
    )  # fmt: skip


def inspect_ai(count: int) -> float:
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import match
    from inspect_ai.solver import solver

    @solver
    def regex() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            del generate
            state.output.completion = classify(state.input_text)
            return state

        return solve

    samples = [Sample(input=text, target=name) for text, name in questions(count)]
    task = Task(dataset=MemoryDataset(samples), solver=regex(), scorer=match(location="exact"))
    with tempfile.TemporaryDirectory() as logs:
        return timed(
            lambda: evaluate(
                task,
                model="mockllm/model",
                display="none",
                log_dir=logs,
                log_samples=False,
                log_realtime=False,
            )
        )


def promptfoo(count: int) -> float:
    """Time the real promptfoo with a JavaScript provider and assertion, less the time of one case."""
    provider = "module.exports = class { id() { return 'regex' } async callApi(p) { return { output: /refused/.test(p) ? 'DEPENDENCY_FAILURE' : /OutOfMemory/.test(p) ? 'RESOURCE_EXHAUSTION' : /NumberFormat/.test(p) ? 'DATA_QUALITY' : 'PERMISSION_DENIED' } } }"

    def run(number: int, folder: Path) -> float:
        rows = [
            {"vars": {"line": text}, "assert": [{"type": "equals", "value": name}]}
            for text, name in questions(number)
        ]
        (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "provider.js").write_text(provider)
        (folder / "config.yaml").write_text(
            "prompts: ['{{line}}']\nproviders: [file://provider.js]\ntests: file://cases.jsonl\n"
        )
        quietly = {
            "PROMPTFOO_CONFIG_DIR": str(folder),
            "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1",
        }
        command = [
            str(PROMPTFOO.resolve()),
            "eval",
            "-c",
            "config.yaml",
            "--no-cache",
            "--no-write",
            "--no-table",
            "--no-progress-bar",
            "-j",
            "4",
            "-o",
            "out.json",
        ]
        start = time.perf_counter()
        subprocess.run(
            command, cwd=folder, env={**os.environ, **quietly}, capture_output=True, check=True, timeout=600
        )
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as name:
        return run(count, Path(name)) - run(1, Path(name))


RUNNERS = {"ours": ours, "ours, everything": everything, "pydantic_evals": pydantic_evals, "deepeval": deepeval, "inspect_ai": inspect_ai, "promptfoo": promptfoo}  # fmt: skip


def available(name: str, peers: str) -> bool:
    if name == "promptfoo":
        return PROMPTFOO.exists()
    if name.startswith("ours"):
        return True
    return subprocess.run([peers, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def measure(name: str, count: int, peers: str) -> float:
    """Run one harness in a process of its own and take the seconds it prints last."""
    command = [
        peers if name in PEERS else sys.executable,
        "-m",
        "benchmarks.harness",
        "--one",
        name,
        "--cases",
        str(count),
    ]
    offline = {
        "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
        "DEEPEVAL_DISABLE_DOTENV": "1",
        "CONFIDENT_TRACE_FLUSH": "NO",
    }
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **offline}, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, help="the Python that has the other harnesses")
    parser.add_argument("--one", choices=sorted(RUNNERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(RUNNERS[arguments.one](arguments.cases))
        return
    best: dict[str, float] = {}
    print(f"{arguments.cases} trivial cases, wall seconds per round, best of {arguments.rounds}")
    for name in RUNNERS:
        if not available(name, arguments.peers):
            print(f"{name:17} not installed")
            continue
        rounds = [measure(name, arguments.cases, arguments.peers) for _ in range(arguments.rounds)]
        best[name] = min(rounds)
        shown = " ".join(f"{seconds:8.3f}" for seconds in rounds)
        print(
            f"{name:17} {shown}   best {best[name]:8.3f}   {best[name] / best['ours']:7.1f} x ours",
            flush=True,
        )


if __name__ == "__main__":
    main()
