"""How a template is declared, and the registry of all of them.

    @template("reader-gone", FailureType.SERVICE_UNREACHABLE, difficulty="medium")
    def reader_gone(scene: Scene) -> Truth: ...

Modules in `evals/synthesis/templates/` register on import; `load_templates()` imports all of them.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from diagnose.taxonomy import Category, FailureType
from evals.errors import EvalsError
from evals.synthesis.ground import Language, Mode
from evals.synthesis.scene import Scene

Difficulty = Literal["easy", "medium", "hard"]


class TemplateError(EvalsError):
    """A template is wrong: named twice, never ends its run, or its label does not fit what it wrote."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What an expert would say of what a template wrote."""

    description: str
    """One plain sentence: what went wrong."""
    evidence: tuple[str, ...]
    """Literal parts of single log lines; any one of them shown proves the cause. Empty: no line can.
    Without paths, addresses, account numbers or other values that a redaction removes."""
    accept: tuple[Category, ...] = ()
    """Other categories that a fair reader of these logs could give."""
    safe_to_retry: bool | None = None
    """None: the rule decides (transient cause, no write logged, driver's log whole). False: never, in this case."""
    failure_type: FailureType | None = None
    """Where it differs from the template's own."""
    difficulty: Difficulty | None = None
    """Where it differs from the template's own."""
    notes: str = ""
    """Why the label is right where a reader could doubt it."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """One kind of failure, written in as many variants as there are seeds."""

    id: str
    failure_type: FailureType
    difficulty: Difficulty
    write: Callable[[Scene], Truth]
    modes: tuple[Mode, ...] = ("cluster", "client")
    languages: tuple[Language, ...] = ("python", "scala")
    repeats: bool = True
    """In cluster mode the failure may simply come again in a second attempt (`write` is called twice)."""
    without: frozenset[int] = frozenset()
    """Decoys, by number, that would make this template's label wrong."""
    plain: bool = False
    """No decoys, canaries or damages at all: the template is about what is not there."""


REGISTRY: Final[dict[str, Template]] = {}


def template(
    name: str,
    failure_type: FailureType,
    *,
    difficulty: Difficulty = "medium",
    modes: tuple[Mode, ...] = ("cluster", "client"),
    languages: tuple[Language, ...] = ("python", "scala"),
    repeats: bool = True,
    without: tuple[int, ...] = (),
    plain: bool = False,
) -> Callable[[Callable[[Scene], Truth]], Callable[[Scene], Truth]]:
    """Register a function as a template; see `Template` for the arguments.

    Raises:
        TemplateError: The id is taken.
    """

    def register(write: Callable[[Scene], Truth]) -> Callable[[Scene], Truth]:
        if name in REGISTRY and REGISTRY[name].write.__qualname__ != write.__qualname__:
            raise TemplateError(f"template {name}: the id is taken; give another one")
        REGISTRY[name] = Template(
            id=name, failure_type=failure_type, difficulty=difficulty, write=write, modes=modes, languages=languages,
            repeats=repeats, without=frozenset(without), plain=plain,
        )  # fmt: skip
        return write

    return register


def load_templates() -> tuple[Template, ...]:
    """Import every module of `evals.synthesis.templates`; all templates, sorted by id."""
    package = importlib.import_module("evals.synthesis.templates")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")
    return tuple(REGISTRY[name] for name in sorted(REGISTRY))
