"""`python -m loadtests.million`: a million interactions, made from a seed, imported by the job process of a server.

Prints the time that the caller waits and the most memory that the job process holds. Ends with status 1 where a row is
lost, or where one of the two is beyond its limit.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click
import numpy as np

import engine
from loadtests import processes
from loadtests.account import Account
from loadtests.server import Server, serving
from loadtests.world import FIRST_DAY, SPAN_S

ROWS = 1_000_000
LIMIT_S, LIMIT_MIB = 60.0, 1024.0
LEAST_KEPT = 0.99  # the other rows repeat one: the same user, item, second and type
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}


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
            job = import_through(server, source)
            took_s = time.monotonic() - began
            (jobs,) = server.job_pids()
            peak_mib = processes.peak_mib([jobs])
        kept, repeated = counts(data, job)
    click.echo(f"{rows:,} interactions imported in {took_s:.1f} s, at most {peak_mib:.0f} MiB of memory")
    click.echo(f"ACTIVE: {kept:,} kept, {repeated:,} repeated")
    whole = kept + repeated == rows and kept > LEAST_KEPT * rows
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
    """The ARN of the import that a caller with boto3 makes. Raises `RuntimeError` where it fails."""
    fields = [{"name": name, "type": type_} for name, type_ in FIELDS.items()]
    schema = {"type": "record", "name": "Interactions", "namespace": "x", "fields": fields, "version": "1.0"}
    with closing(Account(server.port)) as account:
        dataset = account.dataset(account.group("million"), "INTERACTIONS", json.dumps(schema))
        return account.import_csv(dataset, source)


def counts(data: Path, job: str) -> tuple[int, int]:
    """Rows that the import kept, and rows that repeat one of them."""
    opened = engine.Engine.open(engine.Settings.of(data, {}, read_only=True))
    try:
        report = opened.resources.import_report(job)
        return int(report["kept"]), int(report["duplicates"])
    finally:
        opened.close()


if __name__ == "__main__":
    main()
