r"""The catalogue of known failures: YAML entries in, compiled patterns out; one log line in, matches out.

Format of an entry (`diagnose/signatures/*.yaml`, a list per file):

    - id: yarn.pmem-kill                  # <platform>.<what>, unique over all files
      role: cause                         # cause | symptom | wrapper | noise
      failure_type: CONTAINER_MEMORY_KILL # causes only
      specificity: 3                      # causes only: 3 names the cause, 2 the kind, 1 a bare class
      pattern: 'limits\. (?P<used>[\d.]+ \w+) of'  # RE2, searched in one redacted log line
      unless: 'InvalidObjectState'        # optional RE2: a line that matches it is not this failure
      near: 'EventLogFileWriter'          # optional RE2: the record or trace must have such a line too
      unless_near: 'Py4JNetworkError'     # optional RE2: and must not have such a one
      ends: true                          # optional: counts only where it explains what the run ended with
      frames: true                        # optional: also matched in the frames of a Python traceback
      sources: [driver, step]             # optional: where such a line counts; everywhere by default
      retry: transient                    # optional: overrides the failure type's retry rule
      cause: 'YARN killed a container that used {used} of {limit}.'   # causes only
      advice: ['Raise spark.executor.memoryOverhead above {overhead|its current value}.']
      explains: [spark.executor-lost, MISSING_LIBRARY]  # ids or failure types that are consequences
      example: 'Container killed by YARN …'     # or `examples:`, lines as printed
      counter: ['…']                      # optional: lines that look alike and must not match
      source: 'Spark YarnAllocator'

Limits: one line at a time; only `near` and `unless_near` see its neighbours. RE2 has no look-around.
Placeholders `{name}` of `cause` and `advice` take a named group of the pattern or a value of the job's
context; `{name|words}` falls back to the words where neither exists, `{one,other|words}` takes the first
that exists.
"""

import re as stdlib_re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from itertools import chain
from typing import Any, Final

import re2
import yaml

from diagnose.errors import CatalogueError
from diagnose.taxonomy import FACTS, FailureType, RetryRule


class Role(StrEnum):
    """What a matching line says about the failure."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    WRAPPER = "wrapper"
    NOISE = "noise"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One known failure; see the module's docstring for the fields."""

    id: str
    role: Role
    pattern: str
    source: str
    examples: tuple[str, ...]
    failure_type: FailureType | None = None
    specificity: int = 0
    unless: str = ""
    near: str = ""
    unless_near: str = ""
    ends: bool = False
    frames: bool = False
    sources: frozenset[str] = frozenset()
    retry_override: RetryRule | None = None
    cause: str = ""
    advice: tuple[str, ...] = ()
    explains: frozenset[str] = frozenset()
    counters: tuple[str, ...] = ()

    @property
    def retry(self) -> RetryRule:
        """The retry rule: the entry's own, else that of its failure type, else never."""
        if self.retry_override is not None:
            return self.retry_override
        return FACTS[self.failure_type].retry if self.failure_type else RetryRule.NEVER

    @cached_property
    def compiled(self) -> Any:  # noqa: ANN401 - google-re2 ships no types
        """The pattern as an RE2 object."""
        return re2.compile(self.pattern, _options())

    @cached_property
    def compiled_unless(self) -> Any:  # noqa: ANN401
        """The excluding pattern as an RE2 object, or None."""
        return re2.compile(self.unless, _options()) if self.unless else None

    @cached_property
    def _neighbours(self) -> tuple[Any, Any]:
        options = _options()
        near, unless_near = self.near, self.unless_near
        return (
            re2.compile(near, options) if near else None,
            re2.compile(unless_near, options) if unless_near else None,
        )

    def agrees_with(self, lines: Sequence[str]) -> bool:
        """Tell whether the lines of the same record let this be the failure."""
        near, unless_near = self._neighbours
        if near is not None and not any(near.search(line) for line in lines):
            return False
        return unless_near is None or not any(unless_near.search(line) for line in lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A signature found in one line: which, where in the line, and what its groups took."""

    signature: Signature
    start: int
    captures: Mapping[str, str]


@dataclass(frozen=True)
class Catalogue:
    """All signatures, ready to match; build once, use for every line."""

    signatures: tuple[Signature, ...]
    _set: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the set that tells which signatures a line can match."""
        patterns = re2.Set.SearchSet(_options())
        for signature in self.signatures:
            patterns.Add(signature.pattern)
        patterns.Compile()
        object.__setattr__(self, "_set", patterns)

    def match(self, line: str, source: str = "") -> tuple[Match, ...]:
        """Find every signature in one redacted line.

        Args:
            line: one log line, without its line end.
            source: the kind of log it comes from (`driver`, `executor`, …); "" matches any.

        Returns:
            The matches in catalogue order; empty for an ordinary line.
        """
        found = (self._examine(self.signatures[i], line, source) for i in sorted(self._set.Match(line) or ()))
        return tuple(match for match in found if match)

    def _examine(self, signature: Signature, line: str, source: str) -> Match | None:
        if source and signature.sources and source not in signature.sources:
            return None
        if signature.compiled_unless is not None and signature.compiled_unless.search(line):
            return None
        hit = signature.compiled.search(line)
        if hit is None:
            return None
        captures = {name: value for name, value in hit.groupdict().items() if value is not None}
        return Match(signature=signature, start=hit.start(), captures=captures)


_FIELDS: Final = {
    "id", "role", "failure_type", "specificity", "pattern", "unless", "near", "unless_near", "ends", "frames",
    "sources", "retry", "cause", "advice", "explains", "example", "examples", "counter", "source",
}  # fmt: skip
_SOURCES: Final = {
    "step", "controller", "driver", "executor", "nodemanager", "resourcemanager", "context", "other",
}  # fmt: skip
_PATTERNS: Final = frozenset({"pattern", "unless", "near", "unless_near"})
_ROLES: Final = frozenset(Role)
_FAILURE_TYPES: Final = frozenset(FailureType)
_ID: Final = stdlib_re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)+")
MAX_ADVICE: Final = 3
"""As many recommendations as the payload holds."""


def load_catalogue() -> Catalogue:
    """Read the packaged catalogue.

    Each pattern is compiled when a line first calls for it: that all of them compile is tested, and doing it
    at the start would take as long as reading the whole catalogue.

    Raises:
        CatalogueError: a file is not valid; the message names file, entry and field.
    """
    return parse_catalogue(packaged_files(), compiles=False)


def packaged_files() -> dict[str, str]:
    """Read the packaged catalogue's files: texts by name, in order."""
    folder = resources.files("diagnose") / "signatures"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return {f.name: f.read_text(encoding="utf-8") for f in files}


def parse_catalogue(files: Mapping[str, str], *, compiles: bool = True) -> Catalogue:
    """Turn YAML texts by file name into a catalogue.

    Args:
        files: texts by name.
        compiles: make sure that each pattern is valid by itself.

    Raises:
        CatalogueError: a text is no list of valid entries, or an id stands twice.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    signatures: dict[str, Signature] = {}
    for name, text in files.items():
        for row in _rows(name, text, loader):
            signature = _signature(name, row, compiles=compiles)
            if signature.id in signatures:
                raise CatalogueError(f"{name}: {signature.id}: this id stands twice; give each entry its own")
            signatures[signature.id] = signature
    return Catalogue(tuple(signatures.values()))


def _rows(name: str, text: str, loader: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401
    try:
        rows = yaml.load(text, Loader=loader) or []  # noqa: S506 - a safe loader, the C one where there is one
    except yaml.YAMLError as error:
        raise CatalogueError(f"{name}: not valid YAML: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogueError(f"{name}: must be a list of entries")
    return rows


def _signature(file: str, row: Mapping[str, Any], *, compiles: bool) -> Signature:
    where = f"{file}: {row.get('id', row)}"
    for problem in chain(_problems(row), _pattern_problems(row) if compiles else ()):
        raise CatalogueError(f"{where}: {problem}")
    role = Role(row["role"])
    examples = tuple(row.get("examples") or [row["example"]])
    return Signature(
        id=row["id"],
        role=role,
        pattern=row["pattern"],
        source=row["source"],
        examples=examples,
        failure_type=FailureType(row["failure_type"]) if role is Role.CAUSE else None,
        specificity=row.get("specificity", 0),
        unless=row.get("unless", ""),
        near=row.get("near", ""),
        unless_near=row.get("unless_near", ""),
        ends=row.get("ends", False),
        frames=row.get("frames", False),
        sources=frozenset(row.get("sources", ())),
        retry_override=RetryRule(row["retry"]) if "retry" in row else None,
        cause=row.get("cause", ""),
        advice=tuple(row.get("advice", ())),
        explains=frozenset(row.get("explains", ())),
        counters=tuple(row.get("counter", ())),
    )


def _problems(row: Mapping[str, Any]) -> Iterable[str]:
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        yield f"unknown field {unknown[0]!r}; the fields are {', '.join(sorted(_FIELDS))}"
    if not _ID.fullmatch(str(row.get("id", ""))):
        yield "id must look like 'spark.executor-lost'"
    if row.get("role") not in _ROLES:
        yield f"role {row.get('role')!r} is none of {', '.join(Role)}"
    yield from (f"{name} is missing" for name in ("pattern", "source") if not row.get(name))
    if not (row.get("example") or row.get("examples")):
        yield "example is missing"
    yield from (f"source kind {s!r} is unknown" for s in set(row.get("sources", ())) - _SOURCES)
    if row.get("role") == Role.CAUSE:
        yield from _cause_problems(row)


def _pattern_problems(row: Mapping[str, Any]) -> Iterable[str]:
    for name in _PATTERNS & row.keys():
        try:
            re2.compile(row[name], _options())
        except re2.error as error:
            yield f"{name} is not valid RE2: {error}"


def _cause_problems(row: Mapping[str, Any]) -> Iterable[str]:
    if row.get("failure_type") not in _FAILURE_TYPES:
        yield f"failure_type {row.get('failure_type')!r} is unknown"
    if row.get("specificity") not in (1, 2, 3):
        yield "specificity must be 1, 2 or 3"
    if not row.get("cause"):
        yield "cause is missing"
    if not 1 <= len(row.get("advice", ())) <= MAX_ADVICE:
        yield f"advice needs one to {MAX_ADVICE} entries"


_PLACEHOLDER: Final = stdlib_re.compile(r"\{(?P<names>[\w,]+)(?:\|(?P<fallback>[^{}]*))?\}")
MAX_CAPTURE_CHARS: Final = 200
"""A group may take a whole line; a sentence can't."""


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill `{name}`, `{name|fallback}` and `{first,second|fallback}` of a template.

    Args:
        template: words of a signature's `cause` or `advice`.
        values: captured groups and values of the job's context.

    Returns:
        The text; a name without value and fallback becomes "an unnamed value". Empty brackets and quotes,
        double blanks and punctuation that is left over where nothing was captured are taken out.
    """

    def value(hit: stdlib_re.Match[str]) -> str:
        fallback = hit["fallback"] if hit["fallback"] is not None else "an unnamed value"
        found = next((values[name] for name in hit["names"].split(",") if values.get(name)), fallback)
        return found if len(found) <= MAX_CAPTURE_CHARS else found[:MAX_CAPTURE_CHARS].rstrip() + "…"

    text = _PLACEHOLDER.sub(value, template)
    for pattern, replacement in _LEFTOVERS:
        text = pattern.sub(replacement, text)
    return text.strip()


_LEFTOVERS: Final = (
    (stdlib_re.compile(r" ?(?:\(\)|\[\]|``|'')"), ""),
    (stdlib_re.compile(r" {2,}"), " "),
    (stdlib_re.compile(r"[:,]? ?([.;])(?=\s|$)"), r"\1"),
    (stdlib_re.compile(r":\s*$"), "."),
    (stdlib_re.compile(r" ,"), ","),
)


def placeholders(templates: Sequence[str]) -> frozenset[str]:
    """Name every placeholder of some templates (a test checks each against the pattern's groups)."""
    found = (hit["names"].split(",") for text in templates for hit in _PLACEHOLDER.finditer(text))
    return frozenset(name for names in found for name in names)


@cache
def _options() -> Any:  # noqa: ANN401
    """Give RE2's options, the same for all patterns: one object, as hundreds are compiled at the start."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20  # the set of all patterns must fit one automaton
    return options
