"""A bucket that is cut off, slow or silent while models are published and fetched, and killed job processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from tests.server.test_storage import BUCKET, CONFIG, environ, eventually, get, models
from tests.server.world import ARN, Server, running
from tests.tcp_proxy import Fault, TcpProxy, tcp_proxy

__all__ = ["environ"]

FAULT_S = 6.0


@dataclass
class Asker:
    """Asks both servers all the time, and keeps what was not answered."""

    servers: tuple[Server, Server]
    refused: list[str] = field(default_factory=list)
    asked: int = 0

    def run(self, end: threading.Event) -> None:
        with httpx.Client(timeout=20) as client:
            while not end.wait(0.01):
                for server in self.servers:
                    self.asked += 1
                    answer = client.get(f"{server.url}/related-items/shop/near/i1?numResults={1 + self.asked % 20}")
                    if answer.status_code != 200:
                        self.refused.append(answer.text)


@pytest.fixture(scope="module")
def proxy(environ: dict[str, str]) -> Iterator[TcpProxy]:
    port = urlsplit(environ["AWS_ENDPOINT_URL_S3"]).port
    assert port is not None
    with tcp_proxy(port) as made:
        yield made


@pytest.fixture(scope="module")
def servers(
    environ: dict[str, str], proxy: TcpProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    config = tmp_path_factory.mktemp("config") / "shop.yaml"
    config.write_text(CONFIG)
    through = {**environ, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.port}"}
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    one, two = (Server(folder, config, workers=1, environ=through) for folder in folders)
    with running(one), running(two):
        yield one, two


def kill_jobs(server: Server) -> None:
    for pid, name in server.children().items():
        if name == "jobs":
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("fault", get_args(Fault))
def test_every_model_arrives_everywhere(servers: tuple[Server, Server], proxy: TcpProxy, fault: Fault) -> None:
    one = servers[0]
    wire: Any = boto3.client("personalize", endpoint_url=one.url)
    asker, end = Asker(servers), threading.Event()
    thread = threading.Thread(target=asker.run, args=(end,))
    thread.start()
    proxy.fault = fault
    version = wire.create_solution_version(solutionArn=f"{ARN}:solution/near")["solutionVersionArn"]

    def status() -> str:
        shown = wire.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
        assert shown["status"] != "CREATE FAILED", shown
        return str(shown["status"])

    time.sleep(FAULT_S / 2)
    for server in servers:
        kill_jobs(server)
    time.sleep(FAULT_S / 2)
    proxy.fault = "none"
    eventually(lambda: status() == "ACTIVE", one)
    proxy.fault = fault
    wire.update_campaign(campaignArn=f"{ARN}:campaign/near", solutionVersionArn=version)
    time.sleep(FAULT_S / 2)
    proxy.fault = "none"
    for server in servers:
        eventually(lambda server=server: all(version.endswith(each) for each in models(server)), server)
        assert get(server, "/ready").json()["status"] == "ready"
    end.set()
    thread.join()
    print(f"{fault}: {asker.asked} asked, {len(asker.refused)} refused")
    assert asker.asked > 100 and asker.refused == []


def test_nothing_is_damaged_or_left(servers: tuple[Server, Server], environ: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "check", "--data", str(servers[0].data)]
    checked = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    client = boto3.client("s3", endpoint_url=environ["AWS_ENDPOINT_URL_S3"])
    keys = {each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    whole = {key.rpartition("/")[0] for key in keys if key.endswith("/manifest.json")}
    assert not [key for key in keys if not key.startswith(tuple(f"{each}/" for each in whole))]
