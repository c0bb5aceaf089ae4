"""Trending: the items that grew most from one interval to the next, streamed events included.

Time is what the data says: the current interval ends with the latest interaction seen, bulk or streamed.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from engine.cost import counting
from engine.data.columns import Floats, Ints, Longs
from engine.data.snapshot import Snapshot
from engine.ensemble.members.popularity import user_counts
from engine.recipe import Model, Progress, Query, Recipe, Scorer

Frequency = Literal["30 minutes", "1 hour", "2 hours", "3 hours", "1 day"]
SECONDS: dict[str, int] = {"30 minutes": 1_800, "1 hour": 3_600, "2 hours": 7_200, "3 hours": 10_800, "1 day": 86_400}


class TrendingNowParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trend_discovery_frequency: Frequency = "2 hours"


def train(snapshot: Snapshot, params: TrendingNowParams, seed: int, progress: Progress) -> Model:
    """Keeps the interactions of the last two intervals; how they compare is settled when asked."""
    progress(0.0, "counting users")
    interval = SECONDS[params.trend_discovery_frequency]
    lately = snapshot.times > snapshot.times.max(initial=0) - 2 * interval
    arrays = {
        "users": user_counts(snapshot),
        "items": snapshot.items[lately],
        "times": snapshot.times[lately],
    }
    return Model(arrays, {"interval": interval, "chosen": {"interval_seconds": interval}})


def ready(model: Model) -> Scorer:
    users, items, times = (model.arrays[name] for name in ("users", "items", "times"))
    interval = int(model.about["interval"])

    def score(query: Query) -> Floats:
        new_items, new_times = query.stream.recent()
        seen, when = np.concatenate((items, new_items)), np.concatenate((times, new_times))
        return trend(users, seen, when, interval)

    return score


def trend(users: Floats, items: Ints, times: Longs, interval: int) -> Floats:
    """(max(items of the model, highest id + 1),) growth in whole numbers, and popularity, below 1, to order equals.

    Items that did not grow score their popularity alone, in 0..1: so do all when nothing happened lately.
    """
    count = max(len(users), int(items.max(initial=-1)) + 1)
    age = (times.max(initial=0) - times) // interval
    growth = np.bincount(items[age == 0], minlength=count) - np.bincount(items[age == 1], minlength=count)
    popularity = np.zeros(count, np.float32)
    popularity[: len(users)] = users / (users.max(initial=0) + 1)
    return np.asarray(np.maximum(growth, 0) + popularity, np.float32)


RECIPE = Recipe(
    name="aws-trending-now",
    kind="POPULAR_ITEMS",
    cost=lambda snapshot, params: counting(snapshot),
    quick=True,
    params=TrendingNowParams,
    train=train,
    ready=ready,
    description="The items whose popularity is rising fastest, interval by interval, with events as they arrive",
)
