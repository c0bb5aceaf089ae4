"""SIMS and Similar-Items in a world of three groups of items."""

from typing import Any

import numpy as np
import pytest

from engine.data.columns import Texts
from engine.recipe import Query, Recipe, silent
from engine.recipes import RECIPES, sims
from tests.engine.recipes.worlds import START, groups, rows_of

SIMS, SIMILAR = RECIPES["aws-sims"], RECIPES["aws-similar-items"]
both = pytest.mark.parametrize("recipe", [SIMS, SIMILAR], ids=lambda recipe: recipe.name)
WIDE = {"min_item_interaction_count_percentile": "0", "max_item_interaction_count_percentile": "1"}


def related(recipe: Recipe[Any], item: int, **hyperparameters: str) -> list[int]:
    wide = WIDE if recipe is SIMS else {}
    model = recipe.train(groups(), recipe.parse(wide | hyperparameters), 0, silent)
    return [int(i) for i in np.argsort(-recipe.ready(model)(Query(item=item)), kind="stable")]


@both
@pytest.mark.parametrize("item", [0, 10, 23])
def test_neighbours_come_from_the_same_group(recipe: Recipe[Any], item: int) -> None:
    assert {other // 8 for other in related(recipe, item)[:7]} == {item // 8}


@both
def test_the_item_itself_is_last(recipe: Recipe[Any]) -> None:
    assert related(recipe, 5)[-1] == 5


@both
def test_an_unknown_item_gets_the_popular_ones(recipe: Recipe[Any]) -> None:
    counts = np.bincount(groups().items, minlength=27)
    assert counts[related(recipe, -1)[0]] == counts.max()


def test_sims_sends_a_cold_item_to_the_popular_ones() -> None:
    assert related(SIMS, 25)[:10] == related(SIMS, -1)[:10]


@pytest.mark.parametrize("cold", [24, 25, 26])
def test_similar_items_knows_a_cold_item_by_its_description(cold: int) -> None:
    assert {other // 8 for other in related(SIMILAR, cold)[:8]} == {cold - 24}


@pytest.mark.parametrize("cold", [24, 25, 26])
def test_similar_items_recommends_a_cold_item(cold: int) -> None:
    assert cold in related(SIMILAR, (cold - 24) * 8)[:8]


PLOTS = [
    "astronauts travel to a distant planet aboard a rocket",
    "a spaceship crew explores the galaxy",
    "colonists settle on Mars and build a starship",
    "a shuttle pilot lands on an asteroid among the stars",
    "two lovers write to each other and finally marry",
    "a bride falls for the best man, a tender romance",
    "a boy kisses a girl and loses his heart",
    "husband and wife remember their honeymoon",
    "a chef cooks dinner in a small restaurant",
    "a baker and his pastry, cakes and dough",
    "recipes, soup and grilled meat",
    "fruit, vegetables and fresh fish for lunch",
]


def test_similar_items_knows_a_cold_item_by_what_its_text_means() -> None:
    """Of four items of a kind the last is cold, and its text, which shares hardly a word with others, is all that is
    known of it. By words alone, the figures are .44 and .11.
    """
    rows = [(user, item, START) for user in range(30) for item in range(12) if item % 4 != 3 and item // 4 == user % 3]
    world = rows_of(rows, item_names=[f"item-{item}" for item in range(12)], item_columns={"PLOT": Texts.of(PLOTS)})
    score = SIMILAR.ready(SIMILAR.train(world, SIMILAR.parse({}), 0, silent))
    near = [np.argsort(-score(Query(item=item)), kind="stable")[:3] for item in range(12)]
    found = np.mean([near[cold] // 4 == cold // 4 for cold in (3, 7, 11)])
    shown = np.mean([item // 4 * 4 + 3 in near[item] for item in range(12) if item % 4 != 3])
    assert found > 0.7 and shown > 0.7


def test_popularity_discount_decides_between_the_popular_and_the_peculiar() -> None:
    """Item 1 came with item 0 four times, but with everything else too; item 2 came three times, and only with 0."""
    rows = [(u, i, START) for u in range(4) for i in (0, 1)] + [(u, 2, START) for u in range(3)]
    rows += [(u, i, START) for u in range(4, 40) for i in (1, 3)]

    def best(discount: str) -> int:
        everything = {f"{end}_{of}_percentile": str(int(end == "max")) for end in ("min", "max") for of in PERCENTILES}
        params = SIMS.parse({"popularity_discount_factor": discount} | everything)
        return int(SIMS.ready(SIMS.train(rows_of(rows), params, 0, silent))(Query(item=0)).argmax())

    assert (best("0.0"), best("1.0")) == (1, 2)


PERCENTILES = ("user_history_length", "item_interaction_count")


def test_few_cointeractions_are_no_tie() -> None:
    rows = [(u, i, START) for u in range(2) for i in (0, 1)] + [(u, 2, START) for u in range(2, 9)]
    params = SIMS.parse({"min_cointeraction_count": "3"} | WIDE)
    assert SIMS.ready(SIMS.train(rows_of(rows), params, 0, silent))(Query(item=0)).argmax() == 2


def test_sims_learns_of_a_popular_item_from_its_latest_interactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item 0 is with everybody, first beside item 1 and of late beside item 2; nothing of it is lost."""
    monkeypatch.setattr(sims, "ENOUGH", 40)
    rows = [(u, i, START + u) for u in range(200) for i in (0, 1 if u < 100 else 2)]
    rows += [(u, 3 + u % 20, START) for u in range(200, 400)]  # the upper percentile is theirs
    model = SIMS.train(rows_of(rows), SIMS.parse({}), 0, silent)
    assert model.about["chosen"]["items_learned_in_part"] == 3
    score = SIMS.ready(model)
    np.testing.assert_array_equal(np.argsort(-score(Query(item=0)))[:1], [2])
    assert score(Query(item=2)).argmax() == 0 and score(Query(item=-1)).argmax() == 0


def test_sims_loses_nothing_by_its_defaults() -> None:
    """The most popular item is beside its neighbours, and they are beside it."""
    rows = [(u, i, START + u) for u in range(60) for i in (0, 1 + u % 12)]
    score = SIMS.ready(SIMS.train(rows_of(rows), SIMS.parse({}), 0, silent))
    assert all(score(Query(item=item)).argmax() == 0 for item in range(1, 13))
    assert score(Query(item=0)).max() > 0
