"""What the cause's settings and paths were rises into the excerpt, within its budget, and nothing else does."""

import pytest

from diagnose.mention import MAX_LINES
from diagnose.pipeline import run_logs
from diagnose.settings import Settings

KILL = (
    "26/11/22 07:00:15 WARN YarnAllocator: Container killed by YARN for exceeding physical memory limits. "
    "900.0 MB of 896 MB physical memory used. Consider boosting spark.executor.memoryOverhead.\n"
)
ABORTED = "26/11/22 07:00:16 ERROR TaskSetManager: Task 0 in stage 2.0 failed 4 times; aborting job\n"
REQUEST = (
    "26/11/22 07:00:05 INFO YarnAllocator: Will request 2 executor container(s) for  ResourceProfile Id: 0, each with "
    "2 core(s) and 896 MB memory. with custom resources: <memory:896, vCores:2>\n"
)
COMMAND = (
    "INFO startExec 'hadoop jar /var/lib/aws/emr/step-runner/hadoop-jars/command-runner.jar spark-submit --deploy-mode "
    "cluster --conf spark.executor.memory=512m --conf spark.ui.port=4041 s3://acme-jobs/close.py /data/landing/orders'\n"
)
HEALTHY = "".join(
    f"26/11/22 07:00:{6 + n // 200:02d} INFO CodeGenerator: Code generated in {n}.25 ms\n"
    for n in range(1500)
)
LOST = "".join(
    f"26/11/22 07:00:15 WARN TaskSetManager: Lost task 0.{n} in stage 2.0 (TID {n}) (ip-10-0-2-10.ec2.internal executor 1): "
    "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: Container killed by YARN for "
    "exceeding physical memory limits.\n"
    for n in range(4)
)
MISSING = (
    "Traceback (most recent call last):\n"
    '  File "/mnt/yarn/usercache/hadoop/appcache/job.py", line 8, in <module>\n    main()\n'
    "pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: "
    "hdfs://ip-10-0-2-10.ec2.internal:8020/data/landing/orders/dt=2026-11-21.\n"
)


@pytest.fixture
def cut(tree, tmp_path):
    def render(budget=32768):
        return run_logs(tree.write(tmp_path), settings=Settings(max_log_size_bytes=budget)).excerpt

    return render


def _step(tree):
    return tree.step(
        "controller",
        "2026-11-22T07:00:00.101Z INFO Ensure step jar file command-runner.jar\n" + COMMAND
        + "INFO synchronously waiting\n" * 60 + "2026-11-22T07:00:23.870Z WARN Step failed with exitCode 1 and took 24 seconds\n",
    )  # fmt: skip


def test_what_memory_was_asked_for_stands_beside_a_kill_for_memory(tree, cut):
    _step(tree).driver(REQUEST + HEALTHY + KILL + LOST + ABORTED)
    text = cut().render()
    assert REQUEST.rstrip() in text
    assert "spark.executor.memory=512m" in text


def test_the_same_lines_stay_away_where_the_cause_names_no_setting(tree, cut):
    _step(tree).driver(
        REQUEST + HEALTHY, stdout="Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nKeyError: 'x'\n"
    )  # fmt: skip
    text = cut(4096).render()
    assert REQUEST.rstrip() not in text
    assert "spark.executor.memory=512m" not in text


def test_the_last_value_that_was_set_is_told_by_the_line_that_sets_it(tree, cut):
    setting = "26/11/22 07:00:05 INFO SetJob: SET spark.sql.shuffle.partitions=two hundred\n"
    raised = "java.lang.IllegalArgumentException: spark.sql.shuffle.partitions should be int, but was two hundred\n"
    tree.driver(
        setting + HEALTHY,
        stdout='Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\n'
        f"py4j.protocol.Py4JJavaError: An error occurred while calling o4.count.\n: {raised}",
    )  # fmt: skip
    assert setting.rstrip() in cut().render()


def test_who_named_a_missing_path_is_shown(tree, cut):
    listing = "26/11/22 07:00:05 INFO CloseJob: reading /data/landing/orders/dt=2026-11-21\n"
    other = "26/11/22 07:00:05 INFO CloseJob: reading /data/landing/refunds/dt=2026-11-21\n"
    _step(tree).driver(listing + other + HEALTHY, stdout=MISSING)
    lines = cut(4096).render().splitlines()
    assert any(line.endswith("/data/landing/orders'") for line in lines), "the step's arguments"
    assert other.rstrip() not in lines


def test_settings_of_another_application_explain_nothing(tree, cut):
    tree.driver(HEALTHY + KILL + LOST + ABORTED)
    later = REQUEST.replace("896 MB", "9999 MB")
    tree.container(1, "stderr", later + HEALTHY, app="application_1795331436133_0008")
    tree.step(
        "syslog",
        "26/11/22 07:01:00 INFO YarnClientImpl: Submitted application application_1795331436133_0008\n",
    )
    assert "9999 MB" not in cut().render()


@pytest.mark.parametrize("budget", [1024, 2048, 4096, 32768])
def test_a_dump_of_settings_never_crowds_out_the_cause(tree, cut, budget):
    dump = "".join(f"spark.executor.memory={n}g  # {'x' * 90}\n" for n in range(200))
    tree.driver(dump + REQUEST + HEALTHY + KILL + LOST + ABORTED)
    excerpt = cut(budget)
    text = excerpt.render()
    assert len(text.encode()) <= budget
    assert "900.0 MB of 896 MB" in text
    assert sum("spark.executor.memory=" in line for line in text.splitlines()) <= MAX_LINES


def test_lines_that_rose_are_literal_and_in_their_place(tree, cut):
    stderr = _step(tree).driver(REQUEST + HEALTHY + KILL + LOST + ABORTED).files
    excerpt = cut()
    block = next(b for b in excerpt.blocks if REQUEST.rstrip() in b.lines)
    assert block.file in stderr
    assert block.numbers[block.lines.index(REQUEST.rstrip())] == 7
