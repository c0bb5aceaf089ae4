"""`recgate serve --instant`: for a test, and gone after it; what is not needed is not begun."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import boto3

from tests.server.world import READY_S, Server, begun, free_port


@contextlib.contextmanager
def instant(folder: Path) -> Iterator[Server]:
    """A server that is named no data directory, in a folder of its own; `data` holds its log alone."""
    server = Server(folder)
    environ = {**os.environ, "TMPDIR": str(folder / "temporary")}
    (folder / "temporary").mkdir()
    server.process = begun(["serve", "--instant", "--port", str(server.port)], environ, folder / "server.log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def jobs_of(server: Server) -> list[str]:
    return [name for name in server.children().values() if name == "jobs"]


def test_its_data_goes_with_it_and_its_job_process_comes_with_the_first_group(tmp_path: Path):
    with instant(tmp_path) as server:
        (data,) = (tmp_path / "temporary").glob("recgate-*")
        assert (data / "recgate.db").exists() or list(data.iterdir())
        assert sorted(server.children().values()) == ["fork-server", "worker-1"]
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        personalize = boto3.client("personalize", endpoint_url=server.url, **keys)
        arn = personalize.create_dataset_group(name="first")["datasetGroupArn"]
        assert personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"] == "ACTIVE"
        deadline = time.monotonic() + READY_S
        while not jobs_of(server):
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.05)
    assert list((tmp_path / "temporary").glob("recgate-*")) == []


def test_what_is_named_stays(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    server = Server(data, port=free_port(), flags=("--instant",), workers=1)
    server.start()
    server.stop()
    assert any(path.suffix == ".db" for path in data.iterdir())


def test_a_port_in_use_leaves_nothing_behind(tmp_path: Path):
    with instant(tmp_path) as server:
        other = tmp_path / "other"
        other.mkdir()
        argv, log = ["serve", "--instant", "--port", str(server.port)], tmp_path / "other.log"
        assert begun(argv, {**os.environ, "TMPDIR": str(other)}, log).wait(READY_S) == 1
        assert "can't be listened on" in log.read_text() and list(other.iterdir()) == []
