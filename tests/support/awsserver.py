"""AWS on loopback for tests: moto's server over HTTP, and clients that speak to it alone.

with AwsServer() as aws:
    aws.upload_tree("logs-bucket", "logs", folder)
    client = aws.client("secretsmanager")
"""

import logging
from pathlib import Path

import boto3
import httpx
from botocore.config import Config
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
MADE_UP = "testing"


def loopback_client(service, endpoint, **config):
    """A client of one endpoint: made-up credentials, short waits, no retries unless asked for."""
    wanted = {
        "retries": {"total_max_attempts": 1},
        "s3": {"addressing_style": "path"},
        "read_timeout": 20,
    } | config
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=MADE_UP,
        aws_secret_access_key=MADE_UP,
        config=Config(connect_timeout=5, proxies={}, **wanted),
    )


class AwsServer:
    """A moto server on a free port, empty at its start; stopped when the context ends."""

    def __init__(self):
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._clients = []
        self.endpoint = ""

    def __enter__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for every request
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.reset()
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()
        self._server.stop()

    def reset(self):
        """Forget everything that was stored."""
        httpx.post(f"{self.endpoint}/moto-api/reset", trust_env=False, timeout=10).raise_for_status()

    def client(self, service, **config):
        """Make a boto3 client; `config` goes to botocore's Config."""
        client = loopback_client(service, self.endpoint, **config)
        self._clients.append(client)
        return client

    def bucket(self, name):
        """Make a bucket; nothing when it is there."""
        self.client("s3").create_bucket(Bucket=name)

    def upload_tree(self, bucket, prefix, folder):
        """Put every file below a folder under a prefix, and make the bucket; gives the keys."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket)
        root = Path(folder)
        above = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        keys = []
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            keys.append(above + file.relative_to(root).as_posix())
            s3.put_object(Bucket=bucket, Key=keys[-1], Body=file.read_bytes())
        return keys
