"""A case's folder → the raw text that scorers compare with: file → lines, and the values of `meta.json`.

Reads what the product reads, by other code: gunzips by content, survives damaged files, and is bounded.
"""

import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evals.dataset import META_FILE

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Decompressed bytes read per file: far above any case's size, and a bound on a gzip bomb."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def read_lines(log_root: Path) -> dict[str, tuple[str, ...]]:
    """Read every file under `log_root`: path relative to it → lines without ANSI colours and line ends."""
    return {name: _lines(log_root / name) for name in sorted(_names(log_root, ""))}


def read_context(log_root: Path) -> tuple[str, ...]:
    """Read the platform's records beside the logs: each value as text, each list of values joined too."""
    for folder in (log_root, *log_root.parents[:2]):
        meta = folder / META_FILE
        if meta.is_file():
            return tuple(_values(json.loads(meta.read_text(encoding="utf-8"))))
    return ()


def _names(folder: Path, prefix: str) -> Iterator[str]:
    """List files below a folder; by directory entries, since a call to the system per path is slow."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _names(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file():
                yield prefix + entry.name


def _lines(path: Path) -> tuple[str, ...]:
    text = _bytes(path).decode("utf-8", errors="replace")
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    lines = text.split("\n")
    return tuple(line.removesuffix("\r") for line in lines) if "\r" in text else tuple(lines)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES)
    return _gunzip(raw) if raw.startswith(_GZIP_MAGIC) else raw


def _gunzip(raw: bytes) -> bytes:
    """Decompress all members up to the bound; keep what came before damage."""
    out = bytearray()
    while raw.startswith(_GZIP_MAGIC) and len(out) < MAX_FILE_BYTES:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            out += member.decompress(raw, MAX_FILE_BYTES - len(out))
        except zlib.error:
            break
        raw = member.unused_data
    return bytes(out)


def _values(node: Any) -> Iterator[str]:  # noqa: ANN401 (any JSON value)
    if isinstance(node, dict):
        for child in node.values():
            yield from _values(child)
    elif isinstance(node, list):
        for child in node:
            yield from _values(child)
        yield " ".join(str(child) for child in node if not isinstance(child, dict | list))
    else:
        yield str(node)
