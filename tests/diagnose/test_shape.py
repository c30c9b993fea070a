"""A trigger opens its shape wherever the shape matches: it saves time and never a finding."""

import gzip
import random
from pathlib import Path

import canary
import pytest

from diagnose import redact
from diagnose.echo import ECHOES
from diagnose.gate import Gate
from diagnose.label import latin
from diagnose.login import LOGINS
from diagnose.secret import SHAPES
from diagnose.tool import TOOLS

SUPPORT = Path(__file__).resolve().parents[1] / "support"
# the trigger of cards asks for an edge before the number, which the form leaves to its check
TRIGGERED = [
    shape for shape in (*SHAPES, *LOGINS, *ECHOES, *TOOLS) if shape.trigger and shape.check != "card"
]
LINES = gzip.decompress((SUPPORT / "survivors.txt.gz").read_bytes()).decode().splitlines()


def texts():
    """Planted secrets, lines without any, and both with blanks and signs put in."""
    rng = random.Random(11)
    planted = [text for *_, text, _ in canary.plantings(seed=11)]
    forms = gzip.decompress((SUPPORT / "notations.txt.gz").read_bytes()).decode().split("\n%%\n")
    for text in (*planted, *LINES, *forms):
        yield text.encode()
        at = rng.randrange(len(text) + 1)
        yield (text[:at] + rng.choice([" ", "(", "[", "=", ": ", " -P ", "|"]) + text[at:]).encode()


TEXTS = list(texts())


@pytest.mark.parametrize("shape", TRIGGERED, ids=lambda shape: shape.pattern[:60].decode())
def test_a_trigger_opens_wherever_its_shape_matches(shape):
    pattern, gate = latin(shape.pattern, groups=False), Gate([shape.trigger])
    assert all(gate.opened(text) for text in TEXTS if pattern.search(text))


def chosen(alphabet, size, seed=5):
    return "".join(random.Random(seed).choices(alphabet, k=size))


HEX, WORD = "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
STRAY = {
    "tencent": ("AK" + "ID", chosen(WORD, 32)),
    "sonar": ("sq" + "p_", chosen(HEX, 40)),
    "twilio": ("S" + "K", chosen(HEX, 32)),
    "mailchimp": ("", chosen(HEX, 32) + "-us18"),
    "mysql": ("*", chosen(HEX, 40).upper()),
    "pwdump": ("etl:1001:", chosen(HEX, 32) + ":" + chosen(HEX, 32, 6)),
    "cloudfront": ("https://d1.cloudfront.net/x.csv?Expires=1790000000&Policy=", chosen(WORD, 90)),
    "cookie": ("session=", chosen(WORD, 32)),
}
TAILS = {"pwdump": ":::", "cookie": "; Path=/; HttpOnly"}


@pytest.mark.parametrize("name", STRAY)
def test_a_token_is_known_by_its_form_alone(name):
    head, rest = STRAY[name]
    told = redact(f"giving up on [{head}{rest}{TAILS.get(name, '')}] after 47 tries")
    assert rest not in told and told.startswith("giving up on [") and told.endswith("] after 47 tries")


@pytest.mark.parametrize("key", ["ntlm_hash", "ntHash", "LM-Hash"])
def test_a_hash_of_windows_goes_behind_its_name(key):
    assert chosen(HEX, 32) not in redact(f"{key}={chosen(HEX, 32)}")


def test_a_principal_that_spells_a_person_goes_and_a_service_stays():
    told = redact("principal=jane.okafor@CORP.EXAMPLE.COM, hive/nn-1@CORP.EXAMPLE.COM, etl@CORP.EXAMPLE.COM")
    assert "okafor" not in told and told.count("[REDACTED-") == 1


@pytest.mark.parametrize(
    "line",
    [
        "python3.9 pyarrow==14.0.1.0",
        "Successfully installed secretstorage-3.3.3 tokenizers-0.15.0",
        "Password for 'etl': (prompt timed out)",
        "Iceberg snapshot 1915640109463621523 committed, parent 4397729108805861751",
        "offset=4797895840154233 partition=24",
        "contentHash=" + chosen(HEX, 32),
        "option --token requires an argument",
    ],
)
def test_versions_places_and_words_stay(line):
    assert redact(line) == line


@pytest.mark.parametrize(
    "value", ["Basic%20" + chosen(WORD, 22) + "%3D%3D", "s3%3A%2F%2Facme-raw-7%2Fa%2Fb.json"]
)
def test_the_next_parameter_of_an_encoded_url_stays(value):
    told = redact(
        f"redirect_uri=https%3A%2F%2Fapi.example.net%2Fcb%3Fauthorization%3D{value}%26state%3Dstep173"
    )
    assert value not in told and told.endswith("%26state%3Dstep173")
