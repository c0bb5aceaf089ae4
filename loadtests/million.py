"""`python -m loadtests.million`: a million interactions, made from a seed, imported by the job process of a server.

Prints the time that the caller waits and the most memory that the job process holds. Ends with status 1 where a row is
lost, or where one of the two is beyond its limit.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import click
import numpy as np
from botocore.config import Config

import engine
from loadtests import client, processes
from loadtests.server import Server, serving
from loadtests.world import FIRST_DAY, SPAN_S

ROWS = 1_000_000
LIMIT_S, LIMIT_MIB = 60.0, 1024.0
LEAST_KEPT = 0.99  # the other rows repeat one: the same user, item, second and type
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
ROLE = "arn:aws:iam::000000000000:role/import"
JOB = "arn:aws:personalize:us-east-1:000000000000:dataset-import-job/million"
LOOK_S = 0.1


@click.command(help=__doc__)
@click.option("--rows", default=ROWS, show_default=True, type=click.IntRange(100))
def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, source, config = Path(folder) / "data", Path(folder) / "million.csv", Path(folder) / "config.yaml"
        data.mkdir()
        source.write_text(interactions(rows))
        config.write_text("namespaces: {}")
        with serving(data, 1, config=config, environ={"RECGATE_ALLOW_FILE_URLS": "1"}) as server:
            began = time.monotonic()
            status = import_through(server, source)
            took_s = time.monotonic() - began
            (jobs,) = server.job_pids()
            peak_mib = processes.peak_mib([jobs])
        kept, repeated = counts(data)
    click.echo(f"{rows:,} interactions imported in {took_s:.1f} s, at most {peak_mib:.0f} MiB of memory")
    click.echo(f"{status}: {kept:,} kept, {repeated:,} repeated")
    whole = status == "ACTIVE" and kept + repeated == rows and kept > LEAST_KEPT * rows
    raise SystemExit(0 if whole and took_s < LIMIT_S and peak_mib < LIMIT_MIB else 1)


def interactions(rows: int, seed: int = 7) -> str:
    """A CSV in which a few users and items have most of the rows, as in life."""
    users, items = max(1, rows * 6 // 100), max(1, rows * 3 // 100)
    rng = np.random.default_rng(seed)
    user = (rng.pareto(1.2, rows) * users / 50).astype(np.int64) % users
    item = (rng.pareto(1.0, rows) * items / 100).astype(np.int64) % items
    times = FIRST_DAY + np.sort(rng.integers(0, SPAN_S, rows))
    kinds = rng.choice(["view", "click", "purchase"], rows, p=[0.8, 0.15, 0.05])
    columns = zip(user.tolist(), item.tolist(), times.tolist(), kinds.tolist(), strict=True)
    lines = (f"user-{user},item-{item},{at},{kind}\n" for user, item, at, kind in columns)
    return "".join([",".join(FIELDS), "\n", *lines])


def import_through(server: Server, source: Path) -> str:
    """The status in which the import ends, as a caller with boto3 sees it."""
    personalize = boto3.client(
        "personalize",
        endpoint_url=f"http://{client.HOST}:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    fields = [{"name": name, "type": type_} for name, type_ in FIELDS.items()]
    schema = {"type": "record", "name": "Interactions", "namespace": "x", "fields": fields, "version": "1.0"}
    schema_arn = personalize.create_schema(name="million", schema=json.dumps(schema))["schemaArn"]
    group = personalize.create_dataset_group(name="million")["datasetGroupArn"]
    wait(lambda: personalize.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
    dataset = personalize.create_dataset(
        name="million", schemaArn=schema_arn, datasetGroupArn=group, datasetType="INTERACTIONS"
    )["datasetArn"]
    wait(lambda: personalize.describe_dataset(datasetArn=dataset)["dataset"])
    personalize.create_dataset_import_job(
        jobName="million", datasetArn=dataset, dataSource={"dataLocation": f"file://{source}"}, roleArn=ROLE
    )
    status = wait(lambda: personalize.describe_dataset_import_job(datasetImportJobArn=JOB)["datasetImportJob"])
    personalize.close()
    return status


def wait(describe: Callable[[], dict[str, Any]]) -> str:
    """The status in which a resource ends. Raises `RuntimeError` where it does not end in time."""
    deadline = time.monotonic() + 2 * LIMIT_S
    while (status := str(describe()["status"])) not in ("ACTIVE", "CREATE FAILED"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"still {status} after {2 * LIMIT_S:.0f} s")
        time.sleep(LOOK_S)
    return status


def counts(data: Path) -> tuple[int, int]:
    """Rows that the import kept, and rows that repeat one of them."""
    opened = engine.Engine.open(engine.Settings.of(data, {}, read_only=True))
    try:
        report = opened.resources.import_report(JOB)
        return int(report["kept"]), int(report["duplicates"])
    finally:
        opened.close()


if __name__ == "__main__":
    main()
