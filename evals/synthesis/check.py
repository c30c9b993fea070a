"""A synthetic case's files and its truth → the reasons why the label can't be right; none when it can.

The checks know what logs say of a write and what a name may not say; they know nothing of the product.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from diagnose.taxonomy import FACTS, RetryRule
from evals.case import Metadata
from evals.synthesis.canary import spellings

WRITE_EFFECTS: Final = (
    re.compile(r"Start to commit write Job"),
    re.compile(r"Write Job \S+ committed"),
    re.compile(r"Finished processing stats for write job"),
    re.compile(r"Saved output of task"),
    re.compile(r"attempt_\d+_\d+_m_\d+_\d+: Committed"),
    re.compile(r"TASK_WRITE_FAILED|Task failed while writing rows"),
    re.compile(
        r"Moving data to(?: local)? directory|Loading data to table|Loaded data to table", re.IGNORECASE
    ),
    re.compile(r"Committed (?:delta )?(?:version|snapshot|#\d+)|Committed delta", re.IGNORECASE),
    re.compile(r"Committed in \d+ ms|Successfully committed to table"),
    re.compile(r"Committing \S+ action commit|Completed instant|Marked? instant \S+ complete", re.IGNORECASE),
)
"""Lines that tell of a write's effect, as Spark, Hive, Delta, Iceberg and Hudi print them."""

LABEL_WORDS: Final = re.compile(
    r"oom|memory|fail|error|denied|permission|auth|skew|corrupt|malform|timeout|throttl|kill|lost|unknown|broken|bad|missing",
    re.IGNORECASE,
)
"""Words that a job's name or a case's id must not hold."""


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
    return tuple(line for line in lines(files) if any(form.search(line) for form in WRITE_EFFECTS))


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
        *(f"the name {name!r} holds a word of the label" for name in names if LABEL_WORDS.search(name)),
    )


def _evidence(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    for part in metadata.evidence:
        if "\n" in part or len(part) < 8:
            yield f"evidence {part!r} is not a part of one line, or too short to prove a cause"
    if metadata.evidence and not holds(files, metadata.evidence):
        yield f"no evidence stands in any file: {metadata.evidence!r}"


def _canaries(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    for secret in metadata.canaries:
        if not holds(files, spellings(secret)):
            yield f"canary {secret!r} stands in no file"
        if any(secret in part for part in metadata.evidence):
            yield f"canary {secret!r} stands in the evidence"


def _retry(files: Mapping[str, bytes], metadata: Metadata) -> Iterator[str]:
    if not metadata.safe_to_retry:
        return
    if FACTS[metadata.failure_type].retry is not RetryRule.TRANSIENT:
        yield f"labelled safe, but {metadata.failure_type} is not transient"
    for line in write_lines(files)[:1]:
        yield f"labelled safe, but a write is logged: {line[:120]}"
