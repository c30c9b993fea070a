"""promptfoo's one Python assertion: the product's answer in, every score of the case out as named scores.

It judges by the very scorers of `evals run`, on the answer as promptfoo hands it over. A question that
doesn't arise for a case has no named score: promptfoo would count it as 0.
"""

from pathlib import Path
from typing import Any

from diagnose.diagnosis import Diagnosis
from evals.errors import EvalsError
from evals.interop.provider import find_case, read_dataset
from evals.outcome import Outcome
from evals.requirement import PER_CASE
from evals.scorers import judge
from evals.source import read_context, read_lines


def get_assert(output: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Judge one answer.

    Args:
        output: as the provider gave it.
        context: `vars` of the case.

    Returns:
        `pass`, whether everything required of a case holds; `score`, the share that holds; the reasons of
        what doesn't; and every score by its name.
    """
    dataset = read_dataset(Path(output["dataset"]))
    case = find_case(dataset, context["vars"]["case_id"])
    if case is None:
        raise EvalsError(f"case {context['vars']['case_id']}: no longer in {dataset.folder}; run it again")
    log_root = dataset.log_root(case)
    outcome = Outcome(
        diagnosis=Diagnosis.model_validate(output["diagnosis"]),
        excerpt=output["excerpt"],
        prompt=output["prompt"],
        reply=output["reply"],
        talk=output["talk"],
        lines=read_lines(log_root),
        context=read_context(log_root),
    )
    scores = judge(case, outcome)
    named = {name: score.value for name, score in scores.items() if score.value is not None}
    required = {name: scores[scorer] for name, scorer in PER_CASE.items() if scorer in named}
    failed = [f"{name}: {score.reason}" for name, score in required.items() if (score.value or 0) < 1]
    return {
        "pass": not failed,
        "score": 1 - len(failed) / max(len(required), 1),
        "reason": "; ".join(failed) or "all required holds",
        "namedScores": named,
    }
