"""`deploy/compose.yaml` with processes in place of its containers: one service, which outlives a server and Valkey."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx
import psycopg
import pytest
import yaml
from botocore.config import Config

from tests.moto_server import moto_server, s3_environ
from tests.server.world import begun, free_port, write_csvs
from tests.services import RedisServer, postgres_server, program
from tests.valkey import PACKAGE, until, valkey_cluster

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
SLOWEST_S = 2.0  # on a busy machine
USERS = [f"u{number}" for number in range(40)]


@dataclass
class Composed:
    folder: Path
    addresses: dict[str, str]  # of hosts and ports in the file, and where they are here
    overrides: dict[str, str]
    url: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """The text with its variables' defaults and the addresses of this machine."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for address, own in self.addresses.items():
            text = text.replace(address, own)
        return text.replace("/etc/recgate/", f"{ROOT}/deploy/")

    def environ(self, service: str) -> dict[str, str]:
        own = {name: self.here(value) for name, value in SERVICES[service]["environment"].items()}
        base = {**os.environ, **s3_environ(own["AWS_ENDPOINT_URL_S3"])}
        return {**base, **own, **self.overrides, "RECGATE_DATA_DIR": str(self.folder / service)}

    def start(self, service: str, *more: str) -> None:
        (self.folder / service).mkdir(exist_ok=True)
        argv = [self.here(word) for word in SERVICES[service]["command"]]
        log = self.folder / f"{service}.log"
        self.processes[service] = begun([*argv, *more], self.environ(service), log)

    def run(self, service: str, *command: str) -> str:
        """What `docker compose exec` does."""
        argv = [sys.executable, "-m", "gateway", *command]
        done = subprocess.run(argv, env=self.environ(service), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def answers(self, user: str) -> list[str]:
        answer = httpx.get(f"{self.url}/recommend-items/shop/home/{user}", timeout=10)
        assert answer.status_code == 200, answer.text
        return [item["itemId"] for item in answer.json()["itemList"]]

    def is_ready(self, service: str) -> bool:
        try:
            return httpx.get(f"http://{self.addresses[f'{service}:8080']}/ready").status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def stores(folder: Path) -> Iterator[Composed]:
    """PostgreSQL and the S3 server, with what compose makes in them."""
    with postgres_server() as postgres, moto_server() as s3:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE recgate")
        addresses = {"postgres:5432": f"127.0.0.1:{postgres.port}", "s3:9000": s3.removeprefix("http://")}
        composed = Composed(folder, addresses, {})
        bucket = composed.here(SERVICES["bucket"]["command"][0])
        subprocess.run([sys.executable, "-c", bucket], env=composed.environ("bucket"), check=True)
        yield composed


@contextmanager
def one_valkey(composed: Composed) -> Iterator[RedisServer]:
    """That of the file, as it is started there."""
    options = shlex.split(composed.here(SERVICES["valkey"]["command"]))[1:]
    login = f":{options[options.index('--requirepass') + 1]}@"
    server = RedisServer(composed.folder, free_port(), package=PACKAGE, options=tuple(options), login=login)
    server.start()
    composed.addresses["valkey:6379"] = f"127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def cluster(composed: Composed) -> Iterator[RedisServer]:
    """A cluster instead, whose first primary has a replica."""
    with valkey_cluster(composed.folder, primaries=3, replicas=1) as cluster:
        composed.overrides["RECGATE_REDIS_URL"] = cluster.url
        yield cluster.primaries[0]


@contextmanager
def nginx(composed: Composed) -> Iterator[None]:
    port = free_port()
    text = composed.here((ROOT / "deploy" / "nginx.conf").read_text()).replace(
        "listen 8080", f"listen 127.0.0.1:{port}"
    )
    file = composed.folder / "nginx.conf"
    file.write_text(f"pid {composed.folder}/nginx.pid; daemon off; error_log {composed.folder}/nginx.log;\n{text}")
    process = subprocess.Popen([program("nginx", "nginx-light"), "-p", str(composed.folder), "-c", str(file)])
    composed.url = f"http://127.0.0.1:{port}"
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(params=[one_valkey, cluster], ids=["one-valkey", "cluster"])
def composed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Composed, RedisServer]]:
    with ExitStack() as closing:
        composed = closing.enter_context(stores(tmp_path))
        valkey = closing.enter_context(request.param(composed))
        for name in ("server-1", "server-2"):
            composed.addresses[f"{name}:8080"] = f"127.0.0.1:{free_port()}"
        closing.enter_context(nginx(composed))
        try:
            for name in ("server-1", "server-2"):
                port = composed.addresses[f"{name}:8080"].partition(":")[2]
                composed.start(name, "--host", "127.0.0.1", "--port", port, "--workers", "1")
            composed.start("worker")
            until(lambda: composed.is_ready("server-1") and composed.is_ready("server-2"), 60)
            yield composed, valkey
        finally:
            for process in composed.processes.values():
                process.terminate()
            for process in composed.processes.values():
                process.wait(60)


def test_a_composed_service_outlives_a_server_and_valkey(
    composed: tuple[Composed, RedisServer], tmp_path: Path
) -> None:
    service, valkey = composed
    interactions, _ = write_csvs(tmp_path / "csv")
    told = service.run("server-1", "import", str(interactions), "--type", "interactions", "--group", "shop")
    (tracking_id,) = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", told)
    service.run("server-2", "train", "for-you", "--group", "shop", "--recipe", "aws-popularity-count")
    until(lambda: httpx.get(f"{service.url}/recommend-items/shop/home/u1").status_code == 200, 60)
    before = {user: service.answers(user) for user in USERS}
    assert all(before.values())
    assert valkey.client().dbsize(), "answers are shared"
    events = boto3.client(
        "personalize-events",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 3, "mode": "standard"}),
    )
    event = {"eventType": "view", "itemId": "i1", "sentAt": 1_800_000_000}
    events.put_events(trackingId=tracking_id, userId="u1", sessionId="s1", eventList=[event])
    lost = service.processes.pop("server-1")
    os.killpg(lost.pid, 9)
    lost.wait()
    assert {user: bool(service.answers(user)) for user in USERS} == dict.fromkeys(USERS, True)
    valkey.kill()
    assert answered_for(service, 6.0) > 20


def answered_for(service: Composed, seconds: float) -> int:
    """The number of answers to requests one after the other, none of which takes long."""
    began, number = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        asked = time.monotonic()
        assert service.answers(f"new-{number}") and time.monotonic() - asked < SLOWEST_S
        number += 1
    return number
