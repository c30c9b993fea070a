"""A job's context in, one text per group out: what a prompt tells of cluster, settings and step. Pure.

One line `name: value` each; nested values are compact JSON; only the platform's and the job's own names and
values. The texts are raw: redact them after the session has learned `JobContext.document`. Nothing is cut
inside a value's word, so that no half of a secret is left. Step arguments stand as on a command line, because
redaction knows `--password "value"` as a pair.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from diagnose.bound import ELLIPSIS, shortened
from diagnose.failure import JobContext

MAX_TEXT_CHARS: Final = 8000
"""Of one group's text, about 2,000 tokens: the excerpt is the evidence and needs the room."""
MAX_LINE_CHARS: Final = 3000
"""Of one line, so that one long argument does not hide the rest of the step."""

_IMPORTANT: Final = {
    "spark": (
        r"^(maximizeResourceAllocation$|spark\.(executor|driver|yarn\.am)\.(memory|cores|instances|maxResultSize|pyspark))",
        r"^spark\.(memory\.|sql\.shuffle\.partitions|default\.parallelism|sql\.adaptive|sql\.autoBroadcast|submit\.)",
        r"^spark\.(dynamicAllocation|shuffle\.service|decommission|storage\.decommission)",
        r"(?i)timeout|heartbeat|maxfailures|maxappattempts|retries",
    ),
    "yarn": (
        r"^yarn\.nodemanager\.resource\.",
        r"^yarn\.scheduler\.(maximum|minimum)-allocation",
        r"[vp]mem",
        r"^yarn\.scheduler\.capacity\.",
    ),
    "hive": (
        r"^hive\.(metastore\.(uris|client\.factory)|execution\.engine)",
        r"^(hive\.tez\.|tez\.).*(memory|java\.opts|container\.size)|^hive\.auto\.convert",
        r"(?i)timeout|retries",
    ),
}
"""Settings that explain failures, by group, the most telling first."""


def important_first(group: str, settings: Mapping[str, Any]) -> list[str]:
    """Order the names of settings: those that explain failures first, then by name."""
    patterns = [re.compile(pattern) for pattern in _IMPORTANT.get(group, ())]

    def place(name: str) -> tuple[int, str]:
        hits = (rank for rank, pattern in enumerate(patterns) if pattern.search(name))
        return next(hits, len(patterns)), name

    return sorted(settings, key=place)


def describe(context: JobContext) -> dict[str, str]:
    """Describe each group of a context.

    Returns:
        Texts by group, in the order of the design; "" where nothing is known. Raw: redact before showing.
    """
    location = {
        "location": context.log_location,
        **context.logging,
        "others": [place for place in context.log_locations if place != context.log_location],
    }
    step = [
        (name, _command(value) if name == "args" else _shown(value)) for name, value in context.step.items()
    ]
    return {
        "cluster": _text(_rows(context.cluster)),
        "log_location": _text(_rows(location)) if context.log_location or context.logging else "",
        **{name: _text(_settings(name, getattr(context, name))) for name in ("spark", "yarn", "hive")},
        "step": _text(step),
        "signals": _text(_rows(context.signals)),
    }


def _settings(group: str, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, _shown(settings[name])) for name in important_first(group, settings))


def _rows(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name, _shown(value)) for name, value in values.items())


def _text(rows: Iterable[tuple[str, str]]) -> str:
    """Write lines as long as there is room; the last tells how many are left out."""
    lines, used, left_out = [], 0, 0
    for name, value in rows:
        if not value:
            continue
        line = f"{_word(name)}: {value}"
        if left_out or used + len(line) > MAX_TEXT_CHARS:
            left_out += 1
            continue
        lines.append(line)
        used += len(line) + 1
    return "\n".join([*lines, *([f"{ELLIPSIS}: {left_out} more"] if left_out else [])])


def _shown(value: object) -> str:
    """Write a value on one line; "" for what is not known."""
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, str):
        return _word(shortened(value, MAX_LINE_CHARS))
    return _json(value, MAX_LINE_CHARS)


_BRACKETS: Final = ('"', "[", "{")


def _word(text: str) -> str:
    """Give a text as it is where that can't be misread, else quoted."""
    plain = text.isprintable() and text == text.strip() and not text.startswith(_BRACKETS)
    return text if plain else _dumped(text)


def _dumped(value: object) -> str:
    """Write compact JSON of visible characters: no line end, no control or direction sign."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) > 127 else f"\\u{ord(character):04x}"


def _json(value: object, room_chars: int) -> str:
    """Write compact JSON, and of what is too long the first entries that fit."""
    text = _dumped(value)
    if len(text) <= room_chars:
        return text
    if isinstance(value, Mapping):
        parts = (f"{_dumped(k)}:{_json(v, room_chars // 2)}" for k, v in value.items())
        return "{" + ",".join(_fitting(parts, room_chars)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_fitting((_json(item, room_chars // 2) for item in value), room_chars)) + "]"
    return _dumped(shortened(str(value), room_chars))


def _fitting(parts: Iterable[str], room_chars: int) -> list[str]:
    """Take the parts that fit, and an ellipsis for the rest."""
    kept: list[str] = []
    used = 0
    for part in parts:
        used += len(part) + 1
        if used > room_chars:
            return [*kept, ELLIPSIS]
        kept.append(part)
    return kept


def _command(args: Sequence[str]) -> str:
    """Write arguments as on a command line: a flag's value is always quoted, as redaction knows it."""
    flags = ["", *args]
    words = (_argument(arg, flag) for flag, arg in zip(flags, args, strict=False))
    return " ".join(_fitting(words, MAX_LINE_CHARS))


def _argument(arg: str, flag: str) -> str:
    arg = shortened(arg, MAX_LINE_CHARS // 2)
    bare = arg.isprintable() and not set(arg) & set(" \"'\\") and arg != ""
    if bare and (not flag.startswith("-") or arg.startswith("-")):
        return arg
    return _dumped(arg)
