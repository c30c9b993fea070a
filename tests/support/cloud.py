"""Runs a command against stand-ins for EMR, S3 and Bedrock Runtime that know one labelled case. No AWS, no model.

    python tests/support/cloud.py datasets/lab/daily-sales -- diagnose event EVENT --analyst bedrock

EVENT is replaced by a file with the case's EventBridge event. boto3's own endpoint settings lead the command there;
the Bedrock stand-in answers with a draft made from the request's own log lines.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import bedrockserver
from awsserver import AwsServer
from emrserver import EmrServer


def settings(aws, emr, bedrock):
    """Environment variables that lead boto3 to the stand-ins."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": aws.endpoint,
        "AWS_ENDPOINT_URL_EMR": emr.endpoint,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.endpoint,
        "BEDROCK_GUARDRAIL_ID": bedrockserver.GUARDRAIL,
    }


def run(case, command):
    """Serve the case, run the command, give its exit code."""
    meta = json.loads((case / "meta.json").read_text())
    logs = case / "logs"
    root = next(iter(sorted(logs.glob("j-*"))), logs)
    draft = lambda request: bedrockserver.ok(bedrockserver.draft(request))  # noqa: E731 - a script of one line
    with AwsServer() as aws, EmrServer(meta) as emr, bedrockserver.BedrockServer(draft) as bedrock:
        aws.upload_tree(meta["cluster"]["LogUri"].split("/")[2], meta["cluster"]["Id"], root)
        with tempfile.TemporaryDirectory() as folder:
            event = Path(folder) / "event.json"
            event.write_text(json.dumps(meta["event"]))
            words = [str(event) if word == "EVENT" else word for word in command]
            return subprocess.run(
                words, env={**os.environ, **settings(aws, emr, bedrock)}, check=False
            ).returncode


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", type=Path, help="a case folder with meta.json and logs")
    parser.add_argument("command", nargs="+", help="after --")
    arguments = parser.parse_args()
    return run(arguments.case, arguments.command)


if __name__ == "__main__":
    sys.exit(main())
