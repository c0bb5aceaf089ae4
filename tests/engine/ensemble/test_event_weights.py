"""Events that count more or less: every member that learns from the rows learns more from the heavy ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.snapshot import Snapshot, snapshot_of
from engine.ensemble.choice import choose
from engine.ensemble.members import MEMBERS
from engine.ensemble.plan import Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import train
from engine.measure.metrics import event_weight_metrics, ndcg
from engine.measure.solution import outcome_of
from engine.measure.split import user_split
from engine.recipe import Query, silent
from tests.engine.recipes.worlds import START, groups

VIEW, BUY = 0, 1
FIRST, VIEWED, BOUGHT = np.arange(4), np.arange(4, 8), np.arange(8, 12)  # what leads to views, and to purchases
SHAPES = {"ease": {"ridge": 30.0}, "regression": {"ridge": 30.0}, "sequence": {"length": 8, "dim": 16, "epochs": 12}}


def shop(view: float, buy: float, users: int = 60, items: int = 12) -> Snapshot:
    """After two of the first items everybody views one of four and buys one of another four, as often in this order as
    in that."""
    draw = np.random.default_rng(0)
    rows = []
    for user in range(users):
        seen, had = ((int(draw.choice(place)), kind) for place, kind in ((VIEWED, VIEW), (BOUGHT, BUY)))
        last = [seen, had] if user % 2 else [had, seen]
        for place, (item, kind) in enumerate([*((i, VIEW) for i in draw.permutation(FIRST)[:2].tolist()), *last]):
            rows.append((user, item, START + 60 * place, kind))
    ids, chosen, times, types = (np.array(column) for column in zip(*rows, strict=True))
    snapshot = snapshot_of(
        ids.astype(np.int32),
        chosen.astype(np.int32),
        times,
        types=types.astype(np.int32),
        event_types=("view", "buy"),
        item_names=[f"item-{i}" for i in range(items)],
    )
    weights = np.where(snapshot.types == BUY, buy, view).astype(np.float32)
    return replace(snapshot, weights=weights / weights.mean())


def read(name: str, snapshot: Snapshot, *groups: np.ndarray) -> list[float]:
    """The mean score of each group of items after the first ones."""
    member = MEMBERS[name]
    arrays = member.fit(snapshot, SHAPES.get(name, {}), 0, silent)
    scores = member.read(arrays, member.readings[0], Query(FIRST[:2].astype(np.int32)), snapshot.item_count)
    return [float(scores[items].mean()) for items in groups]


@pytest.mark.parametrize("name", ["ease", "knn", "markov", "popularity", "recent", "regression", "sequence"])
def test_every_member_that_learns_prefers_what_counts_more(name: str) -> None:
    for snapshot, heavy, light in ((shop(0.1, 1.0), BOUGHT, VIEWED), (shop(1.0, 0.1), VIEWED, BOUGHT)):
        more, less = read(name, snapshot, heavy, light)
        assert more > less


@pytest.mark.parametrize("dense", [True, False])
def test_large_catalogues_count_weights_too(dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.neighbours.cooccurrence.dense_fits", lambda count: dense)
    bought, viewed = read("knn", shop(0.1, 1.0), BOUGHT, VIEWED)
    assert bought > viewed


def test_only_the_ratios_count() -> None:
    one, other = (train(shop(*weights), Options(epochs=0), 0, silent) for weights in ((0.2, 0.8), (0.05, 0.2)))
    assert one.about["plan"] == other.about["plan"]
    for name in one.arrays:
        np.testing.assert_allclose(one.arrays[name], other.arrays[name], rtol=1e-4)


def test_a_weight_of_one_for_all_is_no_weight() -> None:
    plain, weighed = groups(), replace(groups(), weights=np.ones(len(groups().items), np.float32))
    one, other = (choose(snapshot, Options(epochs=0), 0, silent) for snapshot in (plain, weighed))
    assert one == other


def test_the_blend_and_its_metric_follow_the_weights() -> None:
    """Both models are asked for what is worth something when purchases count."""
    cases = user_split(shop(0.05, 1.0), 0, share=0.9).cases
    figures = {}
    for heavy, snapshot in ((BOUGHT, shop(0.05, 1.0)), (VIEWED, shop(1.0, 0.05))):
        score = Ensemble(train(snapshot, Options(epochs=0), 0, silent))
        after = score(Query(FIRST[:2].astype(np.int32), np.array([START, START + 60])))
        assert int(np.argmax(after[VIEWED.min() :])) + VIEWED.min() in heavy
        figures[int(heavy[0])] = event_weight_metrics(outcome_of(score, cases, snapshot))
    name = "normalized_discounted_cumulative_gain_with_event_weights_at_{}"
    for metrics in figures.values():
        assert set(metrics) == {name.format(cut) for cut in (5, 10, 25)}
    bought, viewed = (figures[int(items[0])][name.format(5)] for items in (BOUGHT, VIEWED))
    assert bought > viewed


def test_the_gain_of_a_list_by_hand() -> None:
    """A purchase of .3 and a click of .1: gains of 1.5 and .5 (specification §6.2), whatever their scale."""
    click_first = ndcg(np.array([1.0, 0.0]), 5, np.array([1.5, 0.5], np.float32))
    expected = (0.5 / np.log2(2) + 1.5 / np.log2(3)) / (1.5 / np.log2(2) + 0.5 / np.log2(3))
    assert click_first == pytest.approx(expected)
    assert ndcg(np.array([1.0, 0.0]), 5, np.array([0.3, 0.1], np.float32)) == pytest.approx(expected)
    assert ndcg(np.array([0.0, 1.0]), 5, np.array([1.5, 0.5], np.float32)) == pytest.approx(1)
    assert ndcg(np.array([0.0]), 5, np.zeros(1, np.float32)) == 0
