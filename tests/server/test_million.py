"""A million interactions, made from a seed, imported by a server's job process: how long it takes, how much memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from tests.aws.flow import ROLE, schema_text
from tests.aws.world import Clients
from tests.server.world import START, Server, running

ROWS = 1_000_000
USERS, ITEMS = 60_000, 30_000
MOST_S, MOST_MB = 60.0, 1024.0
FIELDS = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string"))
JOB = "arn:aws:personalize:us-east-1:000000000000:dataset-import-job/million"


def interactions(seed: int = 7) -> str:
    """A few users and items have most of the rows, as in life."""
    rng = np.random.default_rng(seed)
    users = (rng.pareto(1.2, ROWS) * USERS / 50).astype(np.int64) % USERS
    items = (rng.pareto(1.0, ROWS) * ITEMS / 100).astype(np.int64) % ITEMS
    times = START + np.sort(rng.integers(0, 10_000_000, ROWS))
    kinds = rng.choice(["view", "click", "purchase"], ROWS, p=[0.8, 0.15, 0.05])
    columns = zip(users.tolist(), items.tolist(), times.tolist(), kinds.tolist(), strict=True)
    rows = (f"user-{user},item-{item},{at},{kind}\n" for user, item, at, kind in columns)
    return "".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n", *rows])


def peak_mb(pid: int) -> float:
    """The most memory that the process has held."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Empty, beside the file to import."""
    (tmp_path / "million.csv").write_text(interactions())
    (tmp_path / "data").mkdir()
    return Server(tmp_path / "data", workers=1, environ={"RECGATE_ALLOW_FILE_URLS": "1"})


def test_a_million_interactions_in_a_minute_and_a_gigabyte(server: Server, capsys: pytest.CaptureFixture[str]):
    with running(server):
        clients = Clients(server.url)
        start = time.monotonic()
        status = _imported(clients.personalize, f"file://{server.data.parent}/million.csv")
        seconds = time.monotonic() - start
        clients.close()
        (jobs,) = (pid for pid, command in server.children().items() if "engine.jobs" in command)
        memory = peak_mb(jobs)
    opened = engine.Engine.open(engine.Settings.of(server.data, {}, read_only=True))
    kept, again = (opened.import_report(JOB)[name] for name in ("kept", "duplicates"))
    opened.close()
    with capsys.disabled():
        print(f"\n{ROWS:,} interactions imported in {seconds:.1f} s, at most {memory:.0f} MB of memory ({again} twice)")
    assert status == "ACTIVE"
    assert kept + again == ROWS and kept > 0.99 * ROWS
    assert seconds < MOST_S and memory < MOST_MB


def _imported(p: Any, location: str) -> str:
    """The status in which the import ends, as its caller sees it."""
    group = p.create_dataset_group(name="million")["datasetGroupArn"]
    schema = p.create_schema(name="million", schema=schema_text("Interactions", *FIELDS))["schemaArn"]
    made = {"name": "million", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "INTERACTIONS"}
    _active(lambda: p.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    dataset = p.create_dataset(**made)["datasetArn"]
    _active(lambda: p.describe_dataset(datasetArn=dataset)["dataset"])
    source = {"dataLocation": location}
    p.create_dataset_import_job(jobName="million", datasetArn=dataset, dataSource=source, roleArn=ROLE)
    return _active(lambda: p.describe_dataset_import_job(datasetImportJobArn=JOB)["datasetImportJob"])


def _active(described: Callable[[], dict[str, Any]]) -> str:
    deadline = time.monotonic() + 2 * MOST_S
    while (status := described()["status"]) not in ("ACTIVE", "CREATE FAILED"):
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    return status
