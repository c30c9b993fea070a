"""Hold-out of the redaction bench: wording, keys, values and notations other than those of `canary`.

Written by hand before the redactor was run on it; its first figure stands in docs/adr/0003-redaction.md.
All values are made from a seed.
"""
# ruff: noqa: S608 - log lines as data

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from urllib.parse import quote

Maker = Callable[[random.Random], str]
LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits


def _chars(alphabet: str, size: int) -> Maker:
    def made(rng: random.Random) -> str:
        text = "".join(rng.choice(alphabet) for _ in range(size))
        at = rng.randrange(1, size - 1)
        digit = rng.choice(string.digits) if set(alphabet) & set(string.digits) else text[at]
        return text[:at] + digit + text[at + 1 :]

    return made


def _phrase(rng: random.Random) -> str:
    words = ["walnut", "harbour", "cobalt", "meadow", "glacier", "pepper", "saffron", "lantern", "thistle"]
    first, second = rng.sample(words, 2)
    return f"{first.title()}{second}{rng.randrange(100, 9999)}{rng.choice(['', '!', '#', '$', '*'])}"


def _signs(rng: random.Random) -> str:
    return _chars(ALNUM + "!#$*+-_~^", 15)(rng).replace("-", "a")


def _luhn(body: str) -> str:
    total = 0
    for at, char in enumerate(reversed(body)):
        digit = int(char) * (2 if at % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return body + str(-total % 10)


def _visa(rng: random.Random) -> str:
    digits = _luhn("4" + "".join(rng.choice(string.digits) for _ in range(14)))
    return rng.choice([digits, " ".join(digits[at : at + 4] for at in range(0, 16, 4))])


def _amex(rng: random.Random) -> str:
    return _luhn("37" + "".join(rng.choice(string.digits) for _ in range(12)))


def _iban(rng: random.Random) -> str:
    body = "".join(rng.choice(string.digits) for _ in range(16))
    return _iban_of("AT", body)


def _iban_of(country: str, body: str) -> str:
    moved = body + "".join(str(int(char, 36)) for char in country) + "00"
    return f"{country}{98 - int(moved) % 97:02d}{body}"


def _name(rng: random.Random) -> str:
    first = rng.choice(["Ingrid", "Tobias", "Chiara", "Mateusz", "Yuki", "Fatima", "Oluwaseun", "Priya"])
    return (
        f"{first} {rng.choice(['Bergström', 'Kowalczyk', 'Rossetti', 'Okonkwo', 'Venkatesan', 'Yamamoto'])}"
    )


def _mail(rng: random.Random) -> str:
    return f"{_chars('abcdefgh', 7)(rng)}_{rng.randrange(10, 99)}@{_chars('ijklmnop', 6)(rng)}.co.example"


def _us_phone(rng: random.Random) -> str:
    return f"+1 {rng.randrange(201, 989)}-{rng.randrange(201, 989)}-{rng.randrange(1000, 9999)}"


def _social(rng: random.Random) -> str:
    return f"{rng.randrange(101, 650)}-{rng.randrange(10, 99)}-{rng.randrange(1001, 9999)}"


def _born(rng: random.Random) -> str:
    return f"{rng.randrange(1940, 2001)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(11, 254)) for _ in range(4))


def _jwt(rng: random.Random) -> str:
    parts = [
        {"alg": "RS256", "kid": _chars(ALNUM, 8)(rng)},
        {"sub": _chars(ALNUM, 12)(rng), "exp": 1795332864},
    ]
    heads = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*heads, _chars(ALNUM + "-_", 64)(rng)])


PASSWORD_KEYS = (
    "spring.datasource.hikari.password", "REDSHIFT_PASSWD", "kafka.sasl.password", "sftp_pwd", "SNOWSQL_PWD",
    "truststore-passphrase", "wallet_password", "es.net.http.auth.pass", "mongo.userPassword", "adminPasswd",
)  # fmt: skip
TOKEN_KEYS = ("oauth2.access_token", "CI_JOB_TOKEN", "x-gitlab-token", "refreshToken", "consul_http_token")
SECRET_KEYS = (
    "okta.client_secret",
    "STRIPE_API_KEY",
    "hmacSecret",
    "app.secretKey",
    "webhook-signing-secret",
)

KINDS: dict[str, tuple[tuple[str, ...], Maker]] = {
    **{f"phrase {key}": ((key,), _phrase) for key in PASSWORD_KEYS},
    **{f"signs {key}": ((key,), _signs) for key in PASSWORD_KEYS},
    **{f"random {key}": ((key,), _chars(ALNUM, 12)) for key in PASSWORD_KEYS[:5]},
    **{f"token {key}": ((key,), _chars(ALNUM + "-_", 40)) for key in TOKEN_KEYS},
    **{f"hex {key}": ((key,), _chars("0123456789abcdef", 40)) for key in TOKEN_KEYS[:3]},
    **{f"secret {key}": ((key,), _chars(ALNUM, 32)) for key in SECRET_KEYS},
    "aws secret": (("aws.secret_access_key",), _chars(ALNUM + "+/", 40)),
    "storage key": (("azure.storage.account_key",), lambda rng: _chars(ALNUM + "+/", 86)(rng) + "=="),
}
BARE: dict[str, Maker] = {
    "access key": lambda rng: "AK" + "IA" + _chars(string.ascii_uppercase + string.digits, 16)(rng),
    "session key": lambda rng: "AS" + "IA" + _chars(string.ascii_uppercase + string.digits, 16)(rng),
    "jwt": _jwt,
    "github server": lambda rng: "gh" + "s_" + _chars(ALNUM, 36)(rng),
    "gitlab runner": lambda rng: "gl" + "rt-" + _chars(ALNUM, 20)(rng),
    "slack app": lambda rng: "xa" + "pp-1-" + _chars(ALNUM, 40)(rng),
    "npm": lambda rng: "np" + "m_" + _chars(ALNUM, 36)(rng),
    "databricks": lambda rng: "da" + "pi" + _chars("0123456789abcdef", 32)(rng),
    "stripe": lambda rng: "rk" + "_live_" + _chars(ALNUM, 32)(rng),
    "anthropic": lambda rng: "sk" + "-ant-api03-" + _chars(ALNUM, 60)(rng),
    "google": lambda rng: "AI" + "za" + _chars(ALNUM, 35)(rng),
    "hugging face": lambda rng: "h" + "f_" + _chars(LETTERS, 34)(rng),
    "vault": lambda rng: "hv" + "s." + _chars(ALNUM, 40)(rng),
    "visa": _visa, "amex": _amex, "iban": _iban, "mail": _mail, "us phone": _us_phone, "social": _social,
    "address": _address,
    "node": lambda rng: "ip-{}.eu-west-1.compute.internal".format(_address(rng).replace(".", "-")),
    "bucket": lambda rng: f"s3://{_chars('abcdef', 7)(rng)}-curated-{rng.randrange(100, 999)}/y=2026/{_chars(ALNUM, 9)(rng)}",
    "bucket arn": lambda rng: f"arn:aws:s3:::{_chars('abcdef', 7)(rng)}-landing-{rng.randrange(100, 999)}/{_chars(ALNUM, 9)(rng)}",
}  # fmt: skip


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KEYED: dict[str, Callable[[str, str], str]] = {
    "yarn launch": lambda k, v: f"2026-11-22 08:01:02,113 INFO ContainerLauncher: command: java -D{k}={v} -Xmx2g Main 1>stdout",
    "typesafe": lambda k, v: f'{k} = "{v}" // from application.conf',
    "toml": lambda k, v: f'[db]\n"{k}" = "{v}"\nport = 5432',
    "ini": lambda k, v: f"[default]\n{k} = {v}\nregion = eu-west-1",
    "yaml quoted": lambda k, v: f"db:\n  {k}: '{v}'\n  pool: 5",
    "yaml block": lambda k, v: f"db:\n  {k}: >-\n    {v}\n  pool: 5",
    "env dump": lambda k, v: f"HOME=/root\n{k}={v}\nLANG=C",
    "env list": lambda k, v: json.dumps({"Env": ["A=1", f"{k}={v}", "B=2"]}),
    "docker flag": lambda k, v: f"docker run -e {k}={v} -e A=1 img",
    "ecs pair": lambda k, v: json.dumps({"environment": [{"name": k, "value": v}, {"name": "A", "value": "1"}]}),
    "ecs pair reversed": lambda k, v: json.dumps({"environment": [{"value": v, "name": k}]}),
    "emr step": lambda k, v: json.dumps({"HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "--conf", f"{k}={v}", "job.py"]}}),
    "emr properties": lambda k, v: json.dumps({"Classification": "spark-defaults", "Properties": {k: v, "a": "b"}}, indent=2),
    "list of words": lambda k, v: str(["job.py", f"--{k}", v, "--date", "2026-11-22"]),
    "flag equals": lambda k, v: f"+ python job.py --{k}={v} --date 2026-11-22",
    "flag over lines": lambda k, v: f"spark-submit \\\n  --{k} \\\n  {v} \\\n  job.py",
    "sequence": lambda k, v: f"Vector((app.name,x), ({k},{v}), (spark.ui,false))",
    "scala map": lambda k, v: f"options = Map({k} -> {v}, dbtable -> orders)",
    "java tostring": lambda k, v: f"DataSourceConfig{{url='jdbc:x', {k}='{v}', pool=5}}",
    "case class": lambda k, v: f"Settings(host=h, {k}={v}, retries=3)",
    "python repr": lambda k, v: f"Namespace(date='2026-11-22', {k}={v!r}, dry=False)",
    "traceback locals": lambda k, v: f"    {k} = {v!r}\n    host = 'h'",
    "structured log": lambda k, v: json.dumps({"level": "ERROR", "msg": "connect failed", "ctx": {k: v}}),
    "json in json": lambda k, v: json.dumps({"message": json.dumps({"request": {k: v}})}),
    "json thrice": lambda k, v: json.dumps({"a": json.dumps({"b": json.dumps({k: v})})}),
    "pretty in json": lambda k, v: json.dumps({"body": json.dumps({k: v, "n": 1}, indent=2)}),
    "repr of json": lambda k, v: repr(json.dumps({k: v}, indent=1)),
    "logfmt": lambda k, v: f'time=2026-11-22 level=warn msg="retry" {k}="{v}" try=3',
    "query": lambda k, v: f"POST /v1/run?dry=1&{k}={quote(v, safe='')} 403",
    "form": lambda k, v: f"body: grant_type=x&{k}={quote(v, safe='')}&scope=y",
    "query twice": lambda k, v: f"next=%2Frun%3F{k}%3D{quote(quote(v, safe=''), safe='')}%26a%3D1",
    "json in url": lambda k, v: f"GET /x?conf={quote(json.dumps({k: v}), safe='')}",
    "json in url twice": lambda k, v: f"GET /x?conf={quote(quote(json.dumps({k: v}), safe=''), safe='')}",
    "html": lambda k, v: f"<tr><td>{k}</td><td>{v}</td></tr>",
    "html json": lambda k, v: json.dumps({k: v}).replace('"', "&quot;"),
    "hadoop xml": lambda k, v: f"<property>\n<!-- x -->\n<name>{k}</name>\n<value>{v}</value>\n</property>",
    "logged xml": lambda k, v: f"INFO conf: <name>{k}</name>\nINFO conf: <value>{v}</value>",
    "xml attributes": lambda k, v: f'<parameter id="{k}" value="{v}" type="string"/>',
    "xml entry": lambda k, v: f"<entry key='{k}'>{v}</entry>",
    "colours": lambda k, v: f"\x1b[1;36m{k}\x1b[0m: \x1b[1;33m{v}\x1b[0m",
    "written colours": lambda k, v: f"\\x1b[36m{k}\\x1b[39;49;00m=\\x1b[33m{v}\\x1b[0m",
    "unicode colours": lambda k, v: f'"\\u001b[36m{k}\\u001b[0m = \\u001b[33m{v}\\u001b[0m"',
    "table": lambda k, v: f"+----+----+\n|key |value|\n+----+----+\n|{k}|{v}|\n+----+----+",
    "sql set": lambda k, v: f"SET {k}='{v}';",
    "sql options": lambda k, v: f"CREATE TABLE t USING jdbc OPTIONS (dbtable 'x', `{k}` '{v}')",
    "sql where": lambda k, v: f"SELECT * FROM s WHERE `{k}` = '{v}' LIMIT 1",
    "exception": lambda k, v: f'java.lang.IllegalArgumentException: Illegal value "{v}" for {k}={v}',
    "encoded too": lambda k, v: f"{k}={v}\nbody {_b(v)} and {_b('svc:' + v)} and {v.encode().hex()} and {quote(v, safe='')}",
    "base64 json": lambda k, v: f"payload={_b(json.dumps({'user': 'svc', k: v}))}",
    "mixed text": lambda k, v: f"retry with {v} failed\nconf {k}: {v}",
}  # fmt: skip
LOOSE: dict[str, Callable[[str], str]] = {
    "sentence": lambda v: f"2026-11-22 08:01:02 WARN Job: got {v} from upstream",
    "sentence end": lambda v: f"rejected value {v}",
    "tab row": lambda v: f"17\t{v}\tDE",
    "pipe row": lambda v: f"|17|{v}|DE|",
    "csv row": lambda v: f'17,"{v}",DE',
    "row": lambda v: f"Row(id=17, value='{v}')",
    "corrupt": lambda v: json.dumps({"_corrupt_record": json.dumps({"id": 17, "v": v})}),
    "predicate": lambda v: f"PushedFilters: [IsNotNull(x), EqualTo(x,{v})]",
    "plan": lambda v: f"Filter (x#12 = {v})",
    "duplicate": lambda v: f"Duplicate entry '{v}' for key 'PRIMARY'",
    "detail": lambda v: f"Detail: Key (x)=({v}) already exists.",
    "escaped": lambda v: f'"error\\n{v}\\nend"',
    "backtick": lambda v: f"unexpected `{v}`",
    "xml": lambda v: f"<v>{v}</v>",
    "colour": lambda v: f"\x1b[31m{v}\x1b[0m",
    "class argument": lambda v: f"com.acme.Job$.main({v}, 17)",
    "thread": lambda v: f'Exception in thread "worker {v}" java.lang.Error',
}
FIXED: dict[str, tuple[Maker, Callable[[str], str]]] = {
    "insert": (_phrase, lambda v: f"INSERT INTO members (id, login, passwd) VALUES (7, 'svc', '{v}')"),
    "insert rows": (_signs, lambda v: f"insert into members(login,secret,n) values ('a','x',1),('svc','{v}',2)"),
    "update": (_phrase, lambda v: f"UPDATE members SET n=1, password='{v}' WHERE id=7"),
    "identified": (_signs, lambda v: f"ALTER USER svc IDENTIFIED BY '{v}' ACCOUNT UNLOCK"),
    "identified bare": (_phrase, lambda v: f"create user svc identified by {v} quota 1m on users"),
    "role": (_phrase, lambda v: f"CREATE ROLE svc LOGIN ENCRYPTED PASSWORD '{v}'"),
    "oracle": (_phrase, lambda v: f"jdbc:oracle:thin:svc/{v}@db.acme:1521:X"),
    "mysql url": (_phrase, lambda v: f"mysql+mysqlconnector://svc:{quote(v, safe='')}@db/x"),
    "amqp": (_signs, lambda v: f"amqps://svc:{quote(v, safe='')}@mq:5671/v"),
    "git url": (_chars(ALNUM, 24), lambda v: f"fatal: could not read from https://svc:{v}@git.acme.example/x.git"),
    "basic": (_phrase, lambda v: f"Authorization: Basic {_b('svc:' + v)}"),
    "curl": (_phrase, lambda v: f"+ curl -s --user svc:{v} https://api.acme.example/x"),
    "jaas": (_phrase, lambda v: f'org.apache.kafka.common.security.plain.PlainLoginModule required username="svc" password="{v}";'),
    "netrc": (_phrase, lambda v: f"machine git.acme.example\nlogin svc\npassword {v}"),
    "pgpass": (_phrase, lambda v: f"db.acme:5432:ops:svc:{v}"),
    "csv": (_phrase, lambda v: f"login,password,role\nsvc,{v},admin"),
    "psql": (_phrase, lambda v: f" login | password \n-------+----------\n svc   | {v}"),
    "show": (_phrase, lambda v: f"+-----+----------+\n|login|password  |\n+-----+----------+\n|svc  |{v}|\n+-----+----------+"),
    "presigned": (_chars("0123456789abcdef", 64), lambda v: f"https://x.s3.eu-west-1.amazonaws.com/k?X-Amz-Date=20261122T000000Z&X-Amz-Signature={v}"),
    "sas": (lambda rng: _chars(ALNUM, 43)(rng) + "=", lambda v: f"https://a.dfs.core.windows.net/c?sv=2022-11-02&ss=b&sig={quote(v, safe='')}&se=2027"),
    "delegation": (_chars(ALNUM + "_-", 60), lambda v: f"hdfs://nn/x?op=OPEN&delegation={v}&offset=0"),
    "kubernetes": (_phrase, lambda v: f"kind: Secret\ndata:\n  password: {_b(v)}\n"),
    "wrapped jwt": (_jwt, lambda v: f"26/11/22 08:01:02 INFO Http: Authorization: Bearer {v[:50]}\n{v[50:]}"),
    "patient": (_name, lambda v: f'{{"patient_name": "{v}", "n": 1}}'),
    "customer": (_name, lambda v: f"Row(customer_name='{v}', n=1)"),
    "bad row": (_name, lambda v: f"Malformed records are detected in record parsing: [17,{v},null]."),
    "born": (_born, lambda v: f"date_of_birth={v}, n=1"),
    "born json": (_born, lambda v: json.dumps({"birthDate": v})),
    "account": (_chars(string.digits, 12), lambda v: f"arn:aws:iam::{v}:role/etl is not authorized"),
    "account word": (_chars(string.digits, 12), lambda v: f"in account {v}: AccessDenied"),
}  # fmt: skip


def holdout(seed: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield kind, notation, value, text, and the text with a harmless value."""
    rng = random.Random(seed)
    for kind, (keys, make) in KINDS.items():
        for notation, form in KEYED.items():
            value = make(rng)
            yield kind, notation, value, form(keys[0], value), form(keys[0], "-")
    for kind, make in BARE.items():
        for notation, loose in LOOSE.items():
            value = make(rng)
            yield kind, notation, value, loose(value), loose("-")
    for notation, (make, fixed) in FIXED.items():
        for _ in range(4):
            value = make(rng)
            yield notation, notation, value, fixed(value), fixed("-")
