"""A hundred thousand failures through the function: none lost, none twice, and memory that stays where it is.

    .venv/bin/python -m benchmarks.soak [--events 100000] [--seed 20261122] [--duplicates 0.1] [--faults 0.03]

One process, the function of the Lambda with twins in memory for all that is around it: a queue that delivers at
least once and gives up a message after 13 receipts, a bus, the table of repeats, EMR's answers, a log of some
lines, and a model that answers at once. By the seed, events come again (in the same batch, or when the first is
long done), one in a thousand is no event, and a share of all calls fails: of the table, of the bus, of the model;
some logs come late, some invocations have little time left. Time is the queue's own and runs as fast as it can.
Not among the faults: a table that fails after the bus has taken a diagnosis. The message comes again then and is
published a second time, which is what at least once means.

Printed at ten points: events done, milliseconds of processor time each (some 14, half of it for log lines, which go
nowhere here; a hundred thousand take half an hour), resident memory. At the end what was published, ignored and
given up, and by how much memory grew after the first fifth. The exit code is 1 when a failure was lost or
published twice, when another message than the invalid ones was given up, or when memory grew by more than
MAX_GROWTH_MIB.
"""

import argparse
import gc
import gzip
import heapq
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from diagnose.chain import chain
from diagnose.console import install
from diagnose.deadline import Deadline
from diagnose.diagnosis import Diagnosis
from diagnose.errors import DeliveryError, MetadataError, ModelError
from diagnose.event import DETAIL_TYPE, SOURCE
from diagnose.failure import Failure, JobContext
from diagnose.function import Function, Route
from diagnose.log import LogStore, MemoryStore
from diagnose.metadata import Metadata
from diagnose.metric import EmfMeter
from diagnose.model import CallSink, ModelReply, Question, Stop
from diagnose.pipeline import default_kit
from diagnose.settings import load_settings
from diagnose.shelf import load_prompt
from diagnose.state import Desk
from diagnose.telemetry import JsonFormatter, JsonTelemetry
from diagnose.trail import Trail
from diagnose.usage import Usage

MAX_RECEIVES: Final = 13
VISIBILITY_SECONDS: Final = 1800.0
MAX_GROWTH_MIB: Final = 8.0
"""Of resident memory between a fifth of the way and its end; what a run keeps of one event (1 KiB would do) shows."""
WARM_SHARE: Final = 0.2
POINTS: Final = 10
WAITING: Final = 50
"""More events than a batch holds: what waits is mostly what failed before."""
INVALID_SHARE: Final = 0.001
HURRIED_SHARE: Final = 0.02
"""Of the invocations, those that have little time or none."""
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
ANSWER: Final = {
    "root_cause": "The service refused the connection.",
    "log_evidences": [],
    "recommendations": ["Ask the service's owner whether it was down."],
    "category": "DEPENDENCY_FAILURE",
    "failure_type": "SERVICE_UNREACHABLE",
    "safe_to_retry": False,
    "confidence": 0.5,
}


@dataclass(order=True)
class Message:
    """One message of the queue."""

    visible_at: float
    number: int
    body: str = field(compare=False)
    receives: int = field(default=0, compare=False)


class Queue:
    """Delivers at least once, in the order in which messages become visible; its clock jumps to the next of them."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        self.dead = 0
        self._waiting: list[Message] = []
        self._taken: dict[str, Message] = {}
        self._sent = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, body: str) -> None:
        """Put a message on the queue."""
        self._sent += 1
        heapq.heappush(self._waiting, Message(self.now_seconds, self._sent, body))

    def receive(self, most: int) -> dict[str, Any]:
        """Give a batch of messages that are visible, after waiting for the first, as Lambda gives it."""
        self.now_seconds = max(self.now_seconds, self._waiting[0].visible_at)
        self._taken.clear()
        while self._waiting and len(self._taken) < most and self._waiting[0].visible_at <= self.now_seconds:
            message = heapq.heappop(self._waiting)
            message.receives += 1
            if message.receives > MAX_RECEIVES:
                self.dead += 1
            else:
                message.visible_at = self.now_seconds + VISIBILITY_SECONDS
                self._taken[f"m-{message.number}"] = message
        return {"Records": [self._record(name, taken) for name, taken in self._taken.items()]}

    def _record(self, name: str, message: Message) -> dict[str, Any]:
        return {
            "messageId": name,
            "receiptHandle": name,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "eventSource": "aws:sqs",
        }

    def put_off(self, receipt: str, seconds: int) -> None:
        """Make a taken message visible so many seconds from now."""
        self._taken[receipt].visible_at = self.now_seconds + seconds

    def settle(self, answer: dict[str, Any]) -> int:
        """Put back what failed, and tell how many messages are gone for good."""
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for name in failed:
            heapq.heappush(self._waiting, self._taken[name])
        self.now_seconds += 0.05
        return len(self._taken) - len(failed)


class Around:
    """Everything around the function, each in a fixed room however many events come; its calls fail by the seed."""

    def __init__(self, seed: int, events: int, faults: float) -> None:
        self.chance = random.Random(seed)
        self.queue = Queue()
        self.published = bytearray(events)
        """How often each failure was published."""
        self.failed: Counter[str] = Counter()
        self._faults = faults
        self._done = bytearray(events)
        self._owners: dict[int, str] = {}
        self._logs = [gzip.compress(text.encode(), mtime=0) for text in LOGS]

    def fault(self, what: str) -> bool:
        """Tell whether this call fails."""
        if self.chance.random() >= self._faults:
            return False
        self.failed[what] += 1
        return True

    def claim(self, key: str, *, owner: str) -> bool:
        """Be the table of repeats."""
        if self.fault("table"):
            raise DeliveryError("DynamoDB PutItem: the table can't be reached")
        number = number_of(key)
        if self._done[number] or self._owners.get(number, owner) != owner:
            return False
        self._owners[number] = owner
        return True

    def settle(self, key: str, *, owner: str, done: bool) -> None:
        """Be the table of repeats."""
        del owner
        self._owners.pop(number_of(key), None)
        self._done[number_of(key)] |= done

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


class InstantModel:
    """Answers at once, but where a fault is due."""

    name = "instant:model"
    model_id = "model"

    def __init__(self, around: Around) -> None:
        self._around = around
        self._text = json.dumps(ANSWER)

    def ask(self, question: Question, *, deadline: Deadline, sink: CallSink) -> ModelReply:
        """Answer."""
        del question, deadline, sink
        if self._around.fault("model"):
            raise ModelError("instant:model: ThrottlingException after its retries")
        usage = Usage(input_tokens=900, output_tokens=80)
        return ModelReply(text=self._text, stop=Stop.COMPLETE, usage=usage, cost_usd=0.0)


def make_function(around: Around) -> Function:
    """Make the function as the Lambda does, but for what it calls."""
    trail = Trail()
    found = load_prompt()
    desk = Desk(model=InstantModel(around), prompt=found.version, gate=found.gate)
    kit = replace(
        default_kit(load_settings({})),
        metadata=around, archive=around, desk=desk, now=around.now, on_stage=trail.stage,
    )  # fmt: skip
    links = chain(kit)
    route = Route(kit=kit, walk=lambda state, _: links.invoke(state))
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    logging.getLogger().addHandler(logging.StreamHandler(nowhere))
    install(JsonFormatter(lambda text: kit.redactor.session().text(text), context=trail.fields))
    return Function(
        route=lambda _: route,
        repeats=around,
        publish=around.publish,
        put_off=around.queue.put_off,
        meter=EmfMeter("soak", lambda line: None),
        trail=trail,
        telemetry=lambda failure, _: JsonTelemetry(cluster_id=failure.cluster_id, step_id=failure.step_id),
        reserve_seconds=30.0,
        token_budget=40_000,
        monotonic_seconds=time.monotonic,
    )


def body_of(number: int, time_text: str) -> str:
    """Make the event of one failure."""
    ids = {"stepId": f"s-{number:012d}B", "clusterId": f"j-{number // 7:012d}A"}
    event = {"id": f"{number:032x}", "source": SOURCE, "detail-type": DETAIL_TYPE, "region": "us-east-1"}
    return json.dumps({**event, "time": time_text, "detail": {**ids, "name": "load", "state": "FAILED"}})


@dataclass(kw_only=True)
class Tally:
    """What was sent and what became of it."""

    sent: int = 0
    repeated: int = 0
    invalid: int = 0
    gone: int = 0
    rss_mib: list[float] = field(default_factory=list)


def feed(around: Around, tally: Tally, events: int, duplicates: float) -> None:
    """Put the next events on the queue, some of them again and some that are none."""
    while tally.sent < events and len(around.queue) < WAITING:
        around.queue.send(body_of(tally.sent, around.now().isoformat()))
        tally.sent += 1
        if around.chance.random() < duplicates:
            again = tally.sent - 1 if around.chance.random() < 0.5 else around.chance.randrange(tally.sent)
            around.queue.send(body_of(again, around.now().isoformat()))
            tally.repeated += 1
        if around.chance.random() < INVALID_SHARE:
            around.queue.send('{"detail": "password=made-up"}')
            tally.invalid += 1


def soak(events: int, seed: int, duplicates: float, faults: float) -> tuple[Around, Tally]:
    """Send everything and serve until the queue is empty."""
    around, tally = Around(seed, events, faults), Tally()
    function = make_function(around)
    begun = time.process_time()
    points = [events * (n + 1) // POINTS for n in range(POINTS)]
    while tally.sent < events or len(around.queue):
        feed(around, tally, events, duplicates)
        batch = around.queue.receive(around.chance.randint(1, 10))
        if batch["Records"]:
            answer = function.invoke(batch, remaining_seconds=around.remaining())
            tally.gone += around.queue.settle(answer)
        if points and tally.sent >= points[0]:
            points.pop(0)
            gc.collect()
            tally.rss_mib.append(rss_mib())
            each_ms = 1000 * (time.process_time() - begun) / tally.sent
            print(
                f"{tally.sent:>9,} events  {each_ms:6.2f} ms each  {tally.rss_mib[-1]:7.1f} MiB", flush=True
            )
    return around, tally


def rss_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope_bytes(rss: list[float], events: int) -> float:
    """Bytes of growth for each event, by least squares over the points after the warm-up."""
    warm = rss[round(POINTS * WARM_SHARE) - 1 :]
    middle, mean = (len(warm) - 1) / 2, sum(warm) / len(warm)
    above = sum((n - middle) * (value - mean) for n, value in enumerate(warm))
    below = sum((n - middle) ** 2 for n in range(len(warm)))
    return above / below * 2**20 / (events / POINTS)


def judge(around: Around, tally: Tally, events: int) -> list[str]:
    """Say what was violated."""
    found = []
    lost, twice = around.published.count(0), sum(count > 1 for count in around.published)
    if lost or twice:
        found.append(f"{lost} failures were lost, {twice} published more than once")
    if around.queue.dead != tally.invalid:
        found.append(f"{around.queue.dead} messages were given up, {tally.invalid} were invalid")
    if tally.gone != events + tally.repeated:
        found.append(f"{tally.gone} messages are done, {events + tally.repeated} should be")
    growth = tally.rss_mib[-1] - tally.rss_mib[round(POINTS * WARM_SHARE) - 1]
    if growth > MAX_GROWTH_MIB:
        found.append(f"memory grew by {growth:.1f} MiB after the warm-up")
    return found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--duplicates", type=float, default=0.1)
    parser.add_argument("--faults", type=float, default=0.03)
    options = parser.parse_args()
    around, tally = soak(options.events, options.seed, options.duplicates, options.faults)
    print(
        f"published {sum(around.published):,} of {tally.sent:,}; repeats {tally.repeated:,}; "
        f"invalid {tally.invalid:,}, given up {around.queue.dead:,}; faults {dict(around.failed)}"
    )
    print(
        f"resident memory: {slope_bytes(tally.rss_mib, options.events):+.1f} bytes an event after the warm-up"
    )
    violations = judge(around, tally, options.events)
    print("\n".join(violations) or "none lost, none twice, no growth")
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main())
