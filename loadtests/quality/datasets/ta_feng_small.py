"""Ta Feng's baskets of a twentieth of the users: few enough that every peer is done in minutes."""

from __future__ import annotations

from engine.data.snapshot import Snapshot
from loadtests.quality.datasets import ta_feng
from loadtests.quality.datasets.base import DataSet, sampled

SHARE = 0.05


def load() -> Snapshot:
    return sampled(ta_feng.load(), SHARE)


DATA = DataSet("Ta Feng, a twentieth of the users", load)
