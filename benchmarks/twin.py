"""What stands around the function in a soak: a queue and a table on one clock, a bus, EMR's answers, a log.

Everything is in memory, in a fixed room however many events come, and what goes wrong goes wrong by the seed.
"""

import gzip
import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from diagnose.deadline import Deadline
from diagnose.diagnosis import Diagnosis
from diagnose.errors import DeliveryError, MetadataError
from diagnose.failure import Failure, JobContext
from diagnose.log import LogStore, MemoryStore
from diagnose.metadata import Metadata
from diagnose.repeat import DONE_SECONDS, Claim, MemoryRepeats, repeat_key

MAX_RECEIVES: Final = 13
VISIBILITY_SECONDS: Final = 1800.0
HURRIED_SHARE: Final = 0.02
"""Of the invocations, those that have little time or none."""
KILLED_SHARE: Final = 0.005
"""Of the runs, those in which Lambda ends the process."""
TIMEOUT_SECONDS: Final = 300.0
START: Final = datetime(2026, 11, 22, tzinfo=UTC)
LOGS: Final = (
    "26/11/22 07:00:02 INFO SparkContext: Running Spark version 3.5.7\n"
    "26/11/22 07:00:09 ERROR Loader: cannot reach 10.7.2.9 with password=made-up-7\n"
    "Traceback (most recent call last):\n"
    '  File "/mnt/job.py", line 7, in <module>\n'
    "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>\n",
    "26/11/22 07:00:02 INFO SparkContext: Running Spark version 3.5.7\n"
    "26/11/22 07:00:09 ERROR ApplicationMaster: User class threw exception: java.lang.OutOfMemoryError: Java heap space\n"
    "java.lang.OutOfMemoryError: Java heap space\n\tat a.b.C7.d(C.java:7)\n",
    "26/11/22 07:00:09 ERROR Job: org.apache.spark.sql.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] table t7\n",
)


class KilledError(BaseException):
    """Lambda ends the process; nothing in it may take this for an error of its own."""


@dataclass(order=True)
class Message:
    """One message of the queue."""

    visible_at: float
    number: int
    body: str = field(compare=False)
    sent_at: float = field(compare=False)
    receives: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """Its id."""
        return f"m-{self.number}"


class Queue:
    """Delivers at least once, in the order in which messages become visible; its clock jumps to the next of them."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        self.dead = 0
        self._waiting: list[Message] = []
        self._held: dict[str, Message] = {}
        """By receipt handle."""
        self._sent = self._received = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, body: str) -> None:
        """Put a message on the queue."""
        self._sent += 1
        heapq.heappush(self._waiting, Message(self.now_seconds, self._sent, body, self.now_seconds))

    def receive(self, most: int) -> dict[str, Any]:
        """Give a batch of messages that are visible, after waiting for the first, as Lambda gives it."""
        self.now_seconds = max(self.now_seconds, self._waiting[0].visible_at)
        found = []
        while self._waiting and len(found) < most and self._waiting[0].visible_at <= self.now_seconds:
            message = heapq.heappop(self._waiting)
            message.receives += 1
            if message.receives > MAX_RECEIVES:
                self.dead += 1
            else:
                found.append(message)
        return {"Records": [self._record(message) for message in found]}

    def again(self, receipt: str) -> dict[str, Any]:
        """Give a message once more while its first delivery is at work: its id, and another receipt handle."""
        return {"Records": [self._record(replace(self._held[receipt]))]}

    def _record(self, message: Message) -> dict[str, Any]:
        self._received += 1
        message.visible_at = self.now_seconds + VISIBILITY_SECONDS
        receipt = f"r-{self._received}"
        self._held[receipt] = message
        sent_ms = round((START + timedelta(seconds=message.sent_at)).timestamp() * 1000)
        return {
            "messageId": message.name,
            "receiptHandle": receipt,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives), "SentTimestamp": str(sent_ms)},
            "eventSource": "aws:sqs",
        }

    def put_off(self, receipt: str, seconds: int) -> None:
        """Make a taken message visible so many seconds from now."""
        self._held[receipt].visible_at = self.now_seconds + seconds

    def settle(self, batch: dict[str, Any], answer: dict[str, Any] | None) -> int:
        """Put back what failed, all without an answer, and tell how many messages are gone for good."""
        told = None if answer is None else {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        gone = 0
        for record in batch["Records"]:
            message = self._held.pop(record["receiptHandle"])
            if told is None or message.name in told:
                heapq.heappush(self._waiting, message)
            else:
                gone += 1
        self.now_seconds += 0.05
        return gone


class Around:
    """Everything around the function, each in a fixed room however many events come; its calls fail by the seed."""

    def __init__(self, seed: int, events: int, faults: float) -> None:
        self.chance = random.Random(seed)
        self.queue = Queue()
        self.published = bytearray(events)
        """How often each failure was published."""
        self.failed: Counter[str] = Counter()
        self.twice = 0
        """Messages that were delivered again in the midst of their first delivery."""
        self._faults = faults
        self._killed = False
        self._repeats = self._table(events)
        self._logs = [gzip.compress(text.encode(), mtime=0) for text in LOGS]

    def fault(self, what: str) -> bool:
        """Tell whether this call fails."""
        if self.chance.random() >= self._faults:
            return False
        self.failed[what] += 1
        return True

    def _table(self, events: int) -> MemoryRepeats:
        """Make the table, with all keys that will come, expired, so that it is as large as it will be."""
        table = MemoryRepeats(lambda: self.queue.now_seconds, max_keys=events + 1)
        self.queue.now_seconds = -2 * DONE_SECONDS
        for number in range(events):
            table.settle(repeat_key(failure_of(number)), owner="", done=True)
        self.queue.now_seconds = 0.0
        return table

    def kill(self) -> None:
        """End the process by chance; what it still does on its way out does not happen."""
        if self.chance.random() < KILLED_SHARE:
            self._killed = True
            self.failed["kill"] += 1
            raise KilledError

    def revive(self) -> None:
        """Start the process anew."""
        self._killed = False

    def claim(self, key: str, *, owner: str) -> Claim:
        """Be the table of repeats."""
        if self.fault("table"):
            raise DeliveryError("DynamoDB PutItem: the table can't be reached")
        return self._repeats.claim(key, owner=owner)

    def settle(self, key: str, *, owner: str, done: bool) -> None:
        """Be the table of repeats."""
        if not self._killed:
            self._repeats.settle(key, owner=owner, done=done)

    def publish(self, diagnosis: Diagnosis) -> None:
        """Be the bus."""
        if self.fault("bus"):
            raise DeliveryError("EventBridge PutEvents: InternalFailure")
        self.published[number_of(diagnosis.step_id)] += 1

    def fetch(self, failure: Failure, *, deadline: Deadline) -> Metadata:
        """Be the EMR API."""
        if self.fault("metadata"):
            raise MetadataError("EMR: ThrottlingException after its retries")
        del deadline
        return Metadata(failure=failure, context=JobContext())

    def find(
        self, failure: Failure, context: JobContext, *, deadline: Deadline
    ) -> tuple[LogStore, tuple[str, ...]]:
        """Be the bucket; the logs of one failure in a hundred come up to 700 seconds late."""
        del context, deadline
        number = number_of(failure.step_id)
        arrived = (failure.failed_at or START) + timedelta(seconds=number % 700)
        late = number % 100 == 0 and self.now() < arrived
        name = f"steps/{failure.step_id}/stderr.gz"
        return MemoryStore({} if late else {name: self._logs[number % len(LOGS)]}), ()

    def now(self) -> datetime:
        """Tell the queue's time."""
        return START + timedelta(seconds=self.queue.now_seconds)

    def remaining(self) -> Callable[[], float]:
        """Give the clock of an invocation: mostly plenty of time, now and then little or none."""
        if self.chance.random() >= HURRIED_SHARE:
            return lambda: TIMEOUT_SECONDS
        left = [self.chance.choice([20.0, 38.0, 80.0])]

        def tick() -> float:
            left[0] -= 0.5
            return left[0]

        return tick


def number_of(key: str) -> int:
    return int(key[-13:-1])


def failure_of(number: int) -> Failure:
    return Failure(cluster_id=f"j-{number // 7:012d}A", step_id=f"s-{number:012d}B")
