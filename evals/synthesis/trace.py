"""A failure's name, message and frames → the text of a Java stack trace or a Python traceback.

Pure. Frames are written without `at` and tabs: `org.example.Job.run(Job.scala:41)`.
"""

from dataclasses import dataclass, replace
from typing import Final, Self


@dataclass(frozen=True)
class Throwable:
    """A Java exception: class name, message (may hold newlines), frames from the throw on, and its cause."""

    name: str
    message: str = ""
    frames: tuple[str, ...] = ()
    cause: "Throwable | None" = None
    remote: bool = False
    """Thrown in another process, so it shares no frames with what encloses it."""

    @property
    def header(self) -> str:
        """`name: message`, as `Throwable.toString` gives it."""
        return f"{self.name}: {self.message}" if self.message else self.name

    @property
    def text(self) -> str:
        """The trace as `printStackTrace` writes it, without a newline at its end."""
        lines = [self.header, *(f"\tat {frame}" for frame in self.frames)]
        cause, enclosing = self.cause, self.frames
        while cause is not None:
            shared = _common(cause.frames, enclosing)
            own = cause.frames[: len(cause.frames) - shared]
            lines += [f"Caused by: {cause.header}", *(f"\tat {frame}" for frame in own)]
            if shared:
                lines.append(f"\t... {shared} more")
            enclosing, cause = cause.frames, cause.cause
        return "\n".join(lines)

    def below(self, *frames: str) -> Self:
        """The same failure with further frames under its own, in every link of the chain that ran there."""
        cause = self.cause
        if cause is not None and not cause.remote:
            cause = cause.below(*frames)
        return replace(self, frames=(*self.frames, *frames), cause=cause)


def _common(frames: tuple[str, ...], enclosing: tuple[str, ...]) -> int:
    """Count the frames that both traces end with; the JVM folds them into `... n more`."""
    count = 0
    for one, other in zip(reversed(frames), reversed(enclosing), strict=False):
        if one != other:
            break
        count += 1
    return count if count < len(frames) else max(0, count - 1)


@dataclass(frozen=True)
class PythonError:
    """A Python exception: its name, its message, and the job's own calls from the outermost on."""

    name: str
    message: str = ""
    calls: tuple[tuple[str, int, str, str], ...] = ()
    """(file, line from 1, function, source text); an empty file means the job's own script."""
    cause: "PythonError | None" = None
    """The exception that was being handled (`During handling of the above exception …`)."""

    @property
    def header(self) -> str:
        """The last line of the traceback (several lines where the message has newlines)."""
        return f"{self.name}: {self.message}" if self.message else self.name

    def text(self, script: str) -> str:
        """The traceback as CPython writes it; `script` is the path shown for the job's own file."""
        before = ""
        if self.cause is not None:
            link = "During handling of the above exception, another exception occurred:"
            before = f"{self.cause.text(script)}\n\n{link}\n\n"
        lines = ["Traceback (most recent call last):"]
        for file, number, function, source in self.calls:
            lines.append(f'  File "{file or script}", line {number}, in {function}')
            if source:
                lines.append(f"    {source}")
        return before + "\n".join([*lines, self.header])


_THREADS: Final = {
    "8": (
        "java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1149)",
        "java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:624)",
        "java.lang.Thread.run(Thread.java:750)",
    ),
    "17": (
        "java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)",
        "java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:635)",
        "java.base/java.lang.Thread.run(Thread.java:840)",
    ),
}

TASK_FRAMES: Final = (
    "org.apache.spark.TaskContext.runTaskWithListeners(TaskContext.scala:166)",
    "org.apache.spark.scheduler.Task.run(Task.scala:141)",
    "org.apache.spark.executor.Executor$TaskRunner.$anonfun$run$4(Executor.scala:620)",
    "org.apache.spark.util.SparkErrorUtils.tryWithSafeFinally(SparkErrorUtils.scala:64)",
    "org.apache.spark.util.SparkErrorUtils.tryWithSafeFinally$(SparkErrorUtils.scala:61)",
    "org.apache.spark.util.Utils$.tryWithSafeFinally(Utils.scala:94)",
    "org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:623)",
)
"""How every task's trace ends above the thread pool, Spark 3.5."""

OLD_TASK_FRAMES: Final = (
    "org.apache.spark.TaskContext.runTaskWithListeners(TaskContext.scala:161)",
    "org.apache.spark.scheduler.Task.run(Task.scala:139)",
    "org.apache.spark.executor.Executor$TaskRunner.$anonfun$run$3(Executor.scala:554)",
    "org.apache.spark.util.Utils$.tryWithSafeFinally(Utils.scala:1529)",
    "org.apache.spark.executor.Executor$TaskRunner.run(Executor.scala:557)",
)
"""The same for Spark 3.4."""

GATEWAY_FRAMES: Final = (
    "py4j.reflection.MethodInvoker.invoke(MethodInvoker.java:244)",
    "py4j.reflection.ReflectionEngine.invoke(ReflectionEngine.java:374)",
    "py4j.Gateway.invoke(Gateway.java:282)",
    "py4j.commands.AbstractCommand.invokeMethod(AbstractCommand.java:132)",
    "py4j.commands.CallCommand.execute(CallCommand.java:79)",
    "py4j.ClientServerConnection.waitForCommands(ClientServerConnection.java:182)",
    "py4j.ClientServerConnection.run(ClientServerConnection.java:106)",
)
"""How a call from Python ends inside the JVM, above the thread."""


def thread_frames(java: str) -> tuple[str, ...]:
    """The frames of a pooled thread; `java` is the major version, 8 or 17."""
    return _THREADS["8" if java == "8" else "17"]


def task_frames(spark: str, java: str) -> tuple[str, ...]:
    """How the trace of a failed task ends, for a Spark release like `3.5.1` and a major version of Java."""
    return (OLD_TASK_FRAMES if spark.startswith(("3.3", "3.4")) else TASK_FRAMES) + thread_frames(java)
