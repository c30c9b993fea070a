"""Settings in, AWS clients out: the edge, used by the CLI and the Lambda only.

Clients are made when they are first needed and kept for the process. boto3's own settings hold: credentials,
profiles, `AWS_ENDPOINT_URL` and its forms per service. Retries are ours where a stage has its own loop
(EMR, Bedrock), botocore's elsewhere.
"""

import math
from typing import Any, Final, Protocol, TypeVar

from diagnose.bucket import find_store
from diagnose.deadline import Deadline
from diagnose.errors import UsageError
from diagnose.failure import Failure, JobContext
from diagnose.log import LogStore
from diagnose.settings import Settings
from diagnose.silence import quiet_loggers
from diagnose.timebox import TimeboxedS3

DEFAULT_REGION: Final = "us-east-1"
"""Where neither AWS_REGION nor boto3's own settings name one."""
CONNECT_TIMEOUT_SECONDS: Final = 3
READ_TIMEOUT_SECONDS: Final = 5
"""Between two pieces of an answer. A call that hangs ends, with its attempts, within the default reserve."""
ATTEMPTS: Final = 3
POOL_CONNECTIONS: Final = 16
"""More than the log files that are read ahead."""


class Closable(Protocol):
    """Holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


C = TypeVar("C", bound=Closable)


class Clients:
    """AWS clients of one process, each made once."""

    def __init__(self, settings: Settings) -> None:
        import boto3  # noqa: PLC0415 - the rules need no AWS
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        quiet_loggers()
        try:
            session = boto3.session.Session(region_name=settings.aws_region or None)
            self._has_credentials = session.get_credentials() is not None
        except BotoCoreError as error:
            raise UsageError(f"AWS: {type(error).__name__}; look at AWS_PROFILE and such") from None
        self._region = session.region_name or DEFAULT_REGION
        self._session = session
        self._made: dict[tuple[str, str, float], Any] = {}
        self._others: list[Closable] = []

    def check(self) -> None:
        """Make sure that AWS can be asked at all.

        Raises:
            UsageError: there are no credentials.
        """
        if not self._has_credentials:
            raise UsageError("AWS: there are no credentials; give a profile (AWS_PROFILE), keys or a role")

    def s3(self, region: str = "") -> Any:  # noqa: ANN401 - boto3 has no types
        """Give the S3 client; botocore repeats what is throttled."""
        return self._client("s3", region, attempts=ATTEMPTS)

    def emr(self, region: str = "") -> Any:  # noqa: ANN401
        """Give the EMR client."""
        return self._client("emr", region, attempts=1)

    def secrets(self) -> Any:  # noqa: ANN401
        """Give the Secrets Manager client."""
        return self._client("secretsmanager", "", attempts=ATTEMPTS)

    def table(self) -> Any:  # noqa: ANN401
        """Give the DynamoDB client."""
        return self._client("dynamodb", "", attempts=ATTEMPTS)

    def bus(self) -> Any:  # noqa: ANN401
        """Give the EventBridge client."""
        return self._client("events", "", attempts=ATTEMPTS)

    def queue(self) -> Any:  # noqa: ANN401
        """Give the SQS client."""
        return self._client("sqs", "", attempts=ATTEMPTS)

    def bedrock(self, timeout_seconds: float) -> Any:  # noqa: ANN401
        """Give a Bedrock Runtime client that gives up within some seconds."""
        return self._client("bedrock-runtime", "", attempts=1, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Close every client's connections; clients asked for later are made anew."""
        for client in (*self._made.values(), *self._others):
            client.close()
        self._made.clear()
        self._others.clear()

    def closing(self, other: C) -> C:
        """Close another client with ours; gives it back."""
        self._others.append(other)
        return other

    def _client(
        self, service: str, region: str, *, attempts: int, timeout_seconds: float = READ_TIMEOUT_SECONDS
    ) -> Any:  # noqa: ANN401
        key = (service, region, timeout_seconds)
        if key not in self._made:
            self._made[key] = self._make(service, region, attempts, timeout_seconds)
        return self._made[key]

    def _make(self, service: str, region: str, attempts: int, timeout_seconds: float) -> Any:  # noqa: ANN401
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        connect_seconds = min(CONNECT_TIMEOUT_SECONDS, timeout_seconds / 2)
        config = Config(
            connect_timeout=connect_seconds,
            read_timeout=timeout_seconds - connect_seconds,
            max_pool_connections=POOL_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        try:
            return self._session.client(service, region_name=region or self._region, config=config)
        except (BotoCoreError, ValueError) as error:
            code = type(error).__name__
            raise UsageError(f"{service}: no client can be made ({code}); look at the AWS settings") from None


class BucketArchive:
    """Finds a step's logs in S3: where its cluster says, else under S3_LOG_BUCKET."""

    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._bucket = settings.s3_log_bucket

    def find(
        self, failure: Failure, context: JobContext, *, deadline: Deadline
    ) -> tuple[LogStore, tuple[str, ...]]:
        """Find the store; see `diagnose.bucket.find_store`."""
        client = self._clients.s3(failure.region)
        return find_store(
            client if math.isinf(deadline.left_seconds()) else TimeboxedS3(client, deadline),
            locations=context.log_locations,
            cluster_id=failure.cluster_id,
            step_id=failure.step_id,
            bucket_setting=self._bucket,
            deadline=deadline,
        )
