"""A template's text in, pieces of text and values out: what a template shows can't mix our words with others.

Own words are the template's text and `Own`, which only our code makes. A value is a `Value`: it has a number
and knows whether it is empty, but its text stays with the caller and never enters the engine. A template can
show it or ask whether it is there, and that is all. Showing leaves a token that is cut out again. So no
filter, no macro and no text of a log can move a value into own words: these are the same whatever it says.
Limits: a value is shown whole or not at all. jinja2 is imported when a template is compiled.
"""

import re
import traceback
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from diagnose.errors import PromptError

if TYPE_CHECKING:
    from jinja2 import Template as _Compiled
    from jinja2.sandbox import SandboxedEnvironment

_RAISED: Final = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What expressions of a template raise, beside jinja2's own errors."""
_TOKEN: Final = re.compile(r"\x00([0-9]+)\x00")


class Own:
    """Our own word: no string on purpose, so that no filter and no method makes another one of it."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def __bool__(self) -> bool:
        return bool(self._word)

    def __eq__(self, other: object) -> bool:
        """Compare with another own word, or with a literal of a template."""
        return self._word == (other._word if isinstance(other, Own) else other)

    def __hash__(self) -> int:
        return hash(self._word)


class Value:
    """Stands in a template for a text that only the caller holds.

    Args:
        number: 0 or more, by which the caller finds the text again.
        filled: whether the text is more than blanks.
    """

    __slots__ = ("_filled", "number")

    def __init__(self, number: int, *, filled: bool) -> None:
        self.number = number
        self._filled = filled

    def __bool__(self) -> bool:
        return self._filled


class Template:
    """One template, compiled.

    Args:
        place: what errors call it, such as `v2/user.j2`.
        text: Jinja2; names that are not given are errors.

    Raises:
        PromptError: it does not compile; the message names place and line.
    """

    def __init__(self, place: str, text: str) -> None:
        self.place: Final = place
        self._compiled: Final = _compile(place, text)

    def pieces(self, context: Mapping[str, object]) -> tuple[list[str], list[int]]:
        """Render.

        Args:
            context: names and what they mean: `Own`, `Value`, or tuples and objects of those.

        Returns:
            Own texts and the numbers of the values between them: one text more than numbers.

        Raises:
            PromptError: a name is missing, or something is shown that is neither `Own` nor `Value`.
        """
        parts = _TOKEN.split(self._render(context))
        return parts[::2], [int(number) for number in parts[1::2]]

    def text(self, context: Mapping[str, object]) -> str:
        """Render a template that is given own words only, without empty lines around it."""
        return self._render(context).strip("\n")

    def _render(self, context: Mapping[str, object]) -> str:
        try:
            return self._compiled.render(context)
        except (_jinja().TemplateError, *_RAISED) as error:
            # The template never had a value's text, so the message can't hold one either.
            raise PromptError(f"prompt {self._line_of(error)}: {error}") from error

    def _line_of(self, error: BaseException) -> str:
        frames = traceback.walk_tb(error.__traceback__)
        lines = [line for frame, line in frames if frame.f_code.co_filename == self.place]
        return f"{self.place}, line {lines[-1]}" if lines else self.place


def _jinja() -> Any:  # noqa: ANN401 - a module
    import jinja2.sandbox  # noqa: PLC0415 - the rules alone must not load it

    return jinja2


def _finalize(shown: object) -> str:
    """Turn what a template shows into text: own words as they are, values into tokens; all else is wrong."""
    if type(shown) is Own:
        return shown._word
    if type(shown) is Value:
        return f"\x00{shown.number}\x00"
    if isinstance(shown, _jinja().Undefined):
        return str(shown)  # raises and says which name there is not; "" only of an `if` without its `else`
    raise TypeError(f"a template shows names it is given, each by itself, not a {type(shown).__name__}")


@lru_cache(maxsize=1)
def _environment() -> "SandboxedEnvironment":
    jinja2 = _jinja()
    environment: SandboxedEnvironment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        autoescape=False,
        finalize=_finalize,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.clear()  # nothing random, nothing endless
    return environment


def _compile(place: str, text: str) -> "_Compiled":
    if "\x00" in text:
        raise PromptError(f"prompt {place}: a template holds no NUL character")
    environment = _environment()
    try:
        block = environment.parse(text).find(_jinja().nodes.FilterBlock)
        code = environment.compile(text, name=place, filename=place)
    except _jinja().TemplateSyntaxError as error:
        raise PromptError(f"prompt {place}, line {error.lineno}: {error.message}") from error
    if block is not None:  # would get hold of the tokens
        raise PromptError(f"prompt {place}, line {block.lineno}: a filter block can't be used")
    template: _Compiled = _jinja().Template.from_code(environment, code, {})
    return template
