"""What counts as a secret: the kinds, the shapes of unlabelled ones, the words that are none. Data, no logic.

Shapes are RE2 patterns over UTF-8 bytes read as Latin-1, so that every byte of a broken text still matches
something.
A shape has no left edge of its own: the scanner tests it (start of text, no word character, or an escape
before it).
Limits: a token format that is not listed here and stands behind no telling key is not seen.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The word in a placeholder: `[REDACTED-<kind>-<number>]`."""

    ACCOUNT = "ACCOUNT"
    ADDRESS = "ADDRESS"
    AWS_KEY = "AWS-KEY"
    BIRTH_DATE = "BIRTH-DATE"
    CARD = "CARD"
    CUSTOM = "CUSTOM"
    EMAIL = "EMAIL"
    HOST = "HOST"
    IBAN = "IBAN"
    IP = "IP"
    NAME = "NAME"
    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a kind
    PERSONAL_ID = "PERSONAL-ID"
    PHONE = "PHONE"
    PRIVATE_KEY = "PRIVATE-KEY"
    S3_PATH = "S3-PATH"
    SECRET = "SECRET"  # noqa: S105 - the name of a kind
    SSN = "SSN"
    TOKEN = "TOKEN"  # noqa: S105 - the name of a kind


Stretch = tuple[int, int]  # byte offsets, start inclusive, end exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One secret in one text: its kind and its stretches, one per line that it runs over."""

    kind: Kind
    stretches: tuple[Stretch, ...]
    value: bytes = b""  # decoded, when the text holds it encoded; otherwise what the stretches hold
    hunted: bool = True  # False for what may be a word of prose: removed at its place only


# Found by their shape wherever they stand; hunting the literal would only hit versions and dates alike.
NOT_HUNTED = frozenset({Kind.IP, Kind.HOST, Kind.BIRTH_DATE})
# Credentials are hunted in every encoding; the other kinds in plain form only.
ENCODED = frozenset({Kind.PASSWORD, Kind.SECRET, Kind.TOKEN, Kind.AWS_KEY, Kind.PRIVATE_KEY, Kind.CUSTOM})

MIN_HUNTED_BYTES = 6  # a shorter value stands in too many healthy words


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One unlabelled form: `pattern`'s group 1 (or whole match) is the value, if `check` (a name) agrees.

    It is tried only on lines that hold one of the `needles` or match the `trigger`, whatever the case.
    """

    kind: Kind
    pattern: bytes
    needles: tuple[bytes, ...] = ()
    check: str = "edges"
    trigger: bytes = b""
    lines: bool = False  # runs over several lines
    merged: bool = False  # a vendor's token, tried together with all others


def _token(prefixes: str, body: str) -> Shape:
    """A vendor's token: one of the space-separated prefixes, then a body that may not run on."""
    heads = prefixes.split()
    escaped = "|".join(head.replace(".", r"\.") for head in heads)
    needles = tuple(head.encode() for head in heads)
    return Shape(kind=Kind.TOKEN, pattern=f"(?:{escaped}){body}".encode(), needles=needles, merged=True)


_B64 = r"[A-Za-z0-9+/=_%-]"
_URL_TAIL = r"""(?:[^\s"'<>\\`|^\x0b\x1b\x1c-\x1e]|\\{1,2}/)*"""
_S3_HOST = r"s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?"

_CARD_EDGE = rb"(?:_|\b|%[0-9a-f]{2}|\\[nrtbf]|\\u[0-9a-f]{4}|\[[0-9;]*m)"

SHAPES: tuple[Shape, ...] = (
    # AWS: key ids of every type; a cut one (12 to 19 characters) is still a key
    Shape(
        kind=Kind.AWS_KEY,
        pattern=rb"(?:AKIA|ASIA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{8,124}",
        needles=(b"AKIA", b"ASIA", b"AROA", b"AIDA", b"AGPA", b"AIPA", b"ANPA", b"ANVA", b"ABIA", b"ACCA"),
        check="key_id",
    ),
    Shape(
        kind=Kind.SECRET,
        pattern=rb"[A-Za-z0-9/+]{40}",
        needles=(b"AKIA", b"ASIA", b"aws", b"secret", b"credential"),
        check="aws_secret",
    ),
    _token("IQoJb3JpZ2lu FwoGZXIvYXdz FQoGZXIvYXdz FwoDYXdz ABSKQmVkcm9ja", _B64 + r"{16,}"),
    # S3 in every spelling, the signed query string included
    Shape(
        kind=Kind.S3_PATH,
        pattern=rb"(?i)s3[an]?:(?:\\{0,2}/){2}" + _URL_TAIL.encode(),
        needles=(b"s3:", b"s3a:", b"s3n:"),
        check="url",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rb"(?i)(?:gs|wasbs?|abfss?|adls?|oss|cosn?):(?:\\{0,2}/){2}" + _URL_TAIL.encode(),
        needles=tuple(scheme + b":" for scheme in b"gs wasb wasbs abfs abfss adl adls oss cos cosn".split()),
        check="url",
    ),
    Shape(
        kind=Kind.PHONE,
        pattern=rb"(?i)\b(?:tel|phone|mobile|cell|fax)\b[.:= \t\"']{1,4}"
        rb"([2-9][0-9]{2}[. -][2-9][0-9]{2}[. -][0-9]{4})",
        trigger=rb"\b(?:tel|phone|mobile|cell|fax)\b[.:= \t\"']",
        check="edges",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rb"(?i)s3[an]?%(?:25)?3A(?:%(?:25)?2F){2}[^\s\"'<>&\\,;]+",
        needles=(b"s3%", b"s3a%", b"s3n%"),
        check="url",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rf"(?i)(?:https?:(?:\\{{0,2}}/){{2}}|https?%(?:25)?3A(?:%(?:25)?2F){{2}})?[a-z0-9][a-z0-9._-]*\.{_S3_HOST}{_URL_TAIL}".encode(),
        needles=(b"amazonaws.com",),
        check="url",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rf"(?i)(?:https?:(?:\\{{0,2}}/){{2}}|https?%(?:25)?3A(?:%(?:25)?2F){{2}})?{_S3_HOST}(?::[0-9]+)?\\{{0,2}}/[a-z0-9]{_URL_TAIL}".encode(),
        needles=(b"amazonaws.com",),
        check="url",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rf"arn:aws[a-z-]*:s3[a-z-]*:[a-z0-9-]*:[0-9]*:{_URL_TAIL}".encode(),
        needles=(b"arn:aws",),
        check="url",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rb"(?i)arn%(?:25)?3Aaws[a-z-]*%(?:25)?3As3[a-z-]*%(?:25)?3A[^\s\"'<>&\\,;]+",
        needles=(b"arn%",),
        check="url",
    ),
    Shape(
        kind=Kind.ACCOUNT,
        pattern=rb"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):",
        needles=(b"arn:aws",),
    ),
    Shape(
        kind=Kind.ACCOUNT,
        pattern=rb"(?i)\baccounts?(?:[ _-]?(?:id|number|no))?[\"']?[ \t]*[:=#(]?[ \t]*[\"']?([0-9]{12})\b",
        trigger=rb"\baccounts?(?:[ _-]?(?:id|number|no))?[\"']?[ \t]*[:=#(]?[ \t]*[\"']?[0-9]{12}",
    ),
    Shape(
        kind=Kind.S3_PATH,
        pattern=rb"(?i)\bbucket(?: named?)?[ \t:=]+\\*[\"'`]?([0-9]*[a-z][a-z0-9]*-"
        rb"[a-z0-9.-]*(?:-|[0-9])[a-z0-9.-]*[a-z0-9]|[0-9]+-[0-9.-]*[a-z][a-z0-9.-]*[a-z0-9])",
        needles=(b"bucket",),
    ),
    Shape(
        kind=Kind.ACCOUNT,
        pattern=rb"(?i)\bowner[ _-]?id[\"']?[ \t]*[:=]?[ \t]*[\"']?([0-9]{12})\b",
        trigger=rb"owner[ _-]?id[\"' \t:=]*[0-9]{12}",
    ),
    Shape(kind=Kind.ACCOUNT, pattern=rb"amazonaws\.com(?:\.cn)?/([0-9]{12})/", needles=(b"amazonaws.com",)),
    Shape(
        kind=Kind.ACCOUNT,
        pattern=rb"\b(?:aws-logs|aws-glue-assets|elasticbeanstalk-[a-z0-9-]+|cdk-[a-z0-9]+-assets"
        rb"|sagemaker-[a-z0-9-]+)"
        rb"-([0-9]{12})(?:-[a-z]|\b)",
        needles=(b"aws-logs", b"aws-glue", b"elasticbeanstalk", b"cdk-", b"sagemaker-"),
    ),
    Shape(
        kind=Kind.NAME,
        pattern=rb"\b(?:[Cc]ard|[Aa]ccount)[ -]?[Hh]older(?: [Nn]ame)?[ :=]+[\"']?"
        rb"([A-Z\xc3][a-z\x80-\xff'-]+(?: [A-Z\xc3][A-Za-z\x80-\xff'-]+){1,2})",
        needles=(b"holder",),
    ),
    Shape(
        kind=Kind.NAME,
        pattern=rb"\b(?:[Pp]atient|[Pp]assenger|[Bb]eneficiary|(?:[Cc]ustomer|[Ee]mployee"
        rb"|[Cc]lient|[Gg]uest) [Nn]ame)[ :=]+[\"']?"
        rb"([A-Z\xc3][a-z\x80-\xff'-]+(?: [A-Z\xc3][A-Za-z\x80-\xff'-]+){1,2})",
        trigger=rb"(?:patient|passenger|beneficiary|(?:customer|employee|client|guest) name)[ :=]",
    ),
    Shape(
        kind=Kind.BIRTH_DATE,
        pattern=rb"(?i)\b(?:date of birth|birth ?da(?:te|y)|born(?: on)?|dob"
        rb"|d\.o\.b\.)[\"']?[ \t]*[:=]?[ \t]*[\"'(]?"
        rb"([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ](?:[0-9]{1,2}"
        rb"|[a-z]{3,9})[-/. ][0-9]{4}|[a-z]{3,9} [0-9]{1,2},? [0-9]{4})",
        needles=(b"birth", b"born", b"dob", b"d.o.b."),
    ),
    Shape(
        kind=Kind.BIRTH_DATE,
        pattern=rb"(?i)[\"']([0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4})"
        rb"[\"'][^\n\"']{0,40}[\"' .](?:date_?of_?birth|birth_?da(?:te|y)|dob)\b",
        needles=(b"birth", b"dob"),
    ),
    Shape(kind=Kind.ACCOUNT, pattern=rb"([0-9]{12})\.dkr\.ecr", needles=(b".dkr.ecr",)),
    # Hosts that spell out an address
    Shape(
        kind=Kind.HOST,
        pattern=rb"(?i)ip(?:-[0-9]{1,3}){4}(?:\.ec2\.internal|\.[a-z0-9-]+\.compute\.(?:internal"
        rb"|amazonaws\.com(?:\.cn)?))?",
        trigger=rb"ip-[0-9]{1,3}-[0-9]",
        check="host",
    ),
    Shape(
        kind=Kind.HOST,
        pattern=rb"(?i)ec2(?:-[0-9]{1,3}){4}(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?",
        needles=(b"ec2-",),
        check="host",
    ),
    Shape(
        kind=Kind.IP,
        pattern=rb"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
        trigger=rb"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        check="ipv4",
    ),
    Shape(
        kind=Kind.IP,
        pattern=rb"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::"
        rb"(?:[0-9A-Fa-f]{1,4}:){0,6}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{1,4})?",
        trigger=rb"::|:[0-9a-f]{1,4}:[0-9a-f]{1,4}:",
        check="ipv6",
    ),
    # Tokens with a format of their own
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"eyJ[A-Za-z0-9_+/-]{12,}={0,2}(?:(?:\.|%2E)[A-Za-z0-9_-]+){0,4}",
        needles=(b"eyJ",),
    ),
    _token("ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{16,}"),
    _token("github_pat_", r"[A-Za-z0-9_]{20,}"),
    _token("glpat- gldt- glrt- glptt- glcbt- glsoat- glft- gloas- glimt- glagent-", r"[A-Za-z0-9_.-]{16,}"),
    _token("xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", r"[A-Za-z0-9%-]{10,}"),
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{16,})",
        needles=(b"hooks.slack",),
    ),
    _token("dapi dkea dose dsapi", r"[0-9a-f]{30,}(?:-[0-9]+)?"),
    _token("AIza", r"[A-Za-z0-9_-]{30,}"),
    _token("ya29. GOCSPX- 1//0", r"[A-Za-z0-9_.-]{16,}"),
    _token("sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ whsec_", r"[A-Za-z0-9]{16,}"),
    _token("npm_", r"[A-Za-z0-9]{30,}"),
    _token("pypi-", r"[A-Za-z0-9_-]{40,}"),
    _token("sk-", r"[A-Za-z0-9_-]{20,}"),
    _token(
        "hf_ r8_ dckr_oat_ dop_v1_ doo_v1_ shpat_ shpss_ shpca_ lin_api_ glsa_ glc_ gsk_ ntn_ dbtc_"
        " dbtu_ pul-",
        r"[A-Za-z0-9_-]{20,}",
    ),
    _token(
        "NRII- NRJS- ATATT3 ATBB sq0atp- sq0csp- hvs. hvb. dp.pt. dp.st. dp.ct. dp.sa."
        " dp.scim. dp.audit. SG. CCIPAT_ rubygems_",
        r"[A-Za-z0-9_.-]{20,}",
    ),
    _token("AKCp", r"[A-Za-z0-9]{40,}"),
    _token("AGE-SECRET-KEY-1 NRAK- HRKU- sqp_ squ_ sqa_ dckr_pat_ PMAK-", r"[A-Za-z0-9_-]{8,}"),
    _token("LTAI AKID", r"[A-Za-z0-9]{12,}"),
    _token("key-", r"[0-9a-f]{32}"),
    _token("pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{40,}"),
    _token("cflt", r"[A-Za-z0-9+/]{50,}"),
    Shape(kind=Kind.TOKEN, pattern=rb"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}", needles=(b":AA",)),
    Shape(kind=Kind.SECRET, pattern=rb"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", needles=(b"Q~",)),
    Shape(kind=Kind.SECRET, pattern=rb"[A-Za-z0-9+/]{86}==", needles=(b"==",)),
    # Schemes of the Authorization header, with or without its name
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"(?i)\b(?:bearer|basic|negotiate|ntlm|digest|apikey|token)(?:[ \t]+|%20|\+|:[ \t]*)"
        rb"([A-Za-z0-9._~+/=%-]{8,})",
        trigger=rb"(?:bearer|basic|negotiate|ntlm|digest|apikey|token)(?:[ \t]|%20|\+|:)",
        check="credential",
    ),
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"(?i)sharedkey(?:lite)?[ \t]+[\w-]+:([A-Za-z0-9+/=]{16,})",
        needles=(b"sharedkey",),
    ),
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"(?:Ident|identifier)[\"']?[:=][ \t]*((?:[0-9a-fA-F]{2}[ :,]){7,}[0-9a-fA-F]{2})",
        needles=(b"Ident",),
    ),
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"(?:Ident|identifier)[\"']?[:=][ \t]*\(?([A-Za-z0-9+/=_-]{16,})",
        needles=(b"Ident",),
        check="credential",
    ),
    Shape(
        kind=Kind.TOKEN,
        pattern=rb"_DELEGATION_TOKEN[^\n]*?[\s:=,(\"'\[]([A-Za-z0-9+/_-]{16,}={0,2})",
        needles=(b"_DELEGATION_TOKEN",),
        check="credential",
    ),
    # People
    Shape(
        kind=Kind.EMAIL,
        pattern=rb"[A-Za-z0-9_][A-Za-z0-9._+-]*(?:@|%(?:25)?40)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}",
        needles=(b"@", b"%40", b"%2540"),
        check="email",
    ),
    Shape(
        kind=Kind.CARD,
        pattern=rb"[2-6][0-9]{12,18}|[2-6][0-9]{3}(?:[ +-][0-9]{4}){3}|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}",
        trigger=_CARD_EDGE + rb"[2-6][0-9]{3}[ +-]?[0-9]{4}|" + _CARD_EDGE + rb"3[0-9]{3}[ -][0-9]{6}",
        check="card",
    ),
    Shape(
        kind=Kind.SSN,
        pattern=rb"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}",
        trigger=rb"[0-9]{3}-[0-9]{2}-[0-9]{4}",
        check="ssn",
    ),
    # Numbers of people that nothing else looks like: Brazil's CPF, France's NIR, Italy's codice fiscale,
    # Mexico's CURP
    Shape(
        kind=Kind.PERSONAL_ID,
        pattern=rb"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"
        rb"|[12] [0-9]{2} (?:0[1-9]|1[0-2]) [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2}",
        trigger=rb"[0-9]\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[12] [0-9]{2} [01][0-9] [0-9]{2} [0-9]{3} ",
    ),
    Shape(
        kind=Kind.PERSONAL_ID,
        pattern=rb"[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]|[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]",
        trigger=rb"(?-i:[A-Z]{6}[0-9]{2}[A-T][0-9]{2}[A-Z][0-9]|[A-Z]{4}[0-9]{6}[HM][A-Z]{5})",
    ),
    Shape(
        kind=Kind.IBAN,
        pattern=rb"[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?",
        trigger=rb"(?-i:[A-Z]{2}[0-9]{2}[ ]?[A-Z0-9]{4}[ ]?[A-Z0-9]{4})",
        check="iban",
    ),
    Shape(
        kind=Kind.PHONE,
        pattern=rb"\+[1-9][0-9]{0,2}(?:[ ./-]?\(?[0-9]{1,4}\)?){2,7}",
        trigger=rb"\+[1-9][0-9 .(/-]",
        check="phone",
    ),
    Shape(
        kind=Kind.PHONE,
        pattern=rb"00[1-9][0-9]{1,2}[ -][0-9]{2,4}[ -][0-9]{5,8}",
        trigger=rb"\b00[1-9][0-9]{1,2}[ -][0-9]{2,4}[ -][0-9]{5}",
    ),
    Shape(
        kind=Kind.PHONE,
        pattern=rb"\([2-9][0-9]{2}\)[ ]?[2-9][0-9]{2}[-. ][0-9]{4}",
        trigger=rb"\([2-9][0-9]{2}\)",
        check="edges",
    ),
)

# No value at all, or prose behind a colon.
STOP_WORDS = frozenset(
    """
    a accepted access acquired allowed also an and any are argument arguments array as at auth
    authenticated authentication be because been bigint binary blank boolean but by bytes can cannot
    changed char clear column could created date decimal default-value denied did disabled
    disallowed do does double empty enabled encrypted error exception expected expired expires
    failed failure false field fields file float for found from generated given had has hash have
    hidden if ignored in incorrect int integer invalid is it its jwt key keys kind loaded locked
    long mandatory masked may mismatch missing must n/a na never nil no none not null number object
    obtained of off ok omitted on only optional or passwd password passwords please provided pwd
    read received redacted refresh refused rejected removed renewed required requires reset resolved
    retrieved revoked rotated secret secrets secured sent set shall should size smallint sorry stale
    stored str string strong struct success successful supplied text that the this timestamp to token
    tokens too true type unable unbound unchanged undefined unexpected unknown unset unspecified updated use
    used user username using uuid validated value values varchar verified via was weak were will
    with without wrong yes you your
    """.split()  # noqa: SIM905 - one word per cell reads better than quoted strings
)

# Words that are somebody's password somewhere, and evidence everywhere else.
COMMON_WORDS = STOP_WORDS | frozenset(
    """
    account admin administrator analytics app apache application aws batch bucket changeme class client
    cluster config connection container controller copy daily data database default demo development driver
    executor export external failover flink gateway guest hadoop hbase hdfs hello hive hourly import
    internal iceberg info jdbc job kafka letmein loader local localhost login manager master memory metadata
    metastore monitor mysql network node oracle orders output partition pipeline postgres postgresql prod
    product production private public query reader readonly redshift region release replica report resource
    root runner sample schema server service snowflake source spark stage staging standard storage stream
    support system table target task test tester testing training transaction warehouse welcome worker
    writer yarn zookeeper
    """.split()  # noqa: SIM905 - as above
)
