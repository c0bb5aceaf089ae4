"""MovieLens-100K, carried by recbole. GroupLens allows research use and no redistribution."""

from __future__ import annotations

import zipfile

import numpy as np

from engine.data.snapshot import Snapshot
from loadtests.quality.datasets.base import DataSet, numbered
from loadtests.quality.datasets.wheels import wheel

PACKAGE = "recbole==1.2.1"
INSIDE = "recbole/dataset_example/ml-100k/ml-100k.inter"


def load() -> Snapshot:
    with zipfile.ZipFile(wheel(PACKAGE)) as archive:
        lines = archive.read(INSIDE).decode().splitlines()[1:]
    users, items, _, times = np.array([line.split("\t") for line in lines], float).astype(np.int64).T
    return numbered(users, items, times)


DATA = DataSet("MovieLens-100K", load)
