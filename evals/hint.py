"""A name → the words in it that give a case's label away: `nightly_oom_job` for a case of EXECUTOR_OOM. Pure.

A name tells when one of its words belongs to the case's own label (failure type, category, triage label, and
what people say for the category), or says of any job that it fails. Words of other labels are no hint: jobs
have such names, and a name that misleads is fair. Words are compared by their stem.
Limits: English; a code name that only its author understands is not seen.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from diagnose.taxonomy import Category
from evals.case import Metadata

_PLAIN: Final = """
    above broadcast catalog check class code configuration container data database driver executor file full
    input job large library limit logs node output partial quality request resource result schema service
    setting small source sql stack storage table too write
"""
"""Words of the vocabularies that names of healthy jobs hold as well; two of them in a row still tell."""

_ALWAYS: Final = (
    "fail error exception broken broke crash bug bad wrong canary safe unsafe retry rerun rootcause"
)
_SAID: Final = {
    Category.RESOURCE_EXHAUSTION: "oom heap outofmemory memory exhausted overload starved quota oversized gc",
    Category.DATA_QUALITY: "corrupt malformed dirty garbled truncated duplicate dupe mismatch drift null",
    Category.CONFIGURATION_ERROR: "misconfigured misconfig typo invalid nosuch regression missing",
    Category.DEPENDENCY_FAILURE: "timeout refused unreachable outage throttled slowdown unavailable missing "
    "late lost safemode dead",
    Category.PERMISSION_DENIED: "denied deny forbidden unauthorized unauthorised accessdenied permission 403 "
    "401 expired",
    Category.UNKNOWN: "unknown unexplained mystery silent cancelled canceled killed aborted",
}
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PLURAL: Final = re.compile(r"(?<!s)s$")
_ENDING: Final = re.compile(r"(?:ation|ion|ure|ing|ed|ie|ied|e|y)$")
_MIN_STEM_CHARS: Final = 4  # `late` is not the stem of `lat`


def hints(name: str, label: Metadata) -> tuple[str, ...]:
    """Find the words of `name` that tell its label, each once; a job's or step's name, an id or a path."""
    words = [word.lower() for word in _WORD.findall(name)]
    stems = [_stem(word) for word in words]
    telling = _telling(label)
    found = [word for word, stem in zip(words, stems, strict=True) if stem in telling]
    joined = "".join(words)
    for term in _terms(label):
        spelled = [_stem(word) for word in term]
        if len(term) > 1 and ("".join(term) in joined or _pair(spelled, stems)):
            found.append("-".join(term))
    return tuple(dict.fromkeys(found))


def _terms(label: Metadata) -> Iterator[list[str]]:
    """Give the label's names as words; a category that the case accepts is a label as well."""
    for term in (label.failure_type, label.category, *label.accept, label.triage_label):
        if term:
            yield term.value.lower().split("_")


def _telling(label: Metadata) -> set[str]:
    own = {word for term in _terms(label) for word in term} - set(_PLAIN.split())
    said = {word for category in (label.category, *label.accept) for word in _SAID[category].split()}
    return {_stem(word) for word in own | said | set(_ALWAYS.split())}


def _pair(term: list[str], stems: list[str]) -> bool:
    """Tell whether two neighbours of `term` are neighbours in the name."""
    pairs = set(pairwise(stems))
    return any(pair in pairs for pair in pairwise(term))


def _stem(word: str) -> str:
    """Cut the plural and one ending: `failed`, `failing`, `failures` and `fails` are all `fail`."""
    singular = _PLURAL.sub("", word)
    stem = _ENDING.sub("", singular)
    return stem if len(stem) >= _MIN_STEM_CHARS else singular
