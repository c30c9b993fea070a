r"""A text → the values that stand behind a telling key, in every notation in which logs write key and value.

One separator grammar: `k=v` `k: v` `k -> v` `k => v`, JSON (escaped any number of times, the value on the
next line), Python dicts, Java maps, XML (elements, attributes, Hadoop properties over several lines),
`{"Key": k, "Value": v}`, tuples and calls `(k,v)` `("k", "v")`, flags `--k v`, `k 'v'` of SQL, `k is v`, `k
v` on a line of its own, URL parameters (encoded twice, too), and colour codes between any of them.
Limits: an unquoted value ends at a blank; the value of a key two lines away is not found.
"""

from collections.abc import Iterator

from diagnose.block import wrapped
from diagnose.label import STEMS, Hit, Label, Pattern, label_of, latin
from diagnose.secret import COMMON_WORDS, STOP_WORDS, Finding, Kind, Stretch
from diagnose.value import DECO, GAP, QUOTE, value_at

_LESS, _MORE = rb"(?:<|&lt;|\\u003c)", rb"(?:>|&gt;|\\u003e)"
_CDATA = rb"(?:<!\[CDATA\[)?"
_KEY = rb"([\w.$-]*(?:" + STEMS + rb")(?:[\w.$-]*\w)?)"

_ASSIGN = (
    rb"((?:\[\w*\])?" + DECO + QUOTE + rb"?\]?" + DECO
    + rb"(?:=>|->|:=|<-|={1,2}|:|%(?:25)?3[AaDd]|\\u003[aAdD]|&#61;))"
)  # fmt: skip
_PAIR = (
    rb"(" + QUOTE + rb"?(?:" + DECO + rb"[,;]|[ \t]*\r?\n[ \t-]*)" + GAP + QUOTE
    + rb"?(?:parameter|option|property)?_?value" + QUOTE + rb"?" + DECO + rb"[=:])"
)  # fmt: skip
_XML = (
    rb"(\s*" + _LESS + rb"/[A-Za-z:]+" + _MORE + GAP + _LESS + rb"value[^<>&\n]*" + _MORE + GAP + _CDATA
    + rb"|(?:" + QUOTE + rb"|[ \t]+[\w:]+=[\"'][^\"'<>\n]*[\"'])*" + _MORE + GAP + _CDATA
    + rb"|" + QUOTE + rb"[ \t]+value[ \t]*=[ \t]*)"
)  # fmt: skip
_COMMA = rb"(" + DECO + QUOTE + rb"?" + DECO + rb",)"

_ESCAPE_END = latin(rb"(?:(?:25)*(?:2[0-9A-Fa-f]|3[A-Fa-f]|5[BbDd]|7[BbDd]|0[AaDd])|[0-9]*m|[nrt])?")
_ASSIGNMENT = latin(
    rb"(?i)" + _KEY + rb"(?:" + _ASSIGN + rb"|" + _PAIR + rb"|" + _XML + rb"|" + _COMMA + rb")"
)
_FLAG = latin(
    rb"(?i)(--?(?:[a-z][\w.-]*)?(?:" + STEMS + rb")(?:[\w.-]*\w)?)" + QUOTE
    + rb"?(?:[ \t]*,[ \t]*(?:\r?\n)?|[ \t]+(?:\\[ \t]*\r?\n)?|[ \t]*\\?\r?\n[ \t]*(?:-[ \t]+)?)[ \t]*"
)  # fmt: skip
_PHRASE = latin(rb"(?i)" + _KEY + rb"(?:([ \t]+(?:is|was)[ \t]+)(?:[\"'(]|\S*[0-9])|([ \t]+)\\*')")
_CONF_LINE = latin(rb"(?im)^[ \t]*([\w.-]*(?:" + STEMS + rb")(?:[\w.-]*\w)?)[ \t]+(\S+)[ \t\r]*$")
_CONF_CELL = latin(
    rb"(?i)\|[ \t]*([\w-]+\.[\w.-]*(?:" + STEMS + rb")(?:[\w.-]*\w)?)[ \t]*\|[ \t]*([^|\s]+)[ \t]*\|"
)

_ELEMENT_END = latin(rb"\]\]>|<|&lt;|\\u003c|\n|\z")
_PLACEHOLDER = latin(rb"\W{0,8}\[REDACTED-")
_NO_VALUE = latin(
    rb"(?i)[\W_]*(?:\$\{|\{\{|\$\(|%\(|%s\b|\{\}|\*{2,}|x{3,}\b|\.{3}|<)|.*(?:\(redacted\)|\*{5,})|\$[A-Z_]+\z"
    rb"|[\W_]*\z|(?:\w+type|(?:var)?char|decimal|varchar2|nvarchar)(?:\([^)]*\))?\z|arn:|:"
)
_CODE = latin(
    rb"(?:os|self|sys|cls|conf|config|args|settings|getpass|dbutils|env|options|params|kwargs|request|System|sc|cfg|ctx)[.\[(]"
    rb"|[A-Za-z_][A-Za-z_.]*[(\[](?:[^)\]]*|.*[)\]])\z|(?:[a-z]+\.){2,}[A-Z]\w*\z"
)
_TOKEN = latin(rb"[A-Za-z0-9+/=_.~%:|-]{12,}\z")
_NO_TOKEN = latin(
    rb"(?:app)?(?:application|container|attempt|appattempt|job|task|blk|step|stage)_|[0-9]{4}-[0-9]{2}-|/|[a-z]+(?:\.\w+)+\z"
    rb"|[a-z0-9+.-]+://|[sj]-[A-Z0-9]{10,}\z|[\w.-]+:[0-9]+\z|AWS4-HMAC-SHA256|[0-9.:,-]+\z"
)
_PLATFORM_ID = latin(
    rb"(?:application|container|attempt|appattempt|task|job)_(?:e[0-9]+_)?[0-9]{10,}_[0-9_rm]+\z"
)
_COLUMN_CALLS = frozenset(
    b"select selectExpr drop groupBy groupby orderBy sort agg partitionBy bucketBy join dropDuplicates "
    b"withColumnRenamed withColumn cube rollup col cols struct concat coalesce isin in IN rename subset "
    b"StructField add_column".split()
)
_TECHNICAL = frozenset(
    b"app class daily error etl exchange file flow hash ingest join load main name pool query read run scan "
    b"shell sort step thread write".split()
)
MAX_ELEMENT_BYTES = 1 << 12


def assignments(data: bytes) -> Iterator[Finding]:
    """Yield every value behind a telling key, in no particular order."""
    done = 0
    for match in _ASSIGNMENT.finditer(data):
        label = label_of(_key(data, match)) if match.start() >= done else None
        for finding in _assigned(data, match, label) if label else ():
            done = finding.stretches[0][1]
            yield finding
    for match in _FLAG.finditer(data):
        label = label_of(match.group(1))
        if label and not label.form and data[match.start() - 1 : match.start()] in _BEFORE_FLAG:
            yield from _valued(data, match.end(), label, strict=label.weak, flag=True)
    for match in _PHRASE.finditer(data):
        label = label_of(match.group(1))
        if label and not label.form:
            strict = label.weak or match.group(1).lower() == b"token"
            yield from _valued(data, max(match.end(2), match.end(3)), label, strict=strict)
    for match in (*_CONF_LINE.finditer(data), *_CONF_CELL.finditer(data)):
        label = label_of(match.group(1))
        strict = label is not None and (label.weak or b"." not in match.group(1))
        if label and not label.form and accepted(match.group(2), label, strict=strict):
            yield Finding(kind=label.kind, stretches=(match.span(2),))


_BEFORE_FLAG = frozenset([b"", *(bytes([byte]) for byte in b" \t\r\n\"'=[(,`")])


def _key(data: bytes, match: Hit) -> bytes:
    r"""The key without the end of an escape (`%26`, `\\n`, a colour code) that was read as its beginning."""
    before = data[max(0, match.start(1) - 8) : match.start(1)]
    if before.endswith((b"%", b"\\")) or (b"[" in before and (b"\x1b" in before or b"\\" in before)):
        return match.group(1)[_ESCAPE_END.match(match.group(1)).end() :]  # type: ignore[no-any-return]  # re2 is untyped
    return match.group(1)  # type: ignore[no-any-return]


def _assigned(data: bytes, match: Hit, label: Label) -> Iterator[Finding]:
    key_start, end = match.start(1), match.end()
    assign, _, xml, comma = (match.span(group) for group in (2, 3, 4, 5))
    if xml[0] >= 0:
        yield from _element(data, key_start, xml, label)
        return
    if comma[0] >= 0:
        yield from _member(data, match, label)
        return
    separator = data[assign[0] : assign[1]]
    prose = separator.endswith(b":") and separator.strip() == b":"
    strict = label.weak or (prose and match.group(1).lower() == b"token")
    cut = (
        _CUT_ENCODED
        if b"%" in separator
        else _CUT_QUERY
        if data[key_start - 1 : key_start] in {b"?", b"&"}
        else None
    )
    yield from _valued(
        data, end, label, strict=strict, cut=cut, path=match.group(1).lower() in {b"pwd", b"oldpwd"}
    )


def _valued(
    data: bytes,
    position: int,
    label: Label,
    *,
    strict: bool,
    cut: Pattern = None,
    flag: bool = False,
    path: bool = False,
) -> Iterator[Finding]:
    """The finding for a value that begins, after blanks and quotes, at `position`."""
    stretches, quoted = value_at(data, position, label, cut)
    if not stretches:
        return
    text = b"".join(data[start:end] for start, end in stretches)
    if (flag and not quoted and text[:1] == b"-") or (path and text[:1] == b"/"):
        return
    if not quoted and not label.form and _CODE.match(text):
        return
    if accepted(text, label, strict=strict):
        yield Finding(kind=label.kind, stretches=stretches)


def _element(data: bytes, key_start: int, xml: Stretch, label: Label) -> Iterator[Finding]:
    """The value of an XML element or attribute."""
    text = data[xml[0] : xml[1]]
    if text.rstrip().endswith(b"="):
        yield from _valued(data, xml[1], label, strict=label.weak)
        return
    before = data[max(0, key_start - 6) : key_start].lower()
    in_tag = before.endswith((b"<", b"&lt;", b"u003c", b":")) or (
        b"<" not in text and text[:1] in {b'"', b"'"}
    )
    if not in_tag and b"/" not in text:
        return
    stop = _ELEMENT_END.search(data, xml[1], xml[1] + MAX_ELEMENT_BYTES)
    if not stop or (stop.start() == stop.end() < len(data)):
        return
    start = xml[1]
    end = start + len(data[start : stop.start()].rstrip())
    value = data[start:end]
    if value and accepted(value, label, strict=label.weak) and (not label.form or label.form.match(value)):
        yield Finding(kind=label.kind, stretches=((start, end), *wrapped(data, start, end)))


def _member(data: bytes, match: Hit, label: Label) -> Iterator[Finding]:
    """The second of two: `(key,value)`, `("key", "value")`, `call("key", "value")`, `["key", "value"]`."""
    key = match.group(1)
    at = match.start(1)
    quoted_key = data[at - 1 : at] in {b'"', b"'"}
    opener = len(data[:at].rstrip(b"\\\"'")) if quoted_key else at
    if label.form or data[opener - 1 : opener] not in {b"(", b"["}:
        return
    call = data[max(0, opener - 40) : opener - 1].rsplit(b".", 1)[-1]
    name = call[len(call.rstrip(_NAME_BYTES)) :]
    if name in _COLUMN_CALLS or (name and not quoted_key):
        return
    stretches, quoted = value_at(data, match.end(), label, None)
    if not stretches or quoted != quoted_key:
        return
    text = b"".join(data[start:end] for start, end in stretches)
    column = text.replace(b"_", b"").isalpha() and text.islower() and b"." not in key and not name
    closed = data[stretches[-1][1] : stretches[-1][1] + 12].lstrip(b"\\\"' \t")[:1] in {b")", b"]"}
    if closed and not column and accepted(text, label, strict=label.weak):
        yield Finding(kind=label.kind, stretches=stretches)


_NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


def accepted(text: bytes, label: Label, *, strict: bool) -> bool:
    """Whether a value may be secret at all: no placeholder, type, variable, id or word of prose."""
    if _PLACEHOLDER.match(text) or _NO_VALUE.match(text) or _PLATFORM_ID.match(text):
        return False
    lower = text.strip().lower()
    if lower.decode("utf-8", "replace") in STOP_WORDS:
        return False
    if label.kind is Kind.NAME:
        return not _technical(lower)
    if label.form:
        return True
    if strict:
        return is_credential(text)
    return not (label.kind is Kind.PASSWORD and lower.isdigit() and len(lower) < 4)


def _technical(lower: bytes) -> bool:
    words = lower.split()
    return any(word in _TECHNICAL or word.decode("utf-8", "replace") in COMMON_WORDS for word in words)


def is_credential(text: bytes) -> bool:
    """Whether a value looks like a token by itself: long, letters and digits, no id, path, class or date."""
    if not _TOKEN.match(text) or _NO_TOKEN.match(text):
        return False
    digit = any(48 <= byte <= 57 for byte in text)
    mixed = any(65 <= byte <= 90 for byte in text[1:]) and any(97 <= byte <= 122 for byte in text)
    return digit or text.endswith(b"=") or (mixed and len(text) >= 16 and text.isalnum())
