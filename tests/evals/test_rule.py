from collections.abc import Callable, Sequence
from typing import Any

import pytest

from evals.case import Case
from evals.finding import Level
from evals.rule import Specimen, findings, label_text, path_problem, vars_findings

Build = Callable[..., Any]
LINES = ("INFO SparkContext: Submitted application: fetch", "URLError: <urlopen error Connection refused>")
META = {"event": {"detail": {"clusterId": "j-TEST", "stepId": "s-TEST"}}}


@pytest.fixture
def told(case: Callable[..., Case]) -> Callable[..., list[tuple[str, str]]]:
    def build(
        lines: Sequence[str] = LINES, meta: dict[str, Any] = META, **label: Any
    ) -> list[tuple[str, str]]:
        specimen = Specimen(
            place="cases.jsonl:1",
            case=case(**label),
            logs={"stdout.gz": lines},
            meta=meta,
            told=("--mode full", "812"),
            texts={"stdout.gz": "\n".join(lines)},
        )
        return [(item.rule.value, item.message) for item in findings(specimen)]

    return build


def test_a_sound_case_gives_no_finding(told: Build) -> None:
    assert told() == []


NOT_SAFE = {"category": "DATA_QUALITY", "failure_type": "CORRUPT_FILE"}


@pytest.mark.parametrize(
    ("label", "rule", "message"),
    [
        ({"accept": ["DEPENDENCY_FAILURE"]}, "label", "accept repeats the category"),
        ({"accept": ["DATA_QUALITY", "DATA_QUALITY"]}, "label", "accept names a category twice"),
        ({"accept": ["UNKNOWN"]}, "label", "UNKNOWN is accepted"),
        ({"evidence": []}, "label", "safe to retry without evidence"),
        ({"triage_label": "PARTIAL_WRITE_RISK"}, "label", "a write is at risk"),
        (NOT_SAFE, "label", "CORRUPT_FILE is not transient"),
        ({"evidence": ["never printed"]}, "evidence", "no line of its files holds"),
        ({"evidence": ["refused> Submitted"]}, "evidence", "no line of its files holds"),
        ({"evidence": ["refused"]}, "evidence", "too short"),
        ({"canaries": ["Kelomaru-77x"]}, "canary", "canary 1 stands in no file"),
        ({"canaries": ["Connection refused"]}, "canary", "canary 1 stands in evidence"),
        (
            {"canaries": ["urlopen error"], "notes": "shows urlopen error"},
            "canary",
            "canary 1 stands in notes",
        ),
        ({"case_id": "rates-outage"}, "name", "case id 'rates-outage' gives the label away (outage)"),
        ({"safe_to_retry": False}, "retry", "say in notes why it is not safe"),
    ],
)
def test_a_contradiction_is_found(told: Build, label: dict[str, Any], rule: str, message: str) -> None:
    assert [name for name, text in told(**label) if message in text] == [rule]


@pytest.mark.parametrize(
    "label",
    [
        {"evidence": ["--mode full"]},
        {"evidence": ["812"]},
        {"safe_to_retry": False, "notes": "an earlier step of the job posted an order"},
        {"accept": ["RESOURCE_EXHAUSTION"]},
        {"category": "UNKNOWN", "failure_type": "UNEXPLAINED_EXIT", "safe_to_retry": False, "evidence": []},
        {"canaries": ["Submitted application"]},
    ],
)
def test_what_is_no_contradiction_is_left_alone(told: Build, label: dict[str, Any]) -> None:
    assert told(**label) == []


@pytest.mark.parametrize(
    "sign",
    [
        "INFO FileFormatWriter: Start to commit write Job 7ef5.",
        "INFO FileFormatWriter: Write Job 7ef5 committed. Elapsed time: 95 ms.",
        "INFO FileOutputCommitter: Saved output of task 'attempt_2026_0_m_000001_1' to hdfs://n/out",
        "INFO SparkHadoopMapRedUtil: attempt_2026_0_m_000001_1: Committed. Elapsed time: 4 ms.",
        "Moving data to directory hdfs://n/user/hive/warehouse/t",
        "Loaded data to table sales.orders",
        "INFO SnapshotProducer: Committed snapshot 77 (BaseReplacePartitions)",
        "INFO OptimisticTransaction: Committed delta #3 to hdfs://n/t/_delta_log",
        "INFO OptimisticTransaction: Committed #4 to hdfs://n/t/_delta_log",
        "INFO BaseMetastoreTableOperations: Committed in 512 ms",
        "INFO HoodieActiveTimeline: Completed instant 20261122",
        "INFO HoodieActiveTimeline: Marked instant 20261122 complete",
        "java.sql.BatchUpdateException: Batch entry 0 INSERT INTO t VALUES (1) was aborted",
    ],
)
def test_a_safe_label_on_logs_that_tell_of_a_write_is_found(told: Build, sign: str) -> None:
    lines = (*LINES, sign)
    assert [rule for rule, _ in told(lines)] == ["retry"]
    assert told(lines, safe_to_retry=False) == []


@pytest.mark.parametrize(
    "line",
    [
        "ERROR TaskSetManager: Task 12 in stage 4.0 failed 4 times; aborting job",
        "INFO OutputCommitCoordinator: Registering OutputCommitCoordinator",
        "INFO FileOutputCommitter: File Output Committer Algorithm version is 2",
        "INFO AppInfoParser: Committed offsets are read from the group's own topic",
        "\tat org.apache.spark.sql.execution.datasources.FileFormatWriter$.write(FileFormatWriter.scala:271)",
    ],
)
def test_what_every_driver_prints_is_no_write(told: Build, line: str) -> None:
    assert told((*LINES, line)) == []


def test_evidence_missing_for_a_stated_cause_is_a_warning(case: Callable[..., Case]) -> None:
    specimen = Specimen(
        place="x",
        case=case(evidence=[], safe_to_retry=False, notes="seen"),
        logs={},
        meta={},
        told=(),
        texts={},
    )
    assert [item.level for item in findings(specimen)] == [Level.WARNING]


@pytest.mark.parametrize(
    "step",
    [
        {"Name": "load_timeout"},
        {"Config": {"Args": ["spark-submit", "--name", "LoadTimeout"]}},
        {"Config": {"Args": ["spark-submit", "/home/hadoop/jobs/load_timeout.py", "7"]}},
    ],
)
def test_a_jobs_name_that_tells_is_found_once(told: Build, step: dict[str, Any]) -> None:
    meta = {**META, "step": step}
    assert [rule for rule, _ in told(meta=meta)] == ["name"]


@pytest.mark.parametrize(
    "step",
    [
        {"Name": None, "Config": []},
        {"Config": {"Args": "spark-submit --name timeout"}},
        {"Config": {"Args": ["--conf", "spark.network.timeout=120s", "/jobs/timeout/load.py", 7]}},
        [],
    ],
)
def test_settings_and_odd_records_are_no_names(told: Build, step: Any) -> None:
    assert told(meta={**META, "step": step}) == []


def test_a_label_and_its_records_speak_of_one_step(told: Build) -> None:
    meta = {"event": {"detail": {"clusterId": "j-OTHER", "stepId": "s-TEST"}}}
    assert [message for _, message in told(meta=meta)] == [
        "vars.cluster_id is 'j-TEST', meta.json says 'j-OTHER'; correct one of them"
    ]


def test_an_unlabelled_secret_is_found_with_its_line_and_not_quoted(told: Build) -> None:
    word = "Zeru" + "gafo-81kq"
    found = told((*LINES, f"connecting with password={word}"))
    assert [rule for rule, _ in found] == ["credential"]
    assert word not in found[0][1]


@pytest.mark.parametrize(
    "value",
    ["{{ 7*7 }}", "{% if a %}", "a {# b #}", "file:///etc/hostname", ["a", "b"], {"$ref": "#/0"}, None],
)
def test_promptfoos_traps_in_vars_are_found(row: Build, value: Any) -> None:
    trapped = row()
    trapped["vars"]["extra"] = value
    assert [item.rule.value for item in vars_findings(trapped, "x", "one")] == ["promptfoo"]


def test_promptfoo_would_read_a_file_that_a_label_names(row: Build) -> None:
    assert list(vars_findings(row(evidence=["file:///mnt/tmp/a.csv"]), "x", "one"))
    assert list(vars_findings(row(evidence=["path {{x}} of file:///mnt"]), "x", "one")) == []
    assert list(vars_findings({"vars": "text"}, "x", "one")) == []


@pytest.mark.parametrize("log_root", ["/etc", "../x/logs", "a/../../b", "a\\b", "C:/logs", "s3://b/k"])
def test_a_log_root_that_is_no_path_in_the_dataset_is_named(log_root: str) -> None:
    assert log_root in path_problem(log_root)


def test_a_log_root_in_the_dataset_is_fine() -> None:
    assert path_problem("one/logs") == "" == path_problem("logs")


def test_the_text_of_a_label_leaves_checksums_out(row: Build) -> None:
    assert "f" * 64 not in label_text(row(sha256="f" * 64))
