"""A hundred thousand failures through the function: none lost, none twice, and memory that stays where it is.

    .venv/bin/python -m benchmarks.soak [--events 100000] [--seed 20261122] [--duplicates 0.1] [--faults 0.03]

One process, the function of the Lambda with twins in memory for all that is around it: a queue that delivers at
least once and gives up a message after 13 receipts, a bus, `MemoryRepeats` on the queue's clock, EMR's answers, a log
of some lines, and a model that answers at once. By the seed, events come again (in the same batch, or when the first
is long done), a message is delivered a second time while the first delivery is at work, one in a thousand is no event,
and a share of all calls fails: of the table, of the bus, of the model; some logs come late, some invocations have
little time left, and some are killed in the middle of their work: they settle nothing and answer nothing, and their
whole batch comes again after the visibility timeout. Time is the queue's own and runs as fast as it can.
Not among the faults: a table that fails, or a kill, after the bus has taken a diagnosis. The message comes again then
and is published a second time, which is what at least once means.

Printed at ten points: events done, milliseconds of processor time each (some 14, half of it for log lines, which go
nowhere here; a hundred thousand take half an hour), resident memory. The keys of all events are in the table before the
first, long expired, so that its room is not taken for growth. At the end what was published, ignored and given up, and
by how much memory grew after the first fifth. The exit code is 1 when a failure was lost or published twice, when
another message than the invalid ones was given up, or when memory grew by more than MAX_GROWTH_MIB.
"""

import argparse
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.twin import Around, KilledError, failure_of
from diagnose.chain import chain
from diagnose.console import install
from diagnose.deadline import Deadline
from diagnose.errors import ModelError
from diagnose.event import DETAIL_TYPE, SOURCE
from diagnose.function import Function, Route
from diagnose.metric import EmfMeter
from diagnose.model import CallSink, ModelReply, Question, Stop
from diagnose.pipeline import Result, default_kit
from diagnose.settings import load_settings
from diagnose.shelf import load_prompt
from diagnose.state import Desk, State
from diagnose.telemetry import JsonFormatter, JsonTelemetry
from diagnose.trail import Trail
from diagnose.usage import Usage

MAX_GROWTH_MIB: Final = 8.0
"""Of resident memory between a fifth of the way and its end; what a run keeps of one event (1 KiB would do) shows."""
WARM_SHARE: Final = 0.2
POINTS: Final = 10
WAITING: Final = 50
"""More events than a batch holds: what waits is mostly what failed before."""
INVALID_SHARE: Final = 0.001
TWICE_SHARE: Final = 0.02
"""Of the runs, those in whose midst the same message is delivered again."""
ANSWER: Final = {
    "root_cause": "The service refused the connection.",
    "log_evidences": [],
    "recommendations": ["Ask the service's owner whether it was down."],
    "category": "DEPENDENCY_FAILURE",
    "failure_type": "SERVICE_UNREACHABLE",
    "safe_to_retry": False,
    "confidence": 0.5,
}


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


class Process:
    """One process of the function; its work may be killed, and met by a second delivery of the same message."""

    def __init__(self, around: Around, beside: "Process | None" = None) -> None:
        self._around = around
        self._beside = beside
        """Another process, which gets the second deliveries."""
        self._batch: dict[str, Any] = {"Records": []}
        self._gone = 0
        self._function = make_function(around, self._walk)

    def serve(self, batch: dict[str, Any]) -> int:
        """Serve a batch, and tell how many messages are gone for good."""
        self._batch, self._gone = batch, 0
        answer = None
        try:
            answer = self._function.invoke(batch, remaining_seconds=self._around.remaining())
        except KilledError:
            self._around.revive()
        return self._around.queue.settle(batch, answer) + self._gone

    def _walk(self, links: Callable[[State], Result], state: State) -> Result:
        self._around.kill()
        if self._beside is not None and self._around.chance.random() < TWICE_SHARE:
            bodies = {r["body"]: r["receiptHandle"] for r in self._batch["Records"]}
            step = state.failure.step_id
            receipt = next(handle for body, handle in bodies.items() if step in body)
            self._around.twice += 1
            self._gone += self._beside.serve(self._around.queue.again(receipt))
        result = links(state)
        self._around.kill()
        return result


def make_function(around: Around, walk: Callable[[Callable[[State], Result], State], Result]) -> Function:
    """Make the function as the Lambda does, but for what it calls."""
    trail = Trail()
    found = load_prompt()
    desk = Desk(model=InstantModel(around), prompt=found.version, gate=found.gate)
    kit = replace(
        default_kit(load_settings({})),
        metadata=around, archive=around, desk=desk, now=around.now, on_stage=trail.stage,
    )  # fmt: skip
    links = chain(kit)
    route = Route(kit=kit, walk=lambda state, _: walk(links.invoke, state))
    return Function(
        route=lambda _: route,
        repeats=around,
        publish=around.publish,
        put_off=around.queue.put_off,
        meter=EmfMeter("soak", lambda line: None),
        redact=lambda text: text,
        trail=trail,
        telemetry=lambda failure, _: JsonTelemetry(cluster_id=failure.cluster_id, step_id=failure.step_id),
        reserve_seconds=30.0,
        token_budget=40_000,
        monotonic_seconds=time.monotonic,
        now=around.now,
    )


def log_nowhere() -> None:
    """Format and redact all log lines, as the function does, and write them to nobody."""
    kit = default_kit(load_settings({}))
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    logging.getLogger().addHandler(logging.StreamHandler(nowhere))
    install(JsonFormatter(lambda text: kit.redactor.session().text(text)))


def body_of(number: int, time_text: str) -> str:
    """Make the event of one failure."""
    failure = failure_of(number)
    ids = {"stepId": failure.step_id, "clusterId": failure.cluster_id}
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
    process = Process(around, Process(around))
    begun = time.process_time()
    points = [events * (n + 1) // POINTS for n in range(POINTS)]
    while tally.sent < events or len(around.queue):
        feed(around, tally, events, duplicates)
        batch = around.queue.receive(around.chance.randint(1, 10))
        if batch["Records"]:
            tally.gone += process.serve(batch)
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
    due = events + tally.repeated + around.twice
    if tally.gone != due:
        found.append(f"{tally.gone} messages are done, {due} should be")
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
    log_nowhere()
    around, tally = soak(options.events, options.seed, options.duplicates, options.faults)
    print(
        f"published {sum(around.published):,} of {tally.sent:,}; repeats {tally.repeated:,}, {around.twice:,} at once; "
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
