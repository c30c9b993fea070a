"""Notations in which logs hold secrets (`tests/support/notations.txt.gz`), and compositions of two of them.

In the file, `{P}` stands for a password, `{T}` for a token and so on (`VALUES`); `{P:b64}` for it encoded.
"""

import base64
import gzip
import json
import random
import re
import string
from html import escape
from pathlib import Path
from urllib.parse import quote

import canary
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.redaction import Redactor, redact

SUPPORT = Path(__file__).resolve().parents[1] / "support"
_FORMS = gzip.decompress((SUPPORT / "notations.txt.gz").read_bytes()).decode()
NOTATIONS = [form.strip("\n") for form in _FORMS.split("\n%%\n")]
SLOT = re.compile(r"\{(P\d?|T\d?|H|S|K|C\d?|N\d?|E|SSN|I|A|IP|J|D|PH|ASIA|B)(?::(\w+))?\}")
CASES = st.sampled_from(canary.plantings(seed=42))


def password(rng):
    return rng.choice(
        [canary.human(rng), canary.text(rng, canary.ALNUM, 14), canary.text(rng, canary.ALNUM, 9) + "#x7"]
    )


VALUES = {
    "P": password,
    "T": lambda rng: canary.text(rng, canary.ALNUM, 32),
    "H": lambda rng: canary.text(rng, canary.HEX, 40),
    "S": lambda rng: canary.text(rng, canary.ALNUM + "/+", 40),
    "K": lambda rng: "AK" + "IA" + canary.text(rng, canary.UPPER, 16),
    "ASIA": lambda rng: "AS" + "IA" + canary.text(rng, canary.UPPER, 16),
    "C": canary.mastercard,
    "N": lambda rng: f"{rng.choice(['Maria', 'Jonas', 'Aiko'])} {rng.choice(['Lopezar', 'Hartwick', 'Tanakami'])}",
    "E": lambda rng: f"{canary.text(rng, 'abcdef', 7)}@acme-corp.example",
    "SSN": lambda rng: f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}",
    "I": canary.iban,
    "A": lambda rng: str(rng.randrange(10**11, 10**12)),
    "IP": lambda rng: ".".join(str(rng.randrange(11, 250)) for _ in range(4)),
    "J": canary.jwt,
    "D": lambda rng: f"19{rng.randrange(50, 99)}-0{rng.randrange(1, 9)}-1{rng.randrange(9)}",
    "PH": lambda rng: f"+49 170 {rng.randrange(10**6, 10**7 - 1)}",
    "B": lambda rng: f"{canary.text(rng, 'abcdefgh', 5)}-raw-{rng.randrange(100, 999)}",
}  # fmt: skip
SPELLED = {
    None: str,
    "url": lambda value: quote(value, safe=""),
    "url2": lambda value: quote(quote(value, safe=""), safe=""),
    "b64": lambda value: base64.b64encode(value.encode()).decode(),
    "b64b64": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "hex": lambda value: value.encode().hex(),
    "basic": lambda value: base64.b64encode(f"etl:{value}".encode()).decode(),
    "b64json": lambda value: base64.b64encode(
        json.dumps({"user": "etl", "password": value}).encode()
    ).decode(),
    "h1": lambda value: value[: len(value) // 2],
    "h2": lambda value: value[len(value) // 2 :],
    "cut": lambda value: value[:9],
}
OUTER = {
    "json string": json.dumps,
    "json in json": lambda text: json.dumps({"message": json.dumps({"line": text})}),
    "repr": repr,
    "url": lambda text: f"GET /x?line={quote(text, safe='')}&n=1",
    "url twice": lambda text: f"GET /x?line={quote(quote(text, safe=''), safe='')}&n=1",
    "html": lambda text: f"<td>{escape(text)}</td>",
    "base64": lambda text: f"payload {base64.b64encode(text.encode()).decode()} end",
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: f"bytes {text.encode().hex()} end",
    "logged": lambda text: "\n".join(f"26/11/22 07:43:30 INFO App: {line}" for line in text.split("\n")),
    "coloured": lambda text: f"\x1b[33m{text}\x1b[0m",
    "indented": lambda text: "\n".join(f"    {line}" for line in text.split("\n")),
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "bracketed": lambda text: f"[{text}]",
}


def filled(form, rng):
    values = {}

    def spelled(slot):
        kind = slot.group(1)
        value = values.setdefault(kind, VALUES[kind.rstrip(string.digits)](rng))
        return SPELLED[slot.group(2)](value)

    return SLOT.sub(spelled, form), values


def test_there_are_many_notations():
    assert len(NOTATIONS) >= 400


@pytest.mark.parametrize("form", NOTATIONS)
def test_no_window_of_a_secret_survives_its_notation(form):
    for seed in (1, 2):
        text, values = filled(form, random.Random(f"{seed} {form}"))
        output = redact(text)
        for kind, value in values.items():
            assert not canary.leaks(value, output, SLOT.sub("", form)), f"{kind}: {output}"
        assert redact(output) == output
        assert output.count("\n") == text.count("\n")


@settings(max_examples=300, deadline=None)
@given(CASES, st.sampled_from(sorted(OUTER)))
def test_no_window_of_a_canary_survives_two_notations(case, outer):
    planted, _, text, healthy = case
    whole, harmless = OUTER[outer](text), OUTER[outer](healthy)
    output = redact(whole)
    assert not canary.leaks(planted.value, output, harmless), output
    assert redact(output) == output
    assert output.count("\n") == whole.count("\n")


@settings(max_examples=200, deadline=None)
@given(CASES, st.sampled_from(sorted(OUTER)), st.sampled_from(["plain", "base64", "hex", "url"]))
def test_a_credential_known_from_one_text_is_removed_from_any_encoding_of_another(case, outer, spelling):
    planted, _, text, healthy = case
    if not planted.key or planted.kind not in {
        "password",
        "api-key",
        "aws-secret",
        "github",
        "jwt",
        "client-secret",
    }:
        return
    other = OUTER[outer](f"x {canary.encodings(planted.value)[spelling]} y")
    output = Redactor().session().texts((other, text))
    assert not canary.leaks(planted.value, "\n".join(output), healthy + OUTER[outer]("x - y"))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(NOTATIONS), min_size=2, max_size=4), st.integers(0, 10**6))
def test_notations_one_after_another_hide_all_their_secrets(forms, seed):
    rng = random.Random(seed)
    parts = [filled(form, rng) for form in forms]
    text = "\n\n".join(part for part, _ in parts)
    output = redact(text)
    healthy = SLOT.sub("", "\n".join(forms))
    assert not [
        value for _, values in parts for value in values.values() if canary.leaks(value, output, healthy)
    ]
    assert output.count("\n") == text.count("\n")
    assert redact(output) == output
