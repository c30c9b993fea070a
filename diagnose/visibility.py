"""A message of SQS in, the moment it comes again out: what is too early, or was not begun, is put off.

A message that can't be put off comes again when the queue's own visibility timeout ends: later, never lost.
Source: SQS API reference, ChangeMessageVisibility.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from diagnose.emr import error_code
from diagnose.errors import DeliveryError

AT_ONCE_SECONDS: Final = 0
MAX_SECONDS: Final = 43_200


class Client(Protocol):
    """What is used of boto3's SQS client."""

    def change_message_visibility(self, **request: object) -> Mapping[str, Any]:
        """Say when a message comes again."""
        ...


class Queue:
    """The queue that calls the function.

    Args:
        client: of SQS; repeats what is throttled.
        url: of the queue.
    """

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def put_off(self, receipt: str, seconds: int) -> None:
        """Let a message come again after some seconds.

        Args:
            receipt: the message's receipt handle.
            seconds: 0 to `MAX_SECONDS`, from now.

        Raises:
            DeliveryError: the queue refused; the message comes again when its visibility timeout ends.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:
            raise self._refused(error_code(error)) from None

    def _refused(self, code: str) -> DeliveryError:
        return DeliveryError(
            f"SQS ChangeMessageVisibility on {self._url!r}: {code}; check QUEUE_URL, and that the function's "
            "role allows sqs:ChangeMessageVisibility"
        )
