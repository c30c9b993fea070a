import gzip
from pathlib import Path

import pytest

from evals.errors import DatasetError
from evals.lab.difference import compare, role, template


def make_case(root: Path, files: dict[str, str], meta: str = '{"time": "2026-01-01T00:00:00Z"}\n') -> Path:
    for name, text in files.items():
        path = root / "logs" / "j-1" / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()))
    (root / "meta.json").write_text(meta, encoding="utf-8")
    return root


APP = "containers/application_1795372022454_0003/container_1795372022454_0003_01_00000"


def test_times_ids_ports_and_order_make_no_difference(tmp_path: Path) -> None:
    before = make_case(
        tmp_path / "a",
        {
            "steps/s/stderr": "26/11/22 18:27:38 WARN Task 3 of Foo@1a2b3c4d took 1.5 KiB on 10.0.2.10:33075\nb\n",
            f"{APP}1/stderr": "26/11/22 18:27:38 INFO Block x added\nlost\n",
            f"{APP}2/stderr": "one\n",
            f"{APP}3/stderr": "two\n",
        },
    )
    after = make_case(
        tmp_path / "b",
        {
            "steps/s/stderr": "b\n26/11/23 09:01:02 WARN Task 7 of Foo@99ffaa00 took 2 MiB on 10.0.2.10:40001\n",
            f"{APP}1/stderr": "lost\nlost\n",
            f"{APP}2/stderr": "two\none\n",
        },
        '{"time": "2026-02-03T01:02:03Z"}\n',
    )
    assert compare(before, after) == []


def test_lines_and_files_that_come_or_go_are_told(tmp_path: Path) -> None:
    before = make_case(tmp_path / "a", {"steps/s/stderr": "ERROR gone\nboth\n", "steps/s/stdout": "x"})
    after = make_case(
        tmp_path / "b", {"steps/s/stderr": "both\nERROR new\n", "steps/s/syslog": ""}, '{"new": 1}\n'
    )
    assert compare(before, after) == [
        "- steps/s/stdout.gz: the file is gone",
        "+ steps/s/syslog.gz: the file is new",
        '- meta.json: {"time": "#T#Z"}',
        '+ meta.json: {"new": #}',
        "- steps/s/stderr.gz: ERROR gone",
        "+ steps/s/stderr.gz: ERROR new",
    ]


def test_lines_are_not_compared_where_they_are_chance(tmp_path: Path) -> None:
    before = make_case(tmp_path / "a", {"steps/s/stderr": "ERROR gone\n"})
    after = make_case(tmp_path / "b", {"steps/s/stderr": "ERROR new\n", "steps/s/stdout": ""})
    assert compare(before, after, chance=True) == ["+ steps/s/stdout.gz: the file is new"]


OUTBOX = """26/11/22 18:27:38 WARN OneWayOutboxMessage: Failed to send one-way RPC.
org.apache.spark.SparkException: Message is dropped because Outbox is stopped
\tat org.apache.spark.rpc.netty.Outbox.stop(Outbox.scala:276)
Caused by: java.io.IOException: closed
\t... 7 more
"""


def test_a_trace_goes_with_the_line_that_is_chance(tmp_path: Path) -> None:
    before = make_case(tmp_path / "a", {"steps/s/stderr": "lost\n"})
    after = make_case(tmp_path / "b", {"steps/s/stderr": f"{OUTBOX}lost\n"})
    assert compare(before, after) == []
    told = make_case(tmp_path / "c", {"steps/s/stderr": f"{OUTBOX}lost\n\tat a.B.c(B.java:1)\n"})
    assert compare(before, told) == ["+ steps/s/stderr.gz: \tat a.B.c(B.java:#)"]


def test_a_trace_in_json_is_compared_by_line(tmp_path: Path) -> None:
    once = r'{"msg": "x:\n\tat a.B.sql(B.scala:9)\n\tat c.D.e(D.java:1)\n"}' + "\n"
    twice = once.replace(r"\tat a", r"\tat a.B.sql(B.scala:8)\n\tat a")
    before = make_case(tmp_path / "a", {"steps/s/stdout": once})
    assert compare(before, make_case(tmp_path / "b", {"steps/s/stdout": twice})) == []
    other = make_case(tmp_path / "c", {"steps/s/stdout": once.replace("c.D", "c.E")})
    assert compare(before, other) == [
        r"- steps/s/stdout.gz: \tat c.D.e(D.java:#)",
        r"+ steps/s/stdout.gz: \tat c.E.e(D.java:#)",
    ]


def test_a_case_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="run --scenario nosuch"):
        compare(tmp_path / "nosuch", tmp_path)


def test_executors_of_one_attempt_have_one_name() -> None:
    assert role(f"{APP}1/stderr.gz") == "application 0003, attempt 1, driver: stderr.gz"
    assert role(f"{APP}2/stderr.gz") == role(f"{APP}9/stderr.gz")
    assert role("steps/s-1/stderr.gz") == "steps/s-1/stderr.gz"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "[Sun Nov 22 18:27:02 +0000 2026] Application is Activated",
            "[Mon Nov  2 08:00:02 +0000 2026] Application is Activated",
        ),
        (
            "Deleting /mnt/tmp/spark-e1986d79-fda0-4950-b60c-e3a139317b01",
            "Deleting /mnt/tmp/spark-00000000-fda0-4950-b60c-e3a139317b01",
        ),
        ("at jdk.proxy2/jdk.proxy2.$Proxy32.addBlock", "at jdk.proxy2/jdk.proxy2.$Proxy33.addBlock"),
        (
            "DFSClient_attempt_2026_0000_m_000000_0_-27439546_30",
            "DFSClient_attempt_2026_0000_m_000000_0_73378_30",
        ),
        ("    ~~~~~~^^^^^^", "    ~~~~^^^^^^^^^^"),
        ("|  default  |   9   |", "|  default  |  10   |"),
    ],
)
def test_templates_of_one_line_are_equal(one: str, other: str) -> None:
    assert template(one) == template(other)


@pytest.mark.parametrize(
    "line",
    [
        "downloading https://repo1.maven.org/maven2/a/b.jar",
        "\t[SUCCESSFUL ] a#b;1!b.jar (3ms)",
        "\tHost mirror.example.org not found. url=https://mirror.example.org/a.jar",
    ],
)
def test_what_the_state_of_ivys_cache_decides_is_not_compared(tmp_path: Path, line: str) -> None:
    before = make_case(tmp_path / "a", {"steps/s/stderr": "unresolved dependency: a#b;1\n"})
    after = make_case(tmp_path / "b", {"steps/s/stderr": f"{line}\nunresolved dependency: a#b;1\n"})
    assert compare(before, after) == []


def test_templates_of_other_lines_differ() -> None:
    assert template("Connection refused") != template("Connection reset")
    assert (
        template("java.lang.OutOfMemoryError: Java heap space")
        == "java.lang.OutOfMemoryError: Java heap space"
    )
