"""Templates and a seed → labelled cases with their files, as bytes. Pure: the same seed gives the same bytes.

    for case in generate(load_templates(), seed=1, count=300): ...

The share of cases per template follows from `allot`; everything else about a case follows from
`seed/template/variant` alone, so a new template changes no other template's cases.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from diagnose.taxonomy import FACTS, Category, FailureType, RetryRule
from evals.case import Case
from evals.secret import spellings
from evals.synthesis import check
from evals.synthesis.canary import LEAKS, Leak, plant
from evals.synthesis.damage import DAMAGES, Damage, pack
from evals.synthesis.decoy import DECOYS, LOST_MASTER, Decoy
from evals.synthesis.ending import lose_master
from evals.synthesis.ground import Ground, Language, Mode
from evals.synthesis.meta import meta, write_controller
from evals.synthesis.scene import Scene
from evals.synthesis.template import Template, TemplateError, Truth

VERSION: Final = 1
"""Of the labels: counts up when the generator changes what a label means."""

TRANSIENT_SHARE: Final = 0.48
"""Share of cases from templates of transient types: about two thirds of them stay truly safe to retry."""
MAX_PER_TEMPLATE: Final = 12

_P_REPEAT: Final = 0.32
_P_LOST_MASTER: Final = 0.3
_P_CANARY: Final = 0.3
_P_DAMAGE: Final = 0.3
_P_ISO: Final = 0.12
_CLUSTER: Final = 0.62


@dataclass(frozen=True, kw_only=True)
class SyntheticCase:
    """One case: its row of `cases.jsonl` and its files."""

    case: Case
    files: Mapping[str, bytes]
    """By path below the case's folder: `logs/j-…/…gz` and `meta.json`."""
    decoys: tuple[int, ...]
    damage: str
    """The name of the damage, or nothing."""
    attempts: int
    mode: Mode

    @property
    def id(self) -> str:
        """The case's name."""
        return self.case.id


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the seed lays over a template."""

    key: str
    mode: Mode
    language: Language
    layout: str
    attempts: int
    decoys: tuple[Decoy, ...]
    leaks: tuple[Leak, ...]
    damage: Damage | None
    lost_master: bool


def generate(templates: Sequence[Template], *, seed: int, count: int) -> Iterator[SyntheticCase]:
    """Make `count` cases of `templates`, sorted by template and variant.

    Raises:
        TemplateError: There are no templates, a template is wrong, or two cases have one id.
    """
    taken: set[str] = set()
    for template, variants in allot(templates, count):
        for variant in range(variants):
            made = build(template, seed=seed, variant=variant)
            if made.id in taken:
                raise TemplateError(f"two cases have the id {made.id}; give another seed")
            taken.add(made.id)
            yield made


def allot(templates: Sequence[Template], count: int) -> tuple[tuple[Template, int], ...]:
    """Share `count` cases out: evenly, but templates of transient types get more, for recall of "safe".

    Raises:
        TemplateError: There are no templates.
    """
    if not templates:
        raise TemplateError("no templates; add a module to evals/synthesis/templates")
    transient = [t for t in templates if FACTS[t.failure_type].retry is RetryRule.TRANSIENT]
    others = [t for t in templates if t not in transient]
    wanted = round(count * TRANSIENT_SHARE) if others else count
    first = min(wanted, MAX_PER_TEMPLATE * len(transient)) if transient else 0
    shares = dict(_even(transient, first)) | dict(_even(others, count - first))
    return tuple((template, shares[template.id]) for template in templates)


def _even(templates: Sequence[Template], count: int) -> Iterator[tuple[str, int]]:
    for index, template in enumerate(templates):
        yield template.id, count // len(templates) + (index < count % len(templates))


def build(template: Template, *, seed: int, variant: int) -> SyntheticCase:
    """Make one case.

    Raises:
        TemplateError: The template doesn't end its run, ends it twice, or its label does not fit its logs.
    """
    plan = make_plan(template, f"{seed}/{template.id}/{variant}")
    ground = Ground(plan.key, mode=plan.mode, language=plan.language, layout=plan.layout)
    scene = Scene(ground)
    truth = _perform(template, plan, scene)
    write_controller(ground)
    files = {f"{path}.gz": pack(stream.text) for path, stream in sorted(ground.streams.items())}
    files, damage, hidden = _damaged(plan, ground, files, truth)
    return _case(template, plan, ground, truth, files, damage=damage, hidden=hidden)


def make_plan(template: Template, key: str) -> Plan:
    """Draw what is laid over a template."""
    rng = random.Random(f"plan/{key}")
    cluster = "cluster" in template.modes and ("client" not in template.modes or rng.random() < _CLUSTER)
    mode: Mode = "cluster" if cluster else "client"
    again = cluster and template.repeats and rng.random() < _P_REPEAT
    may_lose = (
        cluster
        and not again
        and template.repeats
        and not template.plain
        and LOST_MASTER not in template.without
    )
    transient = FACTS[template.failure_type].retry is RetryRule.TRANSIENT
    language = rng.choice(template.languages)
    allowed = [
        d for d in DECOYS
        if d.number not in template.without and mode in d.modes and language in d.languages and d.number != LOST_MASTER
    ]  # fmt: skip
    decoys = rng.sample(allowed, min(len(allowed), rng.randrange(2, 5)))
    leaks = rng.sample(LEAKS, rng.choice((1, 1, 2))) if rng.random() < _P_CANARY else []
    damage = rng.choice(DAMAGES) if rng.random() < _P_DAMAGE else None
    lost = may_lose and not transient and rng.random() < _P_LOST_MASTER
    plain = template.plain
    return Plan(
        key=key, mode=mode, language=language,
        layout="iso" if rng.random() < _P_ISO and not plain else "spark", attempts=2 if again else 1,
        decoys=() if plain else tuple(decoys), leaks=() if plain else tuple(leaks),
        damage=None if plain else damage, lost_master=lost,
    )  # fmt: skip


def _perform(template: Template, plan: Plan, scene: Scene) -> Truth:
    """Write all attempts; both attempts of a repeated failure must say the same."""
    ground = scene.ground
    if plan.lost_master:
        ground.last_attempt = False
        scene.start()
        scene.healthy_run(1)
        lose_master(ground)
        ground.next_attempt()
        ground.facts.decoys.append(LOST_MASTER)
    for attempt in range(1, plan.attempts + 1):
        ground.last_attempt = attempt == plan.attempts
        if attempt == 1:
            _hook(plan, scene)
        truth = template.write(scene)
        if not ground.facts.ended:
            raise TemplateError(
                f"template {template.id}: its run never ends; call scene.fail or another ending"
            )
        if attempt < plan.attempts:
            ground.next_attempt()
    return truth


def _hook(plan: Plan, scene: Scene) -> None:
    for decoy in plan.decoys:
        scene.ground.hooks[decoy.place].append(_decoy(scene, decoy))
    for leak in plan.leaks:
        scene.ground.hooks[leak.place].append(lambda leak=leak: plant(scene, leak))  # type: ignore[misc]


def _decoy(scene: Scene, decoy: Decoy) -> Callable[[], None]:
    def write() -> None:
        if scene.executors and decoy.plant(scene):
            scene.facts.decoys.append(decoy.number)

    return write


def _damaged(
    plan: Plan, ground: Ground, files: dict[str, bytes], truth: Truth
) -> tuple[dict[str, bytes], str, bool]:
    """Apply the damage where the label stays decidable; tells its name and whether no evidence is left."""
    damage = plan.damage
    if damage is None or not truth.evidence:
        return files, "", False
    left = damage.apply(ground, files, random.Random(f"damage/{plan.key}"))
    hidden = not check.holds(left, truth.evidence)
    if left == files or (hidden and not damage.may_hide):
        return files, "", False
    ground.facts.cut = ground.facts.cut or not damage.driver_whole
    return left, damage.name, hidden


def _case(
    template: Template, plan: Plan, ground: Ground, truth: Truth, files: Mapping[str, bytes], *, damage: str, hidden: bool
) -> SyntheticCase:  # fmt: skip
    facts = ground.facts
    stored = {f"logs/{ground.cluster_id}/{path}": data for path, data in files.items()}
    stored["meta.json"] = meta(ground).encode()
    failure_type = FailureType.LOGS_UNAVAILABLE if hidden else truth.failure_type or template.failure_type
    transient = FACTS[failure_type].retry is RetryRule.TRANSIENT
    known = Category.UNKNOWN not in truth.accept  # what a fair reader can't know, nobody can call safe
    safe = transient and known and not facts.wrote and not facts.cut and truth.safe_to_retry is not False
    canaries = [secret for secret in facts.canaries if check.holds(stored, spellings(secret))]
    evidence = tuple(part for part in truth.evidence if check.holds(stored, (part,)))
    name = ground.names.job.replace("_", "-")
    # Digits only: letters could spell a word.
    ident = f"{name}-{int(hashlib.sha256(plan.key.encode()).hexdigest(), 16) % 10**5:05d}"
    case = Case.model_validate({
        "description": truth.description if not hidden else "The logs that would tell the cause never arrived.",
        "vars": {
            "case_id": ident, "log_root": f"{ident}/logs", "cluster_id": ground.cluster_id, "step_id": ground.step_id,
        },
        "assert": [],
        "metadata": {
            "category": FACTS[failure_type].category, "accept": () if hidden else truth.accept,
            "failure_type": failure_type, "safe_to_retry": safe, "evidence": () if hidden else evidence or truth.evidence,
            "canaries": canaries, "origin": "synthetic", "cluster": template.id,
            "difficulty": "hard" if hidden else truth.difficulty or template.difficulty, "version": VERSION,
            "sha256": digest(stored), "notes": _notes(truth, facts.decoys, damage, ground.attempt),
        },
        "options": {"disableVarExpansion": True},
    })  # fmt: skip
    _refuse(plan, truth, case, stored, job=ground.names.job)
    return SyntheticCase(
        case=case,
        files=stored,
        decoys=tuple(facts.decoys),
        damage=damage,
        attempts=ground.attempt,
        mode=plan.mode,
    )


def _notes(truth: Truth, decoys: Sequence[int], damage: str, attempts: int) -> str:
    parts = [truth.notes] if truth.notes else []
    if attempts > 1:
        parts.append(f"{attempts} attempts")
    if decoys:
        parts.append("decoys " + ", ".join(map(str, sorted(set(decoys)))))
    if damage:
        parts.append(f"damage {damage}")
    return "; ".join(parts)


def _refuse(plan: Plan, truth: Truth, case: Case, stored: Mapping[str, bytes], *, job: str) -> None:
    found = list(check.problems(stored, case.metadata, names=(job, case.id)))
    if truth.safe_to_retry and not case.metadata.safe_to_retry:
        found.append("the truth says safe, the rule does not; leave safe_to_retry out")
    if found:
        raise TemplateError(f"template {case.metadata.cluster}, case {plan.key}: " + "; ".join(found))


def digest(files: Mapping[str, bytes]) -> str:
    """The checksum of a case's files, by the rule of `evals.dataset.digest`."""
    text = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()
