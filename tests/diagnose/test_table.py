"""The table of repeats: what stands in it, and what its errors say. Its promises are tested in test_repeat."""

import pytest
from awsserver import AwsServer
from botocore.exceptions import EndpointConnectionError

from diagnose.errors import DeliveryError
from diagnose.table import TableRepeats


@pytest.fixture
def dynamodb():
    with AwsServer() as aws:
        client = aws.client("dynamodb")
        client.create_table(
            TableName="repeats",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def items(client):
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in client.scan(TableName="repeats")["Items"]
    ]


def test_an_item_holds_key_state_owner_and_expiry_alone(dynamodb):
    repeats = TableRepeats(dynamodb, "repeats", clock=lambda: 1000.9, claim_seconds=60, done_seconds=600)
    repeats.claim("emr:j-1:s-1", owner="m-1")
    assert items(dynamodb) == [{"id": "emr:j-1:s-1", "state": "CLAIMED", "owner": "m-1", "expiry": "1060"}]
    repeats.settle("emr:j-1:s-1", owner="m-1", done=True)
    assert items(dynamodb) == [{"id": "emr:j-1:s-1", "state": "DONE", "expiry": "1600"}]


def test_what_is_given_up_leaves_no_item(dynamodb):
    repeats = TableRepeats(dynamodb, "repeats")
    repeats.claim("k", owner="m-1")
    repeats.settle("k", owner="m-1", done=False)
    assert items(dynamodb) == []


def test_a_table_that_is_not_there_is_named_with_the_next_step(dynamodb):
    repeats = TableRepeats(dynamodb, "elsewhere")
    with pytest.raises(
        DeliveryError, match="PutItem on 'elsewhere': ResourceNotFoundException; check IDEMPOTENCY_TABLE"
    ):
        repeats.claim("k", owner="m-1")
    with pytest.raises(DeliveryError, match="DeleteItem on 'elsewhere'"):
        repeats.settle("k", owner="m-1", done=False)


def test_an_endpoint_that_is_not_there_is_an_error_of_ours():
    class Gone:
        def put_item(self, **_):
            raise EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    with pytest.raises(DeliveryError, match="EndpointConnectionError"):
        TableRepeats(Gone(), "repeats").claim("k", owner="m-1")
