import base64
import random
from urllib.parse import quote

import pytest
from canary import ALNUM, PREFIXED, UPPER, human, text

from evals.secret import sightings, spellings

KEY_ID = "AK" + "IA" + text(random.Random(4), UPPER, 16)
PASSWORD = human(random.Random(5))


def kinds(content: str, *canaries: str) -> list[str]:
    return [seen.kind for seen in sightings(content, canaries)]


@pytest.mark.parametrize("kind", sorted(PREFIXED))
def test_a_vendors_token_is_seen_and_excused_as_a_canary(kind: str) -> None:
    prefix, alphabet, size = PREFIXED[kind]
    value = prefix + text(random.Random(size), alphabet, size)
    line = f"26/11/22 07:43:30 INFO Loader: calling with {value}\n"
    assert kinds(line)
    assert kinds(line, value) == []


def test_a_password_and_a_key_id_are_seen_with_their_lines() -> None:
    seen = sightings(f"start\ndb.password={PASSWORD}\nusing {KEY_ID} now\n", ())
    assert {(item.kind, item.line) for item in seen} == {("PASSWORD", 2), ("AWS-KEY", 3)}


def test_what_is_shown_of_a_value_can_not_be_used() -> None:
    for item in sightings(f"password={PASSWORD}\n{KEY_ID}", ()):
        assert PASSWORD[:6] not in item.mark
        assert KEY_ID[:6] not in item.mark


def test_an_encoded_password_is_seen_and_excused() -> None:
    encoded = base64.b64encode(f"etl:{PASSWORD}".encode()).decode()
    assert kinds(f"Authorization: Basic {encoded}")
    assert kinds(f"Authorization: Basic {encoded}", PASSWORD) == []


def test_an_unlabelled_random_value_is_seen_by_the_second_look() -> None:
    assert kinds(f"handing over {text(random.Random(9), ALNUM, 44)} to the partner") == ["LOOKALIKE"]


@pytest.mark.parametrize(
    "line",
    [
        "26/11/22 07:43:30 INFO SparkContext: Running Spark version 3.5.7",
        "\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2856)",
        "Container container_1795332864487_0020_01_000003 on host: ip-10-0-2-10.ec2.internal exited with 143",
        "--access-key lab-user --endpoint http://localhost:9000",
        "User: arn:aws:sts::123456789012:assumed-role/EMR_EC2/i-0dabaj1a9t8a700j6 is not authorized",
        "owner: data-team@example.com",
        "checksum 9b3fce977067208c5a52f87cb95d94ee6000730585bff487e5d6045646f906f5",
        "FATAL: password authentication failed for user",
        "",
    ],
)
def test_ordinary_lines_are_quiet(line: str) -> None:
    assert kinds(line) == []


def test_a_canary_is_spelled_as_logs_spell_it() -> None:
    forms = spellings('a/b "c" é+1')
    assert {quote('a/b "c" é+1', safe=""), 'a/b \\"c\\" é+1', 'a/b "c" é+1'.encode().hex()} <= set(forms)
    for padding in ("", "x", "xy"):
        spelled = base64.b64encode(f'{padding}a/b "c" é+1zz'.encode()).decode()
        assert any(form in spelled for form in forms)
