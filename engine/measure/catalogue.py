"""Metrics of the recommendations for each item of a catalogue, whoever asks (specification §6.2)."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Floats
from engine.measure.metrics import LONGEST
from engine.rank.topk import top_k
from engine.recipe import Query, Scorer

MOST_CASES = 1_000


def catalogue_metrics(
    score: Scorer, vectors: Floats, popularity: Floats, freshness: Floats, seed: int
) -> dict[str, float]:
    """Means over what is recommended for items (a sample of a large catalogue): popularity and freshness (items,) in
    0..1, and the similarity of unit vectors (items, d) to the item asked for, in -1..1, of items that have one.
    """
    asked = np.flatnonzero(vectors.any(axis=1))
    if len(asked) > MOST_CASES:
        asked = np.sort(np.random.default_rng(seed).choice(asked, MOST_CASES, replace=False))
    lists = [top_k(score(Query(item=int(item))), LONGEST) for item in asked]
    shown = np.concatenate([*lists, np.empty(0, np.int32)])
    owner = np.repeat(asked, [len(each) for each in lists])
    alike = [float(vectors[item] @ vectors[other]) for item, other in zip(owner, shown, strict=True)]
    return {
        "item_popularity": float(np.mean(popularity[shown])) if len(shown) else 0.0,
        "item_freshness": float(np.mean(freshness[shown])) if len(shown) else 0.0,
        "item_similarity": float(np.mean(alike)) if alike else 0.0,
    }
