"""Telemetry: one JSON object a line, and no secret in it, whoever logged it and however."""

import json
import logging
import threading
from decimal import Decimal

import pytest
from canary import canaries, leaks, plantings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logline import CALL, CLUSTER, STAGE, STEP, THROTTLED, Hostile, Log, raised

from diagnose.redaction import Redactor, redact
from diagnose.telemetry import (
    MAX_FIELDS,
    MAX_RECORD_CHARS,
    WITHHELD,
    Collector,
    JsonFormatter,
    JsonTelemetry,
    Silent,
    StageRecord,
)


@pytest.fixture
def log():
    return Log()


def test_a_stage_is_one_record(log):
    JsonTelemetry(log.logger, cluster_id=CLUSTER, step_id=STEP).stage(STAGE)
    row = log.row
    assert row.pop("timestamp") == "1970-01-01T00:00:00.250Z"
    assert row == {
        "level": "INFO",
        "logger": "diagnose.test",
        "message": "stage ended",
        "cluster_id": CLUSTER,
        "step_id": STEP,
        "stage": "redaction",
        "duration_ms": 12,
        "status": "ok",
        "suspects": 0,
    }


def test_a_call_is_one_record_with_all_that_was_billed(log):
    JsonTelemetry(log.logger, cluster_id=CLUSTER, step_id=STEP).call(CALL)
    row = log.row
    assert (row["cluster_id"], row["step_id"], row["stage"], row["status"]) == (CLUSTER, STEP, "model", "ok")
    assert (row["model_id"], row["request_id"], row["stop"]) == (CALL.model_id, CALL.request_id, "complete")
    assert (row["attempt"], row["http_status"], row["wait_ms"], row["duration_ms"]) == (2, 200, 1250, 5310)
    tokens = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    assert [row[name] for name in tokens] == [8123, 5, 7, 421]
    assert (row["cost_usd"], row["error"]) == (0.0123, None)


def test_a_call_that_failed_is_a_warning(log):
    JsonTelemetry(log.logger, cluster_id=CLUSTER, step_id=STEP).call(THROTTLED)
    row = log.row
    assert (row["level"], row["status"], row["error"]) == ("WARNING", "error", "ThrottlingException")
    assert (row["stop"], row["cost_usd"], row["request_id"]) == (None, None, None)


def test_the_package_s_logger_is_the_default(caplog):
    with caplog.at_level(logging.INFO, logger="diagnose"):
        JsonTelemetry(cluster_id=CLUSTER, step_id=STEP).stage(STAGE)
    (record,) = caplog.records
    assert (record.name, record.stage, record.cluster_id) == ("diagnose", "redaction", CLUSTER)


@pytest.mark.parametrize("bad", ["hunter2", "j-abc", "s-" + "A" * 99, STEP])
def test_an_id_of_another_form_is_not_shown(log, bad):
    JsonTelemetry(log.logger, cluster_id=bad, step_id="").stage(STAGE)
    log.logger.info("by hand", extra={"cluster_id": bad, "step_id": CLUSTER})
    assert bad not in log.text.replace("s-3HJ8WZ5R1BYDC_", "")
    assert [(row["cluster_id"], row["step_id"]) for row in log.rows] == [
        ("[REDACTED-ID]", ""),
        ("[REDACTED-ID]", "[REDACTED-ID]"),
    ]


def test_a_bad_id_is_hidden_from_other_formatters_too(caplog):
    with caplog.at_level(logging.INFO, logger="diagnose"):
        JsonTelemetry(cluster_id="hunter2", step_id=STEP).stage(STAGE)
    assert caplog.records[0].cluster_id == "[REDACTED-ID]"


def test_the_collector_keeps_and_silence_drops():
    collector = Collector()
    for telemetry in (collector, Silent()):
        telemetry.stage(STAGE)
        telemetry.call(CALL)
    assert (collector.stages, collector.calls) == ([STAGE], [CALL])


def test_an_exception_is_told_by_type_message_and_traceback(log):
    log.logger.error("stage %s broke", "log", exc_info=raised(ValueError("no such table")))
    row = log.row
    assert (row["level"], row["message"]) == ("ERROR", "stage log broke")
    assert (row["exception"], row["exception_message"]) == ("builtins.ValueError", "no such table")
    assert row["traceback"].startswith("Traceback") and row["traceback"].endswith("ValueError: no such table")


def test_a_stack_and_a_text_of_an_exception_are_shown(log):
    log.logger.info("here", stack_info=True)
    record = logging.LogRecord("sent", 40, "", 1, "sent on", (), None)
    record.exc_text = "Traceback …\nKeyError: 'x'"
    log.logger.handle(record)
    assert "test_telemetry" in log.rows[0]["stack"]
    assert log.rows[1]["traceback"].endswith("KeyError: 'x'")


def test_json_stays_json_and_anything_else_becomes_text(log):
    extra = {
        "whole": {"a": [1, 2.5, None, True], "b": {"c": "d"}},
        "text": "17",
        "number": 17,
        "yes": True,
        "none": None,
        "tuple": (1, 2),
        "decimal": Decimal("1.50"),
        "bytes": b"ab",
        "nan": float("nan"),
        "infinite": {"x": float("inf")},
        "set": {1},
        "inner": {"d": Decimal(7)},
    }
    log.logger.info("m", extra=extra)
    row = log.row
    assert {name: row[name] for name in extra} == {
        **extra,
        "tuple": [1, 2],
        "decimal": "1.50",
        "bytes": "b'ab'",
        "nan": "nan",
        "infinite": "{'x': inf}",
        "set": "{1}",
        "inner": {"d": "7"},
    }
    assert "NaN" not in log.text and "Infinity" not in log.text


def test_numbers_of_ours_stay_numbers_and_broken_ones_become_text(log):
    log.logger.info("m", extra={"duration_ms": float("inf"), "attempt": "3", "cost_usd": 1e-7})
    assert (log.row["duration_ms"], log.row["attempt"], log.row["cost_usd"]) == ("inf", "3", 1e-7)


def test_no_field_of_extra_takes_the_place_of_ours(log):
    log.logger.info("m", extra={"timestamp": "never", "level": "NONE", "logger": "root", "traceback": "kept"})
    row = log.row
    assert (row["level"], row["logger"], row["traceback"]) == ("INFO", "diagnose.test", "kept")
    assert row["timestamp"] != "never"


BREAKS = 'a\nb\r\nc\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029d\x1b]0;x\x07{"level": "FORGED"}'


def test_no_line_break_survives_in_a_record(log):
    extra = {"key" + BREAKS: BREAKS, "list": [BREAKS]}
    log.logger.error(BREAKS, exc_info=raised(ValueError(BREAKS)), extra=extra)
    assert len(log.text.splitlines()) == 1 and log.text.endswith("\n")
    assert "\x1b" not in log.text
    assert log.row["message"] == BREAKS
    assert log.row["list"] == [BREAKS]


def test_colours_are_dropped(log):
    log.logger.info("\x1b[1;31mred\x1b[0m %r", "\x1b[31mred\x1b[0m")
    assert log.row["message"] == "red 'red'"


def test_what_cannot_be_shown_does_not_lose_the_record(log, capsys):
    cycle = {}
    cycle["again"] = cycle
    deep = []
    for _ in range(100_000):
        deep = [deep]
    log.logger.info("x %s", Hostile(), extra={"a": Hostile(), "c": cycle, "e": 7})
    log.logger.info("x %s %d", *["too few"])
    log.logger.info(Hostile())
    log.logger.info("deep", extra={"d": deep, "k": {(1, 2): 3}})
    log.logger.info("\ud800", extra={"\ud800": "\ud800"})
    log.logger.error("m", exc_info=(Exception, Hostile(), None))
    rows = log.rows
    assert rows[0]["message"] == "x %s (its arguments do not fit)"
    assert (rows[0]["a"], rows[0]["e"]) == ("<Hostile>", 7)
    assert "again" in rows[0]["c"]
    assert rows[1]["message"] == "x %s %d (its arguments do not fit)"
    assert rows[3]["k"] == "{(1, 2): 3}"
    assert WITHHELD not in log.text
    assert "Logging error" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "field", ["created", "levelname", "name", "exc_info", "args", "msg", "stack_info", "exc_text"]
)
@pytest.mark.parametrize("value", [None, 7, "x", float("nan"), 1e300, [], Hostile(), (1, 2), {}])
def test_a_record_of_odd_parts_is_still_one_line_of_json(field, value):
    record = logging.makeLogRecord({"msg": "m", "levelname": "INFO"})
    setattr(record, field, value)
    assert isinstance(json.loads(JsonFormatter().format(record)), dict)


def test_a_record_that_cannot_be_redacted_is_withheld():
    def broken(text):
        raise MemoryError

    for redaction in (broken, lambda _text: "", lambda text: text.replace('"', ""), lambda text: text + "\n"):
        log = Log(JsonFormatter(redaction))
        log.logger.info("password=hunter2", extra={"a": "b"})
        assert "hunter2" not in log.text
        assert (log.row["message"], log.row["level"]) == (WITHHELD, "ERROR")


def test_a_record_is_bounded_and_cut_at_a_blank(log):
    log.logger.info("word " * 10**6, extra={f"f{n}": "x " * 10**5 for n in range(100)})
    row = log.row
    assert len(log.text) < 2 * MAX_RECORD_CHARS
    assert row["message"].endswith("word … (cut)")
    assert sum(name.startswith("f") for name in row) == MAX_FIELDS


def test_a_token_is_never_cut_in_half(log):
    key = "AK" + "IA" + "Q3EGRIZXUTWYPDKA"
    for shift in range(24):
        log.logger.info("%s", "x" * (MAX_RECORD_CHARS // 2 - shift) + " " + key)
        log.logger.info("%s", "x " * (MAX_RECORD_CHARS // 4 - shift) + key)
    assert not leaks(key, log.text)


def test_patterns_of_the_user_count(log):
    redactor = Redactor(["ACME-[0-9]+"])
    log = Log(JsonFormatter(lambda text: redactor.session().text(text)))
    log.logger.info("ticket %s", "ACME-4711")
    assert log.row["message"] == "ticket [REDACTED-CUSTOM-1]"


def test_a_value_found_in_one_field_is_removed_from_all(log):
    secret = canaries(11)[0].value
    log.logger.info(
        "cannot log in with %s", secret, extra={"password": secret, "note": f"tried {secret} twice"}
    )
    log.logger.info("%(user)s uses %(password)s", {"user": "etl", "password": secret})
    assert not leaks(secret, log.text)
    assert "etl uses [REDACTED-PASSWORD" in log.rows[1]["message"]
    assert "args" not in log.rows[1]


def test_a_secret_number_and_a_secret_object_are_removed(log):
    log.logger.info("m", extra={"password": 8675309123, "app": {"password": 8675309123, "n": 1}})
    log.logger.info("m", extra={"password": {"inner": "Rokuda-77ab1c"}})
    assert not leaks("8675309123", log.text) and not leaks("Rokuda-77ab1c", log.text)
    assert WITHHELD not in log.text


def test_the_name_of_a_key_does_not_eat_the_next_field(log):
    log.logger.info("password:", extra={"stage": "redaction", "other": "password="})
    assert (log.row["message"], log.row["stage"]) == ("password:", "redaction")


WAYS = {
    "message": lambda log, text: log.info("%s", text),
    "format": lambda log, text: log.info(text),
    "named argument": lambda log, text: log.info("got %(x)s", {"x": text}),
    "object argument": lambda log, text: log.info("got %s", [text]),
    "misfit arguments": lambda log, text: log.info("got %d", text),
    "extra": lambda log, text: log.info("m", extra={"detail": text}),
    "nested extra": lambda log, text: log.info("m", extra={"detail": {"body": [text]}}),
    "exception": lambda log, text: log.error(
        "m", exc_info=raised(RuntimeError(f"while: {text}"), KeyError(text))
    ),
    "telemetry": lambda log, text: JsonTelemetry(log, cluster_id=text, step_id=text).stage(
        StageRecord(stage=text, duration_ms=1, status=text)
    ),
    "logger's name": lambda log, text: log.handle(logging.LogRecord(text, 20, "", 1, "m", (), None)),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_survives_in_a_record(way):
    for canary, notation, text, healthy in plantings(5):
        log, plain = Log(), Log()
        WAYS[way](log.logger, text)
        assert WITHHELD not in log.text and log.rows
        if leaks(canary.value, log.text):  # or it is a part of what surrounds the value
            WAYS[way](plain.logger, healthy)
            assert not leaks(canary.value, log.text, plain.text), (canary.kind, notation, log.text)


@pytest.mark.parametrize("seed", range(3))
def test_no_secret_survives_as_the_value_of_a_telling_field(seed):
    for canary in canaries(seed):
        log = Log()
        log.logger.info("m", extra={canary.key: canary.value})
        log.logger.info("m", extra={"conf": {canary.key: canary.value}})
        log.logger.info("m", extra={"conf": [{canary.key: canary.value}]})
        assert WITHHELD not in log.text, canary.kind
        assert not leaks(canary.value, log.text, canary.key), (canary.kind, log.text)


def test_no_secret_survives_in_a_thread_s_name_or_a_field_s(log):
    for canary in canaries(4):
        if not canary.bare:
            continue
        thread = threading.Thread(target=lambda: log.logger.info("m"), name=canary.value)
        thread.start()
        thread.join()
        log.logger.info("m", extra={canary.value: 1})
        assert not leaks(canary.value, log.text), canary.kind


def test_a_long_key_block_is_redacted_and_stays_on_one_line(log):
    body = "\n".join(redacted_free(n) for n in range(20))
    pem = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{body}\n-----END RSA PRIVATE {'KEY'}-----"
    log.logger.error("key:\n%s", pem)
    log.logger.error("cut: %s", "x " * (MAX_RECORD_CHARS // 4 - 200) + pem)
    assert not leaks(body.split("\n")[3], log.text)
    assert len(log.rows) == 2


def redacted_free(number):
    """One line of a made-up key."""
    import random

    rng = random.Random(number)
    return "".join(rng.choice("ABCDEFGHabcdefgh0123456789+/") for _ in range(64))


def test_records_of_libraries_pass_the_same_way():
    log = Log()
    root = logging.getLogger("botocore.test")
    root.addHandler(log.logger.handlers[0])
    secret = "AS" + "IA" + "Q3EGRIZXUTWYPDKA"
    try:
        root.warning("Response headers: %s", {"x-amz-request-id": "r", "aws_access_key_id": secret})
    finally:
        root.removeHandler(log.logger.handlers[0])
    assert log.row["logger"] == "botocore.test"
    assert not leaks(secret, log.text)


@given(
    st.text(max_size=40),
    st.dictionaries(st.text(max_size=8), st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ), max_size=4),
)  # fmt: skip
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_record_is_one_line_of_json_and_none_is_lost(message, extra):
    record = logging.makeLogRecord({"msg": "m", **extra})
    record.msg, record.args = message, ()
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1 and line.isascii()
    assert json.loads(line)["message"] == redact(message) != WITHHELD
