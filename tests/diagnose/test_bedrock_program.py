"""The stand-in for Bedrock Runtime itself: its drafts, its program, and what it refuses."""

import json
import subprocess
import sys

import bedrockserver as stand_in
import pytest
from bedrockserver import BedrockServer
from edge import DRAFT, MODEL, Edge, question, replaced

from diagnose.prompt import Block

pytestmark = pytest.mark.usefixtures("no_credentials_of_the_machine")


def test_the_program_answers_with_a_draft_made_from_the_request():
    with BedrockServer(lambda request: stand_in.ok(stand_in.draft(request))) as server:
        edge = Edge(server)
        document = json.loads(edge.ask().text)
    assert document == {
        "root_cause": "The log shows: 26/11/22 ERROR Disk full",
        "evidence": [{"text": "26/11/22 ERROR Disk full"}],
    }


EXCERPT = """\
== steps/s-1/stderr.gz:10-14
26/11/22 07:43:30 INFO Client: Submitting application
26/11/22 07:43:31 ERROR Executor: Exception in task 0.0
java.io.IOException: No space left on device
\tat java.io.FileOutputStream.writeBytes(Native Method)
"""


@pytest.mark.parametrize("scripted", [False, True])
def test_the_stand_in_runs_as_a_program_and_says_what_it_is(tmp_path, scripted):
    from diagnose.reply import parse_answer, wire_schema

    file = tmp_path / "reply.json"
    file.write_text(DRAFT)
    command = [
        sys.executable,
        stand_in.__file__,
        "--port",
        "0",
        *(["--reply", str(file)] if scripted else []),
    ]
    asked = question(prompt=replaced(user=(Block("Excerpt:"), Block(EXCERPT, guarded=True))))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None and program.stderr is not None
            assert "not a model" in program.stderr.readline()
            endpoint = program.stdout.readline().strip()
            text = Edge(type("Program", (), {"endpoint": endpoint}), schema=wire_schema()).ask(asked).text
        finally:
            program.terminate()  # an interrupt is ignored by what a background shell starts
    if scripted:
        assert text == DRAFT
        return
    answer = parse_answer(text)
    assert answer.log_evidences == ["26/11/22 07:43:31 ERROR Executor: Exception in task 0.0"]
    assert answer.safe_to_retry is False
    assert "stand-in" in answer.recommendations[0]


def test_the_stand_in_refuses_what_the_service_refuses():
    body = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
    fine = stand_in.Request(model_id=MODEL, body=body, headers={})
    assert list(stand_in.violations(fine)) == []
    for change in (
        {"unknownMember": 1},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
        {"requestMetadata": {"a": "ü"}},
        {"requestMetadata": {}},
        {"guardrailConfig": {"guardrailIdentifier": "Not An Id", "guardrailVersion": "1"}},
        {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "latest"}},
        {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}'}}}}},
        {"inferenceConfig": {"maxTokens": 0}},
    ):  # fmt: skip
        bad = stand_in.Request(model_id=MODEL, body={**body, **change}, headers={})
        assert list(stand_in.violations(bad)), change
