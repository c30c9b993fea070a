"""What is left out of a record that is too large, and what never is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.fold import OWN_FRAMES, Sheaf, folded

SPARK = [
    f"\tat org.apache.spark.sql.catalyst.trees.TreeNode.step{n}(TreeNode.scala:{n})" for n in range(100, 130)
]
REFLECT = [
    "\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)",
    "\tat java.base/java.lang.reflect.Method.invoke(Method.java:568)",
    "\tat py4j.reflection.MethodInvoker.invoke(MethodInvoker.java:244)",
    "\tat py4j.ClientServerConnection.run(ClientServerConnection.java:106)",
    "\tat java.base/java.lang.Thread.run(Thread.java:840)",
]
GENERATED = "\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass$GeneratedIteratorForCodegenStage1.next(Unknown Source)"
OWN = [f"\tat com.acme.ledger.Close$.step{n}(Close.scala:{n})" for n in range(20, 30)]
JAVA = [
    "26/11/22 07:00:05 ERROR ApplicationMaster: User class threw exception: java.lang.IllegalStateException: top",
    SPARK[0],
    *SPARK[1:15],
    *OWN,
    *SPARK[15:],
    GENERATED,
    *REFLECT,
    "Caused by: java.lang.IllegalArgumentException: middle",
    "\tat com.acme.ledger.Parse$.read(Parse.scala:9)",
    *[line.replace("step", "deep") for line in SPARK],
    "\t... 42 more",
    "Caused by: java.io.IOException: root",
    "\tat org.apache.hadoop.hdfs.DFSOutputStream.write(DFSOutputStream.java:1)",
    *[line.replace("step", "root") for line in SPARK],
    "\t... 60 more",
]
HEADS = [text for text in JAVA if not text.startswith("\t")]
ZIP = "/mnt/yarn/usercache/hadoop/appcache/application_1_0007/container_1_0007_01_000002/pyspark.zip/pyspark"
PYTHON = [
    "Traceback (most recent call last):",
    '  File "/home/hadoop/jobs/close.py", line 88, in <module>',
    "    main()",
    '  File "/home/hadoop/jobs/close.py", line 80, in main',
    "    frame.write.parquet(target)",
    *(line for n in range(20) for line in (f'  File "{ZIP}/sql/readwriter.py", line {n}, in step{n}', "    self._jwrite()")),
    '  File "/usr/lib/python3.11/socket.py", line 12, in connect',
    "    sock.connect(sa)",
    "py4j.protocol.Py4JJavaError: An error occurred while calling o66.parquet.",
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times",
    *SPARK,
    "Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):",
    f'  File "{ZIP}/worker.py", line 1247, in main',
    "    process()",
    f'  File "{ZIP}/worker.py", line 1239, in process',
    "    serializer.dump_stream(out_iter, outfile)",
    '  File "/home/hadoop/jobs/rules.py", line 5, in net',
    "    return row['gross'] - row['tax']",
    "           ~~~^^^^^^^^^",
    "KeyError: 'tax'",
    "",
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)",
    *[line.replace("step", "late") for line in SPARK],
]  # fmt: skip


def _fold(lines, room, **how):
    sheaf = Sheaf(lines=lines, mark_bytes=how.pop("mark_bytes", 120), **how)
    return [lines[place] for place in folded(sheaf, room)]


def test_what_fits_stays_whole():
    assert _fold(JAVA, 1 << 20) == JAVA


def test_frames_of_frameworks_go_before_those_of_the_job():
    size = sum(len(line) + 1 for line in JAVA)
    kept = _fold(JAVA, size - 1000)
    assert set(OWN) | set(HEADS) <= set(kept)
    assert SPARK[0] in kept, "the frame at the throw"
    assert not {*SPARK[1:], GENERATED, *REFLECT} & set(kept)
    assert "\tat org.apache.hadoop.hdfs.DFSOutputStream.write(DFSOutputStream.java:1)" in kept


def test_the_first_frames_of_the_job_stay_longest():
    sheaf = Sheaf(lines=JAVA, mark_bytes=120)
    without_frameworks = folded(sheaf, 4000)
    kept = _fold(JAVA, sheaf.cost_bytes(without_frameworks) - 1)
    assert [line for line in kept if line in OWN] == OWN[:OWN_FRAMES]
    assert set(HEADS) <= set(kept)


def test_every_cause_stays_where_no_frame_has_room():
    assert [line for line in _fold(JAVA, 900, mark_bytes=100) if line in HEADS] == HEADS


def test_the_line_that_will_be_quoted_is_the_last_to_go():
    key = JAVA.index("Caused by: java.lang.IllegalArgumentException: middle")
    assert _fold(JAVA, 200, keys=[key]) == [JAVA[key]]


def test_nothing_is_taken_of_a_record_none_of_whose_messages_fits():
    lines = ["26/11/22 07:00:05 ERROR X: " + "long " * 100, SPARK[0], "x", "y"]
    assert _fold(lines, 300) == []


def test_python_keeps_where_it_was_raised_and_the_job_s_own_calls():
    size = sum(len(line) + 1 for line in PYTHON)
    kept = _fold(PYTHON, size - 2000)
    assert not [line for line in kept if f"{ZIP}/sql" in line]
    own = [
        "    main()",
        "    frame.write.parquet(target)",
        "    return row['gross'] - row['tax']",
        "           ~~~^^^^^^^^^",
    ]
    assert set(own) < set(kept)
    assert {
        "    sock.connect(sa)",
        "KeyError: 'tax'",
        "py4j.protocol.Py4JJavaError: An error occurred while calling o66.parquet.",
    } < set(kept)
    assert not set(SPARK[1:]) & set(kept)


def test_a_python_frame_is_never_taken_apart():
    for room in range(400, 9000, 300):
        kept = _fold(PYTHON, room)
        for before, line in pairwise(kept):
            assert not line.startswith("    self._jwrite") or before.startswith('  File "')


def test_frames_that_stand_before_go_first():
    again = ["Caused by: java.lang.IllegalStateException: again", *OWN, *SPARK]
    lines = [JAVA[0], *OWN, *SPARK, *again]
    size = sum(len(line) + 1 for line in lines)
    kept = _fold(lines, size)
    assert kept == lines[: lines.index(again[0]) + 2], (
        "the second trace keeps its message and its first frame"
    )


def test_frames_shown_elsewhere_go_though_there_is_room():
    kept = _fold([JAVA[0], *OWN, *SPARK], 1 << 20, shown=set(SPARK))
    assert kept == [JAVA[0], *OWN]


def test_suppressed_exceptions_go_with_the_frames_around_them():
    suppressed = [
        "\tSuppressed: java.net.SocketTimeoutException: Read timed out",
        *(f"\t{line}" for line in SPARK),
    ]
    lines = [JAVA[0], SPARK[0], *suppressed, "Caused by: java.io.IOException: root", SPARK[1]]
    kept = _fold(lines, 1200)
    assert {JAVA[0], suppressed[0], "Caused by: java.io.IOException: root"} <= set(kept)
    assert not set(suppressed[2:]) & set(kept)


def test_a_run_shorter_than_its_mark_stays():
    lines = [JAVA[0], SPARK[0], SPARK[1], *OWN, *SPARK[2:]]
    kept = _fold(lines, 1700, mark_bytes=300)
    assert SPARK[1] in kept
    assert not set(SPARK[3:]) & set(kept)


@pytest.mark.parametrize(
    "frame", ["", "\tat com.acme.A.b(A.java:1)\n" * 3000, "  " * 4000, "/" * 20_000, '  File "' + "/" * 9000]
)
def test_hostile_lines_cost_no_more_than_their_length(frame):
    lines = ["Traceback (most recent call last):", *f"\tat {frame}\n{frame}\n  File {frame}".split("\n")]
    assert len(folded(Sheaf(lines=lines, mark_bytes=9), 500)) <= len(lines)


@given(
    st.lists(st.sampled_from([*JAVA, *PYTHON]), min_size=1, max_size=60),
    st.integers(0, 6000),
    st.integers(0, 200),
    st.data(),
)
def test_no_more_is_taken_than_there_is_room_for(lines, room, mark, data):
    places = st.integers(0, len(lines) - 1)
    keys, breaks = data.draw(st.lists(places, max_size=3)), data.draw(st.sets(places))
    sheaf = Sheaf(lines=lines, mark_bytes=mark, keys=keys, breaks=breaks)
    kept = folded(sheaf, room)
    assert kept == sorted(set(kept))
    runs = sum(p - 1 not in kept or p in breaks for p in kept)
    assert (
        sum(len(lines[p].encode()) + 1 for p in kept) + mark * runs == sheaf.cost_bytes(kept) <= room
        or not kept
    )
