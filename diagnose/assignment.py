r"""A text → the values that stand behind a telling key, in every notation in which logs write key and value.

One separator grammar: `k=v` `k: v` `k -> v` `k => v`, JSON (escaped any number of times, the value on the
next line), Python dicts, Java maps, XML (elements, attributes, Hadoop properties over several lines),
`{"Key": k, "Value": v}`, tuples and calls `(k,v)` `("k", "v")`, flags `--k v`, `k 'v'` of SQL, `k is v`, `k
v` on a line of its own, URL parameters (encoded twice, too), and colour codes between any of them.
Limits: an unquoted value ends at a blank; the value of a key two lines away is not found.
"""

from collections.abc import Iterator

from diagnose.block import wrapped
from diagnose.candidate import accepted, is_code, is_credential, is_pair, is_path, is_plain, is_strong
from diagnose.label import STEMS, Label, Pattern, label_of, latin, small
from diagnose.secret import STOP_WORDS, Finding, Kind, Stretch
from diagnose.value import DECO, GAP, PREFIX, QUOTE, cut_of, enclosed, members, value_at

_LESS, _MORE = rb"(?:<|&lt;|\\u003c)", rb"(?:>|&gt;|\\u003e)"
_CDATA = rb"(?:<!\[CDATA\[)?"
_KEY = rb"([\w.$-]*(?:" + STEMS + rb")(?:[\w.$-]*\w)?)"

_ASSIGN = (
    rb"((?:\[\w*\]|#[0-9]+L?)?" + DECO + QUOTE + rb"?\]?" + DECO
    + rb"(?:(?:\\ )?(?:=>|->|:=|<-|<=>|<>|[!<>]=|\\*={1,3}|\\?:|%(?:25)?3[AaDd]|\\u003[aAdD]|&#61;)(?:\\ )?"
    + rb"|[ \t](?:not[ \t]+)?(?:i?like[ \t]+|in[ \t]*\()))"
)  # fmt: skip
_OTHERS = (
    rb"(?:" + GAP + QUOTE + rb"\w+" + QUOTE + DECO + rb":" + DECO
    + rb"(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.]+)" + DECO + rb",){0,4}"
)  # fmt: skip
_PAIR = (
    rb"(" + QUOTE + rb"?(?:" + DECO + rb"[,;]|[ \t]*\r?\n[ \t-]*|[ \t]+)" + _OTHERS + GAP + QUOTE
    + rb"?(?:parameter|option|property|secret)?_?val(?:ue)?" + QUOTE + rb"?" + DECO + rb"[=:])"
)  # fmt: skip
_BETWEEN = (
    rb"(?:"
    + _LESS
    + rb"(?:final|source|description)"
    + _MORE
    + rb"[^<>&]*"
    + _LESS
    + rb"/\w+"
    + _MORE
    + GAP
    + rb"){0,3}"
)
_XML = (
    rb"(\s*" + _LESS + rb"/[A-Za-z:]+" + _MORE + GAP + _BETWEEN
    + _LESS + rb"(?:value|val|td|th|dd|string|span)\b[^<>&\n]*" + _MORE + GAP + _CDATA
    + rb"|(?:" + QUOTE + rb"|[ \t]+[\w:]+=[\"'][^\"'<>\n]*[\"'])*" + _MORE + GAP + _CDATA
    + rb"|" + QUOTE + rb"[ \t]+value[ \t]*=[ \t]*)"
)  # fmt: skip
_COMMA = rb"(" + DECO + QUOTE + rb"?" + DECO + rb",)"

_ESCAPE_END = small(rb"(?:(?:25)*(?:2[0-9A-Fa-f]|3[A-Fa-f]|5[BbDd]|7[BbDd]|0[AaDd])|[0-9]*m|[nrt])?")
# two patterns, each with and without groups: RE2 takes the groups of a large one at a tenth of the speed
_ASSIGNS = rb"(?i)" + _KEY + rb"(?:" + _ASSIGN + rb"|" + _COMMA + rb")"
_ASSIGNMENT, _ASSIGNMENT_GROUPS = latin(_ASSIGNS, groups=False), latin(_ASSIGNS)
_NESTS = rb"(?i)" + _KEY + rb"(?:" + _PAIR + rb"|" + _XML + rb")"
_STRUCTURED, _STRUCTURED_GROUPS = latin(_NESTS, groups=False), latin(_NESTS)
# where a key ends, without groups: neither a sign of a key follows, nor the rest of a stem that holds a blank
_PLAIN_KEY = small(
    rb"(?i)[\w.$-]*\w(?:(?=->)|(?![\w.$\xc3-]|\\u00f1|[ \t\n\f\r](?:phrase|code|word|key|info)))"
)
_FLAG = latin(
    rb"(?i)(--?(?:[a-z][\w.-]*)?(?:" + STEMS + rb")(?:[\w.-]*\w)?)" + QUOTE
    + rb"?(?:[ \t]*,[ \t]*(?:\r?\n(?:" + PREFIX + rb")?)?|[ \t]+(?:\\[ \t]*\r?\n(?:" + PREFIX
    + rb")?)?|[ \t]*\\?\r?\n[ \t]*(?:--arg[ \t\r]*\n[ \t]*)?(?:" + PREFIX + rb")?(?:-[ \t]+)?)[ \t]*"
)  # fmt: skip
_XML_REVERSED = latin(
    rb"(?i)" + _LESS + rb"value" + _MORE + rb"([^<>&\n]+)" + _LESS + rb"/value" + _MORE + GAP
    + _LESS + rb"name" + _MORE + rb"([\w.$-]*)" + _LESS
)  # fmt: skip
_BRACKETED = latin(
    rb"(?i)"
    + _KEY
    + rb"[ \t]+(?:\[([^\]\s]*[0-9][^\]\s]*)\]|\(([^)\s]*[0-9][^)\s]*)\)|<([^<>\s]*[0-9][^<>\s]*)>)"
)
_PHRASE = latin(
    rb"(?i)" + _KEY + rb"(?:([ \t]+(?:is|was)[ \t]+)(?:[\"'(]|\S*[0-9])|\\*[`\"]?([ \t]+)\\*[\"'`]"
    rb"|[ \t]+([^\s\"'`=:,;(){}\[\]<>|/-][^\s\"'`]*[0-9][^\s\"'`]*|[0-9][^\s\"'`]{5,}))"
)
_CONF_LINE = latin(
    rb"(?im)^[ \t]*(?:[0-9]+[ \t]+)?(?:/?\w[\w.-]*/(?:[\w.-]+/)*)?([\w.-]*(?:" + STEMS + rb")(?:[\w.-]*\w)?)"
    rb"[ \t]+(?:(?:Secure)?String[ \t]+)?(\S+)[ \t\r]*$"
)
_CONF_CELL = latin(
    rb"(?i)\|[ \t]*([\w.-]*(?:" + STEMS + rb")(?:[\w.-]*\w)?)[ \t]*\|[ \t]*([^|\s]+)[ \t]*(?:\||\z)"
)

_PAIR_REVERSED = latin(
    rb"(?i)" + QUOTE + rb"?\bval(?:ue)?" + QUOTE + rb"?" + DECO + rb"[:=]" + DECO
    + QUOTE + rb"((?:[^\"'\n\\]|\\[^\n])+?)" + QUOTE + DECO + rb"," + GAP
    + QUOTE + rb"?(?:name|key)" + QUOTE + rb"?" + DECO + rb"[:=]" + DECO + QUOTE + rb"([\w./$-]+)" + QUOTE
)  # fmt: skip
_PAIR_ENDS = frozenset(b"=:")  # what stands before the value of a pair, and never before that of an element
_CLOSING_NAME = small(rb"\s*(?:<|&lt;|\\u003c)/")
_CLOSING_TAG = latin(rb"(?i)(?:<|&lt;|\\u003c)/[\w:.-]*\z")
_OPEN_TAG = latin(rb"(?i)(?:(?:<|&lt;|\\u003c)[\w:.-]*|:)\z")
MAX_TAG_BYTES = 60
_RAW_END = latin(rb"\]\]>|<|\n|\z")
_ELEMENT_END = latin(rb"\]\]>|<|&lt;|\\u003c|\n|\z")
_REFERENCE = small(rb"[ \t]*!(?:Ref|GetAtt|ImportValue|FindInMap|Select|reference)\b")  # of CloudFormation
_OTHER_KEY = small(rb"[\w.-]+=+[^=]")
_CHANGED = small(rb"\"[ \t]*->[ \t]*\"([^\"\n]+)\"")  # what Terraform will write in its place
_COLUMN_CALLS = frozenset(
    b"select selectExpr drop groupBy groupby orderBy sort agg partitionBy bucketBy join dropDuplicates "
    b"withColumnRenamed withColumn cube rollup col cols struct concat coalesce isin in IN rename subset "
    b"StructField add_column".split()
)
_PREDICATES = frozenset(
    b"EqualTo EqualNullSafe GreaterThan GreaterThanOrEqual LessThan LessThanOrEqual StringContains "
    b"StringStartsWith StringEndsWith Not In".split()
)
_WORDY = frozenset([b" ", b"\t", b"("])
_ARN_BEFORE = latin(rb"\barn:[a-z-]+:[^\s]*\z")
MAX_ARN_BYTES = 160
_COMPARISONS = frozenset(b"!= <> == <= >= <=> ===".split())
_OTHER_SIDE = small(rb"[ \t]*(?:[A-Za-z_][A-Za-z_.]*|[0-9]+(?:\.[0-9]+)+)(?:[\s:,)\]]|\z)")
"""A variable, a version."""
_COLUMN = small(rb"[ \t]*\w+#[0-9]+L?(?:[\s,)\]]|\z)")  # of a query plan
_COUNT = small(rb"[ \t]*[0-9]{1,6}(?:[\s,;.)]|\z)")  # of tests that pass
_WORD = small(rb"[A-Za-z]+(?:[_'-][A-Za-z]+)*\z")
_FAULT = small(rb"(?:[\w$]+\.)*[A-Za-z]\w*(?:Exception|Error|Denied|Failure)\z")
_TALK = small(rb"[ \t]+(?:[A-Za-z][a-z'-]*|[0-9]+),?[ \t]+[A-Za-z][a-z'-]*(?:[.,;!?)]|\s|\z)")
_NEXT_WORD = small(rb"[ \t]+([A-Za-z]+)(?:[.,;!?)]|\s|\z)")
_MISSING = latin(
    rb"\\*[\"'`] (?:was not found|not found|does not exist|already exists|is scheduled|in namespace)"
)
_LIST = latin(GAP + rb"\[(?:\s*\"[^\"\n]*\"\s*,?|\s*'[^'\n]*'\s*,?){1,50}")
_LIST_ITEM = latin(rb"[\"']([^\"'\n]+)[\"']")
MAX_ELEMENT_BYTES = 1 << 12
_STEM = latin(rb"(?i)" + STEMS)
PLACEHOLDER_EDGE_BYTES = 16  # a placeholder right behind the separator and its quotes: nothing left to do


def assignments(data: bytes) -> Iterator[Finding]:
    """Yield every value behind a telling key, in no particular order."""
    if not _STEM.search(data):
        return
    done = 0
    for match in _ASSIGNMENT.finditer(data):
        start, end = match.span()
        if start < done or _is_done(data, end):
            continue
        middle = _key_end(data, start, end, _ASSIGNMENT_GROUPS)
        label = label_of(_key(data, start, middle))
        for finding in _assigned(data, start, middle, end, label) if label else ():
            done = finding.stretches[0][1]
            yield finding
    yield from _structured(data)
    for match in _FLAG.finditer(data):
        start, end = match.span()
        label = None if _is_done(data, end) else label_of(match.group(1))
        if label and label.kind not in _LOOSE and data[start - 1 : start] in _BEFORE_FLAG:
            yield from _valued(data, end, label, strict=label.weak, flag=True)
    for match in _PHRASE.finditer(data):
        label = label_of(match.group(1))
        if label and match.group(4):
            yield from _followed(match.group(4), match.span(4), label)
        elif label and (not label.form or label.kind is Kind.SECRET):
            strict = label.weak or match.group(1).lower() == b"token"
            yield from _valued(data, max(match.end(2), match.end(3)), label, strict=strict, prose=True)
    yield from _cells(data)


def _followed(text: bytes, span: Stretch, label: Label) -> Iterator[Finding]:
    """What a blank alone divides from its key: it must be made like a secret."""
    text = text.rstrip(b".,;:)]}")
    named = label.form or _OTHER_KEY.match(text) or is_path(text)
    if named or b"[REDACTED" in text or not is_plain(text):
        return
    sure = is_strong(text) or (label.kind in _TOKENS and is_credential(text))
    if (sure and not label.weak) or (label.pair and is_pair(text)):
        yield Finding(kind=label.kind, stretches=((span[0], span[0] + len(text)),))


def _is_done(data: bytes, position: int) -> bool:
    """Whether the value at a place is a placeholder already."""
    return data[position : position + PLACEHOLDER_EDGE_BYTES].lstrip(b" \t\"'\\").startswith(b"[REDACTED-")


def _cells(data: bytes) -> Iterator[Finding]:
    """Values marked on both sides: a line, a table cell, brackets, an element before the name."""
    for match in (*_CONF_LINE.finditer(data), *_CONF_CELL.finditer(data)):
        label = label_of(match.group(1))
        cell = data[match.start() : match.start() + 1] == b"|" and _MIXED.match(match.group(2))
        wide = b"  " in data[slice(*match.span())] and _SIGNED.match(match.group(2))
        strict = label is not None and (label.weak or (b"." not in match.group(1) and not cell and not wide))
        formed = label and (
            not label.form or (label.kind is Kind.SECRET and label.form.match(match.group(2)))
        )
        if label and formed and accepted(match.group(2), label, strict=strict):
            yield Finding(kind=label.kind, stretches=(match.span(2),))
    for match in _BRACKETED.finditer(data):
        label = label_of(match.group(1))
        text = match.group(2) or match.group(3) or match.group(4)
        coded = text.isdigit() or _CODED.match(text)
        if label and not label.form and not coded and accepted(text, label, strict=label.weak):
            yield Finding(kind=label.kind, stretches=(max(match.span(group) for group in (2, 3, 4)),))
    for match in (*_XML_REVERSED.finditer(data), *_PAIR_REVERSED.finditer(data)):
        label = label_of(match.group(2))
        if label and accepted(match.group(1), label, strict=label.weak):
            yield Finding(kind=label.kind, stretches=(match.span(1),))


_MIXED = small(rb"(?=.*[0-9])(?=.*[A-Za-z])")
_SIGNED = small(rb"(?=.*[0-9!@#$^&*~?+.%_-])(?=.*[A-Za-z])(?!.*[(\[{:/])")  # no path, call or URL
_CODED = small(rb"[A-Z]+-?[0-9]+\z|[A-Za-z]+=")  # the code of an error
_BEFORE_FLAG = frozenset([b"", *(bytes([byte]) for byte in b" \t\r\n\"'=[(,`")])


def _key_end(data: bytes, start: int, end: int, groups: Pattern) -> int:
    """Where the key at the beginning of a match ends, and its separator begins."""
    plain = _PLAIN_KEY.match(data, start, end)
    return plain.end() if plain else groups.match(data, start, end).end(1)


def _key(data: bytes, start: int, end: int) -> bytes:
    r"""The key without the end of an escape (`%26`, `\\n`, a colour code) that was read as its beginning."""
    key, before = data[start:end], data[max(0, start - 8) : start]
    if key.startswith(b"REDACTED-") and before.endswith(b"["):
        return b""
    if before.endswith((b"%", b"\\")) or (b"[" in before and (b"\x1b" in before or b"\\" in before)):
        escape = _ESCAPE_END.match(key)
        return key[escape.end() if escape else 0 :]
    return key


def _structured(data: bytes) -> Iterator[Finding]:
    """The values that XML and pairs of name and value hold."""
    for match in _STRUCTURED.finditer(data):
        start, end = match.span()
        if _is_done(data, end):
            continue
        middle = _key_end(data, start, end, _STRUCTURED_GROUPS)
        label = label_of(_key(data, start, middle))
        if label and data[end - 1] not in _PAIR_ENDS:
            yield from _element(data, start, (middle, end), label)
        elif label:
            yield from _valued(data, end, label, strict=label.weak)


def _assigned(data: bytes, key_start: int, middle: int, end: int, label: Label) -> Iterator[Finding]:
    key, separator = data[key_start:middle], data[middle:end]
    if separator.endswith(b","):
        yield from _member(data, key_start, key, end, label)
        return
    if separator == b":" == data[key_start - 1 : key_start] and _ARN_BEFORE.search(
        data[max(0, key_start - MAX_ARN_BYTES) : key_start]
    ):
        return
    compared = separator.strip() in _COMPARISONS and _OTHER_SIDE.match(data, end)
    if compared or (separator[:1] == b"#" and _COLUMN.match(data, end)):
        return
    prose = separator.strip() == b":" or separator[-1:] in _WORDY
    if prose and key.lower() == b"pass" and _COUNT.match(data, end):
        return
    strict = label.weak or (prose and key.lower() == b"token")
    cut = cut_of(data, key_start, separator)
    path = key.lower() in {b"pwd", b"oldpwd"}
    whole = enclosed(data, key_start, end)
    if whole and accepted(data[slice(*whole)], label, strict=strict) and not label.form:
        yield Finding(kind=label.kind, stretches=(whole,))
        return
    yield from _listed(data, end, label)
    yield from _valued(data, end, label, strict=strict, cut=cut, path=path, prose=prose)


def _listed(data: bytes, position: int, label: Label) -> Iterator[Finding]:
    """Each of `"passwords": ["a", "b"]`."""
    opened = _LIST.match(data, position) if label.kind is Kind.PASSWORD else None
    for item in _LIST_ITEM.finditer(opened.group()) if opened else ():
        if accepted(item.group(1), Label(kind=label.kind), strict=False):
            yield Finding(kind=label.kind, stretches=((position + item.start(1), position + item.end(1)),))


def _valued(
    data: bytes,
    position: int,
    label: Label,
    *,
    strict: bool,
    cut: Pattern = None,
    flag: bool = False,
    path: bool = False,
    prose: bool = False,
) -> Iterator[Finding]:
    """The finding for a value that begins, after blanks and quotes, at `position`."""
    stretches, quoted = value_at(data, position, label, cut)
    if not stretches or _REFERENCE.match(data, position):
        return
    text = b"".join(data[start:end] for start, end in stretches)
    if (flag and not quoted and text[:1] == b"-") or (path and text[:1] == b"/"):
        return
    if not quoted and not label.form and is_code(text):
        return
    if prose and _spoken(data, stretches[-1][1], text, quoted=quoted, password=label.kind is Kind.PASSWORD):
        return
    if accepted(text, label, strict=strict):
        parts = members(data, stretches) if quoted else [stretches]
        hunted = parts == [stretches] and not (prose and not quoted and not label.form and _WORD.match(text))
        yield from (Finding(kind=label.kind, stretches=part, hunted=hunted) for part in parts)
    changed = _CHANGED.match(data, stretches[-1][1]) if quoted else None
    if changed and accepted(changed.group(1), label, strict=strict):
        yield Finding(kind=label.kind, stretches=(changed.span(1),))


def _spoken(data: bytes, end: int, text: bytes, *, quoted: bool, password: bool) -> bool:
    """Whether a value behind a colon or a blank is part of a sentence, an error, or a secret's name."""
    if quoted:
        named = is_path(text) and not (password and is_strong(text))
        return bool(named or _MISSING.match(data, end))
    if _FAULT.match(text):
        return True
    if not _WORD.match(text):
        return text.islower() and is_path(text)
    following = _NEXT_WORD.match(data, end)
    return bool(_TALK.match(data, end)) or bool(
        following and following.group(1).lower().decode() in STOP_WORDS
    )


def _element(data: bytes, key_start: int, xml: Stretch, label: Label) -> Iterator[Finding]:
    """The value of an XML element or attribute."""
    text = data[xml[0] : xml[1]]
    if text.rstrip().endswith(b"="):
        yield from _valued(data, xml[1], label, strict=label.weak)
        return
    named = _CLOSING_NAME.match(text)
    if not named:  # the key is the tag's name or an attribute's value
        before = data[max(0, key_start - MAX_TAG_BYTES) : key_start]
        if _CLOSING_TAG.search(before):
            return
        in_tag = _OPEN_TAG.search(before) or (
            b"<" not in text.replace(b"<![CDATA[", b"") and text[:1] in {b'"', b"'"}
        )
        if not in_tag:
            return
    end_of = _RAW_END if b">" in text else _ELEMENT_END
    stop = end_of.search(data, xml[1], xml[1] + MAX_ELEMENT_BYTES)
    if not stop or (stop.start() == stop.end() < len(data)):
        return
    start = xml[1]
    end = start + len(data[start : stop.start()].rstrip())
    value = data[start:end]
    unclosed = data[stop.start() : stop.start() + 1] in {b"", b"\n"}
    if unclosed and b" " in value and (b"\n" not in text or b": " in text):
        return  # prose behind `<secret>`
    if value and accepted(value, label, strict=label.weak) and (not label.form or label.form.match(value)):
        yield Finding(kind=label.kind, stretches=((start, end), *wrapped(data, start, end)))


def _member(data: bytes, at: int, key: bytes, end: int, label: Label) -> Iterator[Finding]:
    """The second of two: `(key,value)`, `("key", "value")`, `call("key", "value")`, `["key", "value"]`."""
    quoted_key = data[at - 1 : at] in {b'"', b"'"}
    opener = max(0, at - 8) + len(data[max(0, at - 8) : at].rstrip(b"\\\"'")) if quoted_key else at
    if data[opener - 1 : opener] not in {b"(", b"["}:
        return
    call = data[max(0, opener - 40) : opener - 1].rsplit(b".", 1)[-1]
    name = call[len(call.rstrip(_NAME_BYTES)) :]
    if name in _PREDICATES:
        yield from _valued(data, end, label, strict=False)
        return
    if label.kind in _LOOSE or name in _COLUMN_CALLS or (name and not quoted_key):
        return
    stretches, quoted = value_at(data, end, label, None)
    if not stretches or quoted != quoted_key:
        return
    text = b"".join(data[start:end] for start, end in stretches)
    column = (
        text.replace(b"_", b"").isalpha()
        and (text.islower() or text.isupper())
        and b"." not in key
        and not name
    )
    after = data[stretches[-1][1] : stretches[-1][1] + 12].lstrip(b"\\\"' \t")
    closed = after.lstrip(b".")[:1] in {b")", b"]"} or after[:3] == b"..." or text.endswith(b"...")
    if closed and not column and accepted(text, label, strict=label.weak):
        yield Finding(kind=label.kind, stretches=stretches)


_LOOSE = frozenset({Kind.NAME, Kind.S3_PATH})  # what may be any word where no label stands before it
_TOKENS = frozenset({Kind.TOKEN, Kind.SECRET})
_NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
