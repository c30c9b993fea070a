"""Seeded secrets of every kind, and the notations in which logs hold them. No secret is written down: all are made here."""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
WINDOW = 6


@dataclass(frozen=True, kw_only=True)
class Canary:
    kind: str
    key: str
    value: str
    bare: bool = False  # found without its key, too


def text(rng: random.Random, alphabet: str, size: int) -> str:
    """Random characters, a digit, a capital and a small letter among them when the alphabet has them."""
    while True:
        made = "".join(rng.choice(alphabet) for _ in range(size))
        if all(
            not set(group) & set(alphabet) or set(group) & set(made)
            for group in (string.digits, string.ascii_lowercase)
        ):
            return made


def luhn_digit(body: str) -> str:
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(body))]
    return str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def iban(rng: random.Random) -> str:
    body = "".join(rng.choice(string.digits) for _ in range(18))
    check = 98 - int(body + "131400") % 97
    return f"DE{check:02d}{body}"


def human(rng: random.Random) -> str:
    """A password as people make them."""
    word = "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3)).capitalize()
    return f"{word}{rng.choice('-_!.')}{rng.randrange(10, 99)}{''.join(rng.choice(ALNUM) for _ in range(4))}"


def jwt(rng: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    return ".".join((head, text(rng, ALNUM + "-_", 48), text(rng, ALNUM + "-_", 43)))


PREFIXED = {
    "github": ("gh" + "p_", ALNUM, 36),
    "github-fine": ("github" + "_pat_", ALNUM, 60),
    "gitlab": ("gl" + "pat-", ALNUM, 20),
    "slack": ("xo" + "xb-", ALNUM, 40),
    "databricks": ("da" + "pi", HEX, 32),
    "google-api": ("AI" + "za", ALNUM, 35),
    "google-oauth": ("ya" + "29.", ALNUM, 60),
    "stripe": ("sk" + "_live_", ALNUM, 24),
    "npm": ("np" + "m_", ALNUM, 36),
    "pypi": ("py" + "pi-AgEI", ALNUM, 80),
    "openai": ("s" + "k-proj-", ALNUM, 48),
    "anthropic": ("s" + "k-ant-api03-", ALNUM, 80),
    "huggingface": ("h" + "f_", ALNUM, 34),
    "vault": ("hv" + "s.", ALNUM, 60),
    "sendgrid": ("S" + "G.", ALNUM, 50),
    "aws-session": ("IQoJb3" + "JpZ2lu", ALNUM, 200),
}
LABELLED = (
    ("password", "spark.datasource.password"),
    ("password-env", "DB_PASSWORD"),
    ("password-camel", "javax.net.ssl.keyStorePassword"),
    ("passphrase", "gpg_passphrase"),
    ("pwd", "db.pwd"),
    ("pass", "SMTP_PASS"),
    ("client-secret", "fs.azure.account.oauth2.client.secret"),
    ("api-key", "x-api-key"),
    ("auth-token", "AUTH_TOKEN"),
    ("session-token", "fs.s3a.session.token"),
    ("metastore", "javax.jdo.option.ConnectionPassword"),
    ("bind", "ldap_bind_password"),
    ("german", "Datenbank.Kennwort"),
    ("numbered", "password_2"),
    ("webhook", "webhook_secret"),
)


def mastercard(rng: random.Random) -> str:
    body = "53" + "".join(rng.choice(string.digits) for _ in range(13))
    return body + luhn_digit(body)


def canaries(seed: int) -> list[Canary]:
    """One canary of every kind."""
    rng = random.Random(seed)
    made = [Canary(kind=kind, key=key, value=human(rng)) for kind, key in LABELLED]
    for kind, (prefix, alphabet, size) in PREFIXED.items():
        made.append(Canary(kind=kind, key="extra.token", value=prefix + text(rng, alphabet, size), bare=True))
    octets = [rng.randrange(11, 250) for _ in range(4)]
    card = "4" + "".join(rng.choice(string.digits) for _ in range(14))
    name = f"{human(rng)[:6].capitalize()} {human(rng)[:6].capitalize()}"
    made += [
        Canary(kind="aws-secret", key="fs.s3a.secret.key", value=text(rng, ALNUM + "/+", 40)),
        Canary(kind="azure-key", key="fs.azure.account.key.acme.blob.core.windows.net", value=text(rng, ALNUM + "+/", 86) + "=="),
        Canary(kind="signature", key="X-Amz-Signature", value=text(rng, HEX, 64)),
        Canary(kind="sas", key="sig", value=text(rng, ALNUM + "+/", 43) + "="),
        Canary(kind="refresh-token", key="refresh_token", value=text(rng, ALNUM + "-_", 48)),
        Canary(kind="encryption-key", key="encryption_key", value=text(rng, HEX, 64)),
        Canary(kind="bus-key", key="SharedAccessKey", value=text(rng, ALNUM + "+/", 43) + "="),
        Canary(kind="dashboard-key", key="DD_API_KEY", value=text(rng, HEX, 32)),
        Canary(kind="role-id", key="id", value="AR" + "OA" + text(rng, UPPER, 17), bare=True),
        Canary(kind="bot", key="extra.token", value=f"{rng.randrange(10**8, 10**9)}:A" + "A" + text(rng, ALNUM, 33), bare=True),
        Canary(kind="oss-path", key="path", value=f"oss://{text(rng, HEX, 12)}/{text(rng, ALNUM, 9)}", bare=True),
        Canary(kind="gs-path", key="path", value=f"gs://{text(rng, HEX, 12)}-raw/{text(rng, ALNUM, 12)}", bare=True),
        Canary(kind="mastercard", key="note", value=mastercard(rng), bare=True),
        Canary(kind="passport", key="passport_number", value=text(rng, "CFGHJKLMNPRTVWXYZ", 2) + text(rng, string.digits, 8)),
        Canary(kind="account-number", key="account_number", value=text(rng, string.digits, 10)),
        Canary(kind="name", key="customer_name", value=name),
        Canary(kind="birth-date", key="date_of_birth", value=f"19{rng.randrange(50, 99)}-0{rng.randrange(1, 9)}-1{rng.randrange(9)}"),
        Canary(kind="phone-labelled", key="phone", value=f"0{rng.randrange(10**9, 10**10 - 1)}"),
        Canary(kind="aws-key", key="fs.s3a.access.key", value="AK" + "IA" + text(rng, UPPER, 16), bare=True),
        Canary(kind="aws-temporary", key="aws_access_key_id", value="AS" + "IA" + text(rng, UPPER, 16), bare=True),
        Canary(kind="jwt", key="id_token", value=jwt(rng), bare=True),
        Canary(kind="ipv4", key="server", value=".".join(map(str, octets)), bare=True),
        Canary(kind="ipv6", key="peer", value=f"fd{rng.randrange(10, 99)}:{text(rng, HEX, 4)}::{text(rng, HEX, 4)}:1a2b", bare=True),
        Canary(kind="host", key="node", value="ip-{}-{}-{}-{}.ec2.internal".format(*octets), bare=True),
        Canary(kind="public-host", key="node", value="ec2-{}-{}-{}-{}.compute-1.amazonaws.com".format(*octets), bare=True),
        Canary(kind="s3-path", key="path", value=f"s3://{text(rng, HEX, 12)}-raw/dt=2026-11-22/{text(rng, ALNUM, 12)}", bare=True),
        Canary(kind="s3a-path", key="path", value=f"s3a://{text(rng, HEX, 12)}_RAW/{text(rng, ALNUM, 12)}", bare=True),
        Canary(kind="s3-https", key="url", value=f"https://{text(rng, HEX, 12)}.s3.eu-west-1.amazonaws.com/{text(rng, ALNUM, 9)}", bare=True),
        Canary(kind="s3-arn", key="arn", value=f"arn:aws:s3:::{text(rng, HEX, 12)}/{text(rng, ALNUM, 12)}", bare=True),
        Canary(kind="email", key="owner", value=f"{human(rng)[:6].lower()}.{text(rng, HEX, 6)}@{text(rng, HEX, 8)}-corp.example", bare=True),
        Canary(kind="card", key="note", value=card + luhn_digit(card), bare=True),
        Canary(kind="ssn", key="note", value=f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}", bare=True),
        Canary(kind="iban", key="note", value=iban(rng), bare=True),
        Canary(kind="phone", key="note", value=f"+49 170 {rng.randrange(10**6, 10**7 - 1)}", bare=True),
    ]  # fmt: skip
    return made


def quoted(value: str, times: int) -> str:
    """The value as it stands inside a JSON string, escaped so many times."""
    for _ in range(times):
        value = json.dumps(value)[1:-1]
    return value


CONTEXTS: dict[str, Callable[[str, str], str]] = {
    "log line": lambda k, v: f"26/11/22 07:43:30 INFO Loader: starting with {k}={v}",
    "colon": lambda k, v: f"{k}: {v}",
    "arrow": lambda k, v: f"    {k} -> {v}",
    "fat arrow": lambda k, v: f"{k} => {v}, next => 1",
    "json": lambda k, v: json.dumps({"id": 7, k: v, "retries": 3}),
    "json in a string": lambda k, v: f'{{"body": "{quoted(json.dumps({k: v}), 1)}"}}',
    "json in a string in a string": lambda k, v: f'"{quoted(json.dumps({k: v, "n": 1}), 2)}"',
    "pretty json": lambda k, v: f'{{\n  "{k}" :\n    "{v}",\n  "n": 1\n}}',
    "logged pretty json": lambda k, v: (
        f'26/11/22 07:43:30 INFO A:  "{k}":\n26/11/22 07:43:30 INFO A:   "{v}"'
    ),
    "python dict": lambda k, v: repr({"id": 7, k: v}),
    "java map": lambda k, v: f"{{id=7, {k}={v}, n=1}}",
    "xml": lambda k, v: f"<property><name>{k}</name><value>{v}</value></property>",
    "xml over lines": lambda k, v: (
        f"<property>\n  <name>{k}</name>\n  <value>\n    {v}\n  </value>\n</property>"
    ),
    "xml attribute": lambda k, v: f'<property name="{k}" value="{v}"/>',
    "xml entities": lambda k, v: f"&lt;name&gt;{k}&lt;/name&gt;&lt;value&gt;{v}&lt;/value&gt;",
    "tuple": lambda k, v: f"(app.{k},{v})",
    "conf": lambda k, v: f"spark-submit --conf app.{k}={v} --name x job.py",
    "system property": lambda k, v: f"'-D{k}={v}' \\",
    "call": lambda k, v: f'    spark.read.format("jdbc").option("{k}", "{v}").load()',
    "keyword": lambda k, v: f"connect(host='h', {k}='{v}', timeout=3)",
    "export": lambda k, v: f'export {k}="{v}"',
    "url parameter": lambda k, v: f"GET https://h.example/path?x=1&{k}={quote(v, safe='')}&y=2 failed",
    "encoded url": lambda k, v: (
        f"redirect=https%3A%2F%2Fh%2F%3F{k}%3D{quote(quote(v, safe=''), safe='')}%26y%3D2"
    ),
    "jdbc": lambda k, v: f"jdbc:postgresql://db:5432/ops?user=etl&{k}={quote(v, safe='')}",
    "stack trace": lambda k, v: (
        f"Caused by: java.lang.IllegalStateException: cannot use {k}={v}\n\tat a.b.C.d(C.java:1)"
    ),
    "ansi": lambda k, v: f"\x1b[33m{k}\x1b[0m=\x1b[31m{v}\x1b[0m done",
    "pair": lambda k, v: json.dumps([{"Key": k, "Value": v}], indent=1),
    "two arguments": lambda k, v: json.dumps(["--" + k, v], indent=1),
    "flag": lambda k, v: f"job.py --{k} {v if ' ' not in v else repr(v)} --dry",
}
BARE_CONTEXTS: dict[str, Callable[[str], str]] = {
    "message": lambda v: f"26/11/22 07:43:30 ERROR Loader: cannot use {v}, giving up",
    "brackets": lambda v: f"Row([7,{v},x])",
    "quotes": lambda v: f'For input string: "{v}"',
    "escaped": lambda v: f'"line one\\n{v}\\nline three"',
    "end": lambda v: f"last word is {v}",
    "ansi": lambda v: f"\x1b[31m{v}\x1b[0m",
    "xml": lambda v: f"<td>{v}</td>",
    "stop": lambda v: f"It was {v}.",
}  # fmt: skip
# A name or a date is one by its label, and these notations carry it as prose or hold only single words.
UNLABELLED_BY_DESIGN = {
    ("name", "tuple"), ("name", "call"), ("name", "two arguments"), ("name", "flag"),
    ("name", "url parameter"), ("name", "encoded url"), ("name", "jdbc"),
    # a bare number or address without a telling key, its signs URL-encoded: not followed
    ("ipv6", "url parameter"), ("ipv6", "encoded url"), ("ipv6", "jdbc"),
    ("phone", "url parameter"), ("phone", "encoded url"), ("phone", "jdbc"),
}  # fmt: skip


def encodings(value: str) -> dict[str, str]:
    raw = value.encode()
    return {
        "plain": value,
        "url": quote(value, safe=""),
        "base64": base64.b64encode(raw).decode().rstrip("="),
        "base64 of user:value": base64.b64encode(b"etl:" + raw).decode().rstrip("=")[6:],
        "hex": raw.hex(),
    }


def leaks(value: str, output: str, healthy: str = "") -> list[str]:
    """Every window of the value, plain or encoded, that still stands in the output and not in the healthy text."""
    return [
        f"{name}: {spelled[at : at + WINDOW]}"
        for name, spelled in encodings(value).items()
        for at in range(len(spelled) - WINDOW + 1)
        if spelled[at : at + WINDOW] in output and spelled[at : at + WINDOW] not in healthy
    ]


def plantings(seed: int) -> list[tuple[Canary, str, str, str]]:
    """Every canary in every notation: canary, notation, text, and the same text with a harmless value."""
    found = []
    for canary in canaries(seed):
        found += [
            (canary, name, form(canary.key, canary.value), form(canary.key, "-"))
            for name, form in CONTEXTS.items()
        ]
        if canary.bare:
            found += [
                (canary, f"bare {name}", form(canary.value), form("-"))
                for name, form in BARE_CONTEXTS.items()
            ]
    return [planting for planting in found if (planting[0].kind, planting[1]) not in UNLABELLED_BY_DESIGN]
