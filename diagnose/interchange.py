r"""A text → the people in records that name a field by its place: HL7 v2, X12, SWIFT MT, vCard, LDIF.

Their lines are told by how they begin (`PID|`, `NM1*IL*`, `:50K:`, `FN:`, `cn: `); beside them people whom a
form of address or a line of a letter names (`Mrs. …`, `Ship to: …`).
Sources: HL7 v2.5 chapter 3 (PID), ASC X12 005010X222 (NM1, DMG), SWIFT category 1 (fields 50, 59), RFC 6350
(vCard), RFC 2849 (LDIF).
"""

from collections.abc import Iterator
from typing import Final

from diagnose.candidate import accepted
from diagnose.label import STREET, Label, latin
from diagnose.personal import NAME
from diagnose.secret import Finding, Kind

_LEAD = rb"(?m)(?:^|[\s\"'>])"
_WORDS = rb"[A-Z\xc3-\xc5][A-Za-z\x80-\xff'.-]+(?: [A-Z\xc3-\xc5][A-Za-z\x80-\xff'.-]*){1,3}"
_HONORIFIC = rb"(?:M(?:r|rs|s|me)|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Sra?|Sig)\b\.?"

_PID: Final = (
    rb"\bPID\|[^|\n]*\|[^|\n]*\|([^|^~\n]*)[^|\n]*\|[^|\n]*\|([^|^~\n]*)\^?([^|^~\n]*)[^|\n]*\|[^|\n]*"
    rb"\|([^|\n]*)(?:\|[^|\n]*){3}(?:\|([^|^~\n]*)[^|\n]*(?:\|[^|\n]*\|([^|^~\n]*))?)?"
)
_NM1: Final = rb"\bNM1\*(?:IL|QC|74|77|85|82|DN|P3)\*1\*([^*~\n]+)\*([^*~\n]*)(?:\*[^*~\n]*){4}\*([^*~\n]*)"
_PARTY: Final = (
    rb":5[09][AFK]?:(?:/([^\n]+)\r?\n)?(" + _WORDS + rb"|[A-Z][A-Z' -]+)\r?(?:\n([^\n:]*[0-9][^\n:]*))?"
)
_LETTER: Final = (
    _LEAD + rb"(?:[Ss]hip|[Bb]ill|[Dd]eliver|[Ss]old) to:[ \t]*(?:\n[ \t]*)?(" + _WORDS
    + rb")(?:,?[ \t]*\n?[ \t]*(" + STREET + rb"))?"
)  # fmt: skip
_N, _B, _I, _P, _A = Kind.NAME, Kind.BIRTH_DATE, Kind.PERSONAL_ID, Kind.PHONE, Kind.ADDRESS
_RECORDS: Final = tuple(
    (needle, latin(pattern), kinds)
    for needle, pattern, kinds in (
        (b"PID|", _PID, (_I, _N, _N, _B, _A, _P)),
        (b"NM1*", _NM1, (_N, _N, _I)),
        (b"DMG*", rb"\bDMG\*D8\*([0-9]{8})", (_B,)),
        (b":5", _PARTY, (Kind.ACCOUNT, _N, _A)),
        (b"FN", _LEAD + rb"FN(?:;[^:\n]*)?:(" + NAME + rb")", (_N,)),
        (b"BDAY", _LEAD + rb"BDAY(?:;[^:\n]*)?:([0-9-]{8,10})", (_B,)),
        (b"cn:", _LEAD + rb"cn: (" + _WORDS + rb")", (_N,)),
        (b"sn:", _LEAD + rb"sn: ([A-Z\xc3-\xc5][A-Za-z\x80-\xff'-]+)[ \t\r]*(?:$|\n)", (_N,)),
        (b"givenName:", _LEAD + rb"givenName: (" + NAME + rb")", (_N,)),
        (b" to:", _LETTER, (_N, _A)),
        (b"D", rb"\bDear (" + _WORDS + rb"),", (_N,)),
        (
            b" by",
            rb"\b(?:requested|submitted|approved|signed|reported|ordered) by:? (" + _WORDS + rb")",
            (_N,),
        ),
        (b"ed to ", rb"\b(?:shipped|delivered|sent|mailed) to (" + STREET + rb")", (_A,)),
    )
)
_ADDRESSED: Final = latin(
    rb"\b" + _HONORIFIC + rb" ([A-Z\xc3-\xc5][a-z\x80-\xff'-]+(?: [A-Z\xc3-\xc5][a-z\x80-\xff'-]+)?)"
)
_TRIGGER: Final = latin(
    rb"\bPID\||\bNM1\*|\bDMG\*|:5[09][A-K]?:[A-Z/]|\bFN[;:]|\bBDAY[;:]|\b(?:cn|sn|givenName): "
    rb"|(?:[Ss]hip|[Bb]ill|eliver|[Ss]old) to:"
    rb"|(?:quested|mitted|proved|signed|ported|dered) by:? [A-Z\xc3-\xc5]"
    rb"|\bDear [A-Z\xc3-\xc5]|(?:shipped|delivered|sent|mailed) to [0-9A-Z]"
    rb"|\b" + _HONORIFIC + rb" [A-Z\xc3-\xc5]",
    groups=False,
)  # fmt: skip


def recorded(data: bytes) -> Iterator[Finding]:
    """Yield the people whom a record names by their place in it."""
    if not _TRIGGER.search(data):
        return
    for needle, pattern, kinds in _RECORDS:
        for record in pattern.finditer(data) if needle in data else ():
            for group, kind in enumerate(kinds, start=1):
                span = record.span(group)
                if span[0] < span[1] and accepted(record.group(group), Label(kind=kind), strict=False):
                    yield Finding(kind=kind, stretches=(span,))
    for person in _ADDRESSED.finditer(data):
        if accepted(person.group(1), Label(kind=Kind.NAME), strict=False):
            yield Finding(kind=Kind.NAME, stretches=(person.span(1),))
