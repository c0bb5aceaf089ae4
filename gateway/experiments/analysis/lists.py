"""Coverage and diversity of an arm's lists: the number of different items that they show, and how evenly, from a sketch
of bounded size.

Items are counted by a hash into `buckets` of places. Both figures are for arms of any size: coverage is at equally many
places (rarefaction: Hurlbert, "The nonconcept of species diversity", 1971), diversity does not grow with places. How
sure they are is by the jackknife over parts of the units, so that what a unit gets again and again is no new evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, log1p

import numpy as np

from gateway.experiments.analysis.moments import Moments, Values


def covered(places: Values, shown: float) -> float:
    """The number of items expected among so many places of an arm; (buckets,) has all of its places.

    Hashes that meet are put right as by linear counting (Whang, Vander-Zanden and Taylor, 1990).
    """
    left_out: float = max(1 - shown / max(places.sum(), 1.0), 0.0)
    buckets, filled = len(places), float((1 - left_out**places).sum())
    return -buckets * log1p(-min(filled, buckets - 0.5) / buckets)


def diversity(places: Values) -> float:
    """The number of items that, shown equally often, would meet in two random places as often as these do (Simpson,
    1949)."""
    total = float(places.sum())
    if total < 2:
        return 0.0
    meeting: float = float((places * (places - 1)).sum()) / (total * (total - 1))
    by_hash = 1 / len(places)
    shared = (meeting - by_hash) / (1 - by_hash)
    return 1 / max(shared, 2 / total**2)  # as if one pair had met, where none did


def of_parts(parts: Sequence[tuple[int, Values]], estimate: Callable[[Values], float]) -> Moments:
    """An estimate from all parts together, each with its number of lists and its places (buckets,)."""
    lists, whole = sum(number for number, _ in parts), np.sum([places for _, places in parts], axis=0)
    if len(parts) < 2:
        return Moments(lists, estimate(whole), inf, lists)
    without = np.array([estimate(whole - places) for _, places in parts])
    error2 = (len(parts) - 1) / len(parts) * float(((without - without.mean()) ** 2).sum())
    return Moments(lists, estimate(whole), error2 * lists, lists)
