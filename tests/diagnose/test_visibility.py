"""Visibility: a message that is put off comes again when it should, and an error says what to check."""

import pytest
from awsserver import AwsServer

from diagnose.errors import DeliveryError
from diagnose.visibility import AT_ONCE_SECONDS, Queue


@pytest.fixture
def queue():
    with AwsServer() as aws:
        client = aws.client("sqs")
        url = client.create_queue(QueueName="failures", Attributes={"VisibilityTimeout": "1800"})["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody="{}")
        yield client, url


def receive(client, url):
    return client.receive_message(QueueUrl=url).get("Messages", [])


def test_at_once_means_now_and_later_means_later(queue):
    client, url = queue
    (message,) = receive(client, url)
    assert receive(client, url) == []
    Queue(client, url).put_off(message["ReceiptHandle"], AT_ONCE_SECONDS)
    (again,) = receive(client, url)
    Queue(client, url).put_off(again["ReceiptHandle"], 60)
    assert receive(client, url) == []


def test_a_receipt_that_is_none_is_an_error_with_the_next_step(queue):
    client, url = queue
    with pytest.raises(DeliveryError, match=r"ChangeMessageVisibility on .*: \S+; check QUEUE_URL"):
        Queue(client, url).put_off("nonsense", 0)
