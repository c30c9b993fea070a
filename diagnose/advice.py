"""One recommendation in, the rule that forbids it out, or None: the system reads, it never acts.

Format of the policy (`diagnose/advice.yaml`):

    words:                              # named parts; a pattern names them as {word}
      not: '(?:do not|never)'
    negation: ['{not} [^ ,]+']          # what is negated directly; blanked before any rule looks
    excuses: ['ask the owner [^,]*']    # spans blanked before any rule's `patterns` are searched
    rules:
      - id: delete-data                 # unique
        why: 'Deleting is for …'        # one sentence, for a report
        only_under_write_risk: false    # optional: the rule holds only when a write may be half done
        always: ['do not check rows']   # optional: forbidden with the negation that stands in it
        commands: ['rm -r']             # forbidden whatever stands around them, unless negated
        patterns: ['deletion helps']    # forbidden where no lawful span covers them
        orders: ['delete']              # the same, after the word {do}: where a verb is an instruction
        lawful: ['remove the limit']    # spans blanked before this rule's `patterns` are searched
        forbidden: ['…']                # examples; a test tries each
        allowed: ['…']                  # near misses; a test tries each

Patterns are RE2 over one sentence in lower case, plain ASCII, single spaces. A blanked span becomes a comma,
so that what follows it stands at the start of a clause.
Limits: English. A sentence is judged by its words; advice in riddles passes, some innocent advice does not.
"""

import re as stdlib_re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

import re2
import yaml

from diagnose.errors import CatalogueError

_FILE: Final = "advice.yaml"
_BLANK: Final = " , "
_NEVER: Final = r"\b\B"
"""Matches nothing: what an empty list of patterns is."""


@dataclass(frozen=True, kw_only=True)
class AdviceRule:
    """One kind of advice that is forbidden; see the module's docstring for the fields."""

    id: str
    why: str
    patterns: tuple[str, ...]
    always: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    lawful: tuple[str, ...] = ()
    only_under_write_risk: bool = False
    forbidden_examples: tuple[str, ...] = ()
    lawful_examples: tuple[str, ...] = ()
    _always: "re2._Regexp" = field(init=False, repr=False, compare=False)
    _commands: "re2._Regexp" = field(init=False, repr=False, compare=False)
    _patterns: "re2._Regexp" = field(init=False, repr=False, compare=False)
    _lawful: "re2._Regexp" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile each group of patterns into one."""
        for name in ("always", "commands", "patterns", "lawful"):
            object.__setattr__(self, f"_{name}", _compile(f"{self.id}: {name}", getattr(self, name)))

    def forbids(self, sentence: str, bare: str, excused: str) -> bool:
        """Tell whether a plain sentence breaks this rule.

        Args:
            sentence: the whole of it.
            bare: its negated parts blanked.
            excused: what the policy excuses blanked as well.
        """
        if self._always.search(sentence) or self._commands.search(bare):
            return True
        return bool(self._patterns.search(self._lawful.sub(_BLANK, excused)))


@dataclass(frozen=True)
class AdvicePolicy:
    """What may not be recommended; build once, use for every recommendation."""

    rules: tuple[AdviceRule, ...]
    negation: tuple[str, ...] = ()
    excuses: tuple[str, ...] = ()
    _negation: "re2._Regexp" = field(init=False, repr=False, compare=False)
    _excuses: "re2._Regexp" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile each group of patterns into one."""
        for name in ("negation", "excuses"):
            object.__setattr__(self, f"_{name}", _compile(name, getattr(self, name)))

    def refuse(self, advice: str, *, partial_write_risk: bool = False) -> AdviceRule | None:
        """Judge one recommendation, sentence by sentence.

        Args:
            advice: the text as an analyst wrote it.
            partial_write_risk: whether the failed run may have left half-written data.

        Returns:
            The first rule that a sentence breaks, or None when the advice is lawful.
        """
        rules = [rule for rule in self.rules if partial_write_risk or not rule.only_under_write_risk]
        for sentence in _sentences(advice):
            bare = _unquote(self._negation.sub(_BLANK, sentence))
            excused = self._excuses.sub(_BLANK, bare)
            for rule in rules:
                if rule.forbids(sentence, bare, excused):
                    return rule
        return None


def load_policy() -> AdvicePolicy:
    """Read the packaged policy.

    Raises:
        CatalogueError: the file is not valid; the message names entry and field.
    """
    return parse_policy((resources.files("diagnose") / _FILE).read_text(encoding="utf-8"))


def parse_policy(text: str) -> AdvicePolicy:
    """Turn a YAML text into a policy.

    Raises:
        CatalogueError: the text is no valid policy; the message names entry and field.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one if there
    except yaml.YAMLError as error:
        raise CatalogueError(f"{_FILE}: not valid YAML: {error}") from error
    _check(_FILE, _document_problems(document))
    words = _words(document.get("words", {}))
    rules: dict[str, AdviceRule] = {}
    for row in document["rules"]:
        rule = _rule(row, words)
        if rule.id in rules:
            raise CatalogueError(f"{_FILE}: {rule.id}: id stands twice; give each rule its own")
        rules[rule.id] = rule
    negation, excuses = (
        _expand(f"{_FILE}: {name}", document.get(name, []), words) for name in ("negation", "excuses")
    )
    return AdvicePolicy(tuple(rules.values()), negation, excuses)


# --- reading the file ---

_SECTIONS: Final = {"words", "negation", "excuses", "rules"}
_LISTS: Final = ("always", "commands", "patterns", "orders", "lawful", "forbidden", "allowed")
_FIELDS: Final = {"id", "why", "only_under_write_risk", *_LISTS}
_ID: Final = stdlib_re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
_WORD: Final = stdlib_re.compile(r"\{([a-z_]+)\}")


def _rule(row: object, words: Mapping[str, str]) -> AdviceRule:
    if not isinstance(row, dict):
        raise CatalogueError(f"{_FILE}: {row}: a rule must be a mapping with {', '.join(sorted(_FIELDS))}")
    where = f"{_FILE}: {row.get('id', row)}"
    _check(where, _rule_problems(row))
    orders = _expand(f"{where}: orders", row.get("orders", []), words)
    _check(where, ["orders need the word {do}"] if orders and "do" not in words else [])
    _compile(f"{row['id']}: orders", orders)
    return AdviceRule(
        id=row["id"],
        why=row["why"],
        always=_expand(f"{where}: always", row.get("always", []), words),
        commands=_expand(f"{where}: commands", row.get("commands", []), words),
        patterns=_expand(f"{where}: patterns", row["patterns"], words) + _ordered(orders, words),
        lawful=_expand(f"{where}: lawful", row.get("lawful", []), words),
        only_under_write_risk=row.get("only_under_write_risk", False),
        forbidden_examples=tuple(row["forbidden"]),
        lawful_examples=tuple(row["allowed"]),
    )


def _ordered(orders: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    """Put all verbs behind one copy of the long {do}; a copy each would double the time to compile."""
    return (f"{words['do']}(?:{'|'.join(orders)})",) if orders else ()


def _check(where: str, problems: Iterable[str]) -> None:
    for problem in problems:
        raise CatalogueError(f"{where}: {problem}")


def _document_problems(document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"must be a mapping with {', '.join(sorted(_SECTIONS))}"
        return
    unknown = sorted(str(name) for name in document if name not in _SECTIONS)
    if unknown:
        yield f"unknown section {unknown[0]!r}; the sections are {', '.join(sorted(_SECTIONS))}"
    words = document.get("words", {})
    if not isinstance(words, dict) or not _is_texts([*words, *words.values()]):
        yield "words must map names to patterns (YAML takes a bare `off` or `no` for false)"
    for name in ("negation", "excuses"):
        if not _is_texts(document.get(name, [])):
            yield f"{name} must be a list of texts"
    if not isinstance(document.get("rules"), list) or not document["rules"]:
        yield "rules must be a list with at least one rule"


def _rule_problems(row: Mapping[object, object]) -> Iterator[str]:
    unknown = sorted(str(name) for name in row if name not in _FIELDS)
    if unknown:
        yield f"unknown field {unknown[0]!r}; the fields are {', '.join(sorted(_FIELDS))}"
    if not _ID.fullmatch(str(row.get("id", ""))):
        yield "id must look like 'delete-data'"
    if not isinstance(row.get("why"), str) or not row["why"]:
        yield "why is missing"
    yield from (f"{name} is missing" for name in ("patterns", "forbidden", "allowed") if not row.get(name))
    yield from (f"{name} must be a list of texts" for name in _LISTS if not _is_texts(row.get(name, [])))
    if not isinstance(row.get("only_under_write_risk", False), bool):
        yield "only_under_write_risk must be true or false"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _words(rows: Mapping[str, str]) -> dict[str, str]:
    """Resolve words that name earlier words."""
    words: dict[str, str] = {}
    for name, pattern in rows.items():
        words[name] = f"(?:{_substitute(f'{_FILE}: words: {name}', pattern, words)})"
    return words


def _expand(where: str, patterns: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_substitute(where, pattern, words) for pattern in patterns)


def _substitute(where: str, pattern: str, words: Mapping[str, str]) -> str:
    for name in _WORD.findall(pattern):
        if name not in words:
            raise CatalogueError(f"{where}: {{{name}}} is no word defined before it")
    return _WORD.sub(lambda hit: words[hit[1]], pattern)


def _compile(where: str, patterns: Sequence[str]) -> "re2._Regexp":
    """Compile patterns into one; name the one that is not valid."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20  # the long alternations must fit one automaton
    try:
        return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns) or _NEVER, options)
    except re2.error as error:
        culprits = (pattern for pattern in patterns if not _is_valid(pattern, options))
        raise CatalogueError(f"{_FILE}: {where}: {next(culprits, '')!r} is not valid RE2: {error}") from error


def _is_valid(pattern: str, options: "re2.Options") -> bool:
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


# --- reading the advice ---

_TWINS: Final = {
    **dict(zip("‘’‚‛ʼ′“”„‟«»‹›″", "''''''" + '"' * 9, strict=True)),  # noqa: RUF001 - twins on purpose
    **dict.fromkeys("‐‑‒–−", "-"),  # noqa: RUF001 - twins on purpose
    **dict.fromkeys("—―", " - "),
    **dict.fromkeys("\x85\u2028\u2029", "\n"),
    **dict(zip("аеорсхуіјѕԁвнкмтАЕОРСХУІЈЅВНКМТ", "aeopcxyijsdbhkmtAEOPCXYIJSBHKMT", strict=True)),
    **dict(zip("οανρτικΑΒΕΗΙΚΜΝΟΡΤΧ", "oavptikABEHIKMNOPTX", strict=True)),
}
"""Characters that look like ASCII ones, Cyrillic and Greek letters among them."""
_TIDY: Final = (
    (re2.compile(r"\b(e\.g|i\.e|etc|vs|approx)\."), r"\1"),  # their full stops end no sentence
    (re2.compile(r"(^|[\s(])[*_]+([a-z])"), r"\1\2"),  # Markdown's emphasis
    (re2.compile(r"([a-z])[*_]+($|[\s.,:;)])"), r"\1\2"),
    (re2.compile(r" +"), " "),
    (re2.compile(r"\bnot null\b"), "not-null"),  # SQL's word, no negation
)
_LINE_END: Final = re2.compile(r" *\n\s*")
_SENTENCE: Final = re2.compile(r"(?:`[^`\n]*`|[.;!?]+[^\s.;!?]|[^.;!?\n])+")
_QUOTES: Final = (
    (re2.compile(r'["`]'), ""),
    (re2.compile(r"(^|[^a-z])'"), r"\1"),
    (re2.compile(r"'($|[^a-z])"), r"\1"),
)


def _sentences(advice: str) -> Iterator[str]:
    """Cut advice into plain sentences: line by line, and once more with the lines joined."""
    text = _plain(advice)
    folded = _LINE_END.sub(" ", text)
    for form in (text, folded) if folded != text else (text,):
        yield from (hit.group().strip() for hit in _SENTENCE.finditer(form) if hit.group().strip())


def _plain(advice: str) -> str:
    """Give lower-case ASCII with single spaces; a character of no twin becomes a comma."""
    text = "".join(map(_ascii, unicodedata.normalize("NFKD", advice))).lower()
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    return text


def _ascii(char: str) -> str:
    if char in _TWINS:
        return _TWINS[char]
    if char.isspace():
        return "\n" if char in "\r\n" else " "
    if char.isascii():
        return char if char.isprintable() else ""
    return "" if unicodedata.category(char) in {"Mn", "Cf"} else _BLANK


def _unquote(sentence: str) -> str:
    for pattern, replacement in _QUOTES:
        sentence = pattern.sub(replacement, sentence)
    return sentence
