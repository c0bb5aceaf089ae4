"""The figures of docs/benchmarks.md for lists beside an item, cold items and trends, with a margin."""

from dataclasses import replace

import pytest

from engine.measure.split import Split, leave_last_out
from loadtests import related
from loadtests.movielens import movielens

CHANCE = related.WIDE / 1682


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_last_out(movielens())


@pytest.mark.parametrize(("recipe", "least"), [("aws-similar-items", 0.31), ("aws-sims", 0.31)])
def test_what_came_next_is_listed_beside_an_item(split: Split, recipe: str, least: float) -> None:
    """A plain shrunk cosine has .290."""
    assert related.related_hits(related.recipe_scorer(recipe, split.train), split.cases).mean() >= least


def test_first_consumers_find_cold_items() -> None:
    """With the lighter blend; the whole one finds half as many again."""
    whole = movielens()
    warm = whole.item_count - related.COLD
    ordered = related.cold_last(whole, related.newest(whole))
    cold = related.cold_split(ordered, warm, later=True)
    model = related.trained_blend(cold.train, light="true", sequence_epochs="0")
    hits, lost = {}, {}
    for words in ("all columns", "nothing"):
        own = related.said(ordered)[words]
        catalogue = replace(cold.train, item_names=own.item_names, item_columns=own.item_columns)
        score = related.extended_scorer(model, catalogue)
        hits[words] = related.cold_hits(score, cold.cold, warm)[0].mean()
        lost[words] = related.warm_loss(score, cold.warm, warm).mean()
    assert hits["all columns"] >= 2.5 * CHANCE and hits["nothing"] >= 0.4 * CHANCE
    assert max(lost.values()) < 0.004


def test_trends_catch_more_than_popularity_and_find_bursts() -> None:
    lists = related.trending_list("1 day")
    ours, popular = (related.caught(each, movielens(), 86_400, 15) for each in (lists, related.popular_list))
    assert ours.mean() >= popular.mean()
    assert related.bursts(lists, movielens(), 86_400, 10).mean() >= 0.9
