"""The package, run by the real runtime interface client: direct calls, what it sees, what it prints, what it survives."""

import gzip
import json
import re
import socket

import bedrockserver as bedrock
import canary
import jsonschema
import pytest
from deployment import BUCKET, LAB, SERVICE, TOKENS_USED, drafted
from live import Live
from metadataserver import MetadataServer
from runtimeapi import RuntimeDiedError
from sandbox import ROOT

SCHEMA = json.loads((ROOT / "docs" / "diagnosis.schema.json").read_text())


@pytest.fixture(scope="module")
def live(lambda_package, lambda_python, tmp_path_factory):
    with Live(lambda_package, lambda_python, tmp_path_factory.getbasetemp() / "live") as made:
        yield made


@pytest.fixture(scope="module")
def process(live):
    with live.start() as made:
        yield made


@pytest.fixture
def runtime(live, process):
    """The module's one process; what it prints is looked at after every test."""
    live.aws.clear()
    yield process
    live.records(process)
    assert process.alive
    assert live.aws.model.problems == []


def checked(answer):
    assert answer.kind == "response", answer.body
    jsonschema.validate(answer.body, SCHEMA)
    return answer.body


# ---------------------------------------------------------------------------------------------------- sandbox


def test_nothing_of_the_checkout_is_importable(live, record_property):
    record_property("sandbox", live.sandbox.kind)
    told = json.loads(
        live.sandbox.run(
            """
import importlib.util, json, sys
import diagnose
names = ("evals", "pytest", "moto", "mlflow", "pandas", "matplotlib", "awsserver", "aws_lambda_powertools", "langchain_aws")
print(json.dumps({
    "file": diagnose.__file__, "path": sys.path, "prefixes": [sys.prefix, sys.base_prefix],
    "found": [name for name in names if importlib.util.find_spec(name)],
    "version": sys.version_info[:2],
}))
"""
        )
    )
    record_property("python", ".".join(map(str, told["version"])))
    task = str(live.sandbox.task)
    assert told["file"] == f"{task}/diagnose/__init__.py"
    assert told["found"] == ["aws_lambda_powertools", "langchain_aws"]
    assert all(entry == "" or entry.startswith((task, *told["prefixes"])) for entry in told["path"])


def test_the_running_process_loaded_its_code_from_there_only(live, runtime):
    checked(runtime.invoke(live.aws.failure().direct))
    client = live.sandbox.python.parents[2]
    prefix = live.sandbox.run("import sys; print(sys.base_prefix)").strip()
    known = (str(live.sandbox.task), str(client), prefix, "/lib", "/usr/lib")
    assert [path for path in runtime.mapped() if not str(path).startswith(known)] == []
    assert not any(path.is_relative_to(ROOT) for path in runtime.mapped())


def test_nothing_is_written_anywhere(live, runtime):
    checked(runtime.invoke(live.aws.failure("archive-scan").direct))
    assert live.sandbox.left_behind() == []
    if live.sandbox.namespaces:
        with pytest.raises(AssertionError, match="Read-only file system"):
            live.sandbox.run("open('/tmp/x', 'w')")


def test_the_package_holds_no_test_and_no_instrument(live):
    task = live.sandbox.task
    assert not (task / "evals").exists() and not (task / "tests").exists()
    assert (task / "handler.py").exists()


# ------------------------------------------------------------------------------------------------ direct calls


def test_the_first_and_the_second_invocation_give_a_payload_and_the_second_loads_nothing(live):
    first, second = live.aws.failure(), live.aws.failure("cart-summary")
    with live.start() as runtime:
        assert runtime.api.asked.wait(60)
        ready = runtime.mapped()
        for failure in (first, second):
            d = checked(runtime.invoke(failure.direct))
            assert (d["status"], d["cluster_id"], d["step_id"]) == (
                "DIAGNOSED",
                failure.cluster_id,
                failure.step_id,
            )
            assert d["tokens_used"] == TOKENS_USED
            assert d["log_evidences"]
            loaded = runtime.mapped()
            if failure is first:
                ready = loaded
        assert loaded == ready
        live.records(runtime)
        documents = live.metrics(runtime)
    assert [d["TokensUsed"] for d in documents] == [TOKENS_USED] * 2
    assert [d["OutputTokens"] for d in documents] == [80] * 2
    assert {d["namespace"] for d in documents} == {"DataJobFailureIntelligence"}
    assert all(d["dimensions"] == [["service"]] for d in documents)


def test_a_direct_call_is_diagnosed_again_however_often_it_comes(live, runtime):
    failure = live.aws.failure()
    told = [checked(runtime.invoke(failure.direct)) for _ in range(2)]
    assert [d["status"] for d in told] == ["DIAGNOSED"] * 2
    assert told[0]["diagnosis_id"] == told[1]["diagnosis_id"]
    assert len(live.aws.asked(failure)) == 2
    assert live.aws.remembered().get(f"emr:{failure.cluster_id}:{failure.step_id}") is None


def test_a_direct_call_finds_the_logs_under_the_bucket_setting_when_emr_knows_nothing(live, runtime):
    failure = live.aws.failure()
    live.aws.emr.metas.remove(failure.meta)
    d = checked(runtime.invoke(failure.direct))
    assert (d["status"], d["analyst"]) == ("ANALYSIS_ABORTED", "rules")
    assert d["log_evidences"]
    assert live.aws.asked(failure) == []


def test_the_same_text_stands_in_the_payload_and_in_the_real_log(live, runtime):
    failure = live.aws.failure("kpi-view")
    d = checked(runtime.invoke(failure.direct))
    assert {item["file"].split("/")[0] for item in d["evidence"] if item["file"]} <= {
        "steps",
        "containers",
        "node",
    }
    assert BUCKET not in json.dumps(d["evidence"])


def test_a_metadata_api_over_tls_is_asked_with_the_key_of_its_secret(live):
    failure = live.aws.failure()
    live.aws.emr.metas.remove(failure.meta)
    path = f"/clusters/{failure.cluster_id}/steps/{failure.step_id}"
    told = {name: part for name, part in failure.meta.items() if name != "event"}
    with MetadataServer({path: told}, key="testing-key") as server:
        variables = {
            "METADATA_SOURCE": "rest",
            "METADATA_API_URL": server.endpoint,
            "METADATA_API_KEY_SECRET_ID": "metadata/key",
            "SSL_CERT_FILE": server.cafile,
        }
        with live.start(**variables) as runtime:
            d = checked(runtime.invoke(failure.direct))
            live.records(runtime)
            assert "testing-key" not in runtime.printed()
    assert (d["status"], d["job_name"]) == ("DIAGNOSED", failure.meta["step"]["Name"])
    assert server.paths == [path]


MALFORMED = {
    "null": None,
    "number": 7,
    "text": "hello",
    "list": [],
    "list of lists": [[[]]],
    "empty": {},
    "half": {"clusterId": "j-1ABCDEFGHIJKL"},
    "wrong types": {"clusterId": 7, "stepId": ["s-1"]},
    "foreign ids": {"clusterId": "../../etc", "stepId": "s-1' OR 1=1"},
    "deep": {"detail": json.loads("[" * 400 + "]" * 400)},
    "wide": {"clusterId": "j-" + "A" * 100_000, "stepId": "s-1"},
    "surrogate": {"clusterId": "j-\ud800", "stepId": "s-\udfff"},
    "no cluster": {
        "source": "aws.emr",
        "detail-type": "EMR Step Status Change",
        "detail": {"state": "FAILED"},
    },
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_payload_is_an_answer_and_costs_nothing(live, runtime, name):
    asked, described = len(live.aws.model.requests), sum(live.aws.emr.calls.values())
    before = len(live.metrics(runtime))
    d = checked(runtime.invoke(MALFORMED[name]))
    assert (d["status"], d["category"], d["tokens_used"]) == ("INVALID_EVENT", "UNKNOWN", 0)
    assert (len(live.aws.model.requests), sum(live.aws.emr.calls.values())) == (asked, described)
    (counted,) = live.metrics(runtime)[before:]
    assert (counted["Invocations"], counted["Failures"], counted["TokensUsed"]) == (1, 1, 0)


def test_bytes_that_are_no_json_leave_the_process_as_it_was(live):
    with live.start(AWS_LAMBDA_LOG_FORMAT="JSON") as runtime:
        assert runtime.invoke(b'{"clusterId": ').body["errorType"] == "Runtime.UnmarshalError"
        assert checked(runtime.invoke(live.aws.failure().direct))["status"] == "DIAGNOSED"


# -------------------------------------------------------------------------------------------------- the model

ANSWERS = {
    "refused": (lambda _: bedrock.error(403, "AccessDeniedException"), "ANALYSIS_ABORTED", 0),
    "unknown": (lambda _: bedrock.error(404, "ResourceNotFoundException"), "ANALYSIS_ABORTED", 0),
    "blocked in": (lambda _: bedrock.input_blocked(), "GUARDRAIL_BLOCKED", 0),
    "blocked out": (lambda _: bedrock.output_blocked(), "GUARDRAIL_OUTPUT_BLOCKED", 279),
    "no JSON": (lambda _: bedrock.ok("no JSON"), "PARSE_ERROR", 2 * 279),
    "cut": (lambda _: bedrock.truncated('{"root_cause": "x'), "PARSE_ERROR", 279),
}
FAILED = {"ANALYSIS_ABORTED", "PARSE_ERROR"}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_the_model_says_the_rules_speak_and_it_is_counted(live, runtime, name):
    live.aws.script, status, tokens = ANSWERS[name]
    before = len(live.metrics(runtime))
    d = checked(runtime.invoke(live.aws.failure().direct, patience_seconds=120))
    assert (d["status"], d["analyst"], d["tokens_used"]) == (status, "rules", tokens)
    assert d["category"] != "UNKNOWN" and d["log_evidences"] and d["status_reason"]
    (counted,) = live.metrics(runtime)[before:]
    assert counted["Failures"] == (status in FAILED)
    assert counted["GuardrailBlocks"] == status.startswith("GUARDRAIL")
    assert counted["TokensUsed"] == tokens


def test_a_throttled_model_is_asked_again_and_billed_once(live, runtime):
    replies = [bedrock.throttled("0"), bedrock.invalid_json()]
    live.aws.script = lambda request: replies.pop(0) if replies else drafted(request)
    failure = live.aws.failure()
    d = checked(runtime.invoke(failure.direct, seconds=300))
    assert (d["status"], d["tokens_used"]) == ("DIAGNOSED", TOKENS_USED)
    assert len(live.aws.asked(failure)) == 3


def test_a_model_that_stays_throttled_is_given_up_in_time(live, runtime):
    live.aws.script = lambda _: bedrock.throttled("9")
    failure = live.aws.failure()
    d = checked(runtime.invoke(failure.direct, seconds=36))
    assert (d["status"], d["analyst"], d["tokens_used"]) == ("PARTIAL_ANALYSIS", "rules", 0)
    assert d["category"] != "UNKNOWN" and d["log_evidences"]
    assert len(live.aws.asked(failure)) == 1
    assert live.metrics(runtime)[-1]["Failures"] == 1


# ------------------------------------------------------------------------------------------------------- logs


def test_no_planted_secret_is_printed_answered_or_asked(live, runtime):
    made = [c for c in canary.canaries(20261123) if c.kind not in {"name", "birth-date", "phone-labelled"}]
    lines = [
        f"26/11/22 07:00:0{n % 10} ERROR Loader{n}: refused {c.key}={c.value}" for n, c in enumerate(made)
    ]

    def plant(meta):
        meta["step"]["Config"]["Args"] += [part for c in made for part in (f"--{c.key}", c.value)]
        meta["step"]["Status"]["FailureDetails"]["Message"] = f"cannot connect: password={made[0].value}"
        meta["step"]["Name"] = meta["event"]["detail"]["name"] = f"load password={made[0].value}"

    failure = live.aws.failure(change=plant, extra=("\n".join(lines) + "\n").encode())
    before, asked = len(runtime.printed()), len(live.aws.model.requests)
    secret = made[0].value
    answers = [checked(runtime.invoke(failure.direct))]
    live.aws.script = lambda _: bedrock.error(403, "AccessDeniedException", f"token={secret}")
    answers.append(checked(runtime.invoke(failure.direct)))
    live.aws.script = lambda _: bedrock.output_blocked(secret, model_output=f"password={secret}")
    answers.append(checked(runtime.invoke(failure.event)))
    payloads = ({"clusterId": f"password={secret}", "stepId": secret}, {"password": secret})
    answers += [checked(runtime.invoke(payload)) for payload in payloads]
    requests = live.aws.model.requests[asked:]
    outputs = {
        "answers": json.dumps(answers, ensure_ascii=False),
        "published": json.dumps(live.aws.published(), ensure_ascii=False),
        "requests": "\n".join(text for r in requests for text in (*r.own, *r.guarded)),
        "printed": runtime.printed()[before:],
    }
    assert requests and outputs["printed"]
    made_up = json.dumps([[a["diagnosis_id"], a["prompt_sha256"]] for a in answers]) + prompt_marks(requests)
    ids = json.dumps([record.get("aws_request_id") for record in live.records(runtime)])
    case = json.dumps(json.loads((LAB / "daily-sales" / "meta.json").read_text())) + plain_logs("daily-sales")
    for c in made:
        for name, output in outputs.items():
            assert not canary.leaks(c.value, output, HEALTHY + made_up + ids + case), (c.kind, name)


HEALTHY = (
    "container_ application_ 2026-11-22 .example https:// s3:// s3a:// s3n:// arn:aws:s3::: .ec2.internal .amazonaws.com "
    "j-00000000000 s-00000000000"
)


def prompt_marks(requests):
    """The random marks that fence the log in a prompt."""
    return " ".join(re.findall(r"[0-9a-f]{16,}", " ".join(text for r in requests for text in r.own)))


def plain_logs(case):
    files = sorted((LAB / case / "logs").rglob("*.gz"))
    return "".join(gzip.decompress(file.read_bytes()).decode("utf-8", "replace") for file in files)


def test_lines_of_a_delivery_name_its_ids_and_stages(live, runtime):
    failure = live.aws.failure()
    d = checked(runtime.invoke(failure.direct))
    own = [r for r in live.records(runtime) if r["step_id"] == failure.step_id]
    assert {r["cluster_id"] for r in own} == {failure.cluster_id}
    assert {r["stage"] for r in own} >= set(d["completed_stages"])
    assert own[-1]["status"] == "DIAGNOSED"
    assert all(isinstance(r["duration_ms"], int) for r in own)


@pytest.mark.parametrize("form", ["Text", "JSON"])
def test_on_lambda_s_own_channel_each_message_is_one_line_like_any_other(live, form):
    with live.start(framed=True, AWS_LAMBDA_LOG_FORMAT=form, AWS_LAMBDA_LOG_LEVEL="DEBUG") as runtime:
        d = checked(runtime.invoke(live.aws.failure().direct))
        records = live.records(runtime)
        frames = [text for _, text in runtime.frames()]
        assert live.metrics(runtime)
    assert all(text.count("\n") == 1 and text.endswith("}\n") for text in frames)
    assert sum(r["message"] == "stage ended" for r in records) == len(d["completed_stages"])


def test_spans_of_a_sampled_invocation_reach_the_daemon_and_hold_no_text(live):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        address = f"127.0.0.1:{daemon.getsockname()[1]}"
        with live.start(AWS_XRAY_DAEMON_ADDRESS=address) as runtime:
            failure = live.aws.failure()
            checked(runtime.invoke(live.aws.failure("cart-summary").direct))
            d = checked(runtime.invoke(failure.direct, sampled=True))
        documents = []
        while not documents or documents[-1].get("in_progress") or documents[-1]["name"] != "diagnose":
            documents.append(json.loads(daemon.recv(65536).split(b"\n", 1)[1]))
    (trace,) = {document["trace_id"] for document in documents}
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", trace), "the first invocation was not sampled"
    assert {document["name"] for document in documents} >= set(d["completed_stages"]) | {"model call"}
    told = json.dumps(documents)
    assert not any(line in told for line in d["log_evidences"])


# ------------------------------------------------------------------------------------------------------ start


def test_missing_settings_are_named_before_any_event(live):
    names = ("BEDROCK_GUARDRAIL_ID", "S3_LOG_BUCKET", "RESULT_BUS_NAME", "IDEMPOTENCY_TABLE", "QUEUE_URL")
    with live.start(**dict.fromkeys(names), AWS_LAMBDA_LOG_FORMAT="JSON") as runtime:
        assert runtime.wait() == 1
        told = runtime.api.init_errors[0]["errorMessage"]
        lines = [json.loads(line) for line in runtime.lines()]
    (critical,) = [json.dumps(line) for line in lines if line.get("level") == "CRITICAL"]
    assert all(name in told and name in critical for name in names)


def test_a_process_that_can_t_start_takes_no_payload(live):
    with (
        live.start(MAX_READ_BYTES="plenty") as runtime,
        pytest.raises(RuntimeDiedError, match="MAX_READ_BYTES"),
    ):
        runtime.invoke({})


def test_a_snapshot_that_was_restored_serves_like_any_other_process(live):
    with live.start(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") as runtime:
        assert checked(runtime.invoke(live.aws.failure().direct))["status"] == "DIAGNOSED"
        assert runtime.api.restores == 1


def test_the_metrics_name_the_service_of_the_settings(live, runtime):
    checked(runtime.invoke(live.aws.failure().direct))
    documents = [json.loads(line) for line in runtime.lines() if '"_aws"' in line]
    assert {document["service"] for document in documents} == {SERVICE}
