"""Two servers with folders of their own over one PostgreSQL and one bucket: what one makes, both answer with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.moto_server import moto_server, s3_environ
from tests.server.near_shop import CONFIG, build_near
from tests.server.world import ARN, Server, running
from tests.services import postgres_server

BUCKET = "recgate-servers"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of both servers: a database and a bucket, in which a model is deployed."""
    folder = tmp_path_factory.mktemp("maker")
    with postgres_server() as postgres, moto_server() as url, pytest.MonkeyPatch.context() as patch:
        storage = {"RECGATE_DATABASE_URL": postgres.url, "RECGATE_STORAGE_URL": f"s3://{BUCKET}/prod"}
        made = {**s3_environ(url), **storage}
        for name, value in made.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        build_near(folder)
        yield made


@pytest.fixture(scope="module")
def servers(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    config = tmp_path_factory.mktemp("config") / "shop.yaml"
    config.write_text(CONFIG)
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    one, two = (Server(folder, config, workers=each, environ=environ) for each, folder in enumerate(folders, 1))
    with running(one), running(two):
        yield one, two


def get(server: Server, path: str) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", timeout=20)


def items(server: Server) -> list[str]:
    return [each["itemId"] for each in get(server, "/related-items/shop/near/i1").json()["itemList"]]


def models(server: Server) -> list[str]:
    return re.findall(r'recgate_model_age_seconds\{.*model="([^"]+)"', get(server, "/metrics").text)


def eventually(true: Callable[[], object], server: Server) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.1)


def test_both_answer_alike_and_turn_to_a_new_model(servers: tuple[Server, Server]) -> None:
    one, two = servers
    assert items(one) == items(two) != []
    wire: Any = boto3.client("personalize", endpoint_url=one.url)
    solution = f"{ARN}:solution/near"
    version = wire.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    eventually(
        lambda: wire.describe_solution_version(solutionVersionArn=version)["solutionVersion"]["status"] == "ACTIVE", one
    )
    wire.update_campaign(campaignArn=f"{ARN}:campaign/near", solutionVersionArn=version)
    for server in servers:
        eventually(lambda server=server: all(version.endswith(each) for each in models(server)), server)
    assert items(one) == items(two) != []
    ready = get(two, "/ready").json()
    assert ready["status"] == "ready" and "degraded" not in ready
    assert "recgate_storage_waiting 0" in get(two, "/metrics").text


def test_one_starts_from_its_copies_while_the_bucket_is_away(
    servers: tuple[Server, Server], environ: dict[str, str]
) -> None:
    one, two = servers
    two.stop()
    two.environ = {**environ, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}
    two.start()
    assert items(two) == items(one) != []
    assert get(two, "/ready").status_code == 200


def test_a_worker_of_a_third_machine_imports_what_was_uploaded(
    servers: tuple[Server, Server], environ: dict[str, str], tmp_path: Path
) -> None:
    """With a folder of its own, while the servers' own job processes stand still."""
    one, _ = servers
    paused = [pid for each in servers for pid, name in each.children().items() if name.startswith("jobs")]
    assert len(paused) == 2
    argv = [sys.executable, "-m", "gateway", "worker", "--data", str(tmp_path / "third")]
    for pid in paused:
        os.kill(pid, signal.SIGSTOP)
    worker = subprocess.Popen(argv, env={**os.environ, **environ}, stdout=subprocess.DEVNULL)
    try:
        rows = "ITEM_ID,GENRE\ni1,Crime\ni2,War\n"
        started = httpx.post(f"{one.url}/admin/imports/shop?type=ITEMS&name=items.csv", content=rows, timeout=30)
        assert started.status_code == 202, started.text
        name = started.json()["name"]
        uploads = [each.key for each in boto3.resource("s3").Bucket(BUCKET).objects.all() if "/uploads/" in each.key]
        eventually(lambda: get(one, f"/admin/imports/shop/{name}").json()["status"] == "ACTIVE", one)
        (job,) = [each for each in get(one, "/admin/jobs").json()["jobs"] if each["arn"].endswith(f"/{name}")]
        assert job["owner"]["role"] == "worker" and job["owner"]["pid"] == worker.pid
        assert len(uploads) == 2 and all(key.startswith("prod/uploads/") for key in uploads)
        objects = boto3.resource("s3").Bucket(BUCKET).objects
        eventually(lambda: not [each.key for each in objects.all() if "/uploads/" in each.key], one)  # just after that
        assert not list((tmp_path / "third" / "uploads").glob("*/*"))
    finally:
        worker.kill()
        worker.wait()
        for pid in paused:
            os.kill(pid, signal.SIGCONT)
