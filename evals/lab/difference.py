"""Two harvests of one scenario → what differs but for times, ids, ports, sizes, memory addresses and order.

Each file becomes the set of its lines' templates: numbers, ids and units are replaced. Executors of one
attempt are one file, since which of them does what is chance. Compared is what tells: every line that is no
INFO line of a logger. Lines that timing alone decides are listed in `_CHANCE`, each with its reason.
A trace goes with the line it stands under, and one that is folded into a line of JSON is unfolded.
Limits: how often something is said, and in which order, is not compared.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from evals.dataset import META_FILE
from evals.errors import DatasetError
from evals.source import read_lines

MAX_SHOWN_CHARS: Final = 200

_PAIRS: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"@[0-9a-f]{4,}\b|\b0x[0-9a-f]+\b"), "<address>"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:[A-Z][a-z]{2}) +\d+"), "<day>"),
    (re.compile(r"-?\d+(?:[.,:/_-]{1,2}\d+)*"), "#"),  # a hash may be negative: `_0_-27_30`
    (re.compile(r"#(?:\.#)? (?:B|[KMG]i?B|ms|s|min)\b"), "<amount>"),
    (re.compile(r"(?<=[/_.-])[0-9A-Za-z]*#[0-9A-Za-z#]*"), "#"),  # `tmp1a2b`, `Proxy33`
    (re.compile(r"[~^]*\^[~^]*"), "^"),  # under a path as long as the folder's name
    (re.compile(r"[ -]{2,}"), " "),  # columns and rules of tables
)
"""In this order."""

_QUIET: Final = re.compile(r"^#(?: #)? (?:INFO|DEBUG) ")
"""A logger's line below WARN, as Spark (`26/11/22 18:27:38 INFO`) and Hadoop's daemons write it."""

_CHANCE: Final = (
    re.compile(p)
    for p in (
        r"ContainerManagerImpl .*: couldn't find ",  # a container that ends while it is asked about
        r"^\t diagnostics: (?:AM container is launched|\[<day>)",  # seen by a client that waits
        r"WARN Dispatcher: Message ",  # a message that comes after the end
        r"WARN \S*DefaultContainerExecutor .*delete returned false",  # a folder that is gone already
        r"ERROR Utils: Uncaught exception in thread dispatcher-|ERROR Inbox: Ignoring error",  # while it ends
        r"WARN OneWayOutboxMessage: |Message is dropped because Outbox is stopped",  # while it ends
        r"TaskKilled \(|^Driver stacktrace:\)$",  # tasks that still ran when their stage was given up
        r"Initial job has not accepted any resources",  # said after 15 s of waiting
        r"^downloading https?:|^\t\[SUCCESSFUL \]",  # Ivy, when its cache is empty
        r"^\tHost \S+ not found\. url=|^You probably access the destination server through a proxy",
        r"^:: problems summary ::|^:::: WARNINGS|^:: USE VERBOSE OR DEBUG",  # Ivy's head and foot of these
    )
)
_CHANCES: Final = tuple(_CHANCE)

_FRAME: Final = re.compile(
    r"\s+at |\s*\.\.\. # more|Caused by: |(?:[a-z_]\w*\.)+[A-Z]\S*(?:Exception|Error)\b"
)
"""A line of a Java trace, its head among them."""

_FOLDED: Final = r"\n"
"""A line end inside a line of JSON, as Spark 4's loggers of Python write traces."""

_CONTAINER: Final = re.compile(r"containers/application_\d+_(\d+)/container_\d+_\d+_(\d+)_(\d+)/(.+)")


def compare(committed: Path, fresh: Path, *, chance: bool = False) -> list[str]:
    """Compare two case folders; give a line per difference, none when they are equal.

    Args:
        committed: The harvest that is there.
        fresh: The new one.
        chance: The scenario's: only whether the same files are there is compared.

    Raises:
        DatasetError: The committed folder is missing.
    """
    if not committed.is_dir():
        raise DatasetError(
            f"{committed}: not harvested yet; `python -m evals.lab run --scenario {committed.name}`"
        )
    before, after = _templates(committed), _templates(fresh)
    lines = [f"- {name}: the file is gone" for name in sorted(before.keys() - after.keys())]
    lines += [f"+ {name}: the file is new" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()) if not chance else ():
        lines += [f"- {name}: {text[:MAX_SHOWN_CHARS]}" for text in sorted(before[name] - after[name])]
        lines += [f"+ {name}: {text[:MAX_SHOWN_CHARS]}" for text in sorted(after[name] - before[name])]
    return lines


def _templates(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    files: Mapping[str, Iterable[str]] = read_lines(folder / "logs")
    for path, lines in files.items():
        found.setdefault(role(path.partition("/")[2]), set()).update(_telling(lines))
    meta = (folder / META_FILE).read_text(encoding="utf-8").splitlines()
    return {**found, META_FILE: set(_telling(meta))}


def role(path: str) -> str:
    """Give a file's name without the ids of its run: executors of one attempt have one name."""
    match = _CONTAINER.fullmatch(path)
    if match is None:
        return path
    application, attempt, number, name = match.groups()
    who = "driver" if int(number) == 1 else "executors"
    return f"application {application}, attempt {int(attempt)}, {who}: {name}"


def template(line: str) -> str:
    """Replace what differs from run to run."""
    for pattern, replacement in _PAIRS:
        line = pattern.sub(replacement, line)
    return line.rstrip()


def _telling(lines: Iterable[str]) -> Iterator[str]:
    dropped = False  # the line that a trace stands under
    for line in chain.from_iterable(line.split(_FOLDED) for line in lines):
        text = template(line)
        if dropped and _FRAME.match(text):
            continue
        dropped = any(chance.search(text) for chance in _CHANCES)
        if text and not dropped and not _QUIET.match(text):
            yield text
