"""promptfoo's Python provider: a case's id in, the product's whole answer out, as data for the assertion.

Raw logs never pass through promptfoo, which renders templates and reads `file://` wherever it finds them: the
case is looked up by its id and its logs are read here. promptfoo hands over what stands in the configuration
(`datasets`: folders, relative to the configuration's own; `analyst`; `prompt`) and in the case's `vars`.
"""

from functools import cache
from pathlib import Path
from typing import Any

from evals.analyst import Analyst, Opened
from evals.case import Case
from evals.dataset import Dataset, load
from evals.errors import EvalsError
from evals.replay import run


def call_api(prompt: str, options: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Answer one case.

    Args:
        prompt: what promptfoo made of its prompt file; of no use here, prompts are rendered by the product.
        options: `config` as it stands in the configuration, with `basePath`, the configuration's folder.
        context: `vars` as they stand in the case.

    Returns:
        `output` with all that the scorers look at, tokens and cost; `error` when there is no answer.
    """
    del prompt
    config = options["config"]
    try:
        dataset, case = _find(config, context["vars"]["case_id"])
        outcome = run(dataset.log_root(case), _opened(config.get("analyst", "rules"), config.get("prompt")))
    except EvalsError as error:
        return {"error": str(error)}
    if outcome.error or outcome.diagnosis is None:
        return {"error": outcome.error}
    diagnosis = outcome.diagnosis
    output = {
        "dataset": str(dataset.folder.resolve()),
        "diagnosis": diagnosis.model_dump(mode="json"),
        "excerpt": outcome.excerpt,
        "prompt": outcome.prompt,
        "reply": outcome.reply,
        "talk": outcome.talk,
    }
    usage = {
        "total": diagnosis.tokens_used,
        "prompt": diagnosis.tokens_used - diagnosis.output_tokens,
        "completion": diagnosis.output_tokens,
    }
    return {"output": output, "tokenUsage": usage, "cost": diagnosis.cost_usd or 0.0}


@cache
def read_dataset(folder: Path) -> Dataset:
    """Load a dataset once per process.

    Raises:
        EvalsError: it can't be read.
    """
    return load(folder)


def find_case(dataset: Dataset, case_id: str) -> Case | None:
    """Find a case by its id; None where it is not in this dataset."""
    return next((case for case in dataset.cases if case.id == case_id), None)


def _find(config: dict[str, Any], case_id: str) -> tuple[Dataset, Case]:
    base = Path(config.get("basePath", "."))
    for folder in config["datasets"]:
        dataset = read_dataset(base / folder)
        if case := find_case(dataset, case_id):
            return dataset, case
    raise EvalsError(f"case {case_id}: in none of {', '.join(config['datasets'])}; add its dataset's folder")


@cache
def _opened(name: str, prompt: str | None) -> Opened:
    return Analyst(name=name, prompt=prompt).open()
