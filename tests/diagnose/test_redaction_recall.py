"""No six characters in a row of a planted secret survive, in any notation, plain or encoded."""

import base64
import importlib.util
import random
from pathlib import Path

import pytest

from diagnose.redaction import Redactor, redact

_SPEC = importlib.util.spec_from_file_location(
    "canary", Path(__file__).resolve().parents[1] / "support" / "canary.py"
)
canary = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(canary)

PLANTINGS = canary.plantings(seed=20261122)
BODY_COLUMNS = 64


def test_the_bench_is_wide_enough():
    assert len({planting[0].kind for planting in PLANTINGS}) >= 35
    assert len({planting[1] for planting in PLANTINGS}) >= 12


@pytest.mark.parametrize("kind", sorted({planting[0].kind for planting in PLANTINGS}))
def test_no_window_of_a_canary_survives(kind):
    for planted, notation, text, healthy in PLANTINGS:
        if planted.kind == kind:
            output = redact(text)
            assert not canary.leaks(planted.value, output, healthy), f"{notation}: {output}"
            assert redact(output) == output
            assert output.count("\n") == text.count("\n")


CREDENTIALS = (
    "password",
    "password-env",
    "api-key",
    "aws-secret",
    "client-secret",
    "session-token",
    "github",
    "jwt",
    "aws-key",
)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_known_credential_is_removed_in_every_encoding(kind):
    planted = next(planting[0] for planting in PLANTINGS if planting[0].kind == kind)
    spelled = "\n".join(f"x {value} y" for value in canary.encodings(planted.value).values())
    output = Redactor().session().texts((spelled, f"{planted.key}={planted.value}"))
    assert not canary.leaks(planted.value, "\n".join(output), f"{planted.key}=")


def pem(rng_seed=7):
    body = base64.b64encode(random.Random(rng_seed).randbytes(1190)).decode()
    rows = [body[at : at + BODY_COLUMNS] for at in range(0, len(body), BODY_COLUMNS)]
    return ["-----BEGIN RSA PRIV" + "ATE KEY-----", *rows, "-----END RSA PRIV" + "ATE KEY-----"], rows


def hidden(rows, text):
    output = redact(text)
    assert output.count("\n") == text.count("\n")
    assert redact(output) == output
    return not any(canary.leaks(row, output) for row in rows)


@pytest.mark.parametrize(
    "form",
    [
        "\n".join,
        lambda block: "\n".join(f"26/11/22 07:43:30 INFO App: {row}" for row in block),
        lambda block: "\n".join(["before", *block[1:], "after it"]),
        lambda block: "\n".join(["before", *block[:-1], "and after it"]),
        lambda block: "\n".join(["before it", *block[1:-1], "and after it"]),
        lambda block: '{"private_key": "' + "\\n".join(block) + '\\n"}',
        lambda block: '{\\"private_key\\": \\"' + "\\\\n".join(block) + '\\"}',
        lambda block: "key: " + " ".join(block) + " end",
        lambda block: "    " + "\n    ".join(block),
        "\r\n".join,
    ],
    ids=["plain", "logged", "headless", "endless", "bare", "json", "escaped", "one line", "yaml", "crlf"],
)
def test_private_keys_are_removed_line_by_line(form):
    block, rows = pem()
    assert hidden(rows[:-1], form(block))


def test_a_wrapped_token_is_followed_over_the_line_end():
    token = next(planting[0].value for planting in PLANTINGS if planting[0].kind == "jwt")
    text = f"26/11/22 07:43:30 INFO App: header Authorization: Bearer {token[:60]}\n{token[60:]}\nnext line"
    output = redact(text)
    assert not canary.leaks(token, output)
    assert output.endswith("\nnext line")


SQL_AND_TOOLS = [
    "CREATE USER etl IDENTIFIED BY '{}'",
    "ALTER ROLE etl WITH PASSWORD '{}'",
    "CREATE USER etl IDENTIFIED WITH mysql_native_password BY '{}'",
    "jdbc:oracle:thin:scott/{}@db:1521/ORCL",
    "jdbc:sqlserver://h:1433;databaseName=x;user=etl;password={};encrypt=true",
    "postgresql://etl:{}@db.example/ops",
    "mongodb+srv://etl:{}@db.example/ops",
    "mysql -h db -u etl -p{} ops",
    "beeline -u jdbc:hive2://h:10000 -n etl -p {}",
    "sshpass -p {} ssh h",
    "curl -u etl:{} http://h/x",
    "curl -H 'Authorization: Basic QWxhZGRpbjp{}=='",
    'PlainLoginModule required username="etl" password="{}";',
    "spark.datasource.password   {}",
    "|spark.datasource.password|{}|",
    "the password is '{}' here",
    "sqoop import --connect jdbc:x --username etl --password {} --table t",
    "password={}; user=etl",
    "Properties(user=etl,password={})",
    "password for etl: {}",
    "password is: {}",
    "login failed: etl/{}@//db:1521/ORCL",
    "password=ENC({})",
    "Some(x), password -> Some({})",
]


@pytest.mark.parametrize("form", SQL_AND_TOOLS)
def test_logins_of_databases_and_tools(form):
    secret = next(planting[0].value for planting in PLANTINGS if planting[0].kind == "password-env").replace(
        "!", "x"
    )
    secret = secret.replace("-", "") if "Basic" in form else secret
    output = redact(form.format(secret))
    assert not canary.leaks(secret, output), output
    assert "[REDACTED-" in output
