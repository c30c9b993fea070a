"""A diagnosis of 100 MB of logs by the Lambda's own handler: seconds and resident memory, in a fresh process.

    .venv/bin/python -m benchmarks.invocation [--megabytes 100] [--rounds 3] [--seed 20261122]

The handler runs as it does in Lambda, in a process of its own for each round: it finds EMR, S3, Bedrock and the bus
by boto3's own endpoint settings in stand-ins on loopback, which run in the parent and whose model answers at once.
The tree is that of a cluster with a driver, four executors and two daemons, gzipped, some 13 times smaller than
what it unpacks to; the same seed gives the same bytes. Printed for each round: seconds to start (imports, clients,
prompt), then of the first invocation, seconds that passed and seconds of processor time; the resident memory at its
highest; what was read. The best round counts, since other work on the machine only adds; where seconds that passed
are many times those of the processor, the machine was busy. The exit code is 1 when the best takes more than
MAX_SECONDS or any round more than MAX_RESIDENT_MB.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

MAX_SECONDS: Final = 3.0
MAX_RESIDENT_MB: Final = 400.0
CLUSTER: Final = "j-0BENCHMARK0"
TIME: Final = "2026-11-22T09:30:00Z"


class Context:
    """What Lambda tells a handler of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Tell that there is plenty of time."""
        return 300_000


def child(payload: str) -> None:
    """Be the function: start, serve one payload, print figures on standard error."""
    begun, used = time.perf_counter(), time.process_time()
    sys.path.insert(0, str(ROOT / "lambda"))
    import handler  # type: ignore[import-not-found]

    ready, ready_used = time.perf_counter(), time.process_time()
    told = handler.handle(json.loads(payload), Context())
    figures = {
        "start_seconds": ready - begun,
        "start_processor_seconds": ready_used - used,
        "seconds": time.perf_counter() - ready,
        "processor_seconds": time.process_time() - ready_used,
        "resident_mb": peak_resident_mb(),
        "status": told["status"],
        "evidences": len(told["log_evidences"]),
        "stage_ms": told["stage_ms"],
    }
    print(json.dumps(figures), file=sys.stderr)


def peak_resident_mb() -> float:
    """Resident memory of this process at its highest, in millions of bytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def meta() -> dict[str, Any]:
    """What EMR's stand-in tells of the step."""
    from benchmarks.tree import APPLICATION, STEP

    status = {"State": "FAILED", "Timeline": {"EndDateTime": TIME}}
    step = {
        "Id": STEP,
        "Name": "benchmark",
        "Config": {
            "Jar": "command-runner.jar",
            "Args": ["spark-submit", "--deploy-mode", "cluster", "job.py"],
        },
        "Status": status,
        "AdditionalInfo": {"ResourceManagerApplicationIds": [f"application_{APPLICATION}"]},
    }
    cluster = {
        "Id": CLUSTER,
        "Name": "benchmark",
        "ReleaseLabel": "emr-7.3.0",
        "LogUri": "s3://the-logs/",
        "InstanceCollectionType": "INSTANCE_GROUP",
        "Status": {"State": "WAITING"},
    }
    return {"step": step, "cluster": cluster}


def measure(environment: dict[str, str], payload: dict[str, str]) -> dict[str, Any]:
    """Run one round in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.invocation", "--child", json.dumps(payload)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the function failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    (metrics,) = (json.loads(line) for line in done.stdout.splitlines() if '"_aws"' in line)
    (read_bytes,) = metrics["EMRAnalyserLogSizeBytes"]
    figures: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return {**figures, "read_mb": read_bytes / 1e6}


def rounds(megabytes: int, seed: int, count: int) -> list[dict[str, Any]]:
    """Serve a tree and measure some processes."""
    from bucketserver import BucketServer
    from deployment import Deployment

    from benchmarks.tree import STEP, write_tree

    with tempfile.TemporaryDirectory() as folder, Deployment() as aws:
        root = Path(folder) / CLUSTER
        size_bytes = write_tree(root, seed=seed, size_bytes=megabytes * 10**6)
        files = {f"{CLUSTER}/{p.relative_to(root)}": p.read_bytes() for p in root.rglob("*") if p.is_file()}
        stored = sum(map(len, files.values()))
        print(f"{len(files)} files, {stored / 1e6:.1f} MB, unpacked {size_bytes / 1e6:.1f} MB")
        aws.emr.metas.append(meta())
        with BucketServer(files) as bucket:
            environment = aws.environment(
                AWS_ENDPOINT_URL_S3=bucket.endpoint, S3_LOG_BUCKET="the-logs", AWS_REGION="us-east-1"
            )
            return [
                report(measure(environment, {"clusterId": CLUSTER, "stepId": STEP})) for _ in range(count)
            ]


def report(figures: dict[str, Any]) -> dict[str, Any]:
    """Print one round."""
    print(
        f"start {figures['start_seconds']:5.2f} s ({figures['start_processor_seconds']:.2f} s of processor time)  "
        f"invocation {figures['seconds']:5.2f} s ({figures['processor_seconds']:.2f})  "
        f"resident {figures['resident_mb']:5.0f} MB  read {figures['read_mb']:.1f} MB  {figures['status']}, "
        f"{figures['evidences']} lines of evidence",
        flush=True,
    )
    return figures


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--child", metavar="PAYLOAD", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    found = rounds(options.megabytes, options.seed, options.rounds)
    best = min(found, key=lambda figures: figures["seconds"])
    resident = max(figures["resident_mb"] for figures in found)
    print(f"stages of the best, in ms: {best['stage_ms']}")
    well = best["seconds"] <= MAX_SECONDS and resident <= MAX_RESIDENT_MB and best["status"] == "DIAGNOSED"
    print(
        f"{best['seconds']:.2f} s of {MAX_SECONDS:g}, {resident:.0f} MB of {MAX_RESIDENT_MB:g}: "
        f"{'kept' if well else 'NOT kept'}; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
