"""A stand-in for the EMR API on loopback: `meta.json` documents in, the service's JSON 1.1 answers out.

    with EmrServer(meta, page_size=2) as server:
        server.fail("DescribeStep", THROTTLED, THROTTLED)
        boto3.client("emr", endpoint_url=server.endpoint, …)

Source of the protocol: botocore's service model `emr/2009-03-31` (X-Amz-Target, epoch seconds, `__type`).
"""

import json
from collections import Counter, deque
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from botocore import xform_name

RAW = "the service's own words, not to be shown"
THROTTLED = (400, "ThrottlingException")
DENIED = (400, "AccessDeniedException")
BROKEN = (500, "InternalServerException")
INVALID = (400, "ValidationException")
EXPIRED = (400, "ExpiredTokenException")
NO_JSON = (200, "<html>a proxy's page</html>")
CUT = (0, "the connection ends without an answer")


class EmrServer:
    """Answers DescribeStep, DescribeCluster, ListInstanceGroups, ListInstanceFleets and ListInstances.

    Args:
        *metas: documents as in `meta.json`, one per step; clusters are told by their ids.
        page_size: rows per page of the List operations.
    """

    def __init__(self, *metas, page_size=1000):
        self.metas = list(metas)
        self.page_size = page_size
        self.calls = Counter()
        """How often each operation was called."""
        self.requests = []
        """Operation and request of each call, in order."""
        self._faults = {}
        self._lock = Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fail(self, operation, *faults):
        """Answer the next calls of an operation with these faults, one each; then as usual."""
        self._faults.setdefault(operation, deque()).extend(faults)

    def answer(self, operation, request):
        """Status and body of one call; None for a connection that is cut."""
        with self._lock:
            self.calls[operation] += 1
            self.requests.append((operation, request))
            fault = self._faults[operation].popleft() if self._faults.get(operation) else None
        if fault == CUT:
            return None
        if fault and fault[0] == 200:
            return fault
        if fault:
            return fault[0], json.dumps({"__type": fault[1], "message": RAW})
        try:
            return 200, json.dumps(_epochs(getattr(self, "_" + xform_name(operation))(request)))
        except LookupError as missing:
            error = {
                "__type": "InvalidRequestException",
                "ErrorCode": "NotFound",
                "Message": f"{RAW} {missing}",
            }
            return 400, json.dumps(error)

    def _describe_step(self, request):
        for meta in self.metas:
            if (meta["cluster"]["Id"], meta["step"]["Id"]) == (request["ClusterId"], request["StepId"]):
                return {"Step": meta["step"]}
        raise LookupError("step")

    def _describe_cluster(self, request):
        return {"Cluster": self._cluster(request)["cluster"]}

    def _list_instance_groups(self, request):
        return self._page("InstanceGroups", self._cluster(request).get("instance_groups", []), request)

    def _list_instance_fleets(self, request):
        return self._page("InstanceFleets", self._cluster(request).get("instance_fleets", []), request)

    def _list_instances(self, request):
        rows = self._cluster(request).get("instances", [])
        wanted = request.get("InstanceStates")
        found = [row for row in rows if not wanted or row.get("Status", {}).get("State") in wanted]
        return self._page("Instances", found, request)

    def _cluster(self, request):
        for meta in self.metas:
            if meta["cluster"]["Id"] == request["ClusterId"]:
                return meta
        raise LookupError("cluster")

    def _page(self, name, rows, request):
        start = int(request.get("Marker", 0))
        end = start + self.page_size
        more = {"Marker": str(end)} if end < len(rows) else {}
        return {name: rows[start:end], **more}


def _epochs(value):
    """Times as the service sends them: seconds since 1970."""
    if isinstance(value, dict):
        return {k: _epoch(v) if k.endswith("DateTime") else _epochs(v) for k, v in value.items()}
    return [_epochs(item) for item in value] if isinstance(value, list) else value


def _epoch(value):
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            answer = server.answer(operation, json.loads(body))
            if answer is None:
                self.close_connection = True
                return
            status, text = answer
            payload = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    return Handler


def sample_meta(**more):
    """A transient cluster on spot, whose core node was taken away while the step ran."""
    ended = {
        "Id": "ci-1",
        "Ec2InstanceId": "i-0aa",
        "Market": "SPOT",
        "InstanceType": "m5.xlarge",
        "Status": {
            "State": "TERMINATED",
            "StateChangeReason": {"Code": "INSTANCE_FAILURE", "Message": "Spot instance was interrupted"},
            "Timeline": {"EndDateTime": "2026-11-22T07:44:00Z"},
        },
    }
    document = {
        "step": {
            "Id": "s-1",
            "Name": "orders",
            "Config": {
                "Jar": "command-runner.jar",
                "Properties": {},
                "Args": ["spark-submit", "--executor-memory", "4g", "job.py"],
            },
            "ActionOnFailure": "TERMINATE_CLUSTER",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/etl",
            "LogUri": "s3://own-logs/",
            "Status": {
                "State": "FAILED",
                "StateChangeReason": {"Code": "NONE", "Message": "see the log"},
                "FailureDetails": {
                    "Reason": "Unknown Error",
                    "LogFile": "s3://own-logs/j-1/steps/s-1/stderr.gz",
                },
                "Timeline": {
                    "CreationDateTime": "2026-11-22T07:40:00Z",
                    "StartDateTime": "2026-11-22T07:40:05.250Z",
                    "EndDateTime": "2026-11-22T07:45:24Z",
                },
            },
            "AdditionalInfo": {"ResourceManagerApplicationIds": ["application_1_0001"]},
        },
        "cluster": {
            "Id": "j-1",
            "Name": "analytics",
            "ClusterArn": "arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-1",
            "InstanceCollectionType": "INSTANCE_GROUP",
            "AutoTerminate": True,
            "ReleaseLabel": "emr-7.3.0",
            "LogUri": "s3n://logs/",
            "Applications": [{"Name": "Spark", "Version": "3.5.1"}],
            "Status": {
                "State": "TERMINATING",
                "StateChangeReason": {"Code": "STEP_FAILURE", "Message": "a step failed"},
            },
            "Configurations": [
                {"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}
            ],
        },
        "instance_groups": [
            {
                "Id": "ig-1",
                "InstanceGroupType": "MASTER",
                "InstanceType": "m5.xlarge",
                "Market": "ON_DEMAND",
                "RequestedInstanceCount": 1,
                "RunningInstanceCount": 1,
            },
            {
                "Id": "ig-2",
                "InstanceGroupType": "CORE",
                "InstanceType": "m5.xlarge",
                "Market": "SPOT",
                "RequestedInstanceCount": 4,
                "RunningInstanceCount": 3,
                "Status": {"State": "RUNNING"},
                "Configurations": [
                    {
                        "Classification": "yarn-site",
                        "Properties": {"yarn.nodemanager.resource.memory-mb": "12288"},
                    }
                ],
            },
        ],
        "instances": [ended],
    }
    return {**document, **more}
