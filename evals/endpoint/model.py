"""The seam behind which a local language model stands: turns in, a completion out.

Twins: `llama.LlamaModel` (a GGUF file), `ScriptedModel` (given texts, for tests). Decoding is greedy: there
is no chance in it, and nothing to set but the length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol


class End(StrEnum):
    """Why a completion ended, in Converse's words for it."""

    TURN = "end_turn"
    LENGTH = "max_tokens"
    CONTEXT = "model_context_window_exceeded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What one side says."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What the model says, and how much of it there was, counted by its own tokenizer."""

    text: str
    end: End
    input_tokens: int
    """With the tokens of the model's chat template."""
    output_tokens: int


class ContextOverflowError(Exception):
    """The turns alone fill the model's context window."""


class LanguageModel(Protocol):
    """A model that continues a conversation."""

    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        """Answer the last turn.

        Args:
            turns: system text first, if any; then user and assistant in turn, ending with a user's.
            max_tokens: the answer's limit, at least 1.
            schema: JSON schema that the answer has to follow, as text; None leaves the model its own words.

        Raises:
            ContextOverflowError: there is no room for an answer.
        """
        ...


@dataclass(kw_only=True)
class ScriptedModel:
    """Gives texts in order, then the last one again; a word counts as a token.

    Args:
        texts: at least one.
        context_tokens: room for turns and answer.
    """

    texts: Sequence[str]
    context_tokens: int = 8192
    written: int = 0
    schemas: list[str | None] = field(default_factory=list)
    """What each answer was asked to follow; it doesn't."""

    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        """Answer; see `LanguageModel.write`."""
        self.schemas.append(schema)
        used = sum(len(turn.text.split()) for turn in turns)
        room = self.context_tokens - used
        if room < 1:
            raise ContextOverflowError
        text = self.texts[min(self.written, len(self.texts) - 1)]
        self.written += 1
        words = text.split()
        limit = min(max_tokens, room)
        if len(words) <= limit:
            return Completion(text=text, end=End.TURN, input_tokens=used, output_tokens=len(words))
        return Completion(
            text=" ".join(words[:limit]), end=end_at(max_tokens, room), input_tokens=used, output_tokens=limit
        )


def end_at(max_tokens: int, room: int) -> End:
    """Tell which limit a cut answer met first."""
    return End.LENGTH if max_tokens <= room else End.CONTEXT
