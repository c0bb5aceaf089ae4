"""PostgreSQL goes away under a server, and comes back: events are refused meanwhile as what can be tried again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console

from gateway.cli.local import opened
from tests.server.near_shop import CONFIG, build_near
from tests.server.world import TRACKING_ID, Server, running
from tests.services import PostgresServer

EVENTS = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "view", "itemId": "i1"}]}


@pytest.fixture(scope="module")
def server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("near")
    config = folder / "shop.yaml"
    config.write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECGATE_DATABASE_URL", postgres.url)
        build_near(folder)
        with running(Server(folder / "data", config, workers=1)) as started:
            yield started


def test_operators_see_the_replicas_of_the_log(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        assert client.post("/events/shop", json=EVENTS).status_code == 200
        deadline = time.monotonic() + 10
        view = client.get("/admin/processes").json()
        while any(
            each["behind"] for each in [view["log"], *view["replicas"]]
        ):  # a replica notes once in a while how far it is
            assert time.monotonic() < deadline, view
            view = client.get("/admin/processes").json()
    assert view["log"]["last"] > 0 and view["log"]["behind"] == 0
    replicas = view["replicas"]
    assert replicas and all(each["here"] and each["leaseS"] > 0 for each in replicas)


def send(client: httpx.Client) -> httpx.Response:
    return client.post("/events/shop", json=EVENTS)


def test_events_are_refused_while_it_is_down_and_taken_again(server: Server, postgres: PostgresServer) -> None:
    path = "/related-items/shop/near/i1"
    wire = boto3.client(
        "personalize-events",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 0}),
    )
    event = {"eventType": "view", "sentAt": 1_700_000_000, "itemId": "i1"}
    put = {"trackingId": TRACKING_ID, "sessionId": "s", "eventList": [event]}
    with httpx.Client(base_url=server.url, timeout=20) as client:
        assert send(client).status_code == 200
        wire.put_events(**put)
        assert client.get(path).status_code == 200
        before = len(server.log().splitlines())
        postgres.kill()
        refused = [send(client) for _ in range(40)]
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert refused[-1].json()["code"] == "ServiceUnavailableException"
        with pytest.raises(ClientError, match="ServiceUnavailableException") as raised:
            wire.put_events(**put)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert client.get(path).status_code == 200
        ready = client.get("/ready")
        assert (ready.status_code, "does not answer" in ready.json()["checks"]["database"]) == (503, True)
        assert str(postgres.port) not in ready.text + "".join(answer.text for answer in refused)
        time.sleep(1.5)  # for whatever looks once a second to look twice
        lines = server.log().splitlines()[before:]
        assert len([line for line in lines if "worker-1" in line]) == 1, "\n".join(lines)
        assert len(lines) <= 2, "\n".join(lines)  # the job process's
        postgres.start()
        deadline = time.monotonic() + 20
        while (answer := send(client)).status_code == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer.status_code == 200
        wire.put_events(**put)
        assert client.get(path).status_code == 200
        assert "can be reached again" in server.log()


def test_a_job_process_that_begins_without_it_waits_for_it(server: Server, postgres: PostgresServer) -> None:
    before = len(server.log().splitlines())
    os.kill(server.job_pid(), signal.SIGKILL)  # first, or it would say that the database has gone
    postgres.kill()
    said = waited(server, before, "the job process can't start")
    time.sleep(2.5)  # in which it tries again
    lines = server.log().splitlines()[before:]
    assert [line for line in lines if " jobs ERROR " in line] == said, "\n".join(lines)
    postgres.start()
    with opened(server.data, Console(quiet=True)) as local:
        arn = local.arn("dataset-group/shop")
        local.engine.jobs.enqueue("folding", arn)
        deadline = time.monotonic() + 30
        while (job := local.engine.jobs.newest_of("folding", arn)) is None or job.state != "done":
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.05)


def waited(server: Server, before: int, words: str) -> list[str]:
    """The lines of the log with these words, once there are any."""
    deadline = time.monotonic() + 30
    while not (found := [line for line in server.log().splitlines()[before:] if words in line]):
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)
    return found


def test_a_server_does_not_start_without_it_and_keeps_its_password(tmp_path: Path, postgres: PostgresServer) -> None:
    away = PostgresServer(postgres.folder, 1)
    argv = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--workers", "1", "--data", str(tmp_path)]
    environ = {"RECGATE_DATABASE_URL": away.url, "PATH": "/usr/bin:/bin"}
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert refused.returncode == 1
    assert "can't be opened" in refused.stderr
    assert "Traceback" not in refused.stderr and "s3cret" not in refused.stderr
