"""The Open Bandit data set's small logs (Saito, Aihara, Matsutani and Narita, 2021), from the wheel that `make setup`
fetches: what ZOZOTOWN showed, by a bandit and at random, with propensities and clicks."""

import csv
import io
import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

WHEEL = Path(__file__).parents[3] / ".cache/datasets/obp-0.4.1-py3-none-any.whl"


class Log(NamedTuple):
    item: np.ndarray  # (n,)
    position: np.ndarray  # (n,) 0, 1, 2
    click: np.ndarray  # (n,)
    propensity: np.ndarray  # (n,) of the item at that position


@cache
def open_bandit(policy: str, campaign: str) -> Log:
    """`policy` is "bts" or "random", `campaign` "all", "men" or "women". Raises FileNotFoundError, naming the command
    that helps."""
    if not WHEEL.exists():
        raise FileNotFoundError(f"{WHEEL} is missing: run `make setup`")
    with zipfile.ZipFile(WHEEL) as wheel:
        text = wheel.read(f"obp/dataset/obd/{policy}/{campaign}/{campaign}.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    names = ("item_id", "position", "click", "propensity_score")
    item, position, click, propensity = (np.array([float(row[name]) for row in rows]) for name in names)
    return Log(item.astype(np.int32), position.astype(np.int32) - 1, click, propensity)
