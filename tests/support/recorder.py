"""Runs the function in this process and prints which operations of AWS it really called; told by botocore's events.

    python tests/support/recorder.py < invocations.json

Standard input: a JSON list of payloads. The environment leads boto3 to stand-ins, see `deployment.Deployment`.
Standard output: a JSON list of [IAM prefix, operation, parameters], in the order of the calls.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

import botocore.session

ROOT = Path(__file__).resolve().parents[2]
KEPT = {
    "Bucket", "Prefix", "Key", "TableName", "QueueUrl", "SecretId", "ClusterId", "modelId", "guardrailConfig", "Entries",
}  # fmt: skip


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = "recorder"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:recorder"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self):
        return 300_000


def record_sessions():
    """Let every botocore session made from now on tell of its calls; gives the list that they are told to."""
    calls, waiting = [], {}
    make = botocore.session.get_session

    def remember(params, model, **_):
        waiting[model.name] = {k: v for k, v in params.items() if k in KEPT}

    def tell(model, **_):
        calls.append([model.service_model.signing_name, model.name, waiting.get(model.name, {})])

    def hooked(*given, **named):
        session = make(*given, **named)
        session.register("before-parameter-build", remember)
        session.register("before-call", tell)
        return session

    botocore.session.get_session = hooked
    return calls


def load_handler():
    """Import lambda/handler.py, which starts the function."""
    spec = importlib.util.spec_from_file_location("handler", ROOT / "lambda" / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    answers = os.dup(1)
    os.dup2(2, 1)  # the function's own lines go to standard error
    sys.path.insert(0, str(ROOT))
    calls = record_sessions()
    handler = load_handler()
    for payload in json.load(sys.stdin):
        handler.handle(payload, Context())
    with os.fdopen(answers, "w") as out:
        json.dump(calls, out)


if __name__ == "__main__":
    main()
