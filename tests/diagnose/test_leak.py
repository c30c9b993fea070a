"""From log files to everything that leaves: no planted secret in excerpt, payload, streams or messages."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import canary
import pytest

from diagnose.errors import UsageError
from diagnose.pipeline import run_logs
from diagnose.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


PLANTINGS = canary.plantings(seed=4711)
KINDS = sorted({planting[0].kind for planting in PLANTINGS})
WIDE = Settings(max_log_size_bytes=1 << 20)


def plant(tree, kind):
    """A failed job that logs one kind of secret in every notation, where an excerpt looks first."""
    texts = [text for planted, _, text, _ in PLANTINGS if planted.kind == kind]
    last = 'Traceback (most recent call last):\n  File "job.py", line 8, in <module>\n    main()\n'
    middle = "".join(f"26/11/22 07:00:05 ERROR Job{i}: refused by\n{text}\n" for i, text in enumerate(texts))
    tree.driver(middle, stdout=last + f"RuntimeError: {texts[0]}\n")
    tree.step(
        "syslog", "".join(f"26/11/22 07:00:05 ERROR Client{i}: {text}\n" for i, text in enumerate(texts))
    )
    return texts


def assert_clean(kind, *outputs):
    mine = [planting for planting in PLANTINGS if planting[0].kind == kind]
    healthy = HEALTHY + " ".join(planting[3] for planting in mine)
    for planted, notation, _, _ in mine:
        for output in outputs:
            assert not canary.leaks(planted.value, output, healthy), notation


HEALTHY = "container_ application_ 2026-11-22 .example https:// https%3A%2F%2F s3%3A%2F%2F s3a%3A%2F%2F s3n%3A%2F%2F "
"""What the logs around hold, and forms that many values share."""


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_leaves_by_excerpt_or_payload(tree, tmp_path, kind):
    plant(tree, kind)
    state = run_logs(tree.write(tmp_path), settings=WIDE)
    excerpt = state.excerpt.render()
    assert excerpt.count("ERROR Job") > 1
    assert_clean(
        kind, excerpt, state.diagnosis.model_dump_json(), json.dumps(state.diagnosis.ruled_out, default=str)
    )


@pytest.mark.parametrize("kind", ["password", "aws-secret", "github", "jwt", "email", "card"])
def test_nothing_planted_leaves_by_the_streams(tree, tmp_path, kind):
    assert kind in KINDS
    plant(tree, kind)
    root = tree.write(tmp_path)
    for arguments in (
        ["logs", root],
        ["logs", root, "--format", "markdown"],
        ["excerpt", root, "--format", "json"],
    ):
        shown = subprocess.run(
            [sys.executable, "-m", "diagnose", *arguments], capture_output=True, text=True, check=True
        )
        assert_clean(kind, shown.stdout, shown.stderr)


def test_secrets_of_the_step_s_arguments_are_known_everywhere(tree, tmp_path):
    secret = canary.human(canary.random.Random(5))
    tree.driver(f"26/11/22 07:00:05 ERROR Job: login {secret} refused\n", status=3)
    root = tree.write(tmp_path)
    args = ["spark-submit", "--conf", f"spark.jdbc.password={secret}", "job.py"]
    meta = {"step": {"Id": "s-1AXTREE000001", "Name": f"load-{secret}", "Config": {"Args": args}}}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    state = run_logs(root, settings=WIDE)
    for output in (state.excerpt.render(), state.diagnosis.model_dump_json()):
        assert not canary.leaks(secret, output)


def test_file_names_hosts_and_gaps_are_redacted(tree, tmp_path):
    tree.driver(status=3)
    tree.daemon(
        "nodemanager", "2026-11-22 07:00:05,412 WARN X (Y): container_1795331436133_0007_01_000002 killed\n"
    )
    name = next(n for n in tree.files if "nodemanager" in n)
    tree.files[name] = tree.files[name][:-9]
    state = run_logs(tree.write(tmp_path), settings=WIDE)
    shown = state.excerpt.render() + state.diagnosis.model_dump_json()
    assert "nodemanager" in shown
    assert "10-0-2-10" not in shown


def test_messages_of_our_own_errors_hold_no_secret(tmp_path):
    secret = canary.human(canary.random.Random(6))
    path = tmp_path / f"password={secret}"
    shown = subprocess.run(
        [sys.executable, "-m", "diagnose", "logs", str(path)], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 2
    assert not canary.leaks(secret, shown.stderr)
    with pytest.raises(UsageError):
        load_settings({"MAX_READ_BYTES": "x"})


SHARED = sorted((ROOT.parent / "shared" / "real-logs").glob("*/logs"))
PLANTED = re.compile(
    r'"password", "(?P<a>[^"]{6,})"|secret\.key=(?P<b>\S{20,})|access\.key=(?P<c>\S{16,})|password=(?P<d>[^\s&"]{6,})'
)


@pytest.mark.parametrize("logs", SHARED, ids=lambda p: p.parent.name)
def test_what_real_jobs_printed_of_their_credentials_is_not_shown(logs):
    raw = [gzip.decompress(file.read_bytes()).decode(errors="replace") for file in logs.rglob("*.gz")]
    raw.append((logs.parent / "meta.json").read_text())
    secrets = {value for text in raw for hit in PLANTED.finditer(text) for value in hit.groups() if value}
    state = run_logs(logs, settings=WIDE)
    shown = state.excerpt.render() + state.diagnosis.model_dump_json()
    assert not [value for value in secrets if value.rstrip("\\") in shown]


def test_a_secret_named_far_from_what_is_shown_is_known(tree, tmp_path):
    secret = canary.human(canary.random.Random(7))
    quiet = "26/11/22 07:00:03 INFO Job: healthy\n" * 300
    tree.driver(
        f"26/11/22 07:00:02 INFO Conf: spark.jdbc.password={secret}\n{quiet}"
        f"26/11/22 07:00:05 ERROR Job: login etl {secret} refused\n"
    )
    excerpt = run_logs(tree.write(tmp_path), settings=WIDE).excerpt.render()
    assert "login etl" in excerpt
    assert not canary.leaks(secret, excerpt)


@pytest.mark.parametrize(
    "meta",
    [
        {
            "cluster": {
                "Configurations": [{"Classification": "core-site", "Properties": {"fs.s3a.secret.key": "{}"}}]
            }
        },
        {"step": {"Config": {"Properties": {"db.password": "{}"}}}},
        {"event": {"detail": {"message": "password={}"}}},
        {"step": {"Name": "load password={}"}},
        {"step": {"Config": {"Args": ["job.py", "--password", "{} 77"]}}},
    ],
)
def test_every_part_of_meta_json_is_learned_from(tree, tmp_path, meta):
    secret = canary.human(canary.random.Random(8))
    tree.driver(f"26/11/22 07:00:05 ERROR Job: login etl {secret} 77 refused\n", status=3)
    root = tree.write(tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps(meta).replace("{}", secret))
    state = run_logs(root, settings=WIDE)
    assert not canary.leaks(secret, state.excerpt.render() + state.diagnosis.model_dump_json())


def test_ids_of_another_form_are_redacted_and_cleaned(tree, tmp_path):
    root = tree.driver(status=3).write(tmp_path)
    secret = canary.human(canary.random.Random(9))
    step = f"s-X password={secret} \x1b[31m <!channel>"
    for form in ("text", "json", "markdown"):
        shown = subprocess.run(
            [sys.executable, "-m", "diagnose", "logs", root, "--step-id", step, "--format", form],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not canary.leaks(secret, shown.stdout + shown.stderr)
        assert "\x1b" not in shown.stdout
        assert form != "markdown" or "<!channel>" not in shown.stdout


def test_a_mistyped_command_line_is_not_echoed_with_its_password():
    secret = canary.human(canary.random.Random(10))
    shown = subprocess.run(
        [sys.executable, "-m", "diagnose", "logs", "x", f"--password={secret}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 2
    assert not canary.leaks(secret, shown.stderr)


@pytest.mark.parametrize(
    "form", ["mysql -p{}", "mysql -p {}", "curl -u etl:{}", "load --password = {}", "load --password {}"]
)
def test_what_only_a_flag_tells_for_a_secret_is_removed_where_the_log_quotes_it_bare(tree, tmp_path, form):
    secret = canary.human(canary.random.Random(11))
    root = tree.driver(stdout=f"refused for {secret}\nRuntimeError: cannot use {secret}\n").write(tmp_path)
    meta = {"step": {"Id": "s-1AXTREE000001", "Config": {"Args": form.format(secret).split()}}}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    state = run_logs(root, settings=WIDE)
    assert not canary.leaks(secret, state.excerpt.render() + state.diagnosis.model_dump_json())
    assert "RuntimeError: cannot use [REDACTED-" in state.excerpt.render()
