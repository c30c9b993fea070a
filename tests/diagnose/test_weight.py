"""In which order records come, on whole trees: the cause first, what was survived and shutdown noise last."""

import gzip

import pytest

from diagnose.pipeline import run_logs
from diagnose.settings import Settings
from diagnose.weight import CHIEF, Weigher

REFUSED = "ConnectionRefusedError: [Errno 111] Connection refused"
CAUSE = f'Traceback (most recent call last):\n  File "/home/hadoop/job.py", line 8, in <module>\n    main()\n{REFUSED}\n'
SURVIVED = (
    "26/11/22 07:00:05 WARN TaskSetManager: Lost task 3.0 in stage 2.0 (TID 17) (ip-10-0-2-10.ec2.internal executor 1): "
    "java.io.IOException: No space left on device\n\tat org.apache.spark.X.y(X.scala:1)\n"
    "26/11/22 07:00:07 INFO TaskSetManager: Finished task 3.1 in stage 2.0 (TID 21) in 9 ms on h (4/4)\n"
)
DECOYS = "".join(
    f"26/11/22 07:00:09 ERROR Partner{chr(65 + n)}: trouble {'abcdefghijklmnopqrstuvwxyz'[n] * 40}, going on\n"
    for n in range(26)
)
SHUTDOWN = (
    "26/11/22 07:00:22 ERROR Utils: Uncaught exception in thread shutdown-hook-0\njava.io.IOException: Filesystem closed\n"
    "\tat org.apache.hadoop.hdfs.DFSClient.checkOpen(DFSClient.java:484)\n"
)


@pytest.fixture
def result(tree, tmp_path):
    def run(budget=32768):
        tree.driver(SURVIVED + DECOYS, stdout=CAUSE)
        name = next(name for name in tree.files if name.endswith("_000001/stderr.gz"))
        tree.files[name] += gzip.compress(SHUTDOWN.encode(), mtime=0)
        return run_logs(tree.write(tmp_path), settings=Settings(max_log_size_bytes=budget))

    return run


def test_what_was_survived_and_shutdown_noise_weigh_least(result):
    matched = result().state.matched
    weigher = Weigher(matched.findings, matched.judgement, frozenset(), None)

    def weight(words):
        return max(weigher.weigh(e) for e in matched.events if any(words in text for text in e.texts))

    assert weight(REFUSED) == CHIEF
    assert CHIEF > weight("User application exited") > weight("PartnerA") > weight("No space left")
    assert weight("PartnerA") > weight("Filesystem closed")


@pytest.mark.parametrize("budget", [1024, 2048])
def test_the_cause_is_there_and_what_was_survived_is_not(result, budget):
    text = result(budget).excerpt.render()
    assert REFUSED in text
    assert "No space left" not in text


def test_with_room_everything_is_there(result):
    text = result().excerpt.render()
    assert all(words in text for words in (REFUSED, "No space left", "PartnerZ"))


def test_the_lines_that_will_be_quoted_are_kept_of_a_large_record(result):
    matched = result().state.matched
    weigher = Weigher(matched.findings, matched.judgement, frozenset(), None)
    cause = matched.judgement.primary
    assert weigher.keys(cause.event)[0] == cause.position


def test_the_last_of_the_last_words_stay(tree, tmp_path):
    words = "".join(f"row {n} of the report {'x' * 60}\n" for n in range(60))
    tree.driver(stdout=words, status=3)
    text = run_logs(tree.write(tmp_path), settings=Settings(max_log_size_bytes=2048)).excerpt.render()
    assert "row 59 of the report" in text
    assert "row 31 of the report" not in text
