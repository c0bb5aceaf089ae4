"""The Complete Journey's baskets of a fifth of the households, and of the products that these bought 20 times or more:
few enough that every peer is done in minutes."""

from __future__ import annotations

from engine.data.snapshot import Snapshot
from loadtests.quality.datasets import complete_journey
from loadtests.quality.datasets.base import DataSet, sampled

SHARE, FEWEST = 0.2, 20


def load() -> Snapshot:
    return sampled(complete_journey.load(), SHARE, fewest=FEWEST)


DATA = DataSet("Complete Journey, a fifth of the households, products bought 20 times", load)
