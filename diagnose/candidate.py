r"""A text that may be a secret → whether it can be one: no placeholder, type, variable, id, name or prose.

What stands behind a sure key needs only not to be a word that says there is none; the weaker the place, the
more it must be made like a token or a password.
Limits: judges the bytes alone; what stands around them is for who found them.
"""

from diagnose.label import Label, latin, small
from diagnose.secret import COMMON_WORDS, STOP_WORDS, Kind

_PLACEHOLDER = small(rb"\W{0,8}\[REDACTED-")
_NO_VALUE = small(
    rb"(?i)[\W_]*(?:\$\{|\{\{|\$\(|%\(|%s\b|\{[0-9]?\}|\*{2,}|x{3,}\b|\.{3}|<)|.*(?:\(redacted\)|\*{5,})"
    rb"|\$(?:[A-Z_]+|[0-9]+)\z|\([a-z]+\z|[?][A-Z_]+\z"
    rb"|[\W_]*(?:hidden|redacted|masked|sensitive|filtered|removed|omitted|protected)[\W_]*\z"
    rb"|[\W_]*\z|(?:\w+type|(?:var)?char|decimal|varchar2|nvarchar)(?:\([^)]*\))?\z|arn:|:|nullable *="
)
_TOKEN = small(rb"[A-Za-z0-9+/=_.~%:|-]{12,}\z")
_NO_TOKEN = small(
    rb"(?:app)?(?:application|container|attempt|appattempt|job|task|blk|step|stage)_"
    rb"|[0-9]{4}-[0-9]{2}-|[a-z][\w.]*-[0-9]+(?:\.[0-9]+)+\z|/|[a-z]+(?:\.\w+)+\z"
    rb"|[a-z0-9+.-]+://|[sj]-[A-Z0-9]{10,}\z|[\w.-]+:[0-9]+\z|AWS4-HMAC-SHA256|(?:SHA|Hmac|HMAC|MD"
    rb"|RSA|AES|PBKDF)-?[0-9]*(?:[A-Z][A-Z0-9]*)?(?:with|With|/|-)[\w/-]+\z|[0-9.:,-]+\z"
    rb"|[a-z]+(?:_[a-z]+)*=[^=]"
)
_CODE = small(
    rb"(?:os|self|sys|cls|conf|config|args|settings|getpass|dbutils|env|options|params|kwargs"
    rb"|request|System|sc|cfg|ctx)[.\[(]"
    rb"|(?:var|local|module|each)\.[a-z_][\w.]*\z"
    rb"|[A-Za-z_][A-Za-z_.]*[(\[](?:[^)\]]*|.*[)\](\[])\z|[A-Za-z_][\w.]*\(\)\[[\"'][\w-]+\z|(?:[a-z]+\.){2,}[A-Z]\w*\z"
)
_PLATFORM_ID = small(
    rb"(?:[A-Z]+_)+TOKEN\z|(?:application|container|attempt|appattempt|task"
    rb"|job)_(?:e[0-9]+_)?[0-9]{10,}_[0-9_rm]+\z"
)
_TECHNICAL = frozenset(
    b"app class daily error etl exchange file flow hash ingest join load main name pool query read run scan "
    b"shell sort step thread write".split()
)
_NO_LOGIN = latin(
    rb"[0-9.:,_-]+\z|/|[a-z]+://|[\w-]+(?:\.[\w-]+)*\.(?:[a-z]{2,}|[0-9]+)(?::[0-9]+)?(?:/.*)?\z|\[REDACTED"
)
_METHOD = latin(
    rb"(?i)[a-z][\w.]*-[0-9]+(?:\.[0-9]+)+\z|.*(?:sha-?[0-9]|md[45]|pbkdf|aes[_-]?[0-9]|scram-|bcrypt|argon|base64|utf-?[0-9]|oauth|column|\()|(?-i:[a-z0-9_.-]*_[a-z0-9_.-]*\z|[A-Z0-9_.-]*_[A-Z0-9_.-]*\z)|#"
)
_CAMEL = latin(
    rb"(?:[A-Z]?[a-z]{2,})+[0-9]{0,2}(?:[A-Z][a-z]{2,})*\z|[A-Z]+[0-9]*-?[0-9]*\z|[\w.]+\(|[a-z]+:"
)  # a name of code, not a secret
_TIME = latin(rb"[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|kb|mb|gb)?\z|[0-9a-f]{2}(?::[0-9a-f]{2})+\W*\z")
_NAME_OF_CODE = latin(rb"(?:[A-Z]*[a-z]{2,})+\z|[\w$]+(?:[./][\w$]+)+\z")
_PATH = latin(rb"[A-Za-z][\w.-]*(?:/[A-Za-z][\w.-]*)+\z")
_PAIR = small(rb"[A-Za-z][\w.@-]{1,63}:(?!//)([^\s:/\"'][^\s\"']{3,255})\z")
_PLAIN = Label(kind=Kind.PASSWORD)

MIN_CODED_BYTES = 16  # of letters and digits in a row
MIN_PASSWORD_BYTES = 8  # of letters alone; a shorter one may be a word


def accepted(text: bytes, label: Label, *, strict: bool) -> bool:
    """Whether a value may be secret at all: no placeholder, type, variable, id or word of prose."""
    if _PLACEHOLDER.match(text) or _NO_VALUE.match(text) or _PLATFORM_ID.match(text):
        return False
    lower = text.strip().lower()
    key_file = label.kind is Kind.PRIVATE_KEY and lower[:1] in {b"/", b"~"}
    if key_file or lower.rstrip(b".,;!").decode("utf-8", "replace") in STOP_WORDS:
        return False
    if label.kind is Kind.NAME:
        return not _technical(lower)
    if label.form:
        return True
    if strict:
        return is_credential(text) or (label.pair and is_pair(text))
    return not (label.kind is Kind.PASSWORD and lower.isdigit() and len(lower) < 4)


def _technical(lower: bytes) -> bool:
    words = lower.split()
    return any(word in _TECHNICAL or word.decode("utf-8", "replace") in COMMON_WORDS for word in words)


def is_credential(text: bytes) -> bool:
    """Whether a value looks like a token by itself: long, letters and digits, no id, path, class or date."""
    if not _TOKEN.match(text) or (_NO_TOKEN.match(text) and not (text[:1] == b"/" and is_coded(text))):
        return False
    digit = any(48 <= byte <= 57 for byte in text)
    mixed = any(65 <= byte <= 90 for byte in text[1:]) and any(97 <= byte <= 122 for byte in text)
    padded = text.endswith(b"=") and not text.rstrip(b"=").islower()
    return digit or padded or (mixed and len(text) >= 16 and text.isalnum())


def is_code(text: bytes) -> bool:
    """Whether it is a variable, a call or the like, of Python, Java, Scala or Terraform."""
    return bool(_CODE.match(text))


def is_coded(text: bytes) -> bool:
    """Whether a part between slashes is too long and mixed for a path: base64 holds slashes as well."""
    return any(
        len(part) >= MIN_CODED_BYTES and _mixed(part) and any(48 <= byte <= 57 for byte in part)
        for part in text.rstrip(b"=").split(b"/")
        if part.isalnum()
    )


def is_path(text: bytes) -> bool:
    """Whether it is a path of names, such as those that secrets are kept under."""
    return bool(_PATH.match(text)) and not is_coded(text)


def is_plain(text: bytes) -> bool:
    """Whether a value can stand where surely a password stands."""
    return accepted(text, _PLAIN, strict=False)


def is_userinfo(text: bytes) -> bool:
    """Whether it is a password with slashes; `host:8020/path@x` has none."""
    port = text.split(b"/", 1)[0]
    return not (port.isdigit() and len(port) <= 5) and is_plain(text)


def has_digits(text: bytes) -> bool:
    """Whether it is surely no word of prose: it holds a digit, and is no number, path, host or version."""
    named = _NO_LOGIN.match(text) and not (text[:1] == b"/" and is_coded(text))
    return any(48 <= byte <= 57 for byte in text) and not named and is_plain(text)


def is_sentence(text: bytes) -> bool:
    """Whether it is a password behind a blank: letters and digits, and not the name of a method."""
    letter = any(chr(byte).isalpha() for byte in text)
    return letter and has_digits(text) and not _METHOD.match(text) and not (text.islower() and is_path(text))


def is_strong(text: bytes) -> bool:
    """Whether it is no name, version, code or count: letters and digits, and cases or signs mixed."""
    signs = any(byte in b"!$%^&*~?+@#" for byte in text[1:])
    return (_mixed(text) or signs) and is_sentence(text) and not _CAMEL.match(text)


def is_pgpass(text: bytes) -> bool:
    """Whether it is the password of a line of .pgpass, not a time, a size or the end of a fingerprint."""
    return has_digits(text) and not _TIME.match(text)


def is_pair(text: bytes) -> bool:
    """Whether it is `user:password`; `host:8020`, `kind: word` and `md5:sum` are none."""
    pair = _PAIR.match(text)
    password = pair.group(1) if pair else b""
    return is_sentence(password) or (
        len(password) >= MIN_PASSWORD_BYTES
        and _mixed(password)
        and is_plain(password)
        and not _NAME_OF_CODE.match(password)
    )


def _mixed(text: bytes) -> bool:
    return not text.islower() and not text.isupper()
