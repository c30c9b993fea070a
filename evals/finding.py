"""What is wrong with a dataset, as values: one finding per problem, errors before warnings. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from evals.census import Census


class Level(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The dataset can't be trusted as it stands."""
    WARNING = "warning"
    """A person should look; it may be meant."""


class Rule(StrEnum):
    """What was looked for."""

    LINE = "line"
    LABEL = "label"
    DUPLICATE = "duplicate"
    PATH = "path"
    FILES = "files"
    CHECKSUM = "checksum"
    EVIDENCE = "evidence"
    CANARY = "canary"
    CREDENTIAL = "credential"
    NAME = "name"
    RETRY = "retry"
    PROMPTFOO = "promptfoo"
    FOLDER = "folder"
    SIZE = "size"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem.

    Attributes:
        rule: What was looked for.
        level: Error or warning.
        place: File, or file and line.
        case: Id of the case; empty where the problem is not one case's.
        message: The value and the next step; never a secret.
    """

    rule: Rule
    level: Level = Level.ERROR
    place: str
    case: str = ""
    message: str


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All problems of the given datasets, and what these hold.

    Attributes:
        items: Errors first, then by place.
        censuses: One per dataset, in the given order; of the valid cases only.
    """

    items: tuple[Finding, ...]
    censuses: tuple[Census, ...]

    @property
    def passed(self) -> bool:
        """True when no finding is an error."""
        return not any(item.level is Level.ERROR for item in self.items)


def ordered(items: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, each once: errors first, then as they were found."""
    return tuple(sorted(dict.fromkeys(items), key=lambda item: item.level is Level.WARNING))


def render_findings(findings: Findings) -> str:
    """Write one line per finding and a last line with the counts."""
    lines = [_line(item) for item in findings.items]
    counts = Counter(item.level for item in findings.items)
    cases = sum(census.cases for census in findings.censuses)
    lines.append(f"{cases} cases: {counts[Level.ERROR]} errors, {counts[Level.WARNING]} warnings")
    return "\n".join(lines) + "\n"


def _line(item: Finding) -> str:
    name = f" case {item.case}:" if item.case else ""
    return f"{item.level} [{item.rule}] {item.place}:{name} {item.message}"
