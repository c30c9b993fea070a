"""A step that EMR's controller calls a success has no failure to explain, whatever its logs hold."""

import pytest

from diagnose import diagnose_logs

END = "2026-11-22T07:00:23.870Z INFO Step {} with exitCode {} and took 24 seconds\n"
ERROR = 'Traceback (most recent call last):\n  File "job.py", line 3, in <module>\nZeroDivisionError: division by zero\n'


@pytest.mark.parametrize(
    ("controller", "category"),
    [
        (END.format("succeeded", 0), "UNKNOWN"),
        (END.format("failed", 1), "DATA_QUALITY"),
        (
            "INFO startExec 'job --note INFO Step succeeded with exitCode 0'\n" + END.format("failed", 1),
            "DATA_QUALITY",
        ),
        ("", "DATA_QUALITY"),
    ],
)
def test_the_controller_s_last_word_counts_and_nobody_else_s(tree, tmp_path, controller, category):
    tree.step("controller", controller).step("stdout", ERROR)
    diagnosis = diagnose_logs(tree.write(tmp_path))
    assert diagnosis.category == category
    assert not diagnosis.safe_to_retry
    assert ("did not fail" in diagnosis.root_cause) == (category == "UNKNOWN")
