"""Events as EventBridge makes them, messages as SQS delivers them, and an archive that holds one store."""

import json
from datetime import UTC, datetime

MOMENT = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


class Archive:
    def __init__(self, store):
        self.store = store

    def find(self, failure, context, *, deadline):
        return self.store, ()


def event(cluster="j-2AXTREE000001", step="s-1AXTREE000001", state="FAILED", ident="e-1", time=None):
    detail = {"severity": "ERROR", "actionOnFailure": "CONTINUE", "stepId": step, "name": "job", "clusterId": cluster, "state": state, "message": "m"}  # fmt: skip
    moment = (time or MOMENT).isoformat().replace("+00:00", "Z")
    head = {"version": "0", "id": ident, "detail-type": "EMR Step Status Change", "source": "aws.emr", "account": "123456789012"}  # fmt: skip
    return {**head, "time": moment, "region": "us-east-1", "resources": [], "detail": detail}


def queued(*bodies, receives=1, start=0, sent=MOMENT):
    """A batch: a text stands for itself, anything else is made JSON."""
    rows = [
        {
            "messageId": f"m-{number}",
            "receiptHandle": f"r-{number}",
            "body": body if isinstance(body, str) else json.dumps(body),
            "eventSource": "aws:sqs",
            "attributes": {
                "ApproximateReceiveCount": str(receives),
                "SentTimestamp": str(int(sent.timestamp() * 1000)),
            },
        }
        for number, body in enumerate(bodies, start)
    ]
    return {"Records": rows}
