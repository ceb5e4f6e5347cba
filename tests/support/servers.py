"""Real S3 servers for tests, on the loopback only: SeaweedFS and rclone."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import botocore.endpoint
import pytest

from laurel.settings import Settings

HOST = "127.0.0.1"
READY_SECONDS = 120
PORTS = range(10_000, 20_000)
"""Like those that follow at the offset, below what systems give to outgoing connections."""
GRPC_OFFSET = 10_000
SLOTS = 8
"""Workers of a parallel run choose from ports of their own."""


@dataclass(frozen=True)
class S3Server:
    """A running server: where it is, its bucket, and the credentials it asks for."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    pid: int

    @property
    def env(self) -> dict[str, str]:
        """What a process needs in its environment to reach the server."""
        return {
            "LAUREL_S3_ENDPOINT": self.endpoint,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fresh_url(self) -> str:
        """A store URL that nobody used before."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex[:12]}"


def settings_on(server: S3Server, settings: Settings) -> Settings:
    """The settings with a store of their own on the server; credentials come from the env."""
    return replace(settings, store=server.fresh_url(), s3_endpoint=server.endpoint)


def use_credentials(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the server's credentials where boto3 looks for them."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS with one bucket; it honours create-only writes."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    with run_seaweedfs(folder) as server:
        yield server


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """``rclone serve s3``, which ignores the condition of a create-only write."""
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "data" / "laurel").mkdir(parents=True)
    with run_rclone(folder) as server:
        yield server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that boto3 would have waited between tries; none is waited for."""
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, time=time.time)
    monkeypatch.setattr(botocore.endpoint, "time", clock)
    return waited


@contextmanager
def run_seaweedfs(folder: Path) -> Iterator[S3Server]:
    """Start ``weed mini`` with its data in ``folder``, all ports free ones, and end it again."""
    names = ("master", "volume", "filer", "s3", "admin")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    options = [f"-{name}.port={port}" for name, port in ports.items()]
    options += [f"-{name}.port.grpc={port + GRPC_OFFSET}" for name, port in ports.items()]
    options += [f"-{name}.localSocket={folder / name}.sock" for name in ("s3", "filer")]
    command = [
        str(Path(sys.executable).with_name("weed")),
        "mini",
        f"-dir={folder}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-bucket=laurel",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        *options,
    ]
    with _run(command, folder=folder, port=ports["s3"]) as server:
        _await_bucket(server)
        yield server


@contextmanager
def run_rclone(folder: Path) -> Iterator[S3Server]:
    """Start ``rclone serve s3`` over ``folder``/data, and end it again."""
    (port,) = free_ports(1)
    command = [
        str(Path(sys.executable).with_name("rclone")),
        "serve",
        "s3",
        f"--addr={HOST}:{port}",
        "--auth-key=laurel,laurel-secret",
        "--vfs-cache-mode=off",
        "--config=",
        str(folder / "data"),
    ]
    with _run(command, folder=folder, port=port) as server:
        yield server


@contextmanager
def _run(command: list[str], *, folder: Path, port: int) -> Iterator[S3Server]:
    credentials = {"AWS_ACCESS_KEY_ID": "laurel", "AWS_SECRET_ACCESS_KEY": "laurel-secret"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **credentials, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        endpoint = f"http://{HOST}:{port}"
        _await_answer(endpoint, process, log)
        yield S3Server(endpoint, "laurel", "laurel", "laurel-secret", process.pid)
    finally:
        _end(process)


def free_ports(count: int) -> list[int]:
    """Ports that are free now, and free with the gRPC offset too; another worker gets others."""
    slot = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SLOTS
    draw = random.SystemRandom()
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = draw.randrange(PORTS.start + slot, PORTS.stop, SLOTS)
            try:
                for candidate in (port, port + GRPC_OFFSET):
                    held.enter_context(socket.socket()).bind((HOST, candidate))
            except OSError:
                continue
            ports.append(port)
    return ports


def _await_answer(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=2).close()  # noqa: S310
            return
        except urllib.error.HTTPError:
            return  # It answers, and refuses who shows no credentials.
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _await_bucket(server: S3Server) -> None:
    """Wait until an object can be written: the volume server comes up after the gateway."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            client.put_object(Bucket=server.bucket, Key="ready", Body=b"")
            return
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and all it started; at once, since nobody reads its data again."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
