"""Claims on pieces of work, kept in a DynamoDB table: the `Repeats` of a function of many processes.

One item per piece of work: `id` (its key), `state` (CLAIMED or DONE), `owner` (of a claim), `expiry` (epoch
seconds, for the table's time to live); nothing of a diagnosis. Every change is one conditional write, so
that of two claims at once exactly one holds. DynamoDB removes expired items days later, so
expiry is looked at here.
Source: DynamoDB developer guide, "Condition expressions", "Using time to live (TTL)".
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from diagnose.emr import error_code
from diagnose.errors import DeliveryError
from diagnose.repeat import CLAIM_SECONDS, DONE_SECONDS, Claim, Hold

KEY: Final = "id"
_CLAIMED: Final = "CLAIMED"
_DONE: Final = "DONE"
_NAMES: Final = {"#id": KEY, "#state": "state", "#owner": "owner", "#expiry": "expiry"}
_FREE: Final = "attribute_not_exists(#id) OR #expiry <= :now OR (#state = :claimed AND #owner = :owner)"
_OWN: Final = "#state = :claimed AND #owner = :owner"
_REFUSED: Final = "ConditionalCheckFailedException"


class Client(Protocol):
    """What is used of boto3's DynamoDB client."""

    def put_item(self, **request: object) -> Mapping[str, Any]:
        """Write an item."""
        ...

    def delete_item(self, **request: object) -> Mapping[str, Any]:
        """Remove an item."""
        ...


class TableRepeats:
    """Remembers in a DynamoDB table; see `repeat.Repeats`.

    Args:
        client: of DynamoDB; repeats what is throttled.
        table: name or ARN; its partition key is `id`, a string.
        clock: seconds since the epoch.
        claim_seconds: how long a claim holds; longer than the work may take.
        done_seconds: how long what is done is remembered; longer than a message may come again.
    """

    def __init__(
        self,
        client: Client,
        table: str,
        *,
        clock: Callable[[], float] = time.time,
        claim_seconds: float = CLAIM_SECONDS,
        done_seconds: float = DONE_SECONDS,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._claim_seconds = claim_seconds
        self._done_seconds = done_seconds

    def claim(self, key: str, *, owner: str) -> Claim:
        """Ask for a piece of work; see `Repeats.claim`.

        Raises:
            DeliveryError: the table can't be used.
        """
        moment = self._clock()
        request = {
            "Item": _item(key, _CLAIMED, moment + self._claim_seconds, owner),
            "ConditionExpression": _FREE,
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {
                ":now": {"N": str(int(moment))},
                ":claimed": {"S": _CLAIMED},
                ":owner": {"S": owner},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        held = self._write(self._client.put_item, request, "PutItem")
        if held is None:
            return Claim(Hold.OURS)
        if held.get("state", {}).get("S") == _DONE:
            return Claim(Hold.DONE)
        expiry = float(held.get("expiry", {}).get("N", moment))
        return Claim(Hold.BUSY, max(expiry - moment, 0.0))

    def settle(self, key: str, *, owner: str, done: bool) -> None:
        """End a claim; see `Repeats.settle`.

        Raises:
            DeliveryError: the table can't be used.
        """
        if done:
            item = _item(key, _DONE, self._clock() + self._done_seconds)
            self._write(self._client.put_item, {"Item": item}, "PutItem")
            return
        request = {
            "Key": {KEY: {"S": key}},
            "ConditionExpression": _OWN,
            "ExpressionAttributeNames": {name: _NAMES[name] for name in ("#state", "#owner")},
            "ExpressionAttributeValues": {":claimed": {"S": _CLAIMED}, ":owner": {"S": owner}},
        }
        self._write(self._client.delete_item, request, "DeleteItem")

    def _write(
        self, method: Callable[..., Mapping[str, Any]], request: Mapping[str, object], operation: str
    ) -> Mapping[str, Any] | None:
        """Write; gives the item that is there when the condition does not hold, else None."""
        try:
            method(TableName=self._table, **request)
        except ClientError as error:
            if error_code(error) != _REFUSED:
                self._fail(operation, error_code(error))
            item: Mapping[str, Any] = error.response.get("Item") or {}
            return item
        except BotoCoreError as error:
            self._fail(operation, error_code(error))
        return None

    def _fail(self, operation: str, code: str) -> NoReturn:
        raise DeliveryError(
            f"DynamoDB {operation} on {self._table!r}: {code}; check IDEMPOTENCY_TABLE, and that the "
            f"function's role allows dynamodb:{operation}"
        ) from None


def _item(key: str, state: str, expiry: float, owner: str | None = None) -> dict[str, dict[str, str]]:
    item = {KEY: {"S": key}, "state": {"S": state}, "expiry": {"N": str(int(expiry))}}
    return item if owner is None else {**item, "owner": {"S": owner}}
