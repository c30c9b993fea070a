"""The production path over HTTP: event → metadata → S3 → Bedrock → payload; no planted secret comes out anywhere. See `world`."""

import gzip
import json
import logging

import bedrockserver as bedrock
import canary
import pytest
from world import CASE, diagnosed, drafted, marker_of, meta_of

from diagnose.telemetry import JsonFormatter, JsonTelemetry

HEALTHY = "container_ application_ 2026-11-22 .example https:// s3:// s3a:// s3n:// arn:aws:s3::: .ec2.internal .amazonaws.com"


class Everything(logging.Handler):
    """Keeps every record of every logger, as JSON and as any other handler would print it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.told = []

    def emit(self, record):
        self.told.append(JsonFormatter().format(record))
        if not record.name.startswith(("werkzeug", "moto", "responses")):
            self.told.append(logging.Formatter("%(name)s %(message)s").format(record))


REFUSALS = {
    "drafts": lambda secret: drafted,
    "repeats": lambda secret: (
        lambda request: bedrock.ok(
            bedrock.draft(request).replace('"root_cause": "', f'"root_cause": "password={secret} ')
        )
    ),
    "rambles": lambda secret: lambda _: bedrock.ok(f"The password={secret} was wrong"),
    "input": lambda secret: lambda _: bedrock.input_blocked(secret),
    "output": lambda secret: lambda _: bedrock.output_blocked(secret, model_output=secret),
    "masked": lambda secret: lambda request: bedrock.anonymised(bedrock.draft(request), secret),
    "refused": lambda secret: lambda _: bedrock.error(403, "AccessDeniedException", f"token={secret}"),
    "broken": lambda secret: lambda _: bedrock.invalid_json(f'{{"x": "{secret}'),
}


@pytest.mark.parametrize("way", REFUSALS)
def test_no_planted_secret_survives_anywhere(world, capsys, way):
    made = [c for c in canary.canaries(20261122) if c.kind not in {"name", "birth-date", "phone-labelled"}]
    lines = [
        f"26/11/22 07:00:0{n % 10} ERROR Loader{n}: refused {c.key}={c.value}" for n, c in enumerate(made)
    ]
    stderr = f"{world.cluster}/steps/{world.meta['step']['Id']}/stderr.gz"
    client = world.aws.client("s3")
    text = gzip.decompress(client.get_object(Bucket=world.bucket, Key=stderr)["Body"].read()).decode()
    client.put_object(
        Bucket=world.bucket, Key=stderr, Body=gzip.compress(("\n".join(lines) + "\n" + text).encode())
    )
    step, cluster = world.meta["step"], world.meta["cluster"]
    step["Config"]["Args"] += [part for c in made for part in (f"--{c.key}", c.value)]
    step["Config"]["Args"] += [part for c in made for part in ("--conf", f"spark.app.{c.key}={c.value}")]
    step["Status"]["FailureDetails"]["Message"] = f"cannot connect: password={made[0].value}"
    step["Name"] = world.meta["event"]["detail"]["name"] = f"load password={made[0].value}"
    world.meta["event"]["detail"]["message"] = f"password={made[0].value}"
    cluster["Configurations"] = [
        {"Classification": name, "Properties": {c.key: c.value for c in made}}
        for name in ("spark-defaults", "yarn-site", "hive-site")
    ]
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        logger = logging.getLogger("diagnose")
        for secret in (made[0].value, made[-20].value):
            outcome = diagnosed(
                world,
                REFUSALS[way](secret),
                faults=[("ListInstances", (403, "AccessDeniedException"))],
                telemetry=lambda f: JsonTelemetry(logger, cluster_id=f.cluster_id, step_id=f.step_id),
            )
            shown = capsys.readouterr()
            outputs = {
                "requests": json.dumps(outcome.bodies, ensure_ascii=False),
                "payload": outcome.diagnosis.model_dump_json(),
                "records": "\n".join(handler.told),
                "streams": shown.out + shown.err,
            }
            for request in outcome.model.requests:
                signed = {"authorization", "amz-sdk-invocation-id", "content-length", "host", "x-amz-date"}
                outputs["headers"] = json.dumps(
                    {k: v for k, v in request.headers.items() if k.lower() not in signed}
                )
                outputs["requests"] = outputs["requests"].replace(marker_of(request), "")
            made_up = [outcome.diagnosis.diagnosis_id, outcome.diagnosis.prompt_sha256 or ""]
            healthy = " ".join([text, json.dumps(meta_of(CASE)), HEALTHY, *made_up])
            for c in made:
                for name, output in outputs.items():
                    assert not canary.leaks(c.value, output, healthy), (c.kind, name)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert outcome.bodies
    assert any('"stage": "verdict"' in line for line in handler.told)
