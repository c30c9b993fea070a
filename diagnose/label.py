r"""The key before a value → the label that says what the value is, or None when it is no secret.

`spark.hadoop.fs.s3a.secret.key`, `javax.net.ssl.keyStorePassword`, `"customer_name"`, `--db-password`,
`X-Amz-Signature` are read as words; the last word decides (`password.file`, `tokens_processed`,
`SecretManager` hold no secret).
Limits: English words and, of people, some German ones; a key of one's own invention (`spring_water=`) is not
known: REDACTION_EXTRA_PATTERNS is for that.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from diagnose import personal
from diagnose.secret import Kind

Pattern = Any  # a compiled RE2; google-re2 ships no type information
Hit = Any  # a match of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands behind a key.

    Attributes:
        kind: The word for the placeholder.
        weak: The key alone is no proof; the value must look like a credential.
        form: A compiled RE2 that the value must match from its first byte on; None takes any value.
        pair: Of a weak one: `user:password` is a credential as well.
    """

    kind: Kind
    weak: bool = False
    form: Pattern = None
    pair: bool = False


MAX_PATTERN_BYTES = 64 << 20  # RE2's memory for one pattern; half a megabyte of literals needs it


def latin(pattern: bytes, *, groups: bool = True) -> Pattern:
    """Compile an RE2 over bytes, each byte a character, so that broken UTF-8 still matches.

    Args:
        pattern: In the syntax of RE2.
        groups: Whether a match tells where its groups are; without them RE2 needs a tenth of the time.
    """
    options = re2.Options()
    options.never_capture = not groups
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = MAX_PATTERN_BYTES
    return re2.compile(pattern, options)


def small(pattern: bytes) -> "re.Pattern[bytes]":
    r"""Compile a pattern for a few bytes at a known place, where a call of RE2 costs ten times as much.

    Only for patterns that are linear in `re` as well: no repetition holds or meets another of the same bytes.
    `\z` is read as in RE2.
    """
    return re.compile(pattern.replace(rb"\z", rb"\Z"))


MAX_KEY_BYTES = 200  # the end of a longer one decides

# A key is found by one of these stems; `label_of` judges the whole key.
STEMS = (
    rb"pass(?:[ -](?:phrase|code|word))?|pwd|pword|pswd|psw|pw|creds?|jwt|pat\b|secret|token"
    rb"|credential|signature|authorization|cookie|session_?id|sig|_auth|delegation|birth|dob"
    rb"|kennwort|contrase(?:n|\xc3\xb1|\\u00f1)a|senha|clave|parola|wachtwoord|salasana|salt"
    rb"|p[a4][s5]{2}w[o0]rd|auth\b|(?:access|unlock|auth|security|verification)[_ -]?code"
    rb"|saml|catalog_?id|address|street|name|surname|ssn|social|phone|mobile|msisdn|fax|card|ccn|cvv|cvc|iban|account|acct"
    rb"|passport|tax_?id|national_?id|bucket"
    rb"|(?:api|access|shared|storage|sign|signing|encrypt|encryption|master|auth|ssh|private"
    rb"|licen[sc]e|subscription|consumer"
    rb"|app|client|customer|hmac|service|function|rsa|pgp|sas|enc|aes|data|routing|integration"
    rb"|symmetric|props|crypto|fernet|application|salt|functions|footer|column|cipher|kek|sse-c|keystore)"
    rb"[_.\s-]?key|encryption[.\w]*key|art-api|sess(?:ion)?id"
    rb"|user[_. ]?info|url_?string|geburt|telefon|\btel\b|(?:nt|lm)[ _-]?hash|owner_?id|" + personal.IDS
)

_NAME = rb"[A-Za-z\x80-\xff][A-Za-z\x80-\xff'.-]*"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_PERSON = latin(_NAME + rb"(?:,? [A-Z\xc3-\xc5]" + _NAME[len(rb"[A-Za-z\x80-\xff]") :] + rb"){0,3}")
_FULL_NAME = latin(
    rb"[A-Z\xc3][a-z\x80-\xff'-]+(?:-?[A-Z][a-z\x80-\xff'-]+)?(?: [A-Z\xc3][A-Za-z\x80-\xff'.-]*){1,3}"
)
_DATE = latin(
    rb"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[0-9]{8}\b|[0-9]{1,2}\.? " + _MONTH + rb" [0-9]{4}|"
    + _MONTH + rb" [0-9]{1,2},? [0-9]{4}|datetime\.date\([0-9]{4}, ?[0-9]{1,2}, ?[0-9]{1,2}\)"
)  # fmt: skip
STREET = (
    rb"(?:(?:Flat|Apt|Unit|Suite)\.? [0-9]{1,5}[A-Z]?, )?"
    rb"(?:[0-9]{1,5}[A-Za-z]? [A-Z][a-z.'-]+(?: [A-Z][A-Za-z.'-]*){1,4}|[A-Z\xc3][A-Za-z\x80-\xff.-]*"
    rb"(?:[Ss]tr(?:\.|a(?:ss|\xc3\x9f)e)|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse) [0-9]{1,4}[a-z]?\b"
    rb"|(?:Via|Viale|Corso|Piazza|Rua|Avenida|Calle|Plaza|Paseo)(?: [A-Z\xc3][A-Za-z\x80-\xff.'-]*){1,4}"
    rb",? [0-9]{1,4}\b"
    rb"|[0-9]{1,4},? (?:rue|avenue|boulevard|place|chemin|quai)(?: [A-Za-z\x80-\xff.'-]+){1,4})"
)
"""A number before English or French names, or a German, Italian, Spanish or Portuguese name before one."""
_STREET = latin(STREET)
_DIGITS = latin(rb"[0-9](?:[ -]?[0-9]){3,22}")
_CARD = latin(rb"[0-9](?:[ -]?[0-9]){11,18}")
_CODE = latin(rb"[0-9]{3,4}\b")
_UUID = latin(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PHONE = latin(rb"(?:[+(]|%2B)?[0-9](?:[0-9 ()./+-]|%20){5,24}[0-9]")
_IBAN = latin(rb"[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_ACCOUNT_ID = latin(rb"[0-9]{12}\b")
_LOGIN = latin(rb"[^\s\"'/{\[][^\s\"']*[0-9][^\s\"']*|[0-9][^\s\"']{3,}")
_SESSION = latin(rb"[A-Za-z0-9_+/=.]{20,}")  # no UUID: those of Livy and Hive are evidence
_COOKIES = latin(rb"[\w.-]+=[^\n\"']{4,}|[A-Za-z0-9+/_%.-]{20,}")
_URL_STRING = latin(rb"[A-Za-z0-9_+/=.-]{20,}")  # of Hadoop's delegation tokens: base64 for URLs
_BUCKET = latin(rb"[a-z0-9][a-z0-9.-]*(?:-[a-z0-9.-]*[a-z]|[a-z][a-z0-9.]*-)[a-z0-9.-]*")

_PEOPLE = frozenset(
    """
    firstname lastname fullname surname givenname familyname middlename maidenname customername patientname
    employeename cardholdername cardholder accountholder accountholdername holdername contactname personname
    ownername recipientname sendername beneficiaryname nameoncard membername guestname passengername
    subscribername insuredname legalname fname lname custname vorname nachname familienname kundenname
    """.split()  # noqa: SIM905 - one word per cell reads better than quoted strings
)
_PEOPLE_TAILS = (
    "firstname",
    "lastname",
    "surname",
    "customername",
    "patientname",
    "employeename",
    "cardholdername",
)
_BIRTHS = (
    "geburtsdatum",
    "geburtstag",
    "dob",
    "dateofbirth",
    "birthdate",
    "birthday",
    "birthdt",
    "dateborn",
    "birthdateutc",
)
_PERSONAL: tuple[tuple[tuple[str, ...], Label], ...] = (
    (("cvv", "cvc", "cvv2"), Label(kind=Kind.CARD, form=_CODE)),
    (("card", "cardno", "cardnumber", "cardnum", "ccn", "ccnumber"),
     Label(kind=Kind.CARD, form=_CARD)),
    (("iban", "ibannumber"), Label(kind=Kind.IBAN, form=_IBAN)),
    (("phone", "mobile", "msisdn", "fax", "phonenumber", "phoneno", "mobilenumber",
      "telephone", "cellphone", "mobilephone", "tel", "telefon", "telefonnummer"),
     Label(kind=Kind.PHONE, form=_PHONE)),
    (("accountnumber", "accountno", "acctno", "acctnumber", "accountnum", "acctnum"),
     Label(kind=Kind.ACCOUNT, form=_DIGITS)),
    (("accountid", "awsaccount", "account", "ownerid"), Label(kind=Kind.ACCOUNT, form=_ACCOUNT_ID)),
    (("address",), Label(kind=Kind.ADDRESS, form=_STREET)),
    (("bucket", "bucketname"), Label(kind=Kind.S3_PATH, form=_BUCKET)),
    (("creds", "cred"), Label(kind=Kind.TOKEN, form=_LOGIN)),
    (_BIRTHS, Label(kind=Kind.BIRTH_DATE, form=_DATE)),
)  # fmt: skip

_FIELDS = tuple((names, Label(kind=kind, form=latin(form))) for names, kind, form in personal.FIELDS)
_MIN_TAIL = 5  # a shorter name may end a longer word

# A key that ends in one of these names a property of the secret, not the secret.
_HARMLESS = frozenset(
    """
    alias algorithm arn attempt attempts auth authentication authenticator authority authorizer backend
    budget builder bytes cache callback cap change changed check chars class client codec column com
    config configuration count counter created days dir disabled encoder enabled endpoint error exception
    expiration expiry expires expired extractor factory fetcher field file filter format handler header
    hint hours identifier id impl index info interval iterations java jar kind key-version kt len length
    lifetime limit list location loader manager map max md5 min minutes mode module mutability name names
    needed not number owner parser path pattern period policy prefix processed processor parameter prompt
    protocol provider providers py ratio realm ref refresher region regex registry renewal renewer
    required reset resolver rotation rule rules scala schema scope seconds secretmanager secretsmanager server
    service size source spec status state store strategy strength suffix table template test time
    timeout total ttl type types update updated url uri usage used user username validation validator
    version window writer xml
    """.split()  # noqa: SIM905 - one word per cell reads better than quoted strings
)
_DOERS = ("ator", "izer", "ifier", "essor")
"""How names of classes end: `PasswordRotator`, `TokenDeserializer`."""
_CODES = ("accesscode", "unlockcode", "authcode", "securitycode", "verificationcode")
_ODD = (
    (("securitycredentials", "redisauth", "rediscliauth"), Label(kind=Kind.PASSWORD)),
    (("oauthcredential", "oauth2credential"), Label(kind=Kind.SECRET)),
    (("userinfo",), Label(kind=Kind.PASSWORD, weak=True, pair=True)),
    (("secretid",), Label(kind=Kind.SECRET, form=_UUID)),  # of Vault; elsewhere it is a secret's name
    (("urlstring",), Label(kind=Kind.TOKEN, form=_URL_STRING)),  # of a delegation token
    (_CODES, Label(kind=Kind.SECRET, form=_LOGIN)),
    (("sessionid", "sessid"), Label(kind=Kind.TOKEN, weak=True, form=_SESSION)),
)
_NT_HASHES = frozenset({"nthash", "lmhash", "ntlmhash"})
_NO_PASS = frozenset(
    {"bypass", "compass", "trespass", "overpass", "encompass", "underpass", "surpass", "multipass"}
)
_PASSES = frozenset(
    {"senha", "clave", "parola", "pass", "passe", "pw", "dbpw", "userpw", "rootpw", "bindpw", "pwrd"}
)
_PASSWORD_STEMS = (
    "p4ssw0rd",
    "p4ssword",
    "pssword",
    "psswrd",
    "passwort",
    "kennwort",
    "wachtwoord",
    "motdepasse",
    "contrase",
    "salasana",
    "password",
    "passwd",
    "passwrd",
    "passphrase",
    "passcode",
    "pswd",
    "pword",
    "passw0rd",
)
_PASSWORD_TAILS = ("pwd", "passw", "psw", "storepass", "keypass", "userpass", "sshpass", "dbpass", "pgpass")
_KEY_TAILS = tuple(
    f"{owner}key"
    for owner in """
    api secretaccess shared sharedaccess account storage sign signing encrypt encryption master auth ssh
    license licence subscription consumer app client hmac service function rsa pgp sas enc aes data routing
    integration symmetric pass props crypto fernet application salt functions footer column cipher kek
    customer ssec
    """.split()  # noqa: SIM905 - as above
)
_NO_TOKEN = frozenset(
    """
    am amrm block bad client completion container continuation count current csrf dt end eos eof illegal input
    invalid kind last max min missing next nm num of output page pad prompt start stop string total unexpected
    unknown unrecognized
    """.split()  # noqa: SIM905 - as above
)
_WORDS = latin(rb"[A-Z]+(?:[a-z]+|[0-9]+)?|[a-z]+|[0-9]+")


def words_of(key: bytes) -> tuple[str, ...]:
    """Split a key at punctuation and humps, in lower case: `keyStorePassword` → key, store, password."""
    return tuple(match.group().decode("ascii").lower() for match in _WORDS.finditer(key))


@lru_cache(maxsize=4096)
def label_of(key: bytes) -> Label | None:
    """Judge a key: letters, digits, `_ . - $` and blanks, as the log spells it."""
    words = words_of(key.removeprefix(b"-D")[-MAX_KEY_BYTES:])
    while words and (words[-1].isdigit() or (len(words[-1]) == 1 and len(words) > 1)):
        words = words[:-1]
    if not words or (words[-2:] == ("data", "key") and b" " in key):
        return None
    if words[-2:] == ("key", "value"):
        words = words[:-1]
    flat = "".join(words)
    return (
        _key_label(flat)
        or _personal_label(words, flat)
        or _odd_label(words, flat)
        or _secret_label(words, flat)
    )


def _key_label(flat: str) -> Label | None:
    """Keys whose last word would mislead: access key ids, private keys, storage account keys."""
    if flat.endswith(("accesskey", "accesskeyid")) and "secret" not in flat and "shared" not in flat:
        return Label(kind=Kind.AWS_KEY)
    if flat.endswith(("privatekey", "keystorekey", "privatekeyid", "privatekeydata")):
        return Label(kind=Kind.PRIVATE_KEY)
    if "accountkey" in flat and not flat.endswith(("provider", "type")):
        return Label(kind=Kind.SECRET)
    return None


def _personal_label(words: tuple[str, ...], flat: str) -> Label | None:
    if flat in {"name", "fullname"}:
        return Label(kind=Kind.NAME, form=_FULL_NAME)
    if flat in _PEOPLE or flat.endswith(_PEOPLE_TAILS):
        return Label(kind=Kind.NAME, form=_PERSON)
    if flat.endswith("cookie"):
        return Label(kind=Kind.TOKEN, form=_COOKIES)
    if found := _field_label(words):
        return found
    for tails, label in _PERSONAL:
        if any(
            flat == tail or (len(tail) > 3 and flat.endswith(tail)) or words[-1] == tail for tail in tails
        ):
            return label
    return None


def _field_label(words: tuple[str, ...]) -> Label | None:
    """Fields of a person by their names in many languages, with or without a word for number."""
    core = words
    while len(core) > 1 and core[-1] in personal.NUMBERS:
        core = core[:-1]
    flat = "".join(core)
    for names, label in _FIELDS:
        for name in names:
            ends = core[-1] == name or (len(name) >= _MIN_TAIL and flat.endswith(name))
            if (ends or flat == name) and (len(core) < len(words) or name not in personal.NUMBERED):
                return label
    return None


def _odd_label(words: tuple[str, ...], flat: str) -> Label | None:
    """Keys of secrets whose last word names a property elsewhere."""
    if "encryption" in flat and flat.endswith(("customerkey", "configkey")):
        return Label(kind=Kind.SECRET, weak=True)
    if flat.startswith(("fssftppassword", "fsftppassword")):
        return Label(kind=Kind.PASSWORD)
    found = next((label for tails, label in _ODD if flat.endswith(tails)), None)
    if found is None and (words[-1] in _NT_HASHES or "".join(words[-2:]) in _NT_HASHES):
        return Label(kind=Kind.SECRET, weak=True)
    if found is None and (words[-1] == "auth" or flat.endswith("signatureprovided")):
        return Label(kind=Kind.TOKEN, weak=True, pair=words[-1] == "auth")
    return found


def _secret_label(words: tuple[str, ...], flat: str) -> Label | None:
    if words[-1] in _HARMLESS or words[-1].endswith(_DOERS) or words[0] in {"no", "without"}:
        return None
    if (
        any(stem in flat for stem in _PASSWORD_STEMS)
        or flat.endswith(_PASSWORD_TAILS)
        or words[-1] in _PASSES
        or (words[-1].endswith("pass") and words[-1] not in _NO_PASS)
    ):
        return Label(kind=Kind.PASSWORD, weak=flat.endswith("passwords"))
    if words[-1] in {"jwt", "pat"}:
        return Label(kind=Kind.TOKEN, weak=words[-1] == "pat" and len(words) == 1)
    if flat.endswith("keys"):
        return None
    if "token" not in words[-1] and ("secret" in flat or flat.endswith(_KEY_TAILS)):
        return Label(kind=Kind.SECRET, weak=flat.endswith(("secrets", "routingkey")))
    return _token_label(words, flat)


def _token_label(words: tuple[str, ...], flat: str) -> Label | None:
    if "token" in words[-1]:
        if len(words) > 1 and words[-2] in _NO_TOKEN:
            return Label(kind=Kind.TOKEN, weak=True)
        return Label(kind=Kind.TOKEN, weak=words[-1] != "token")
    if flat.endswith(
        ("signature", "authorization", "credential", "credentials", "sessionid", "delegation", "artapi")
    ):
        return Label(kind=Kind.TOKEN, weak=True, pair=flat.endswith(("credential", "credentials")))
    if words[-1] in {"salt", "sig", "jsessionid", "auth"}:
        return Label(kind=Kind.TOKEN, weak=True)
    if "token" in flat:
        return Label(kind=Kind.TOKEN, weak=True)
    return None
