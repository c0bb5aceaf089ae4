"""The sums that the next-item regression is solved from, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.snapshot import Snapshot
from engine.ensemble.members import regression
from engine.ensemble.members.regression import DECAY, POWER, WINDOW, moments
from tests.engine.recipes.worlds import chain, grocery


def by_loops(snapshot: Snapshot, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Of all items. At each position but the last, what is remembered of each item meets what each item is expected."""
    count = snapshot.item_count
    past, link = np.zeros((2, count, count))
    for first, end in zip(snapshot.indptr, snapshot.indptr[1:], strict=False):
        rows = range(max(first, end - longest), end)
        for now in rows[:-1]:
            history, future = np.zeros((2, count))
            for row in range(rows[0], now + 1):
                history[snapshot.items[row]] += (now - row + 1) ** -POWER
            ahead = range(now + 1, min(now + 1 + WINDOW, end))
            for row in ahead:
                weight = 1 if snapshot.weights is None else snapshot.weights[row]
                future[snapshot.items[row]] += weight * DECAY ** (row - now - 1)
            future /= sum(DECAY ** (row - now - 1) for row in ahead)
            past += np.outer(history, history)
            link += np.outer(history, future)
    return past, link


@pytest.mark.parametrize("longest", [300, 25])
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("world", [grocery(users=8), chain(users=8)], ids=["grocery", "chain"])
def test_moments_are_what_loops_sum(
    world: Snapshot, weighed: bool, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regression, "LONGEST", longest)
    weights = np.random.default_rng(0).random(len(world.items)).astype(np.float32)
    snapshot = replace(world, weights=weights if weighed else None)
    found = moments(snapshot, np.arange(snapshot.item_count, dtype=np.int32))
    for sums, expected in zip(found, by_loops(snapshot, longest), strict=True):
        np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-5)


def test_moments_of_some_items_pass_over_the_others() -> None:
    """A log without the others is a shorter one."""
    world = grocery(users=8)
    some = np.arange(0, world.item_count, 2, dtype=np.int32)
    of_some = world.take(world.items % 2 == 0)
    expected = by_loops(of_some, 300)
    for sums, whole in zip(moments(world, some), expected, strict=True):
        np.testing.assert_allclose(sums, whole[np.ix_(some, some)], rtol=1e-4, atol=1e-5)
