"""A run → where its numbers come from, as pairs of a name and a value. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from evals.run import Identity, Run

NO_MODEL = "no model was asked"


def facts(run: Run) -> tuple[tuple[str, str], ...]:
    """Say which answers these are: what was asked, of whom, when, by which code, at what cost."""
    source, identity = run.provenance, run.identity
    return (
        ("run", source.run_id),
        ("date", f"{source.date:%Y-%m-%d %H:%M} UTC"),
        ("answers", f"{len(run.rows)} of {identity.planned} planned, {_errors(run)}"),
        ("analyst", identity.analyst),
        ("model", identity.model_id or "none"),
        ("sampling", listed(identity.sampling) or "none: nothing is drawn"),
        ("cost", cost(run)),
        ("version", f"{source.version}, Python {source.python}"),
        ("commit", source.commit),
        ("prompt", _prompt(identity)),
        *(
            (f"dataset {item.name}", f"{item.cases} cases, sha256 {item.sha256}")
            for item in identity.datasets
        ),
        ("code", f"sha256 {identity.code_sha256}"),
        ("scorers", f"sha256 {identity.scorers_sha256}"),
    )


def cost(run: Run) -> str:
    """Sum up what the answers cost; answers without a known price are counted, not guessed."""
    asked = [row.diagnosis for row in run.rows if row.diagnosis and row.diagnosis.tokens_used]
    if not asked:
        return NO_MODEL if run.identity.model_id is None else "no tokens were used"
    prices = [each.cost_usd for each in asked if each.cost_usd is not None]
    tokens = sum(each.tokens_used for each in asked)
    known = (
        "" if len(prices) == len(asked) else f" for {len(prices)} of {len(asked)} answers with a known price"
    )
    return f"{math.fsum(prices):.4f} USD{known}, {tokens:,} tokens"


def listed(values: Mapping[str, Any]) -> str:
    """Write settings as `name=value`, sorted."""
    return ", ".join(f"{name}={values[name]}" for name in sorted(values))


def _prompt(identity: Identity) -> str:
    if identity.prompt_version is None:
        return "none"
    return f"{identity.prompt_version}, sha256 {identity.prompt_sha256 or 'unknown'}"


def _errors(run: Run) -> str:
    count = sum(bool(row.error) for row in run.rows)
    return f"{count} errored" if count else "none errored"
