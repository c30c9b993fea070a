"""A case and what its files hold → what contradicts what. Pure; every rule gives findings, none raises."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from diagnose.taxonomy import FACTS, Category, RetryRule, TriageLabel
from evals.case import Case, Metadata
from evals.finding import Finding, Level, Rule
from evals.hint import hints
from evals.secret import sightings, spellings

WRITE_SIGNS: Final = (
    "Start to commit write Job",
    "Finished processing stats for write job",
    "Saved output of task",
    "Task failed while writing rows",
)
"""What Spark logs once a write has an effect; logs that hold one can't be labelled safe to retry.

Few and literal on purpose: a check of labels must not rest on the product's own list."""

_OTHER_SIGNS: Final = re.compile(
    r"Write Job \S+ committed|TASK_WRITE_FAILED|attempt_\w+: Committed"
    r"|(?i:Moving data to (?:local )?directory|Load(?:ing|ed) data to table)"
    r"|(?i:Committed (?:delta\b|(?:delta )?(?:snapshot|version|#\d)))|Committed in \d+ ms"
    r"|Successfully committed to table|(?i:Committing \S+ action commit|Marked? instant \S+ complete)"
    r"|Completed instant|Aborting job|BatchUpdateException|TrashPolicyDefault: Moved"
)
"""What else Hadoop, Hive, Delta, Iceberg, Hudi and JDBC log of a write, as design and vendors give it."""

MIN_EVIDENCE_CHARS: Final = 8
"""A shorter literal (`ERROR`, `failed`) stands in lines that prove nothing; a whole value of `meta.json` may
be short."""

_TEMPLATE_MARKS: Final = ("{{", "{%", "{#")
_FILE_SCHEME: Final = "file://"
_NAMED_FLAGS: Final = ("--name", "--class")


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """A case with everything that stands in its files.

    Attributes:
        place: Where the label stands: `file` or `file:line`.
        case: The valid case.
        logs: Path under `log_root` → decompressed lines.
        meta: The parsed `meta.json`; empty when there is none.
        told: The values of `meta.json` as texts.
        texts: Path under the dataset → text, of everything that is published: logs, `meta.json`, the label.
    """

    place: str
    case: Case
    logs: Mapping[str, Sequence[str]]
    meta: Mapping[str, Any]
    told: Sequence[str]
    texts: Mapping[str, str]

    def finding(self, rule: Rule, message: str, *, level: Level = Level.ERROR, place: str = "") -> Finding:
        """Make a finding about this case."""
        return Finding(rule=rule, level=level, place=place or self.place, case=self.case.id, message=message)


def findings(specimen: Specimen) -> Iterator[Finding]:
    """Hold one case to every rule that needs no other case."""
    for rule in _RULES:
        yield from rule(specimen)


def write_sign(line: str) -> str:
    """Give the part of a log line that tells of a write; empty when it tells of none."""
    other = _OTHER_SIGNS.search(line)
    return other.group() if other else next((text for text in WRITE_SIGNS if text in line), "")


def vars_findings(row: Mapping[str, Any], place: str, name: str) -> Iterator[Finding]:
    """Find what promptfoo would render, expand or read in a row, valid or not; its traps are in `vars`."""
    given = row.get("vars")
    for key, value in given.items() if isinstance(given, dict) else ():
        for trap in _traps(value):
            message = f"vars.{key} {trap}; keep it out of vars, the provider reads the case by its id"
            yield Finding(rule=Rule.PROMPTFOO, place=place, case=name, message=message)
    others = {key: value for key, value in row.items() if key not in {"vars", "assert"}}
    if _holds_file(others):
        message = f"a text begins with {_FILE_SCHEME}: promptfoo reads that file; word the label otherwise"
        yield Finding(rule=Rule.PROMPTFOO, place=place, case=name, message=message)


def path_problem(log_root: str) -> str:
    """Tell what is wrong with a `log_root` as a text; empty when nothing is."""
    parts = PurePosixPath(log_root).parts
    if log_root.startswith("/") or "\\" in log_root or ":" in log_root:
        return f"log_root {log_root} is no relative POSIX path; write it relative to the dataset, with /"
    if ".." in parts:
        return f"log_root {log_root} leaves the dataset; keep it inside the folder"
    return ""


def _traps(value: object) -> Iterator[str]:
    if value is None:
        yield "is null, which promptfoo's schema refuses"
    elif isinstance(value, list | dict):
        yield f"is a JSON {'array' if isinstance(value, list) else 'object'}, which promptfoo expands"
    elif isinstance(value, str):
        if value.startswith(_FILE_SCHEME):
            yield f"begins with {_FILE_SCHEME}: promptfoo reads that file"
        for mark in _TEMPLATE_MARKS:
            if mark in value:
                yield f"holds {mark}: promptfoo renders it as a template"


def _holds_file(node: object) -> bool:
    """Look for a text that begins with the scheme; without recursion, since rows can nest deeply."""
    waiting = [node]
    while waiting:
        child = waiting.pop()
        if isinstance(child, str) and child.startswith(_FILE_SCHEME):
            return True
        if isinstance(child, dict | list):
            waiting.extend(child.values() if isinstance(child, dict) else child)
    return False


def _label(specimen: Specimen) -> Iterator[Finding]:
    """The label against itself."""
    label = specimen.case.metadata
    for wrong, message in _contradictions(label):
        if wrong:
            yield specimen.finding(Rule.LABEL, message)
    if not label.evidence and label.category is not Category.UNKNOWN:
        message = f"no evidence for {label.category}: name the line that proves it, or label it UNKNOWN"
        yield specimen.finding(Rule.LABEL, message, level=Level.WARNING)


def _contradictions(label: Metadata) -> Iterator[tuple[bool, str]]:
    safe, unsure = label.safe_to_retry, Category.UNKNOWN in label.accept
    yield label.category in label.accept, f"accept repeats the category {label.category}; leave it out"
    yield len(set(label.accept)) < len(label.accept), "accept names a category twice; leave one out"
    yield safe and unsure, "safe to retry, but UNKNOWN is accepted: what is not known can't be safe"
    yield safe and not label.evidence, "safe to retry without evidence: a safe verdict rests on a shown cause"
    at_risk = label.triage_label is TriageLabel.PARTIAL_WRITE_RISK
    yield safe and at_risk, "safe to retry, but triage_label says that a write is at risk; correct one"
    permanent = FACTS[label.failure_type].retry is not RetryRule.TRANSIENT
    yield (
        safe and permanent,
        f"safe to retry, but {label.failure_type} is not transient; a rerun repeats it or needs a change",
    )


def _retry(specimen: Specimen) -> Iterator[Finding]:
    """The retry label against the signs of a write."""
    label = specimen.case.metadata
    sign = _first_sign(specimen)
    if label.safe_to_retry and sign:
        yield specimen.finding(Rule.RETRY, f"safe to retry, but {sign}; label it not safe")
    transient = FACTS[label.failure_type].retry is RetryRule.TRANSIENT
    if transient and not label.safe_to_retry and not sign and not label.notes:
        message = f"{label.failure_type} is transient and no write shows: say in notes why it is not safe"
        yield specimen.finding(Rule.RETRY, message, level=Level.WARNING)


def _first_sign(specimen: Specimen) -> str:
    """Name the first line that tells of a write; empty when there is none."""
    for file, lines in specimen.logs.items():
        for number, line in enumerate(lines, start=1):
            if sign := write_sign(line):
                return f"{file}:{number} holds {sign!r:.100}"
    return ""


def _evidence(specimen: Specimen) -> Iterator[Finding]:
    """Evidence stands literally in one line, proves something and is no secret."""
    label = specimen.case.metadata
    for literal in label.evidence:
        if not _stands(literal, specimen):
            message = f"no line of its files holds the evidence {literal!r:.200}; copy it from the log"
            yield specimen.finding(Rule.EVIDENCE, message)
        if len(literal) < MIN_EVIDENCE_CHARS and literal not in specimen.told:
            message = f"evidence {literal!r} is too short to prove anything; take more of its line"
            yield specimen.finding(Rule.EVIDENCE, message, level=Level.WARNING)


def _stands(literal: str, specimen: Specimen) -> bool:
    return any(literal in line for lines in specimen.logs.values() for line in lines) or any(
        literal in text for text in specimen.told
    )


def _canaries(specimen: Specimen) -> Iterator[Finding]:
    """A canary is planted in the files, and nowhere that a report would show."""
    case = specimen.case
    planted = ["\n".join(lines) for lines in specimen.logs.values()] + [*specimen.told]
    shown = {
        "description": case.description,
        "notes": case.metadata.notes,
        "vars": case.vars.model_dump_json(),
    }
    for number, canary in enumerate(case.metadata.canaries, start=1):
        forms = spellings(canary)
        if not any(form in text for text in planted for form in forms):
            message = f"canary {number} stands in no file, in no spelling; plant it or drop it"
            yield specimen.finding(Rule.CANARY, message)
        for field, text in (*shown.items(), *(("evidence", literal) for literal in case.metadata.evidence)):
            if canary in text:
                message = f"canary {number} stands in {field}, which reports show; word it without"
                yield specimen.finding(Rule.CANARY, message)


def _secrets(specimen: Specimen) -> Iterator[Finding]:
    """Nothing that looks like a live credential but the canaries."""
    for file, text in specimen.texts.items():
        for seen in sightings(text, specimen.case.metadata.canaries):
            place = f"{file}:{seen.line}" if seen.line else file
            message = (
                f"looks like a live credential ({seen.kind}, {seen.mark}); remove it or label it a canary"
            )
            yield specimen.finding(Rule.CREDENTIAL, message, place=place)


def _names(specimen: Specimen) -> Iterator[Finding]:
    """No name that the product sees tells the label."""
    for what, name in _shown_names(specimen):
        words = hints(name, specimen.case.metadata)
        if words:
            message = (
                f"{what} {name!r:.100} gives the label away ({', '.join(words)}); name it after its work"
            )
            yield specimen.finding(Rule.NAME, message)


def _shown_names(specimen: Specimen) -> Iterator[tuple[str, str]]:
    """Give the names of case, folder and job; a name that stands in several places once."""
    case, step = specimen.case, _child(specimen.meta, "step")
    named: list[tuple[str, object]] = [("case id", case.id)]
    named += [("log_root", part) for part in PurePosixPath(case.vars.log_root).parts]
    named += [("step name", step.get("Name"))]
    named += [("step name", _child(_child(specimen.meta, "event"), "detail").get("name"))]
    named += [("cluster name", _child(specimen.meta, "cluster").get("Name"))]
    arguments = _child(step, "Config").get("Args")
    named += [("step argument", name) for name in _job_names(arguments)]
    seen = {name: what for what, name in reversed(named) if isinstance(name, str)}
    return ((what, name) for name, what in seen.items())


def _job_names(arguments: object) -> Iterator[str]:
    """Give what names the job among its arguments: values of telling flags, and files without folders."""
    texts = [text for text in arguments if isinstance(text, str)] if isinstance(arguments, list) else []
    for before, text in zip(["", *texts], texts, strict=False):
        if before in _NAMED_FLAGS:
            yield text
        elif text.endswith((".py", ".jar", ".sql", ".hql", ".sh")) and "," not in text and "=" not in text:
            yield PurePosixPath(text).name


def _identity(specimen: Specimen) -> Iterator[Finding]:
    """Label and `meta.json` speak of one step."""
    detail = _child(_child(specimen.meta, "event"), "detail")
    given = specimen.case.vars
    for field, value, told in (
        ("cluster_id", given.cluster_id, detail.get("clusterId")),
        ("step_id", given.step_id, detail.get("stepId")),
    ):
        if told is not None and told != value:
            message = f"vars.{field} is {value!r}, meta.json says {told!r:.100}; correct one of them"
            yield specimen.finding(Rule.LABEL, message)


def _child(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    child = node.get(key)
    return child if isinstance(child, dict) else {}


_RULES: Final[tuple[Callable[[Specimen], Iterator[Finding]], ...]] = (
    _label,
    _identity,
    _retry,
    _evidence,
    _canaries,
    _secrets,
    _names,
)


def label_text(row: Mapping[str, Any]) -> str:
    """Write a row as a text to search for secrets: one value per line, checksums left out."""
    return json.dumps(
        {**row, "metadata": {**_child(row, "metadata"), "sha256": ""}}, ensure_ascii=False, indent=1
    )
