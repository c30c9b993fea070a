"""The command line as people use it: a process, its streams and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose import cli
from diagnose.diagnosis import Diagnosis

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}
"""No credentials, and no network but loopback."""
TRACE = 'Traceback (most recent call last):\n  File "/home/hadoop/job.py", line 8, in <module>\n    main()\n'


def run(*args, stdin=b"", env=None):
    environ = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV")} | (
        env or {}
    )
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *map(str, args)],
        input=stdin,
        capture_output=True,
        env=environ,
        check=False,
    )


@pytest.fixture
def root(tree, tmp_path):
    tree.driver(stdout=TRACE + "NameError: name 'frame' is not defined\n")
    return tree.write(tmp_path)


def test_text_is_for_people_and_has_no_colour_in_a_pipe(root):
    shown = run("logs", root)
    text = shown.stdout.decode()
    assert shown.returncode == 0
    assert text.startswith("CONFIGURATION_ERROR · CODE_ERROR")
    assert "NameError: name 'frame' is not defined" in text
    assert "Safe to retry: no" in text
    assert "\x1b" not in text
    assert shown.stderr == b""


def test_json_is_the_payload(root):
    shown = run("logs", root, "--format", "json")
    diagnosis = Diagnosis.model_validate_json(shown.stdout)
    assert diagnosis.cluster_id == "j-2AXTREE000001"
    assert diagnosis.step_id == "s-1AXTREE000001"
    assert diagnosis.tokens_used == 0


def test_markdown_keeps_hostile_lines_inside_their_fence(tree, tmp_path):
    tree.driver(stdout=TRACE + "NameError: ``` <!channel> name 'x' is not defined\n")
    text = run("logs", tree.write(tmp_path), "--format", "markdown").stdout.decode()
    assert text.count("```") == 2
    assert "<!channel>" not in text


def test_a_terminal_never_gets_a_log_s_control_characters(tree, tmp_path):
    tree.driver(stdout=TRACE + "NameError: \x1b]0;owned\x07 \x9b2J name 'x' is not defined\n")
    text = run("logs", tree.write(tmp_path)).stdout.decode()
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "\x9b" not in text


def test_standard_input_and_a_single_file_are_logs_too(root, tmp_path):
    piped = run(
        "logs", "-", "--format", "json", stdin=(TRACE + "NameError: name 'x' is not defined\n").encode()
    )
    assert json.loads(piped.stdout)["failure_type"] == "CODE_ERROR"
    file = next(root.rglob("container_*_000001/stdout.gz"))
    single = run("logs", file, "--format", "json")
    assert json.loads(single.stdout)["failure_type"] == "CODE_ERROR"
    assert json.loads(single.stdout)["safe_to_retry"] is False


@pytest.mark.parametrize("command", ["logs", "excerpt", "redact"])
def test_a_path_that_is_not_there_is_a_usage_error(command, tmp_path):
    shown = run(command, tmp_path / "none")
    assert shown.returncode == 2
    assert b"no such file or folder" in shown.stderr
    assert b"Traceback" not in shown.stderr


def test_an_empty_folder_is_a_diagnosis(tmp_path):
    shown = run("logs", tmp_path, "--format", "json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["failure_type"] == "LOGS_UNAVAILABLE"


def test_the_excerpt_is_plain_text_within_the_budget(root):
    shown = run("excerpt", root, env={"MAX_LOG_SIZE_BYTES": "2048"})
    assert shown.returncode == 0
    assert len(shown.stdout) <= 2048
    head = shown.stdout.decode().splitlines()[0]
    assert head.startswith("== containers/") and head.endswith(" container_1795331436133_0007_01_000001 1")
    blocks = json.loads(run("excerpt", root, "--format", "json").stdout)["blocks"]
    assert {"file", "container", "attempt", "first", "last", "lines"} <= set(blocks[0])


def test_redact_prints_a_text_line_for_line():
    word = "".join(("Swor", "dfish", "42"))
    shown = run("redact", stdin=f"user=etl\npassword={word}\nend\n".encode())
    assert shown.stdout.decode().splitlines()[0] == "user=etl"
    assert len(shown.stdout.splitlines()) == 3
    assert word.encode() not in shown.stdout


def test_a_pattern_that_does_not_compile_is_quoted(root):
    for command in ("logs", "excerpt"):
        shown = run(command, root, env={"REDACTION_EXTRA_PATTERNS": '["(ACME"]'})
        assert shown.returncode == 2
        assert b"(ACME" in shown.stderr
        assert b"REDACTION_EXTRA_PATTERNS" in shown.stderr
    assert run("redact", stdin=b"x", env={"REDACTION_EXTRA_PATTERNS": '["(ACME"]'}).returncode == 2


def test_an_unknown_analyst_is_a_usage_error(root):
    assert run("logs", root, "--analyst", "oracle").returncode == 2


def test_every_help_shows_an_example():
    for command in ([], ["logs"], ["excerpt"], ["redact"], ["schema"]):
        assert b"example" in run(*command, "--help").stdout


def test_main_can_be_called_in_process(root, capsysbinary):
    assert cli.main(["logs", str(root)]) == 0
    assert b"CODE_ERROR" in capsysbinary.readouterr().out


def test_several_records_give_a_list_and_each_its_status():
    events = ROOT / "tests" / "events"
    known = {**NOWHERE, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    limit = ("--time-limit", "31", "--format", "json")
    shown = run("event", events / "queue_several.json", *limit, env=known)
    statuses = [row["status"] for row in json.loads(shown.stdout)]
    assert shown.returncode == 0
    assert set(statuses) == {"PARTIAL_ANALYSIS", "INVALID_EVENT", "IGNORED"}
    shown = run("event", "-", "--format", "json", stdin=b"{")
    assert json.loads(shown.stdout)["status"] == "INVALID_EVENT"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_status_other_than_diagnosed_is_told_with_its_reason(form):
    shown = run("event", ROOT / "tests" / "events" / "completed.json", "--format", form)
    assert shown.returncode == 0
    assert shown.stdout.decode().replace("*", "") == "IGNORED: the step is COMPLETED, not FAILED\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["step", "--cluster-id", "x", "--step-id", "s-1AXTREE000001"], "--cluster-id 'x': is no cluster's id"),
        (["step", "--cluster-id", "j-1A", "--step-id", "7"], "--step-id '7': is no step's id"),
        (["step", "--cluster-id", "j-1A", "--step-id", "s-1A", "--region", "Rome"], "--region 'Rome': is no region"),
        (["step", "--cluster-id", "j-1A", "--step-id", "s-1A"], "AWS: there are no credentials; give a profile"),
        (["event", str(ROOT / "tests" / "events" / "failed.json")], "AWS: there are no credentials"),
        (["logs", "-", "--analyst", "bedrock"], "AWS: there are no credentials"),
        (["event", "nowhere.json"], "nowhere.json: No such file or directory; give a JSON file or -"),
        (["logs", "-", "--analyst", "gpt"], "--analyst gpt: not known; give rules, bedrock:<model id>"),
        (["logs", "-", "--analyst", "recorded:none.jsonl"], "none.jsonl"),
        (["logs", "-", "--prompt", "v1"], "--prompt and --record need a model"),
        (["logs", "-", "--analyst", "bedrock", "--prompt", "v99"], "prompt 'v99' is not there: there are v1, v2"),
        (["logs", "s3://no.such.bucket.example/j-1A/"], "there are no AWS credentials"),
    ],
)  # fmt: skip
def test_what_can_t_be_used_is_told_in_one_line(arguments, words):
    shown = run(*arguments, env=NOWHERE)
    assert shown.returncode == 2
    assert words in shown.stderr.decode()
    assert shown.stderr.count(b"\n") == 1
    assert shown.stdout == b""


def test_log_records_are_json_on_standard_error():
    shown = run("logs", ROOT / "datasets" / "lab" / "daily-sales", "--log")
    records = [json.loads(line) for line in shown.stderr.splitlines()]
    assert [record["stage"] for record in records] == ["log", "redaction", "match", "excerpt", "verdict"]
    for record in records:
        assert {"cluster_id", "step_id", "stage", "duration_ms", "status"} <= set(record)
        assert (record["cluster_id"], record["step_id"]) == ("j-ELSQKPPYH41OR", "s-F2OKMGFYH514L")
