"""Case folders and scenarios → `cases.jsonl`: every label is checked against the logs it is given for."""

import json
from collections.abc import Iterable
from pathlib import Path

from diagnose.taxonomy import FACTS, RetryRule
from evals.case import Case
from evals.dataset import META_FILE, digest, write_cases
from evals.errors import ScenarioError
from evals.lab.scenario import Scenario
from evals.rule import WRITE_SIGNS
from evals.source import read_context, read_lines


def write_index(scenarios: Iterable[Scenario], output: Path) -> Path:
    """Write one line per scenario that has a case folder under `output`, sorted by id.

    Raises:
        ScenarioError: A label does not hold in the logs.
    """
    rows = [_case(scenario, output) for scenario in scenarios if (output / scenario.id).is_dir()]
    return write_cases(output, rows)


def _case(scenario: Scenario, output: Path) -> Case:
    log_root = output / scenario.id / "logs"
    _verify(scenario, log_root)
    detail = json.loads((log_root.parent / META_FILE).read_text(encoding="utf-8"))["event"]["detail"]
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
                **scenario.label.model_dump(),
                "canaries": scenario.canaries,
                "origin": "lab",
                "cluster": scenario.cluster or scenario.id,
                "version": scenario.version,
                "sha256": digest(log_root),
            },
            "options": {"disableVarExpansion": True},
        }
    )


def _verify(scenario: Scenario, log_root: Path) -> None:
    lines = [line for lines in read_lines(log_root).values() for line in lines]
    for literal in scenario.label.evidence:
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
    _verify_retry(scenario, [sign for sign in WRITE_SIGNS if any(sign in line for line in lines)])


def _verify_retry(scenario: Scenario, signs: list[str]) -> None:
    """Hold the label to the rule: safe means a transient cause and no sign of a write."""
    label = scenario.label
    transient = FACTS[label.failure_type].retry is RetryRule.TRANSIENT
    if label.safe_to_retry and signs:
        raise ScenarioError(f"{scenario.id}: labelled safe to retry, but its logs hold {signs[0]!r}")
    if label.safe_to_retry and not transient:
        raise ScenarioError(
            f"{scenario.id}: labelled safe to retry, but {label.failure_type} is not transient"
        )
    if transient and not label.safe_to_retry and not signs:
        raise ScenarioError(
            f"{scenario.id}: labelled not safe, but its logs tell of no write; let the job write"
        )
