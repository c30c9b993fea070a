"""Java traces and Python tracebacks look as the runtimes print them."""

from evals.synthesis.trace import PythonError, Throwable, task_frames

OUTER = ("app.Job.run(Job.java:9)", "app.Main.main(Main.java:3)")


def test_a_message_stands_behind_the_name_and_frames_are_indented() -> None:
    text = Throwable("java.io.IOException", "gone", ("a.B.c(B.java:1)",)).text
    assert text == "java.io.IOException: gone\n\tat a.B.c(B.java:1)"


def test_an_exception_without_a_message_has_no_colon() -> None:
    assert Throwable("java.lang.NullPointerException").text == "java.lang.NullPointerException"


def test_frames_shared_with_the_enclosing_trace_are_folded() -> None:
    cause = Throwable("x.Inner", "deep", ("lib.A.b(A.java:7)",))
    text = Throwable("x.Outer", "top", ("lib.C.d(C.java:2)",), cause).below(*OUTER).text
    assert text.splitlines()[-3:] == ["Caused by: x.Inner: deep", "\tat lib.A.b(A.java:7)", "\t... 2 more"]


def test_a_remote_cause_keeps_its_own_frames() -> None:
    cause = Throwable("x.Inner", "deep", ("lib.A.b(A.java:7)",), remote=True)
    text = Throwable("x.Outer", "top", (), cause).below(*OUTER).text
    assert text.endswith("Caused by: x.Inner: deep\n\tat lib.A.b(A.java:7)")


def test_a_traceback_names_the_script_for_the_jobs_own_calls() -> None:
    error = PythonError("ValueError", "no", (("", 4, "<module>", "main()"), ("/lib/x.py", 9, "f", "")))
    assert error.text("/home/job.py").splitlines() == [
        "Traceback (most recent call last):",
        '  File "/home/job.py", line 4, in <module>',
        "    main()",
        '  File "/lib/x.py", line 9, in f',
        "ValueError: no",
    ]


def test_a_handled_exception_stands_before_the_one_it_led_to() -> None:
    text = PythonError("B", "two", cause=PythonError("A", "one")).text("job.py")
    first, second = text.split("During handling of the above exception, another exception occurred:")
    assert "A: one" in first
    assert "B: two" in second


def test_frames_of_a_task_follow_spark_and_java() -> None:
    assert task_frames("3.4.1-amzn-2", "8") != task_frames("3.5.1-amzn-1", "17")
    assert task_frames("3.5.1", "17")[-1] == "java.base/java.lang.Thread.run(Thread.java:840)"
