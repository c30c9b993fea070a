"""A secret's bytes as a log holds them → what they stand for: URL, JSON, XML and base64 undone.

Limits: two layers; base64 counts only when it decodes to printable text.
"""

import json
from base64 import b64decode
from binascii import Error
from html import unescape
from urllib.parse import unquote_to_bytes

from diagnose.label import small

_BASE64 = small(rb"(?:[A-Za-z0-9+/]{4}){2,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\z")
_PRINTABLE = small(rb"[\x20-\x7e]{6,}\z")


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
        text = unescape(value.decode("utf-8", "surrogateescape"))
        found.append(text.encode("utf-8", "surrogateescape"))
    found += _decoded(value)
    return tuple(dict.fromkeys(text for text in found if text and text != value))


def _unescape(value: bytes) -> bytes:
    try:
        text = json.loads(b'"' + value.replace(b"\\'", b"'").replace(b"\\\\'", b"'") + b'"')
    except (ValueError, UnicodeDecodeError):
        return value.replace(b"\\", b"")
    return str(text).encode("utf-8", "surrogatepass")


def _decoded(value: bytes) -> list[bytes]:
    """Base64 of a text, such as the values of a Kubernetes secret."""
    if not _BASE64.match(value):
        return []
    try:
        text = b64decode(value, validate=True)
    except Error:
        return []
    return [text] if _PRINTABLE.match(text) else []
