"""A prompt version and a brief in, the rendered prompt out. Pure: the version's files come as texts.

Own words and values never mix: a value (what the job or the platform said) never enters the template engine
(see `template`); where a template shows one, a guarded block stands between two lines of the marker. So
whatever a log says, own blocks stay the same, and the system text, which sees no incident, can be cached.

A version's files: `system.j2` and `user.j2` (the first question), `repair.j2` (the second), `meta.toml`:

    name = "v1"                # the folder's name
    description = "…"
    date = 2026-11-22
    hints = false              # whether the template gets the catalogue's findings

Names a template may use. `system.j2`: `categories`, each with `name` and `failure_types`.
`user.j2`: those and `marker`; the values `cluster_id`, `step_id`, `failed_at`, `run` (these three in lines),
`cluster`, `log_location`, `spark`, `yarn`, `hive`, `step`, `signals`, `gaps` (one per line), `excerpt`; with
hints `hints`, each with our words `number`, `role`, `failure_type`, `standing` and the values `signature`,
`place`, `line`, `quote` (place and line). `repair.j2`: `problem`.
Limits: jinja2 is imported when a version is made.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any, Final

from diagnose.brief import Brief, Hint
from diagnose.errors import PromptError
from diagnose.taxonomy import FACTS, Category, FailureType
from diagnose.template import Own, Template, Value

SYSTEM: Final = "system.j2"
USER: Final = "user.j2"
REPAIR: Final = "repair.j2"
META: Final = "meta.toml"
FILES: Final = (SYSTEM, USER, REPAIR, META)
"""What a version consists of: these, and nothing else."""

BEGIN: Final = "[begin data {marker}]"
END: Final = "[end data {marker}]"
"""The lines before and after a guarded block."""
EMPTY: Final = "(empty)"
"""Stands for a shown value that is empty: a service may refuse a blank block."""

ROLES: Final = frozenset({"cause", "symptom", "wrapper", "noise"})
"""Roles of the catalogue's entries, as `signature.Role` spells them."""
STANDINGS: Final = frozenset({"terminal", "fatal", "error", "hint", "past"})
"""The names of `finding.Standing`, in lower case."""

_MARKER: Final = re.compile(r"[0-9A-Za-z]{16,64}")
_LINE_END: Final = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a message: our own words, or (guarded) what came from the job or the platform."""

    text: str
    guarded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedPrompt:
    """What is sent: static system text, and a user message of own and guarded blocks in turn."""

    version: str
    sha256: str
    """Of the version's files; see `version_sha256`."""
    system: str
    user: tuple[Block, ...]
    marker: str
    """The random fence around guarded blocks."""
    repair: str
    """Template text for the second question; `render_repair` fills it."""

    def key(self) -> str:
        """Give a hash of all that is sent, the same for every marker.

        Returns:
            SHA-256, hexadecimal, of the version's hash, the system text, the blocks and the repair text.
        """
        blocks = [[b.guarded, b.text if b.guarded else b.text.replace(self.marker, "")] for b in self.user]
        # JSON escapes every character beyond ASCII, lone surrogates too, so anything can be hashed.
        return sha256(json.dumps([self.sha256, self.system, blocks, self.repair]).encode()).hexdigest()

    def render_repair(self, problem: str) -> str:
        """Give our words for the second question.

        Args:
            problem: what was wrong with the last answer, in our own wording, with names of fields only.

        Raises:
            PromptError: the template can't be rendered.
        """
        return Template(f"{self.version}/{REPAIR}", self.repair).text({"problem": Own(problem)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """What `meta.toml` tells."""

    name: str
    description: str
    date: date
    hints: bool


class PromptVersion:
    """One immutable version, checked: everything compiles and renders.

    Args:
        name: such as `v2`.
        files: name of each file and its text.

    Raises:
        PromptError: a file is missing, unknown, does not compile or uses a name that there is not.
    """

    def __init__(self, name: str, files: Mapping[str, str]) -> None:
        _check_files(name, files)
        self.name: Final = name
        self.sha256: Final = version_sha256(files)
        self.meta: Final = _read_meta(name, files[META])
        self._user: Final = Template(f"{name}/{USER}", files[USER])
        self._repair: Final = _LINE_END.sub("\n", files[REPAIR])
        self.system: Final = Template(f"{name}/{SYSTEM}", files[SYSTEM]).text({"categories": _categories()})
        """The rendered system text: the same for every incident."""
        self._try_out()

    def render(self, brief: Brief, *, marker: str) -> RenderedPrompt:
        """Render.

        Args:
            brief: what is told about the failure; redacted.
            marker: 16 to 64 random letters and digits, new for every call (`secrets.token_hex(16)`).

        Raises:
            PromptError: the marker stands in a value (make another one) or is too weak to be one; a hint's
                role or standing is none.
        """
        if not _MARKER.fullmatch(marker):
            raise PromptError(
                f"prompt {self.name}: a marker is 16 to 64 random letters and digits; this one, of "
                f"{len(marker)} characters, is not: take secrets.token_hex(16)"
            )
        tray = _Tray()
        context = _context(brief, marker, tray, with_hints=self.meta.hints)
        if any(marker in text for text in tray.texts):
            raise PromptError(f"prompt {self.name}: the marker stands in a value; render with a fresh one")
        own_texts, shown = self._user.pieces(context)
        return RenderedPrompt(
            version=self.name,
            sha256=self.sha256,
            system=self.system,
            user=_blocks(own_texts, [tray.texts[number] for number in shown], marker),
            marker=marker,
            repair=self._repair,
        )

    def _try_out(self) -> None:
        """Render a full and an empty brief, so that a wrong name is found now and not in an incident."""
        marker = "0" * 32
        names = [f for f in Brief.__dataclass_fields__ if f not in ("gaps", "hints")]
        hint = Hint(
            signature="x",
            failure_type=FailureType.CODE_ERROR,
            standing="fatal",
            role="cause",
            place="x",
            line="x",
        )
        empty = Brief(**dict.fromkeys(names, ""), gaps=(), hints=())
        full = Brief(
            **dict.fromkeys(names, "x"),
            gaps=("x",),
            hints=(hint, replace(hint, failure_type=FailureType.CODE_ERROR)),
        )
        rendered = [self.render(brief, marker=marker) for brief in (empty, full)]
        rendered[0].render_repair("x")


def version_sha256(files: Mapping[str, str]) -> str:
    """Hash a version's files, whatever line ends a checkout gave them.

    Returns:
        SHA-256, hexadecimal, of one line `<sha256 of the file>  <name>` per file, sorted by name. In a shell:
        `sha256sum meta.toml repair.j2 system.j2 user.j2 | sha256sum`.
    """
    texts = {name: _LINE_END.sub("\n", files[name]) for name in sorted(files)}
    lines = (f"{sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items())
    return sha256("".join(lines).encode()).hexdigest()


class _Tray:
    """Keeps the texts of values away from the template engine."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def put(self, text: str) -> Value:
        self.texts.append(text)
        return Value(len(self.texts) - 1, filled=bool(text.strip()))


def _blocks(own_texts: Sequence[str], values: Sequence[str], marker: str) -> tuple[Block, ...]:
    """Fence each value; an empty one becomes a word of ours, since a service may refuse a blank block."""
    blocks: list[Block] = []
    own = own_texts[0]
    for value, after in zip(values, own_texts[1:], strict=True):
        if not value.strip():
            own += EMPTY + after
            continue
        line_end = "\n" if own and not own.endswith("\n") else ""
        blocks += [Block(f"{own}{line_end}{BEGIN.format(marker=marker)}\n"), Block(value, guarded=True)]
        own = f"\n{END.format(marker=marker)}\n{after.removeprefix(chr(10))}"
    return (*blocks, Block(own))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Words:
    """A category as templates see it."""

    name: Own
    failure_types: tuple[Own, ...]


def _categories() -> tuple[_Words, ...]:
    return tuple(
        _Words(
            name=Own(category.value),
            failure_types=tuple(Own(t.value) for t in FailureType if FACTS[t].category is category),
        )
        for category in Category
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clue:
    """A hint as templates see it."""

    number: Own
    role: Own
    failure_type: Own
    standing: Own
    signature: Value
    place: Value
    line: Value
    quote: Value


def _clue(number: int, hint: Hint, tray: _Tray) -> _Clue:
    if hint.role not in ROLES or hint.standing not in STANDINGS:
        raise PromptError(
            f"hint {number} of the brief: its role is none of {', '.join(sorted(ROLES))}, "
            f"or its standing none of {', '.join(sorted(STANDINGS))}"
        )
    return _Clue(
        number=Own(str(number)),
        role=Own(hint.role),
        failure_type=Own(hint.failure_type.value if hint.failure_type else ""),
        standing=Own(hint.standing),
        signature=tray.put(hint.signature),
        place=tray.put(hint.place),
        line=tray.put(hint.line),
        quote=tray.put(f"{hint.place}\n{hint.line}"),
    )


def _context(brief: Brief, marker: str, tray: _Tray, *, with_hints: bool) -> dict[str, Any]:
    run = (brief.cluster_id, brief.step_id, brief.failed_at)
    texts = {
        "cluster_id": brief.cluster_id,
        "step_id": brief.step_id,
        "failed_at": brief.failed_at,
        "run": "\n".join(text for text in run if text),
        **brief.groups(),
        "gaps": "\n".join(brief.gaps),
        "excerpt": brief.excerpt,
    }
    context: dict[str, Any] = {name: tray.put(text) for name, text in texts.items()}
    context |= {"categories": _categories(), "marker": Own(marker)}
    if with_hints:
        context["hints"] = tuple(_clue(n, hint, tray) for n, hint in enumerate(brief.hints, start=1))
    return context


def _check_files(version: str, files: Mapping[str, str]) -> None:
    missing = [name for name in FILES if name not in files]
    unknown = sorted(set(files) - set(FILES))
    if missing or unknown:
        wrong = f"{missing[0]} is missing" if missing else f"{unknown[0]} does not belong there"
        raise PromptError(f"prompt {version}: {wrong}; a version consists of {', '.join(FILES)}")


def _read_meta(version: str, text: str) -> Meta:
    place = f"prompt {version}/{META}"
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{place}: {error}") from error
    kinds = {"name": str, "description": str, "date": date, "hints": bool}
    for name, kind in kinds.items():
        if type(told.get(name)) is not kind:
            raise PromptError(f"{place}: {name} must be given, as a {kind.__name__}")
    if unknown := sorted(set(told) - set(kinds)):
        raise PromptError(f"{place}: {unknown[0]} is not known; there are {', '.join(kinds)}")
    if told["name"] != version:
        raise PromptError(f"{place}: name is {told['name']!r}, but the folder is called {version}")
    return Meta(**told)
