"""The stand-in for the Lambda Runtime API and its sandbox, shown with tiny functions and the real client."""

import json
import sys
import textwrap
import time

import pytest
from runtimeapi import ARN, Runtime, RuntimeApi, RuntimeDiedError
from sandbox import ROOT, Sandbox, client_lock, make_python

TINY = """
    import json, os, sys
    print("at import")
    count = 0
    def handle(event, context):
        global count
        count += 1
        if event == "raise":
            raise ValueError("as asked")
        if event == "die":
            os._exit(3)
        return {
            "event": event, "count": count, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(), "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "memory": context.memory_limit_in_mb, "home": os.environ.get("HOME"), "path": sys.path,
        }
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return make_python(tmp_path_factory.mktemp("client"), sys.executable)


@pytest.fixture
def sandbox(python, tmp_path):
    task, scratch = tmp_path / "task", tmp_path / "scratch"
    task.mkdir()
    scratch.mkdir()
    (task / "tiny.py").write_text(textwrap.dedent(TINY))
    return Sandbox(python=python, task=task, scratch=scratch)


@pytest.fixture
def api():
    with RuntimeApi() as made:
        yield made


@pytest.fixture
def tiny(api, sandbox, tmp_path):
    with Runtime(api, sandbox, "tiny.handle", {}, tmp_path / "out") as made:
        yield made


def test_a_payload_comes_back_with_the_context_that_the_headers_told(tiny):
    answer = tiny.invoke({"a": ["é", None]}, seconds=7)
    assert answer.kind == "response"
    body = answer.body
    assert (body["event"], body["count"]) == ({"a": ["é", None]}, 1)
    assert (body["id"], body["arn"]) == (answer.request_id, ARN)
    assert 0 < body["left"] <= 7000
    assert body["trace"].startswith("Root=1-")
    assert (body["memory"], body["home"]) == ("512", None)


def test_one_process_serves_one_invocation_after_the_other(tiny):
    assert [tiny.invoke(n).body["count"] for n in range(3)] == [1, 2, 3]
    assert tiny.lines() == ["at import"]


def test_an_exception_is_an_error_answer_and_the_process_stays(tiny):
    answer = tiny.invoke("raise")
    assert (answer.kind, answer.body["errorType"], answer.body["errorMessage"]) == (
        "error",
        "ValueError",
        "as asked",
    )
    assert tiny.invoke("again").body["count"] == 2
    assert any("[ERROR] ValueError: as asked" in line for line in tiny.lines())


def test_bytes_that_are_no_json_never_reach_the_function(tiny):
    assert tiny.invoke(b"{not json").body["errorType"] == "Runtime.UnmarshalError"
    assert tiny.invoke("x").body["count"] == 1


def test_a_process_that_dies_is_told_apart_from_one_that_is_slow(tiny):
    begun = time.monotonic()
    with pytest.raises(RuntimeDiedError):
        tiny.invoke("die", patience_seconds=120)
    assert time.monotonic() - begun < 120
    assert tiny.wait() == 3


def test_a_function_that_can_t_be_imported_tells_why_at_its_start(api, sandbox, tmp_path):
    with Runtime(api, sandbox, "nothing.handle", {}, tmp_path / "out") as runtime:
        assert runtime.wait() == 1
    assert "nothing" in api.init_errors[0]["errorMessage"]
    assert api.init_errors[0]["errorType"] == "Runtime.ImportModuleError"


def test_a_snapshot_is_restored_before_the_first_invocation(api, sandbox, tmp_path):
    environment = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    with Runtime(api, sandbox, "tiny.handle", environment, tmp_path / "out") as runtime:
        assert runtime.invoke(1).body["count"] == 1
    assert api.restores == 1


def test_the_process_sees_its_package_the_client_and_the_standard_library_only(tiny, sandbox):
    standard = json.loads(
        sandbox.run("import json, sys; print(json.dumps([sys.prefix, sys.base_prefix]))", PYTHONPATH="")
    )
    for entry in tiny.invoke(0).body["path"]:
        assert entry.startswith((str(sandbox.task), *standard)) or entry == ""
    found = sandbox.run(
        "import importlib.util as u; print([n for n in ('evals', 'diagnose', 'pytest', 'moto') if u.find_spec(n)])"
    )
    assert found == "[]\n"


def test_nothing_can_be_written_where_a_namespace_can_be_made(sandbox):
    if not sandbox.namespaces:
        pytest.skip("no mount namespace can be made here; the sandbox is a read-only TMPDIR")
    told = sandbox.run(
        f"""
import errno, os, tempfile
for folder in ("/tmp", "/var/tmp", "/", ".", {str(sandbox.scratch)!r}):
    try:
        open(os.path.join(folder, "x"), "w")
    except OSError as error:
        assert error.errno == errno.EROFS, (folder, error)
    else:
        raise SystemExit(folder)
print(os.listdir({str(ROOT)!r}))
"""
    )
    assert told == "[]\n"


def test_without_a_namespace_what_is_written_to_tmpdir_is_seen(python, tmp_path):
    (task := tmp_path / "task").mkdir()
    (scratch := tmp_path / "scratch").mkdir()
    plain = Sandbox(python=python, task=task, scratch=scratch, namespaces=False)
    assert plain.run("import os; print(os.environ['TMPDIR'])").strip() == str(scratch)
    assert plain.left_behind() == []
    (scratch / "left").write_text("")
    assert plain.left_behind() == [scratch / "left"]


def test_a_lock_without_the_client_is_refused():
    with pytest.raises(AssertionError, match="must lock awslambdaric"):
        client_lock("pytest==1 \\\n    --hash=sha256:00\n")
