"""The EMR API's answers about a failed step in, `Metadata` out. Imported lazily: it loads botocore.

DescribeStep and DescribeCluster are required. Instance groups or fleets and the instances that ended are
worth a gap, no more. What is asked about a cluster is kept for a short time, because the API throttles and
steps of one cluster fail together.
Source: Amazon EMR API reference; error codes by the botocore service model and "Common errors".
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from diagnose.cluster import iso
from diagnose.deadline import Deadline
from diagnose.errors import DeadlineError, MetadataError
from diagnose.failure import Failure
from diagnose.metadata import Metadata, read_document
from diagnose.silence import hush
from diagnose.wire import ATTEMPTS, persist

UNREADABLE: Final = (ValueError, TypeError, AttributeError, KeyError, RecursionError, RuntimeError)
"""What botocore raises on an answer of no known shape."""
_ERRORS: Final = (BotoCoreError, ClientError, ResponseParserError)
CACHE_SECONDS: Final = 60.0
"""Long enough for the steps that fail with one cluster, short enough to see an instance end."""
_MAX_CACHED: Final = 64
_MAX_PAGES: Final = 10
_THROTTLED: Final = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}
FORBIDDEN: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
_UNSIGNED: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}
_UNKNOWN_THEN: Final = {
    "ListInstanceGroups": "instance types and counts are not known",
    "ListInstanceFleets": "instance types and counts are not known",
    "ListInstances": "why instances ended is not known",
}


class EmrSource:
    """Asks the EMR API itself.

    Args:
        client: boto3's EMR client of the cluster's region. Its own retries must be off, its timeouts short:
            a call that is under way is not ended by the deadline.
        cache_seconds: how long answers about a cluster are used again.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 clients have no type
        *,
        cache_seconds: float = CACHE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        hush("botocore.parsers", "botocore.endpoint", "botocore.auth")  # bodies hold step arguments
        self._client = client
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._sleep = sleep
        self._kept: dict[tuple[str, str], tuple[float, Any]] = {}

    def fetch(self, failure: Failure, *, deadline: Deadline) -> Metadata:
        """Ask about a step and its cluster.

        Raises:
            MetadataError: step or cluster can't be told; the message names the call, the id and what to do.
            DeadlineError: the time ran out before both were told.
        """
        ids = {"ClusterId": failure.cluster_id, "StepId": failure.step_id}
        if not all(ids.values()):
            raise MetadataError(
                "EMR API: cluster id and step id are needed; the event names only one or none"
            )
        step = plain(_inside(self._call("DescribeStep", ids, deadline), "Step"))
        cluster = self._about("DescribeCluster", failure.cluster_id, deadline, self._cluster)
        fleets = cluster.get("InstanceCollectionType") == "INSTANCE_FLEET"
        document: dict[str, Any] = {"step": step, "cluster": cluster}
        gaps: list[str] = []
        for operation in ("ListInstanceFleets" if fleets else "ListInstanceGroups", "ListInstances"):
            try:
                rows, cut = self._about(operation, failure.cluster_id, deadline, self._pages)
            except (MetadataError, DeadlineError) as error:
                gaps.append(f"{_UNKNOWN_THEN[operation]}: {error}")
                continue
            document[_NAMES[operation][1]] = rows
            if cut:
                gaps.append(f"EMR {operation} has more than {_MAX_PAGES} pages; the rest is left out")
        told = read_document(document, failure=failure)
        return replace(told, gaps=(*told.gaps, *gaps))

    def _about(
        self,
        operation: str,
        cluster_id: str,
        deadline: Deadline,
        ask: Callable[[str, str, Deadline], Any],
    ) -> Any:  # noqa: ANN401 - what `ask` gives
        """Ask about a cluster, or give the answer of a moment ago; failures are never kept."""
        key, now = (operation, cluster_id), self._clock()
        self._kept = {k: kept for k, kept in self._kept.items() if kept[0] > now}
        if key not in self._kept:
            answer = ask(operation, cluster_id, deadline)
            if len(self._kept) >= _MAX_CACHED:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (now + self._cache_seconds, answer)
        return self._kept[key][1]

    def _cluster(self, operation: str, cluster_id: str, deadline: Deadline) -> Any:  # noqa: ANN401 - JSON
        return plain(_inside(self._call(operation, {"ClusterId": cluster_id}, deadline), "Cluster"))

    def _pages(self, operation: str, cluster_id: str, deadline: Deadline) -> tuple[list[Any], bool]:
        """List page by page; True when there was more than is read."""
        rows: list[Any] = []
        request: dict[str, Any] = {"ClusterId": cluster_id, **_FILTERS.get(operation, {})}
        for _ in range(_MAX_PAGES):
            page = self._call(operation, request, deadline)
            rows += plain(page.get(_NAMES[operation][0]) or [])
            if not page.get("Marker"):
                return rows, False
            request["Marker"] = page["Marker"]
        return rows, True

    def _call(self, operation: str, request: Mapping[str, Any], deadline: Deadline) -> Mapping[str, Any]:
        method = getattr(self._client, _METHODS[operation])
        try:
            answer: Mapping[str, Any] = persist(
                lambda: method(**request),
                waited_for=f"EMR {operation}",
                passing=passing,
                deadline=deadline,
                sleep=self._sleep,
            )
        except _ERRORS as error:
            raise MetadataError(_told(error, operation, request)) from None  # AWS's words may hold values
        except UNREADABLE as error:
            words = (
                f"EMR {operation}: {type(error).__name__}; the answer is none of EMR's, check the endpoint"
            )
            raise MetadataError(words) from None
        return answer


def _inside(answer: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    """Give what an answer is about; botocore takes a page that is no JSON for an empty answer."""
    if not answer.get(name):
        raise MetadataError(
            f"EMR API: the answer holds no {name}; check the endpoint, a proxy may answer there"
        )
    return answer[name]


_METHODS: Final = {
    "DescribeStep": "describe_step",
    "DescribeCluster": "describe_cluster",
    "ListInstanceGroups": "list_instance_groups",
    "ListInstanceFleets": "list_instance_fleets",
    "ListInstances": "list_instances",
}
_NAMES: Final = {
    "ListInstanceGroups": ("InstanceGroups", "instance_groups"),
    "ListInstanceFleets": ("InstanceFleets", "instance_fleets"),
    "ListInstances": ("Instances", "instances"),
}
_FILTERS: Final[Mapping[str, Mapping[str, Any]]] = {"ListInstances": {"InstanceStates": ["TERMINATED"]}}


def error_code(error: BaseException) -> str:
    """Name an error of boto3: AWS's code such as `ThrottlingException`, or the exception's class."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code") or "Unknown")[:64]
    return type(error).__name__


def passing(error: BaseException) -> bool:
    """Tell whether an error of boto3 is temporary: throttling, 5xx, or a connection that broke."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) in _THROTTLED or status == 429 or status >= 500
    if isinstance(error, exceptions.SSLError):
        return False
    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | ResponseParserError)


def _told(error: Exception, operation: str, request: Mapping[str, Any]) -> str:
    """Say what failed and what to do; of AWS's own words only the code."""
    code = error_code(error)
    ids = " of ".join(f"{value!r}"[:80] for value in (request.get("StepId"), request["ClusterId"]) if value)
    if code in FORBIDDEN:
        reason = f"allow elasticmapreduce:{operation} on the cluster to the role that runs this"
    elif code in _UNSIGNED or isinstance(
        error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError
    ):
        reason = "give valid AWS credentials to what runs this"
    elif code in ("InvalidRequestException", "ValidationException", "ParamValidationError"):
        reason = "there is no such cluster or step in this region and account; check ids and region"
    elif isinstance(error, exceptions.SSLError):
        reason = "the endpoint's certificate is not trusted; check the endpoint and the CA bundle"
    elif isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        reason = "the endpoint can't be reached; check region, network and VPC endpoint"
    elif passing(error):
        reason = f"gave up after {ATTEMPTS} attempts; try again later"
    else:
        reason = "not worth a retry; look the code up in the EMR API reference"
    return f"EMR {operation} of {ids}: {code}; {reason}"


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Give an answer of boto3 as JSON has it: times as `2026-11-22T07:45:24Z`."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name != "ResponseMetadata"}
    return [plain(item) for item in value] if isinstance(value, list) else value
