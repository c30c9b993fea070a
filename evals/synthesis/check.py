"""A synthetic case's files and its truth → the reasons why the label can't be right; none when it can.

They are those that every dataset is held to (`evals.rule`, `evals.hint`), where they need nothing but files.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping

from diagnose.taxonomy import FACTS, RetryRule
from evals.case import Metadata
from evals.hint import hints
from evals.rule import MIN_EVIDENCE_CHARS, write_sign
from evals.secret import spellings


def inflate(data: bytes) -> str:
    """What can be read of a gzip that may be cut."""
    engine = zlib.decompressobj(wbits=31)
    try:
        return engine.decompress(data).decode("utf-8", "replace")
    except zlib.error:
        return ""


def lines(files: Mapping[str, bytes]) -> Iterator[str]:
    """Every line of every file that can be read."""
    for path, data in files.items():
        text = inflate(data) if path.endswith(".gz") else data.decode("utf-8", "replace")
        yield from text.splitlines()


def holds(files: Mapping[str, bytes], parts: Iterable[str]) -> bool:
    """Whether any of `parts` stands literally in a line."""
    wanted = tuple(parts)
    return any(part in line for line in lines(files) for part in wanted)


def write_lines(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The lines that tell of a write's effect."""
    return tuple(line for line in lines(files) if write_sign(line))


def problems(files: Mapping[str, bytes], metadata: Metadata, *, names: Iterable[str]) -> tuple[str, ...]:
    """Why the label can't be right.

    Args:
        files: the case's files by path, gzipped as they are stored.
        metadata: its label.
        names: the job's and the case's names.
    """
    return (
        *_evidence(files, metadata),
        *_canaries(files, metadata),
        *_retry(files, metadata),
        *_names(names, metadata),
    )


def _evidence(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    for part in metadata.evidence:
        if "\n" in part or len(part) < MIN_EVIDENCE_CHARS:
            yield f"evidence {part!r} is not a part of one line, or too short to prove a cause"
    if metadata.evidence and not holds(files, metadata.evidence):
        yield f"no evidence stands in any file: {metadata.evidence!r}"


def _canaries(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    for secret in metadata.canaries:
        if not holds(files, spellings(secret)):
            yield f"canary {secret!r} stands in no file"
        if any(secret in part for part in metadata.evidence):
            yield f"canary {secret!r} stands in the evidence"


def _names(names: Iterable[str], metadata: Metadata) -> Iterator[str]:
    for name in names:
        if words := hints(name, metadata):
            yield f"the name {name!r} gives the label away ({', '.join(words)})"


def _retry(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    if not metadata.safe_to_retry:
        return
    if FACTS[metadata.failure_type].retry is not RetryRule.TRANSIENT:
        yield f"labelled safe, but {metadata.failure_type} is not transient"
    for line in write_lines(files)[:1]:
        yield f"labelled safe, but a write is logged: {line[:120]}"
