r"""A secret's bytes → every spelling in which a log may repeat it, and back to the plain value.

Spellings: URL (once and twice encoded, both cases, `+` for blanks), JSON strings (once and twice escaped),
XML entities;
buried: base64 in its three alignments (so also inside `user:value`) and hexadecimal.
Limits: no compression, no encryption, no hash, no base64 of base64.
"""

import json
from base64 import b64encode
from html import escape, unescape
from urllib.parse import quote_from_bytes, quote_plus, unquote_to_bytes

MIN_BURIED_BYTES = 6  # the base64 of fewer bytes is too short to be told from a word


def spellings(value: bytes) -> frozenset[bytes]:
    """Every spelling of `value` that keeps it readable, `value` itself included."""
    found = {value, *_url(value)}
    text = value.decode("utf-8", "surrogateescape")
    if any(char in text for char in "\"\\/&<>'\n\t") or not text.isascii():
        found.update(_json(text))
        found.update(_bytes(escape(text, quote=quote)) for quote in (True, False))
    return frozenset(found)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _url(value: bytes) -> set[bytes]:
    once = {quote_from_bytes(value, safe=""), quote_from_bytes(value, safe="/"), quote_plus(value)}
    twice = {quote_from_bytes(text.encode(), safe="") for text in once}
    return {text.encode() for text in once | twice} | {_lower(text).encode() for text in once | twice}


def _lower(text: str) -> str:
    """`%2F` → `%2f`, the rest untouched."""
    head, *tail = text.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in tail)


def _json(text: str) -> set[bytes]:
    safe = (
        text.encode("utf-8", "replace").decode()
        if any("\ud800" <= char <= "\udfff" for char in text)
        else text
    )
    once = {json.dumps(safe, ensure_ascii=flag)[1:-1] for flag in (True, False)}
    once |= {safe.replace("/", "\\/"), safe.replace("'", "\\'"), safe.replace("'", "''")}
    twice = {json.dumps(spelled, ensure_ascii=False)[1:-1] for spelled in once}
    return {_bytes(spelled) for spelled in once | twice}


def plain(value: bytes) -> tuple[bytes, ...]:
    """What `value` stands for if the log holds it encoded: URL, JSON, XML undone; without `value` itself."""
    found = []
    if b"%" in value:
        once = unquote_to_bytes(value)
        found += [once, unquote_to_bytes(once)]
    if b"\\" in value:
        found.append(_unescape(value))
        found.append(_unescape(found[-1]))
    if b"&" in value:
        found.append(_bytes(unescape(value.decode("utf-8", "surrogateescape"))))
    return tuple(dict.fromkeys(text for text in found if text and text != value))


def _unescape(value: bytes) -> bytes:
    try:
        text = json.loads(b'"' + value.replace(b"\\'", b"'").replace(b"\\\\'", b"'") + b'"')
    except (ValueError, UnicodeDecodeError):
        return value.replace(b"\\", b"")
    return str(text).encode("utf-8", "surrogatepass")


def buried(value: bytes) -> frozenset[bytes]:
    """The parts of every base64 or hexadecimal text around `value` that depend on nothing but `value`."""
    if len(value) < MIN_BURIED_BYTES:
        return frozenset()
    cores = {value.hex().encode(), value.hex().upper().encode()}
    for shift, foreign in (
        (0, 0),
        (1, 2),
        (2, 3),
    ):  # bytes before the value → characters that they reach into
        padded = bytes(shift) + value
        core = b64encode(padded)[foreign : len(padded) * 8 // 6]
        cores |= {
            core,
            core.replace(b"+", b"-").replace(b"/", b"_"),
            core.replace(b"+", b"%2B").replace(b"/", b"%2F"),
        }
    return frozenset(cores)
