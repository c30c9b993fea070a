"""The second look: what a redacted text still holds, found by how it is made."""

import random
import string
from pathlib import Path

import canary
import pytest

from diagnose.inspection import MASK, mask, suspects
from diagnose.pipeline import run_logs

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(p.parent for p in (ROOT / "datasets" / "lab").glob("*/meta.json"))
SHAPED = {
    "github", "github-fine", "gitlab", "slack", "google-api", "google-oauth", "stripe", "npm", "pypi", "openai",
    "anthropic", "huggingface", "vault", "sendgrid", "aws-session", "jwt", "card",
}  # fmt: skip
LABELLED = {
    "password",
    "password-env",
    "password-camel",
    "passphrase",
    "pwd",
    "client-secret",
    "api-key",
    "auth-token",
}
EVIDENCE = """\
26/11/22 07:43:30 ERROR Executor: Exception in task 3.1 in stage 12.0 (TID 417)
Caused by: org.apache.spark.SparkArithmeticException: [DIVIDE_BY_ZERO] Division by zero.
\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIteratorForCodegenStage1.hashAgg_doAggregateWithKeys_0$(Unknown Source)
Container container_e17_1795331436133_0007_02_000003 exited with a non-zero exit code 137
INFO FileFormatWriter: Write Job 1154c5df-d95e-41f1-89cd-8c607688c48b committed. Elapsed time: 28 ms.
BP-1482041376-10-0-2-10-1600000000000:blk_1073741825_1001 is corrupt, checksum 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
assumed-role/EMR_EC2_DefaultRole/i-0f3a9c81d2b4e5f60 is not authorized to perform s3:GetObject
User etl (using password: YES), tokens_processed=512345, spark.sql.shuffle.partitions=2000
java.lang.NoSuchMethodError: com.fasterxml.jackson.databind.ObjectMapper.jackson-databind-2.15.2.jar
s-1AXTREE000001 j-2AXTREE000001 application_1795331436133_0007 5891 5881 5881 5881
spark.yarn.secret.name=prod metadata.key.secret=prod/metadata --password-file=/etc/pw StructField(password,StringType)
"""


def test_shaped_secrets_are_found_without_any_label():
    for seed in range(5):
        for c in canary.canaries(seed):
            if c.kind in SHAPED:
                for name in ("message", "brackets", "quotes", "end", "xml", "stop"):
                    shown = suspects(canary.BARE_CONTEXTS[name](c.value))
                    assert any(value in c.value or c.value in value for value in shown), (c.kind, name)


@pytest.mark.parametrize("form", ["log line", "json", "colon", "python dict", "flag", "arrow"])
def test_what_follows_a_word_for_a_secret_is_found(form):
    found, asked = 0, 0
    for seed in range(20):
        for c in canary.canaries(seed):
            if c.kind in LABELLED:
                asked += 1
                found += bool(suspects(canary.CONTEXTS[form](c.key, c.value)))
    assert found >= 0.75 * asked, f"{found} of {asked}"


@pytest.mark.parametrize(
    "text", ["http://etl:{}@host/x", "jdbc:postgresql://ops:{}@db.internal:5432/x", "owner {}@corp.example"]
)
def test_logins_and_mail_addresses_are_found(text):
    shown, count = mask(text.format("jane7"))
    assert count >= 1
    assert "jane7" not in shown


@pytest.mark.parametrize("line", EVIDENCE.splitlines())
def test_evidence_is_no_suspect(line):
    assert suspects(line) == ()


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_nothing_in_a_real_excerpt_is_a_suspect(case):
    assert suspects(run_logs(case).excerpt.render()) == ()


def test_placeholders_are_no_suspects_and_masking_twice_changes_nothing():
    made = "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=40))
    shown, count = mask(f"[REDACTED-AWS-KEY-1] password=[REDACTED-PASSWORD-2]\nkey {made} end\n")
    assert (count, shown) == (1, f"[REDACTED-AWS-KEY-1] password=[REDACTED-PASSWORD-2]\nkey {MASK} end\n")
    assert mask(shown) == (shown, 0)


def test_what_the_first_look_lets_through_is_masked_everywhere_counted_and_told(tree, tmp_path):
    rng = random.Random(5)
    made = (
        "".join(rng.choices(string.ascii_letters, k=11))
        + "7Q"
        + "".join(rng.choices(string.ascii_letters + string.digits, k=19))
    )
    trace = f'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\nRuntimeError: ticket {made}\n'
    result = run_logs(tree.driver(stdout=trace).write(tmp_path))
    shown = result.excerpt.render() + result.diagnosis.model_dump_json()
    assert made not in shown
    assert f"RuntimeError: ticket {MASK}" in shown
    assert any("second look masked 1 values" in gap for gap in result.diagnosis.gaps)
    assert result.state.suspects == 1


@pytest.mark.parametrize(
    "line",
    [
        "at com.amazon.ws.emr.hadoop.fs.s3n.Jets3tNativeFileSystemStore.list(Jets3tNativeFileSystemStore.java:7)",
        "at com.amazon.ws.emr.hadoop.fs.s3.lite.call.ListObjectsV2Call.perform(ListObjectsV2Call.java:19)",
        "Uploading resource file:/mnt/tmp/__spark_libs__5443964497433054508.zip",
        "Error Code: AccessDenied; Request ID: {short}; S3 Extended Request ID: {long}=; Proxy: null)",
        "x-amz-request-id: {short}, x-amz-id-2: {long}=",
        '"requestId":"{short}"',
    ],
)
def test_names_of_classes_and_requests_are_evidence(line):
    chance = random.Random(7)
    short = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=16))
    long = "".join(chance.choices(string.ascii_letters + string.digits + "+/", k=75))
    assert suspects(line.format(short=short, long=long)) == ()
    assert suspects(f"value {short}Aa1Bb2 {long}")
