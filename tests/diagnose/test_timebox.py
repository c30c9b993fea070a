"""Calls that may take no longer than there is time."""

import io
import math
import threading

import pytest

from diagnose.deadline import NO_DEADLINE, Deadline
from diagnose.errors import DeadlineError
from diagnose.timebox import TimeboxedS3, within

SOON = Deadline(lambda: 0.05)


@pytest.mark.parametrize("seconds", [5.0, math.inf])
def test_what_comes_in_time_is_given(seconds):
    assert within(seconds, lambda: 7, "it") == 7
    assert within(seconds, lambda: None, "it") is None
    with pytest.raises(KeyError):
        within(seconds, lambda: {}["x"], "it")


def test_what_does_not_come_in_time_is_not_waited_for():
    released = threading.Event()
    with pytest.raises(DeadlineError, match="time ran out while waiting for it"):
        within(0.05, released.wait, "it")
    released.set()


class Client:
    """Answers, or hangs until it is released."""

    def __init__(self):
        self.released = threading.Event()
        self.hangs = False

    def _answer(self, answer):
        if self.hangs:
            self.released.wait(10)
        return answer

    def get_object(self, **_):
        return self._answer({"Body": self, "ETag": "e"})

    def list_objects_v2(self, **_):
        return self._answer({"Contents": []})

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        yield self._answer({"page": 1})
        yield self._answer({"page": 2})

    def read(self, size):
        return self._answer(b"x" * size)

    def close(self):
        self.released.set()


def calls(client):
    body = client.get_object()["Body"]
    return {
        "get": client.get_object,
        "list": client.list_objects_v2,
        "pages": lambda: list(client.get_paginator("list_objects_v2").paginate()),
        "read": lambda: body.read(3),
    }


@pytest.mark.parametrize("name", ["get", "list", "pages", "read"])
def test_an_s3_that_hangs_is_an_error_of_the_system_s_kind(name):
    client = Client()
    call = calls(TimeboxedS3(client, SOON))[name]
    client.hangs = True
    with pytest.raises(TimeoutError, match="time ran out"):
        call()
    client.released.set()


def test_a_body_that_was_given_up_is_not_closed_under_its_reader():
    client = Client()
    body = TimeboxedS3(client, SOON).get_object()["Body"]
    client.hangs = True
    with pytest.raises(TimeoutError):
        body.read(3)
    body.close()
    assert not client.released.is_set()
    client.released.set()


def test_an_s3_that_answers_is_passed_on():
    made = calls(TimeboxedS3(Client(), NO_DEADLINE))
    assert made["get"]()["ETag"] == "e"
    assert made["list"]() == {"Contents": []}
    assert made["pages"]() == [{"page": 1}, {"page": 2}]
    assert io.BytesIO(made["read"]()).read() == b"xxx"
