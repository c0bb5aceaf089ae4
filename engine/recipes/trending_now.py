"""Trending: the items that grew most from one interval to the next, streamed events included.

Time is what the data says: the current interval ends with the latest interaction seen, bulk or streamed. An item has
grown where it gained more than chance gives one of so many. The others follow by recent popularity, which fades as
fast as tells most of the next interval.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from engine.cost import counting
from engine.data.columns import Array, Floats, Ints, Longs
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import distinct, strengths_of
from engine.rank.topk import top_k
from engine.recipe import Model, Progress, Query, Recipe, Scorer

Frequency = Literal["30 minutes", "1 hour", "2 hours", "3 hours", "1 day"]
SECONDS: dict[str, int] = {"30 minutes": 1_800, "1 hour": 3_600, "2 hours": 7_200, "3 hours": 10_800, "1 day": 86_400}

DAY_S = 86_400.0
HALF_LIVES = (14.0, 1.0, 3.0, 7.0, 30.0, 90.0, np.inf)  # days, the usual first
MOMENTS = 50  # past intervals that half-lives are compared on
LISTED = 25
TINY = float(np.finfo(np.float64).tiny)
SURE = 2.0  # deviations of a growth by chance, beyond which it is one however many items there are


class TrendingNowParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trend_discovery_frequency: Frequency = "2 hours"


class Touches(NamedTuple):
    """(n,) each: what users chose, each item when they chose it last."""

    items: Ints
    age: Array  # seconds before the latest of all
    strength: Array


def train(snapshot: Snapshot, params: TrendingNowParams, seed: int, progress: Progress) -> Model:
    """Keeps popularity and the interactions of the last two intervals; how they compare is settled when asked."""
    progress(0.0, "counting users")
    interval, latest = SECONDS[params.trend_discovery_frequency], int(snapshot.times.max(initial=0))
    rows = distinct(snapshot)
    strengths = strengths_of(snapshot, rows)
    strength = np.ones(len(rows)) if strengths is None else strengths.astype(np.float64)
    touches = Touches(snapshot.items[rows], (latest - snapshot.times[rows]).astype(np.float64), strength)
    progress(0.3, "choosing how fast popularity fades")
    days = half_life(touches, snapshot.item_count, interval)
    faded = touches.strength * np.exp2(-touches.age / (days * DAY_S))
    lately = snapshot.times > latest - 2 * interval
    arrays: dict[str, Array] = {
        "popularity": np.bincount(touches.items, faded, snapshot.item_count).astype(np.float32),
        "items": snapshot.items[lately],
        "times": snapshot.times[lately],
    }
    chosen = {"interval_seconds": interval, "half_life_days": days if np.isfinite(days) else None}
    return Model(arrays, {"interval": interval, "latest": latest, "chosen": chosen})


def half_life(touches: Touches, item_count: int, interval: int) -> float:
    """In days, of the popularity whose best items catch most of the next interval; the usual one unless another does
    so by more than chance."""
    back = (touches.age // interval).astype(np.int64)
    moments = np.unique(back)[:MOMENTS][::-1]  # oldest first
    if len(moments) < 2:
        return HALF_LIVES[0]
    order = np.argsort(-back, kind="stable")
    items, edges = touches.items[order], np.searchsorted(-back[order], -moments, side="right")
    caught = []
    for days in HALF_LIVES:
        faded = (touches.strength * np.exp2(-touches.age / (days * DAY_S)))[order]
        popularity, shares, start = np.zeros(item_count), [], 0
        for edge in edges.tolist():
            if start:
                most = max(float(popularity.max()), TINY)  # single precision ends 150 half-lives ago
                before = top_k((popularity / most).astype(np.float32), LISTED)
                shares.append(float(np.isin(items[start:edge], before).mean()))
            np.add.at(popularity, items[start:edge], faded[start:edge])
            start = edge
        caught.append(shares)
    ahead = np.array(caught) - np.array(caught[0])  # (half-lives, moments - 1)
    best = int(ahead.mean(axis=1).argmax())
    sure = ahead[best].mean() > ahead[best].std() / len(moments) ** 0.5
    return HALF_LIVES[best] if sure else HALF_LIVES[0]


def ready(model: Model) -> Scorer:
    items, times, interval = model.arrays["items"], model.arrays["times"], int(model.about["interval"])
    if "popularity" in model.arrays:
        popularity, latest = model.arrays["popularity"], int(model.about["latest"])
    else:  # trained by an earlier version, whose popularity does not fade
        popularity, latest = model.arrays["users"], int(times.max(initial=0))
    fade_s = float(model.about["chosen"].get("half_life_days") or np.inf) * DAY_S
    settled = trend(popularity, items, (latest - times) // interval)  # while nothing new comes
    settled.flags.writeable = False

    def score(query: Query) -> Floats:
        new_items, new_times = query.stream.recent()
        if not len(new_items):
            return settled
        now = max(int(new_times.max()), latest)
        recent = np.zeros(max(len(popularity), int(new_items.max()) + 1), np.float32)
        np.multiply(popularity, np.float32(np.exp2((latest - now) / fade_s)), out=recent[: len(popularity)])
        np.add.at(recent, new_items, np.exp2((new_times - now) / fade_s).astype(np.float32))
        seen, when = np.concatenate((items, new_items)), np.concatenate((times, new_times))
        return trend(recent, seen, (now - when) // interval)

    return score


def trend(popularity: Floats, items: Ints, back: Longs) -> Floats:
    """(popularity,) growth in whole numbers from the interval before the current one, and popularity, below 1, to
    order equals. `back` (n,) says how many intervals before the current one an interaction was.

    Items that did not grow by more than chance score their popularity alone: so do all when nothing happened lately.
    """
    now, before = (np.bincount(items[back == age], minlength=len(popularity)) for age in (0, 1))
    active = max(int(np.count_nonzero(now | before)), 1)
    chance = min(SURE, math.log(active) ** 0.5)  # deviations that the luckiest of so many gains
    rising = np.flatnonzero(now > before)
    growth, both = (now - before)[rising], (now + before)[rising]
    grown = growth > chance * np.sqrt(both)
    scores = popularity / (popularity.max(initial=0) + np.float32(1))
    scores[rising[grown]] += growth[grown].astype(np.float32)
    return np.asarray(scores, np.float32)


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
