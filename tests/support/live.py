"""The package as Lambda would run it: unpacked in a folder of its own, by the real client, against stand-ins for AWS.

with Live(package, interpreter, folder) as live, live.start() as runtime:
    answer = runtime.invoke(live.aws.failure().direct)
    documents = live.metrics(runtime)
"""

import contextlib
import json
import zipfile

from deployment import Deployment
from runtimeapi import Runtime, RuntimeApi
from sandbox import Sandbox, make_python

HANDLER = "handler.handle"
OWN_WORDS = "[ERROR] InvocationError: "
"""How a line begins that the client itself prints of an error that it answered with."""
FIELDS = {"cluster_id", "step_id", "stage", "duration_ms", "status"}


class Live:
    """One deployment of a package; a context manager.

    Args:
        package: the zip.
        interpreter: of the version that it was built for.
        folder: where it is unpacked; what is there already is used again.
    """

    def __init__(self, package, interpreter, folder):
        self.aws = Deployment()
        self._folder = folder
        self._started = 0
        if not folder.exists():
            (folder / "scratch").mkdir(parents=True)
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder / "task")
            make_python(folder / "client", interpreter)
        self.sandbox = Sandbox(
            python=folder / "client" / "venv" / "bin" / "python",
            task=folder / "task",
            scratch=folder / "scratch",
        )

    def __enter__(self):
        self.aws.__enter__()
        return self

    def __exit__(self, *told):
        self.aws.__exit__(*told)

    @contextlib.contextmanager
    def start(self, *, framed=False, **environment):
        """Start a process with these variables over the deployment's own; None takes one away."""
        self._started += 1
        output = self._folder / "output" / f"{id(self)}-{self._started}"
        variables = {n: v for n, v in self.aws.environment(**environment).items() if v is not None}
        with (
            RuntimeApi() as api,
            Runtime(api, self.sandbox, HANDLER, variables, output, framed=framed) as runtime,
        ):
            yield runtime

    @staticmethod
    def records(runtime):
        """What the process logged, parsed and checked: each line an object with the fields that every line has."""
        lines = [json.loads(line) for line in runtime.lines() if not line.startswith(OWN_WORDS)]
        records = [line for line in lines if "_aws" not in line]
        for record in records:
            assert set(record) >= FIELDS, record
            assert set(record) >= {"timestamp", "level", "message"}, record
        return records

    @staticmethod
    def metrics(runtime):
        """Values by name of each metric document that the process wrote, in order."""
        return [_values(json.loads(line)) for line in runtime.lines() if '"_aws"' in line]


def _values(document):
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    found = {"namespace": directive["Namespace"], "dimensions": directive["Dimensions"]}
    for metric in directive["Metrics"]:
        value = document[metric["Name"]]
        (number,) = value if isinstance(value, list) else [value]
        found[metric["Name"].removeprefix("EMRAnalyser")] = number
    return found
