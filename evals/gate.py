"""A candidate's run, a baseline's, a policy, and what stands on the shelf → the gate's record. Pure.

What can't be judged is refused with an error: nothing in the run, no real model, a draft, altered texts,
chosen cases, other data or code than today's. What can be judged gets PASS, FAIL or INCONCLUSIVE: one check
that fails decides, then one that is open. The gate believes a result file that says a model answered; the
record names that file by its hash, so that a forged one can be found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AwareDatetime, Field

from diagnose.diagnosis import Diagnosis
from diagnose.shelf import NO_GATE, Active
from evals import criterion, trial
from evals.criterion import Check, Verdict
from evals.errors import GateError
from evals.mismatch import mismatches
from evals.policy import Policy
from evals.run import DatasetId, Identity, Run, Sha256, Stored

VERSION: Final = 1
EXITS: Final = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}
"""2 is for what can't be judged."""


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A run and the file that it was read from."""

    run: Run
    file: str
    sha256: str
    """Of the file's bytes."""


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """What the shelf says of the candidate's prompt, and of the one in production."""

    sha256: str | None
    """Of the texts by the candidate's version name; None when there is no such version."""
    released: bool
    active: Active | None
    active_sha256: str | None
    """Of `active.toml`; None when there is none."""


DEPLOYED: Final = frozenset({"bedrock_guardrail_id", "bedrock_guardrail_version"})
"""Settings without a default worth comparing: each deployment names its own guardrail. The candidate and its
baseline must have the same all the same."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a run would be made of today; an older one says nothing of what would go to production."""

    datasets: Mapping[str, str]
    """Name of each dataset that the policy requires, and its SHA-256 as it stands in the repository."""
    code_sha256: str
    """Of the product."""
    scorers_sha256: str
    settings: Mapping[str, Any]
    """The product's settings that can change an answer, as production has them by default."""


class RunId(Stored):
    """A run that was judged."""

    run_id: str
    file: str
    """Where its result file was, for finding it again; the hash says whether it is that one."""
    sha256: Sha256
    date: AwareDatetime
    commit: str
    analyst: str
    model_id: str | None
    prompt_version: str | None
    prompt_sha256: Sha256 | None
    cases: int
    datasets: tuple[DatasetId, ...]


class Production(Stored):
    """Which prompt was in production when the gate judged."""

    version: str
    gate: str
    sha256: Sha256
    """Of `active.toml`."""


class GateRecord(Stored):
    """What was judged, by which policy, and how it went; as it is stored."""

    version: Literal[1] = VERSION
    verdict: Verdict
    date: AwareDatetime
    candidate: RunId
    baseline: RunId | None
    policy_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    production: Production | None
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]
    more_cases: int | None
    """The largest number that a check asks for."""

    @property
    def exit_code(self) -> int:
        """0 PASS, 1 FAIL, 3 INCONCLUSIVE."""
        return EXITS[self.verdict]

    def dump(self) -> bytes:
        """Render as JSON."""
        options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2
        return orjson.dumps(self.model_dump(mode="json"), option=options)


def judge(
    candidate: Exhibit,
    baseline: Exhibit | None,
    policy: Policy,
    *,
    shelf: Shelved,
    standing: Standing,
    date: AwareDatetime,
) -> GateRecord:
    """Judge a candidate.

    Args:
        candidate: the run of a released prompt, answered by a model that the policy accepts.
        baseline: the run of the prompt in production; of the rules, before any was promoted with a proof.
            Without one no comparison can pass, so the verdict is FAIL or INCONCLUSIVE.
        policy: what is asked.
        shelf: what is known of the prompts now.
        standing: what a run would be made of now, the policy's required datasets among it.
        date: of the verdict.

    Raises:
        GateError: the runs can't be judged; the message says why.
    """
    _check_rows("candidate", candidate.run)
    _check_proof("candidate", candidate.run, policy)
    _check_prompt(candidate.run, shelf)
    _check_standing(candidate.run, policy, standing)
    if baseline is not None:
        _check_baseline(candidate, baseline, policy, shelf)
    against = baseline.run if baseline else None
    checks = tuple(_checks(candidate.run, against, policy))
    wanted = [check.more_cases for check in checks if check.more_cases]
    return GateRecord(
        verdict=_verdict(checks),
        date=date,
        candidate=_identify(candidate),
        baseline=_identify(baseline) if baseline else None,
        policy_sha256=policy.sha256,
        production=_production(shelf),
        checks=checks,
        more_cases=max(wanted, default=None),
    )


def _checks(candidate: Run, baseline: Run | None, policy: Policy) -> Iterator[Check]:
    yield criterion.completeness(candidate, policy)
    yield criterion.answered(candidate, policy)
    if baseline is not None:
        yield criterion.completeness(baseline, policy, name="baseline: completeness")
        yield criterion.answered(baseline, policy, name="baseline: answered as asked")
    yield from criterion.origins(candidate, policy)
    yield from (criterion.zero(candidate, metric, policy) for metric in policy.zero)
    yield trial.primary(candidate, baseline, policy)
    yield from trial.guards(candidate, baseline, policy)
    yield from criterion.shares(candidate, policy)
    yield from criterion.ceilings(candidate, baseline, policy.ceilings)


def _verdict(checks: tuple[Check, ...]) -> Verdict:
    said = {check.verdict for check in checks}
    return next((each for each in (Verdict.FAIL, Verdict.INCONCLUSIVE) if each in said), Verdict.PASS)


def _check_rows(side: str, run: Run) -> None:
    name, planned = run.provenance.run_id, run.identity.planned
    if not run.rows:
        raise GateError(f"{side} {name}: nothing in the run; run the cases first")
    if len(run.rows) != planned:
        raise GateError(
            f"{side} {name}: incomplete, {len(run.rows)} rows of {planned}; finish it with its `evals run`"
        )
    identity = run.identity
    if len({row.case_id for row in run.rows}) != identity.cases:
        raise GateError(f"{side} {name}: the rows are not those of its datasets; run it again")
    for row in run.rows:
        if row.diagnosis is not None and (wrong := _contradiction(row.diagnosis, identity)):
            raise GateError(f"{side} {name}: case {row.case_id} {wrong}; run it again")


def _contradiction(given: Diagnosis, identity: Identity) -> str:
    """Say how an answer contradicts what the run says of itself; empty when it doesn't."""
    if given.model_id not in {None, identity.model_id}:
        return f"was answered by {given.model_id}, the run says {identity.model_id}"
    if given.prompt_sha256 not in {None, identity.prompt_sha256}:
        return f"had prompt {given.prompt_version}, the run says {identity.prompt_version}"
    if given.model_id is not None and not given.tokens_used:
        return "has a model's answer that cost no tokens: no model gave it"
    return ""


def _check_proof(side: str, run: Run, policy: Policy) -> None:
    identity, name = run.identity, run.provenance.run_id
    if not policy.proof.accepts_model(identity.model_id):
        given = identity.model_id or f"{identity.analyst}, which names no model,"
        first, *more = policy.proof.models
        raise GateError(
            f"{side} {name}: {given} is not a model the policy accepts ({first} and {len(more)} more "
            "patterns); measure the prompt with one, or promote it with --unproven"
        )
    if not policy.proof.accepts_analyst(identity.analyst):
        raise GateError(
            f"{side} {name}: answers of {identity.analyst} are no proof under this policy "
            f"(it takes {', '.join(policy.proof.analysts)})"
        )


def _check_prompt(run: Run, shelf: Shelved) -> None:
    name, measured = run.identity.prompt_version, run.identity.prompt_sha256
    if name is None or measured is None:
        raise GateError(f"candidate {run.provenance.run_id}: the run names no prompt; run it with --prompt")
    if shelf.sha256 is None:
        raise GateError(f"prompt {name} is not on the shelf; only versions there can be judged")
    if shelf.sha256 != measured:
        raise GateError(
            f"prompt {name} was altered since it was measured (sha256 {measured[:12]} then, "
            f"{shelf.sha256[:12]} now); run the cases again"
        )
    if not shelf.released:
        raise GateError(
            f"prompt {name} is a draft; release it first (released.toml), so that what passes can't change"
        )


def _check_standing(run: Run, policy: Policy, standing: Standing) -> None:
    """Refuse chosen cases, and what was measured with other cases, code or settings than today's."""
    identity = run.identity
    for each in identity.datasets:
        if each.part_of is not None:
            raise GateError(
                f"dataset {each.name}: the run holds a part of its cases (sha256 {each.sha256[:12]} of "
                f"{each.part_of[:12]}), and chosen cases prove nothing; run all cases, without --subset"
            )
    differing = [*_old_datasets(identity, policy, standing), *_old_values(identity, standing)]
    if differing:
        name = run.provenance.run_id
        raise GateError(f"candidate {name}: {'; '.join(differing)}; run the cases again")


def _old_datasets(identity: Identity, policy: Policy, standing: Standing) -> Iterator[str]:
    for name in policy.datasets.required:
        now = standing.datasets.get(name, "")
        then = [each.sha256 for each in identity.datasets if each.name == name]
        if then != [now]:
            told = " and ".join(sha256[:12] for sha256 in then) or "missing"
            yield f"dataset {name}: {told} in the run, sha256 {now[:12]} in the repository"


def _old_values(identity: Identity, standing: Standing) -> Iterator[str]:
    hashes = (
        ("product code", identity.code_sha256, standing.code_sha256),
        ("scorers", identity.scorers_sha256, standing.scorers_sha256),
    )
    for what, then, now in hashes:
        if then != now:
            yield f"{what}: sha256 {then[:12]} in the run, {now[:12]} today"
    names = (identity.settings.keys() | standing.settings.keys()) - DEPLOYED
    for name in sorted(names):
        had, has = identity.settings.get(name), standing.settings.get(name)
        if had != has:
            yield f"setting {name}: {had!r} in the run, {has!r} by default"


def _check_baseline(candidate: Exhibit, baseline: Exhibit, policy: Policy, shelf: Shelved) -> None:
    _check_rows("baseline", baseline.run)
    if baseline.sha256 == candidate.sha256:
        raise GateError("baseline and candidate are the same run; give the run of what is in production")
    identity, name = baseline.run.identity, baseline.run.provenance.run_id
    active = shelf.active
    if active is not None and active.gate != NO_GATE:
        _check_proof("baseline", baseline.run, policy)
        if identity.prompt_sha256 != active.sha256:
            raise GateError(
                f"baseline {name}: of prompt {identity.prompt_version}, but {active.version} is in "
                f"production; give a run of {active.version}"
            )
    elif identity.model_id is not None or identity.analyst != "rules":
        raise GateError(
            f"baseline {name}: by {identity.analyst}; as long as no prompt is promoted with a proof, the "
            "baseline is the rules: give a run with --analyst rules"
        )
    if found := mismatches(baseline.run, candidate.run):
        raise GateError("the runs can't be judged together: " + "; ".join(each.text for each in found))


def _identify(exhibit: Exhibit) -> RunId:
    identity, provenance = exhibit.run.identity, exhibit.run.provenance
    return RunId(
        run_id=provenance.run_id,
        file=exhibit.file,
        sha256=exhibit.sha256,
        date=provenance.date,
        commit=provenance.commit,
        analyst=identity.analyst,
        model_id=identity.model_id,
        prompt_version=identity.prompt_version,
        prompt_sha256=identity.prompt_sha256,
        cases=identity.cases,
        datasets=identity.datasets,
    )


def _production(shelf: Shelved) -> Production | None:
    if shelf.active is None or shelf.active_sha256 is None:
        return None
    return Production(version=shelf.active.version, gate=shelf.active.gate, sha256=shelf.active_sha256)
