"""What the function finds in AWS, on loopback: its queue and dead letters, table, bus and whoever subscribed to it,
secret and logs in moto's server, EMR and Bedrock in their stand-ins. No AWS, no model.

    with Deployment() as deployed:
        failure = deployed.failure("daily-sales")
        deployed.send(failure.event)
        batch = deployed.receive()
        answer = runtime.invoke(batch)
        deployed.settle(batch, answer.body)
        (diagnosis,) = deployed.published()
"""

import contextlib
import copy
import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import bedrockserver
from awsserver import MADE_UP, REGION, AwsServer
from emrserver import EmrServer
from relay import Relay

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "datasets" / "lab"
BUCKET = "acme-emr-logs"
TABLE, BUS, SERVICE = "repeats", "results", "diagnose-test"
SOURCE, DETAIL_TYPE = "data-job-failure-intelligence", "DataJobDiagnosis"
VISIBILITY_SECONDS = 1800
MAX_RECEIVES = 13
TOKENS = bedrockserver.tokens(900, 80, read=40, write=7)
TOKENS_USED = 900 + 80 + 40 + 7


def drafted(request):
    """What the model's stand-in answers unless told otherwise."""
    return bedrockserver.ok(bedrockserver.draft(request), usage=TOKENS)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed step that EMR's stand-in knows."""

    cluster_id: str
    step_id: str
    meta: dict

    @property
    def event(self):
        return self.meta["event"]

    @property
    def direct(self):
        return {"clusterId": self.cluster_id, "stepId": self.step_id}


class Deployment:
    """Everything that the function calls; a context manager. Each failure is a new cluster with the logs of a case."""

    def __init__(self):
        self.script = drafted
        """The model: what it answers to a request; changed between invocations."""
        self._made = 0
        self._open = contextlib.ExitStack()

    def __enter__(self):
        enter = self._open.enter_context
        self.aws = enter(AwsServer())
        self.relay = enter(Relay(self.aws.endpoint))
        self.emr = enter(EmrServer())
        self.model = enter(bedrockserver.BedrockServer(self._reply))
        self._s3, self._sqs = self.aws.client("s3"), self.aws.client("sqs")
        self._s3.create_bucket(Bucket=BUCKET)
        self._make_queues()
        self._make_bus()
        self._make_table()
        secrets = self.aws.client("secretsmanager")
        secrets.create_secret(Name="metadata/key", SecretString=json.dumps({"api_key": "testing-key"}))
        return self

    def __exit__(self, *_):
        self._open.close()

    def _reply(self, request):
        return self.script(request)

    def _make_queues(self):
        dead = self._sqs.create_queue(QueueName="failures-dead")["QueueUrl"]
        self.dead_url = dead
        policy = {"deadLetterTargetArn": self._arn(dead), "maxReceiveCount": MAX_RECEIVES}
        attributes = {
            "VisibilityTimeout": str(VISIBILITY_SECONDS),
            "RedrivePolicy": json.dumps(policy),
        }
        self.queue_url = self._sqs.create_queue(QueueName="failures", Attributes=attributes)["QueueUrl"]
        self.queue_arn = self._arn(self.queue_url)
        self._subscriber = self._sqs.create_queue(QueueName="subscriber")["QueueUrl"]

    def _arn(self, url):
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return told["Attributes"]["QueueArn"]

    def _make_bus(self):
        events = self.aws.client("events")
        events.create_event_bus(Name=BUS)
        pattern = json.dumps({"source": [SOURCE], "detail-type": [DETAIL_TYPE]})
        events.put_rule(Name="all", EventBusName=BUS, EventPattern=pattern)
        events.put_targets(
            Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": self._arn(self._subscriber)}]
        )

    def _make_table(self):
        self._table = self.aws.client("dynamodb")
        self._table.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def environment(self, **more):
        """The function's variables, and those that lead boto3 here."""
        return {
            "AWS_ACCESS_KEY_ID": MADE_UP,
            "AWS_SECRET_ACCESS_KEY": MADE_UP,
            "AWS_SESSION_TOKEN": MADE_UP,
            "AWS_ENDPOINT_URL": self.relay.endpoint,
            "AWS_ENDPOINT_URL_S3": self.aws.endpoint,
            "AWS_ENDPOINT_URL_EMR": self.emr.endpoint,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.model.endpoint,
            "BEDROCK_GUARDRAIL_ID": bedrockserver.GUARDRAIL,
            "BEDROCK_GUARDRAIL_VERSION": "1",
            "S3_LOG_BUCKET": BUCKET,
            "RESULT_BUS_NAME": BUS,
            "IDEMPOTENCY_TABLE": TABLE,
            "QUEUE_URL": self.queue_url,
            "SERVICE_NAME": SERVICE,
            **more,
        }

    def failure(self, case="daily-sales", *, change=None, extra=b"", logs=True, failed_at=None):
        """Let a labelled case fail as a new step of a new cluster.

        Args:
            case: a folder of datasets/lab.
            change: called with the meta document before EMR tells it.
            extra: lines put before those of the step's stderr.
            logs: False: none have arrived.
            failed_at: ISO time instead of the case's own.
        """
        self._made += 1
        mark = f"{self._made:012d}"
        cluster_id, step_id = _ids(case)
        names = {cluster_id: f"j-{mark}A", step_id: f"s-{mark}B"}
        meta = json.loads(_renamed((LAB / case / "meta.json").read_text(), names))
        meta["event"]["id"] = hashlib.sha256(mark.encode()).hexdigest()[:32]
        if failed_at:
            meta["event"]["time"] = meta["step"]["Status"]["Timeline"]["EndDateTime"] = failed_at
        if change:
            change(meta)
        found = Failure(cluster_id=meta["cluster"]["Id"], step_id=meta["step"]["Id"], meta=meta)
        if logs:
            self.upload(case, found, extra)
        self.emr.metas.append(meta)
        return found

    def upload(self, case, failure, extra=b""):
        """Put a case's log tree under the failure's ids."""
        names = dict(zip(_ids(case), (failure.cluster_id, failure.step_id), strict=True))
        root = next(iter(sorted((LAB / case / "logs").glob("j-*"))))
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            key = _renamed(f"{root.name}/{file.relative_to(root).as_posix()}", names)
            body = file.read_bytes()
            if extra and key.endswith(f"steps/{failure.step_id}/stderr.gz"):
                body = gzip.compress(extra + gzip.decompress(body))
            self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def send(self, *bodies):
        """Put messages on the queue: texts as they are, anything else as JSON."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self._sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def receive(self, most=10):
        """A batch as Lambda makes one of what it received."""
        told = self._sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=most, AttributeNames=["All"]
        )
        return {"Records": [self._record(message) for message in told.get("Messages", [])]}

    def _record(self, message):
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": REGION,
        }

    def settle(self, batch, answer):
        """Delete what the function did not name, as Lambda does; give the ids of what it named."""
        assert set(answer) == {"batchItemFailures"}
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        assert set(failed) <= {record["messageId"] for record in batch["Records"]}
        for record in batch["Records"]:
            if record["messageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"])
        return failed

    def hurry(self, batch):
        """End the waiting of a batch's messages."""
        for record in batch["Records"]:
            self._sqs.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    def put_off(self):
        """Seconds by receipt handle that the function itself asked for."""
        told = self.relay.bodies("ChangeMessageVisibility")
        return {body["ReceiptHandle"]: body["VisibilityTimeout"] for body in told}

    def waiting(self):
        """How many messages are on the queue, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return tuple(int(told[name]) for name in names)

    def published(self):
        """Diagnoses that the subscriber got since the last time, in order of arrival."""
        found = []
        while messages := self._sqs.receive_message(QueueUrl=self._subscriber, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                event = json.loads(message["Body"])
                assert (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE)
                found.append(event["detail"])
                self._sqs.delete_message(QueueUrl=self._subscriber, ReceiptHandle=message["ReceiptHandle"])
        return found

    def remembered(self):
        """State of every item of the table by key."""
        items = self._table.scan(TableName=TABLE)["Items"]
        for item in items:
            assert set(item) <= {"id", "state", "owner", "expiry"}, "nothing of a diagnosis is kept"
        return {item["id"]["S"]: item["state"]["S"] for item in items}

    def asked(self, failure):
        """Requests to the model about a failure."""
        tags = [copy.deepcopy(request.body.get("requestMetadata", {})) for request in self.model.requests]
        return [tag for tag in tags if tag.get("step_id") == failure.step_id]

    def dead_letters(self):
        """Bodies of the messages that were given up."""
        told = self._sqs.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in told.get("Messages", [])]

    def clear_calls(self):
        """Let everything work again, and forget which calls came."""
        self.relay.heal()
        self.relay.calls.clear()
        self.script = drafted

    def clear(self):
        """Forget what happened and what was to fail, for the next test: messages, calls, faults."""
        self.clear_calls()
        for url in (self.queue_url, self.dead_url, self._subscriber):
            self._sqs.delete_queue(QueueUrl=url)  # one can be purged once a minute only
        self._make_queues()


def _ids(case):
    meta = json.loads((LAB / case / "meta.json").read_text())
    return meta["cluster"]["Id"], meta["step"]["Id"]


def _renamed(text, names):
    for old, new in names.items():
        text = text.replace(old, new)
    return text
