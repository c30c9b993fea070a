"""Case folders and scenarios → `cases.jsonl`: every label is checked against the logs it is given for.

Healthy runs are no cases: they stand in a dataset of their own beside it, listed in `runs.jsonl`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from diagnose.taxonomy import FACTS, RetryRule
from evals.case import Case
from evals.dataset import META_FILE, digest, write_cases
from evals.errors import ScenarioError
from evals.jsonl import write_rows
from evals.lab.scenario import Expectation, Scenario
from evals.rule import WRITE_SIGNS
from evals.source import read_context, read_lines

RUNS_FILE: Final = "runs.jsonl"
PROVENANCE_FILE: Final = "provenance.json"


def write_index(scenarios: Iterable[Scenario], output: Path) -> Path:
    """Write one line per scenario that has a case folder under `output`, sorted by id.

    Raises:
        ScenarioError: A label does not hold in the logs.
    """
    found = [scenario for scenario in scenarios if (folder_of(scenario, output) / scenario.id).is_dir()]
    healthy = [_healthy(scenario, healthy_folder(output)) for scenario in found if scenario.healthy]
    if healthy:
        write_rows(healthy_folder(output) / RUNS_FILE, healthy)
    return write_cases(output, [_case(scenario, output) for scenario in found if scenario.label])


def folder_of(scenario: Scenario, output: Path) -> Path:
    """Give the dataset a scenario's run belongs to, where `output` is that of the cases."""
    return healthy_folder(output) if scenario.healthy else output


def healthy_folder(output: Path) -> Path:
    """Give the folder of the healthy runs beside that of the cases."""
    return output.parent / "healthy"


def check_logs(scenario: Scenario, folder: Path) -> None:
    """Hold one harvested folder to its scenario.

    Raises:
        ScenarioError: Evidence or a canary is in no log, or the retry label contradicts the logs.
    """
    _verify(scenario, folder / "logs")


def _healthy(scenario: Scenario, output: Path) -> dict[str, object]:
    log_root = output / scenario.id / "logs"
    _verify(scenario, log_root)
    detail = _detail(log_root)
    return {
        "id": scenario.id,
        "description": scenario.description,
        "cluster": scenario.incident,
        "log_root": f"{scenario.id}/logs",
        "cluster_id": detail["clusterId"],
        "step_id": detail["stepId"],
        "sha256": digest(log_root),
    }


def _detail(log_root: Path) -> dict[str, str]:
    detail: dict[str, str] = json.loads((log_root.parent / META_FILE).read_text(encoding="utf-8"))["event"][
        "detail"
    ]
    return detail


def _case(scenario: Scenario, output: Path) -> Case:
    log_root = output / scenario.id / "logs"
    _verify(scenario, log_root)
    detail = _detail(log_root)
    label = scenario.label.model_dump() if scenario.label else {}
    return Case.model_validate(
        {
            "description": scenario.description,
            "vars": {
                "case_id": scenario.id,
                "log_root": f"{scenario.id}/logs",
                "cluster_id": detail["clusterId"],
                "step_id": detail["stepId"],
            },
            "assert": [],
            "metadata": {
                **label,
                "canaries": scenario.canaries,
                "origin": "lab",
                "cluster": scenario.incident,
                "version": scenario.version,
                "sha256": digest(log_root),
            },
            "options": {"disableVarExpansion": True},
        }
    )


def _verify(scenario: Scenario, log_root: Path) -> None:
    _verify_provenance(scenario, log_root.parent / PROVENANCE_FILE)
    lines = [line for lines in read_lines(log_root).values() for line in lines]
    for literal in scenario.label.evidence if scenario.label else ():
        if not any(literal in line for line in lines):
            raise ScenarioError(
                f"{scenario.id}: no line of its logs holds {literal!r}; correct label.evidence"
            )
    told = [*lines, *read_context(log_root)]
    for number, secret in enumerate(scenario.canaries, start=1):
        if not any(secret in text for text in told):
            raise ScenarioError(
                f"{scenario.id}: canary {number} is in no log; make the job print it or drop it"
            )
    if scenario.label:
        _verify_retry(
            scenario.id, scenario.label, [sign for sign in WRITE_SIGNS if any(sign in line for line in lines)]
        )


def _verify_provenance(scenario: Scenario, path: Path) -> None:
    """Refuse logs of a scenario that was changed since; the oldest runs have no such record."""
    if path.is_file() and json.loads(path.read_bytes())["scenario_sha256"] != scenario.fingerprint:
        raise ScenarioError(
            f"{scenario.id}: the scenario was changed after its run; "
            f"`python -m evals.lab run --scenario {scenario.id}`"
        )


def _verify_retry(name: str, label: Expectation, signs: list[str]) -> None:
    """Hold the label to the rule: safe: a transient cause and no sign of a write; else a note says why."""
    transient = FACTS[label.failure_type].retry is RetryRule.TRANSIENT
    if label.safe_to_retry and signs:
        raise ScenarioError(f"{name}: labelled safe to retry, but its logs hold {signs[0]!r}")
    if label.safe_to_retry and not transient:
        raise ScenarioError(f"{name}: labelled safe to retry, but {label.failure_type} is not transient")
    if transient and not label.safe_to_retry and not signs and not label.notes:
        raise ScenarioError(
            f"{name}: labelled not safe, but its logs tell of no write; "
            "let the job write, or say why in label.notes"
        )
