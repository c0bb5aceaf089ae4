"""MovieLens-100K from the wheel that `make setup` fetches; its licence forbids a copy here."""

import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from engine.data.snapshot import Snapshot, snapshot_of

WHEEL = Path(__file__).parents[3] / ".cache/datasets/recbole-1.2.1-py3-none-any.whl"


@cache
def movielens() -> Snapshot:
    """Raises FileNotFoundError, naming the command that helps."""
    if not WHEEL.exists():
        raise FileNotFoundError(f"{WHEEL} is missing: run `make setup`")
    with zipfile.ZipFile(WHEEL) as wheel:
        lines = wheel.read("recbole/dataset_example/ml-100k/ml-100k.inter").decode().splitlines()[1:]
    rows = np.array([line.split("\t") for line in lines], float).astype(np.int64)  # user, item, rating, time
    users, items = (np.unique(rows[:, column], return_inverse=True)[1].astype(np.int32) for column in (0, 1))
    return snapshot_of(users, items, rows[:, 3], values=rows[:, 2].astype(np.float32))
