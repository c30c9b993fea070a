"""Repeats: one owner at a time, done stays done until it expires, nothing grows without end."""

from itertools import count
from threading import Barrier, Thread

import pytest
from awsserver import AwsServer

from diagnose.errors import UsageError
from diagnose.failure import Failure
from diagnose.repeat import Claim, Hold, MemoryRepeats, repeat_key
from diagnose.table import TableRepeats


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory(clock):
    return MemoryRepeats(clock, claim_seconds=60, done_seconds=600, max_keys=5)


@pytest.fixture(scope="module")
def dynamodb():
    with AwsServer() as aws:
        yield aws.client("dynamodb")


_TABLES = count()


@pytest.fixture
def table(clock, dynamodb):
    name = f"repeats-{next(_TABLES)}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return TableRepeats(dynamodb, name, clock=clock, claim_seconds=60, done_seconds=600)


@pytest.fixture(params=["memory", "table"])
def repeats(request):
    """Both keep the same promises."""
    return request.getfixturevalue(request.param)


def test_a_second_owner_waits_and_the_first_may_ask_again(repeats):
    assert repeats.claim("k", owner="m-1").hold is Hold.OURS
    assert repeats.claim("k", owner="m-2").hold is not Hold.OURS
    assert repeats.claim("k", owner="m-1").hold is Hold.OURS
    assert repeats.claim("other", owner="m-2").hold is Hold.OURS


def test_work_that_another_is_at_is_told_apart_from_work_that_is_done(repeats, clock):
    repeats.claim("k", owner="m-1")
    clock.seconds += 20
    assert repeats.claim("k", owner="m-2") == Claim(Hold.BUSY, 40)
    repeats.settle("k", owner="m-1", done=True)
    assert repeats.claim("k", owner="m-2") == Claim(Hold.DONE)


def test_what_is_done_is_nobody_s_to_do(repeats):
    repeats.claim("k", owner="m-1")
    repeats.settle("k", owner="m-1", done=True)
    assert repeats.claim("k", owner="m-1").hold is not Hold.OURS
    assert repeats.claim("k", owner="m-2").hold is not Hold.OURS


def test_what_was_given_up_may_be_claimed_by_anyone(repeats):
    repeats.claim("k", owner="m-1")
    repeats.settle("k", owner="m-1", done=False)
    assert repeats.claim("k", owner="m-2").hold is Hold.OURS


def test_a_claim_expires_and_asking_again_prolongs_it(repeats, clock):
    repeats.claim("k", owner="m-1")
    clock.seconds += 59
    assert repeats.claim("k", owner="m-2").hold is not Hold.OURS
    assert repeats.claim("k", owner="m-1").hold is Hold.OURS
    clock.seconds += 59
    assert repeats.claim("k", owner="m-2").hold is not Hold.OURS
    clock.seconds += 1
    assert repeats.claim("k", owner="m-2").hold is Hold.OURS


def test_done_expires(repeats, clock):
    repeats.claim("k", owner="m-1")
    repeats.settle("k", owner="m-1", done=True)
    clock.seconds += 599
    assert repeats.claim("k", owner="m-2").hold is not Hold.OURS
    clock.seconds += 1
    assert repeats.claim("k", owner="m-2").hold is Hold.OURS


def test_a_late_failure_undoes_nothing(repeats, clock):
    repeats.claim("k", owner="slow")
    clock.seconds += 60
    repeats.claim("k", owner="quick")
    repeats.settle("k", owner="slow", done=False)
    assert repeats.claim("k", owner="third").hold is not Hold.OURS, "the claim is quick's now"
    repeats.settle("k", owner="quick", done=True)
    repeats.settle("k", owner="slow", done=False)
    assert repeats.claim("k", owner="slow").hold is not Hold.OURS


def test_what_was_never_claimed_may_be_settled(repeats):
    repeats.settle("a", owner="m-1", done=False)
    repeats.settle("b", owner="m-1", done=True)
    assert repeats.claim("a", owner="m-1").hold is Hold.OURS
    assert repeats.claim("b", owner="m-1").hold is not Hold.OURS


def test_room_is_made_of_what_expired_first(memory, clock):
    for key in "abcde":
        memory.claim(key, owner="m-1")
    clock.seconds += 60
    assert memory.claim("f", owner="m-1").hold is Hold.OURS
    assert len(memory) == 1


def test_when_full_the_oldest_done_goes_before_any_claim(memory, clock):
    for key in "abc":
        memory.settle(key, owner="m-1", done=True)
        clock.seconds += 1
    memory.claim("d", owner="m-1")
    memory.claim("e", owner="m-1")
    memory.claim("f", owner="m-1")
    assert len(memory) == 5
    assert all(memory.claim(key, owner="m-2").hold is not Hold.OURS for key in "bcdef")
    assert memory.claim("a", owner="m-2").hold is Hold.OURS


def test_it_never_grows_beyond_its_limit(memory):
    for number in range(100):
        memory.claim(f"claimed {number}", owner="m-1")
        memory.settle(f"done {number}", owner="m-1", done=True)
    assert len(memory) == 5


def test_of_many_threads_one_gets_the_work(repeats):
    rounds, owners = (200 if isinstance(repeats, MemoryRepeats) else 5), 4
    barrier, won = Barrier(owners), []

    def ask(owner):
        for key in range(rounds):
            barrier.wait()
            if repeats.claim(f"k{key}", owner=owner).hold is Hold.OURS:
                won.append(key)

    threads = [Thread(target=ask, args=(f"m-{n}",)) for n in range(owners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(rounds))


def test_a_key_names_platform_cluster_and_step_and_nothing_else():
    failure = Failure(cluster_id="j-1A", step_id="s-1A", job_name="orders", region="eu-west-1")
    assert repeat_key(failure) == "emr:j-1A:s-1A" == repeat_key(Failure(cluster_id="j-1A", step_id="s-1A"))


def test_keys_of_different_failures_differ_whatever_stands_in_them():
    keys = {
        repeat_key(Failure(platform=p, cluster_id=c, step_id=s))
        for p, c, s in [("emr", "a:b", "c"), ("emr", "a", "b:c"), ("emr:a", "b", "c"), ("emr", "a%3Ab", "c")]
    }
    assert len(keys) == 4
    assert repeat_key(Failure(cluster_id="j-\ud800", step_id="s-1")).isascii()


@pytest.mark.parametrize("ids", [{}, {"cluster_id": "j-1A"}, {"step_id": "s-1A"}])
def test_without_ids_there_is_no_key(ids):
    with pytest.raises(UsageError, match="cluster id and step id"):
        repeat_key(Failure(**ids))
