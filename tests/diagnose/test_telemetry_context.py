"""Telemetry: fields of a context stand on every line, and one record may be told to several."""

import logging

import pytest
from canary import canaries, leaks
from logline import CALL, CLUSTER, STAGE, STEP, Hostile, Log, raised

from diagnose.redaction import redact
from diagnose.telemetry import MAX_FIELDS, WITHHELD, Collector, Fork, JsonFormatter, JsonTelemetry, Silent

SURROUNDINGS = {"cluster_id": CLUSTER, "step_id": STEP, "stage": "log", "duration_ms": 7, "status": "running"}


def surrounded(context=None, redaction=redact):
    return Log(JsonFormatter(redaction, context=context or (lambda: SURROUNDINGS)))


def test_every_line_carries_the_context_whoever_logs_it():
    log = surrounded()
    log.logger.warning("of ours")
    foreign = logging.getLogger("botocore.credentials.test")
    foreign.addHandler(log.logger.handlers[0])
    try:
        foreign.warning("found")
        foreign.error("lost", exc_info=raised(ValueError("x")))
    finally:
        foreign.removeHandler(log.logger.handlers[0])
    for row in log.rows:
        assert {name: row[name] for name in SURROUNDINGS} == SURROUNDINGS


def test_what_a_record_says_itself_goes_before_the_context():
    log = surrounded(lambda: {**SURROUNDINGS, "stage": "verdict", "duration_ms": 9000, "status": "running"})
    JsonTelemetry(log.logger, cluster_id="j-OTHER", step_id="").stage(STAGE)
    row = log.row
    assert (row["stage"], row["duration_ms"], row["status"]) == ("redaction", 12, "ok")
    assert (row["cluster_id"], row["step_id"]) == ("j-OTHER", "")


def test_the_context_takes_the_place_of_no_field_of_ours_nor_of_the_time():
    log = surrounded(lambda: {"timestamp": "never", "level": "NONE", "message": "other", "logger": "x"})
    log.logger.info("m")
    assert (log.row["level"], log.row["message"], log.row["logger"]) == ("INFO", "m", "diagnose.test")
    assert log.row["timestamp"] == "1970-01-01T00:00:00.250Z"


def test_the_context_is_asked_anew_for_each_record():
    numbers = iter(range(9))
    log = surrounded(lambda: {"attempt": next(numbers)})
    log.logger.info("a")
    log.logger.info("b")
    assert [row["attempt"] for row in log.rows] == [0, 1]


def test_the_context_survives_however_many_fields_a_record_has():
    log = surrounded()
    log.logger.info("m", extra={f"f{n}": n for n in range(MAX_FIELDS + 9)})
    assert {name: log.row[name] for name in SURROUNDINGS} == SURROUNDINGS


def test_the_context_is_redacted_and_its_ids_are_checked():
    secret = canaries(3)[0].value
    log = surrounded(lambda: {"cluster_id": "hunter2", "step_id": secret, "status": f"password={secret}"})
    log.logger.info("m")
    assert (log.row["cluster_id"], log.row["step_id"]) == ("[REDACTED-ID]", "[REDACTED-ID]")
    assert not leaks(secret, log.text)


def broken_context():
    raise RuntimeError("no")


@pytest.mark.parametrize("context", [broken_context, lambda: None, lambda: 7, lambda: {Hostile(): Hostile()}])
def test_a_broken_context_loses_no_record(context):
    log = surrounded(context)
    log.logger.info("m")
    assert log.row["message"] == "m"


def test_a_line_that_is_withheld_still_carries_what_needs_no_redaction():
    told = {**SURROUNDINGS, "status": "password=hunter2", "note": Hostile(), "pass word": "hunter2"}
    for context, status in ((SURROUNDINGS, "running"), (told, "")):
        log = surrounded(lambda context=context: context, redaction=lambda _text: "")
        log.logger.info("password=hunter2")
        row = log.row
        assert row["message"] == WITHHELD
        assert {name: row[name] for name in SURROUNDINGS} == {**SURROUNDINGS, "status": status}
        assert "hunter2" not in log.text
    log = surrounded(lambda: {"cluster_id": "hunter2"}, redaction=lambda _text: "")
    log.logger.info("m")
    assert log.row["cluster_id"] == "[REDACTED-ID]"


def test_a_fork_tells_each_sink_in_order():
    told = []

    class Witness(Collector):
        def stage(self, record):
            told.append(self)
            super().stage(record)

    first, second = Witness(), Witness()
    fork = Fork(first, Silent(), second)
    fork.stage(STAGE)
    fork.call(CALL)
    assert [(sink.stages, sink.calls) for sink in (first, second)] == [([STAGE], [CALL])] * 2
    assert told[0] is first and told[1] is second
