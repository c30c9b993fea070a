"""Runs a real promptfoo over datasets and compares its verdict with ours, case by case.

promptfoo is told to render nothing, keep nothing and call nobody. A provider that can't be imported makes it
wait for ever (seen with 0.121.20), so the import is tried first, and the whole has a time limit.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evals.dataset import CASES_FILE, Dataset
from evals.errors import PrerequisiteError, RunError
from evals.requirement import Requirement, check_case
from evals.run import Row

CONFIG: Final = Path("datasets/promptfooconfig.yaml")
LIMIT_SECONDS: Final = 1800
"""Some 5 s per case at worst: every assertion is a process of its own."""

QUIET: Final = {
    "PROMPTFOO_DISABLE_TEMPLATING": "1",
    "PROMPTFOO_DISABLE_VAR_EXPANSION": "1",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}
_FAILED: Final = 100
"""promptfoo's exit code when a case fails or errs; the same for both."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one side says of one case."""

    passed: bool
    scores: Mapping[str, float]
    """Every score that arose, by scorer."""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A case that promptfoo and we judge otherwise."""

    case_id: str
    what: str


def ours(rows: Sequence[Row]) -> dict[str, Verdict]:
    """Give our verdict on each case of a run without repeats."""
    return {
        row.case_id: Verdict(
            passed=not check_case(row, frozenset(Requirement)),
            scores={name: score.value for name, score in row.scores.items() if score.value is not None},
            error=row.error,
        )
        for row in rows
    }


def theirs(dataset: Dataset, promptfoo: Path, environment: Mapping[str, str]) -> dict[str, Verdict]:
    """Run promptfoo on a dataset and read its verdicts.

    Args:
        dataset: with a `cases.jsonl`.
        promptfoo: its executable.
        environment: variables of the process; ours are added.

    Raises:
        PrerequisiteError: promptfoo or our provider can't be run.
        RunError: promptfoo gave no result.
    """
    _try_provider(environment)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        command = [
            str(promptfoo), "eval", "--config", str(CONFIG), "--tests", str(dataset.folder / CASES_FILE),
            "--no-cache", "--no-write", "--no-table", "--no-progress-bar", "--output", str(target),
        ]  # fmt: skip
        own = {**QUIET, "PROMPTFOO_CONFIG_DIR": folder, "PROMPTFOO_PYTHON": sys.executable}
        done = _run(command, {**environment, **own})
        if done.returncode not in (0, _FAILED) or not target.is_file():
            tail = (done.stderr or done.stdout).strip().splitlines()[-5:]
            raise RunError(f"{promptfoo}: exit code {done.returncode}: {' / '.join(tail)}")
        return read_result(json.loads(target.read_text(encoding="utf-8")))


def read_result(result: Mapping[str, Any]) -> dict[str, Verdict]:
    """Read the verdict on each case from promptfoo's result file (version 3)."""
    return {
        row["testCase"]["vars"]["case_id"]: Verdict(
            passed=row["success"],
            scores=(row.get("gradingResult") or {}).get("namedScores") or {},
            error=row["error"] if row["failureReason"] == 2 else "",
        )
        for row in result["results"]["results"]
    }


def compare(our: Mapping[str, Verdict], their: Mapping[str, Verdict]) -> tuple[Disagreement, ...]:
    """List where both differ: cases on one side only, verdicts, errors, and every single score."""
    found: list[Disagreement] = []
    for case_id in sorted(set(our) | set(their)):
        a, b = our.get(case_id), their.get(case_id)
        if a is None or b is None:
            where = "promptfoo" if a is None else "evals"
            found.append(Disagreement(case_id=case_id, what=f"only {where} has it"))
        elif what := _difference(a, b):
            found.append(Disagreement(case_id=case_id, what=what))
    return tuple(found)


def _difference(a: Verdict, b: Verdict) -> str:
    if a.passed != b.passed:
        return f"passed: {a.passed} here, {b.passed} in promptfoo {b.error}".rstrip()
    if bool(a.error) != bool(b.error):
        return f"error: {a.error!r} here, {b.error!r} in promptfoo"
    names = sorted(set(a.scores) | set(b.scores))
    differ = [name for name in names if a.scores.get(name) != b.scores.get(name)]
    if differ and not a.error:
        name = differ[0]
        return f"{name}: {a.scores.get(name)} here, {b.scores.get(name)} in promptfoo"
    return ""


def _try_provider(environment: Mapping[str, str]) -> None:
    # promptfoo runs the provider in its own folder, so it must be importable from anywhere.
    command = [sys.executable, "-c", "import evals.interop.provider, evals.interop.assertion"]
    done = subprocess.run(  # noqa: S603 (this interpreter)
        command, env=dict(environment), cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise PrerequisiteError(f"the provider can't be imported ({' '.join(last)}); install this package")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 (the executable that the user names)
            command, env=dict(environment), capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )
    except FileNotFoundError:
        raise PrerequisiteError(
            f"{command[0]}: there is no promptfoo; `make promptfoo` installs it"
        ) from None
    except subprocess.TimeoutExpired:
        raise RunError(f"{command[0]}: gave no result in {LIMIT_SECONDS} s") from None
