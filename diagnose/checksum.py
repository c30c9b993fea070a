"""A stretch of bytes that looks like a card, an account, an address → whether it is one, by digits and edges.

Sources: Luhn (ISO/IEC 7812-1), mod 97 and lengths (ISO 13616), SSN ranges (SSA, 2011), octets ≤ 255 (RFC
791), RFC 4291.
Limits: one number in ten passes Luhn by chance, so cards also need a brand's prefix and length.
"""

from ipaddress import AddressValueError, IPv6Address

from diagnose.label import latin, small

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_DIGIT = frozenset(b"0123456789")
_ESCAPED = small(rb"(?:%[0-9A-Fa-f]{2}|\\+[nrtbf]|\x1b\[[0-9;]*m|\\u[0-9a-fA-F]{4})\z")
_IVY_BEFORE = latin(rb"#[\w.-]+;\z")  # `org#module;1.2.3.4`
_VERSION_BEFORE = latin(
    rb"(?i)(?:(?:version|release|build|revision)[\"'\]]?[ \t]*[:=_ (-]?[ \t]*[\"']?"
    rb"|\b(?:jdbc|driver|spark|hive|hadoop|tez|emr|amzn|java|jdk|scala|jre|hbase|iceberg|hudi|delta"
    rb"|kafka|presto|trino|livy|flink|openssl|oracle|python|section|rfc|oid|ojdbc)[0-9]* )\z"
)
_PORT_AFTER = small(rb":[0-9]{2,5}\b")
_LETTER_AFTER_DOT = small(rb"\.[A-Za-z0-9]|-[A-Za-z]|-[0-9]+(?:[^0-9.]|\z)")
_UNIT_AFTER = small(rb"(?i)[ ]?(?:bytes|byte|b|kb|mb|gb|kib|mib|gib|ms|ns|us|rows|records|seconds|s)\b")
_ADDRESS_DASH = small(
    rb"(?:BP-[0-9]+|(?:[0-9]{1,3}\.){3}[0-9]{1,3})-\z"
)  # an HDFS block pool, or the first end of a range

_PRODUCT_BEFORE = small(rb"[A-Za-z]/\z")  # `Chrome/120.0.0.0`

_PINNED = small(rb"[\w.-]+==\z")  # `pyarrow==14.0.1.0` of pip
_OF_HOST = small(rb"(?i)ip|host|addr|node|server|peer")
_COUNTED = small(
    rb"(?i)(?:\b(?:offset|lsn|scn|sequence)[\"']?[ ]?[:=(][ ]?|\bsnapshot\b[^\n]*[ =:(])\z"
)  # a place in a topic, Iceberg's snapshots

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18, "NO": 15, "PK": 24, "PL": 28,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24,
    "TR": 26, "UA": 29, "XK": 20,
}  # fmt: skip


def left_edge(data: bytes, start: int) -> bool:
    """Whether a token may begin here: no letter or digit before it, unless of an escape or a colour code."""
    if start == 0 or data[start - 1] not in _WORD:
        return True
    return _ESCAPED.search(data[max(0, start - 12) : start]) is not None


def edges(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch stands alone on both sides."""
    return left_edge(data, start) and (end == len(data) or data[end] not in _WORD)


def digits_of(text: bytes) -> str:
    """The digits alone."""
    return "".join(chr(byte) for byte in text if byte in _DIGIT)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: double every second digit from the right; the sum of digits ends in 0."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0


def _brand(digits: str) -> bool:
    size, two = len(digits), digits[:2]
    if digits[0] == "4":
        return size in {13, 16, 19}
    if two in {"34", "37"}:
        return size == 15
    if two in {"36", "38", "30"}:
        return size == 14
    return size == 16 and (
        two in {"51", "52", "53", "54", "55", "35", "60", "62", "64", "65"} or "2221" <= digits[:4] <= "2720"
    )


def card(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch is a payment card number."""
    counted = _COUNTED.search(data[max(0, start - 80) : start])
    if counted or not _card_edges(data, start, end) or _UNIT_AFTER.match(data, end):
        return False
    if data[start - 3 : start] == b"|- ":  # process ids in YARN's dump of the process tree
        return False
    digits = digits_of(data[start:end])
    return 13 <= len(digits) <= 19 and _brand(digits) and luhn(digits)


def _card_edges(data: bytes, start: int, end: int) -> bool:
    """As of other numbers, but beside 15 or 16 digits an underscore is an edge: columns are named so.

    Java's temporary files, such as `__spark_libs__…zip`, end in longer numbers.
    """
    before, after = data[start - 1 : start], data[end : end + 1]
    if len(digits_of(data[start:end])) not in {15, 16}:
        return _number_edges(data, start, end)
    left = before == b"_" or left_edge(data, start)
    right = after == b"_" or end == len(data) or data[end] not in _WORD
    return left and right and before not in {b".", b"-", b"$"} and after != b"-"


def _number_edges(data: bytes, start: int, end: int) -> bool:
    before = data[start - 1 : start]
    return (
        edges(data, start, end)
        and before not in {b"_", b".", b"-", b"$"}
        and data[end : end + 1] not in {b"_", b"-"}
    )


def ssn(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch is a US social security number that could have been issued."""
    area, group, serial = data[start:end].split(b"-")
    issued = area not in {b"000", b"666"} and group != b"00" and serial != b"0000"
    return issued and _number_edges(data, start, end) and data[start - 1 : start] not in {b"/", b":"}


def iban(text: bytes) -> bool:
    """ISO 13616: the country's length, and the rearranged number modulo 97 is 1."""
    compact = text.replace(b" ", b"").decode("ascii", "replace")
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def phone(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch is an international number: 10 to 15 digits (E.164), no sum, no time zone."""
    return (
        10 <= len(digits_of(data[start:end])) <= 15
        and data[start - 1 : start] not in {b"+", b"_", b"."}
        and edges(data, start, end)
    )


def octets(text: bytes) -> bool:
    """Whether four dotted numbers are an IPv4 address: each ≤ 255, no leading zero."""
    return all(int(part) <= 255 and (len(part) == 1 or part[0] != 48) for part in text.split(b"."))


def ipv4(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch is an IPv4 address and no four-part version."""
    if not octets(data[start:end]) or not edges(data, start, end):
        return False
    if _PORT_AFTER.match(data, end):
        return data[start - 1 : start] not in {b"_", b"."}
    before = data[max(0, start - 24) : start]
    if _ADDRESS_DASH.search(before):
        return True
    if _PRODUCT_BEFORE.search(before) and data[start:end].endswith(b".0.0"):
        return False
    if before[-1:] in {b".", b"_", b"-"} or _IVY_BEFORE.search(before) or data[end : end + 1] == b"_":
        return False
    pinned = _PINNED.search(before)
    version = _VERSION_BEFORE.search(before) or (pinned and not _OF_HOST.search(pinned.group()))
    return not version and not _LETTER_AFTER_DOT.match(data, end)


def ipv6(data: bytes, start: int, end: int) -> bool:
    """Whether the stretch is an IPv6 address and no time of day, namespace or hash."""
    text = data[start:end]
    if not edges(data, start, end) or data[start - 1 : start] == b":":
        return False
    if data[end : end + 1] == b":" and data[end + 1 : end + 2] != b" ":
        return False
    try:
        IPv6Address(text.decode("ascii"))
    except (AddressValueError, UnicodeDecodeError):
        return False
    groups = [part for part in text.split(b":") if part]
    return text == b"::1" or (len(groups) >= 2 and len(digits_of(text)) > 0)


def host(data: bytes, start: int, end: int) -> bool:
    """Whether the dashed numbers of a host name are an address."""
    name = data[start:end].split(b".")[0]
    return (
        left_edge(data, start)
        and octets(b".".join(name.split(b"-")[1:5]))
        and data[end : end + 1] not in _WORD_BYTES
    )


_WORD_BYTES = frozenset(bytes([byte]) for byte in _WORD)
