"""Films by what is said about them: in the world below words differ where meanings are the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from engine.data.columns import Numbers, Texts
from engine.data.snapshot import Snapshot
from engine.recipe import Model, Query, silent
from engine.recipes import RECIPES
from tests.engine.recipes.worlds import HOUR, START, rows_of

RECIPE = RECIPES["aws-semantic-similarity"]
SPACE, LOVE, FOOD = "space", "love", "food"
FILMS = [
    (SPACE, "Voyage", "Astronauts travel to a distant planet aboard a rocket"),
    (SPACE, "Orbit", "A spaceship crew explores the galaxy"),
    (SPACE, "Red Dust", "The first colonists settle on Mars and build a starship"),
    (LOVE, "Letters", "Two lovers write to each other and finally marry"),
    (LOVE, "The Wedding", "A bride falls for the best man, a tender romance"),
    (LOVE, "Heart", "A girl and a boy kiss for the first time and fall in love"),
    (FOOD, "Kitchen", "A chef cooks dinner in a small restaurant"),
    (FOOD, "Bread", "A baker and his pastry, cakes and dough"),
    (FOOD, "Spice", "Recipes, soup and grilled meat: cooking in a village"),
]
NEW = (SPACE, "Comet", "A shuttle pilot lands on an asteroid among the stars")
KINDS = np.array([kind for kind, _, _ in [*FILMS, NEW]])


def world(films: list[tuple[str, str, str]] = FILMS, *, created: bool = True) -> Snapshot:
    """User u touches item i where u ≥ i: the lower an item's number, the more popular, and the older it is."""
    rows = [(user, item, START + item) for user in range(9) for item in range(user + 1)]
    columns = {
        "TITLE": Texts.of(title for _, title, _ in films),
        "PLOT": Texts.of(plot for _, _, plot in films),
        **({"CREATION_TIMESTAMP": Numbers(START + HOUR * np.arange(len(films)))} if created else {}),
    }
    return rows_of(rows, item_names=[str(item) for item in range(len(films))], item_columns=columns)


@pytest.fixture(scope="module")
def model() -> Model:
    return RECIPE.train(world(), RECIPE.parse({}), 0, silent)


def ranked(model: Model, item: int, **influence: float) -> list[int]:
    scores = RECIPE.ready(model)(Query(item=item, influence=influence))
    return [int(other) for other in np.argsort(-scores, kind="stable") if np.isfinite(scores[other])]


@pytest.mark.parametrize("item", range(9))
def test_alike_in_meaning(model: Model, item: int):
    assert {KINDS[other] for other in ranked(model, item)[:2]} == {KINDS[item]}


def test_the_item_itself_is_no_answer(model: Model):
    assert sorted([4, *ranked(model, 4)]) == list(range(9))


def test_popular_items_for_an_unknown_item_and_for_one_without_words():
    silent_film = RECIPE.train(world([*FILMS, (LOVE, "", "")]), RECIPE.parse({}), 0, silent)
    for unknown in (-1, 99, 9):
        assert ranked(silent_film, unknown)[:9] == list(range(9))
    assert ranked(silent_film, 0)[-1] == 9  # of which nothing is said


def test_influence_of_popularity_and_of_freshness(model: Model):
    """The most popular is the oldest, the newest has been seen by few; the more influence the higher each comes."""
    plain = ranked(model, 3)
    assert ranked(model, 3, POPULARITY=0.0, FRESHNESS=0.0) == plain
    places = [ranked(model, 3, POPULARITY=share).index(0) for share in (0.0, 0.3, 1.0)]
    assert places == sorted(places, reverse=True) and places[0] > places[2]
    places = [ranked(model, 3, FRESHNESS=share).index(8) for share in (0.0, 0.3, 1.0)]
    assert places == sorted(places, reverse=True) and places[0] > places[2]
    both = ranked(model, 3, POPULARITY=1.0, FRESHNESS=1.0)
    assert both.index(4) < 2  # what is alike stays before what is only popular and new


def test_an_item_without_a_date_is_as_old_as_its_first_interaction():
    dated, undated = (RECIPE.train(world(created=own), RECIPE.parse({}), 0, silent) for own in (True, False))
    assert ranked(undated, 3, FRESHNESS=1.0) == ranked(dated, 3, FRESHNESS=1.0)


def test_extended_by_new_items_and_changed_texts(model: Model):
    assert RECIPE.extend is not None
    changed = [*FILMS[:8], (SPACE, "Spice", "Aliens in a flying saucer attack a rocket on the moon"), NEW]
    messages: list[str] = []
    extended = RECIPE.extend(model, world(changed), RECIPE.parse({}), lambda _, message: messages.append(message))
    assert messages and extended.about["chosen"]["read_again"] == 2
    assert set(ranked(extended, 9)[:4]) == set(ranked(extended, 8)[:4]) - {9} | {8} == {0, 1, 2, 8}
    assert 9 in ranked(extended, 0)[:4]
    score, before = RECIPE.ready(extended), RECIPE.ready(model)
    known = Query(item=3, influence={"POPULARITY": 0.7, "FRESHNESS": 0.2})  # what was there before scores as before
    np.testing.assert_allclose(np.delete(score(known), [8, 9]), np.delete(before(known), 8), atol=1e-6)
    assert ranked(extended, 3, FRESHNESS=1.0).index(9) < ranked(extended, 3).index(9)


def test_metrics(model: Model):
    assert RECIPE.measure is not None
    metrics = RECIPE.measure(world(), RECIPE.parse({}), 0, silent, model)
    assert {"coverage", "precision_at_5", "item_popularity", "item_freshness", "item_similarity"} <= set(metrics)
    counts = np.log1p(np.arange(9, 0, -1))  # everything is shown for every other item: the catalogue's own means
    assert metrics["item_popularity"] == pytest.approx((counts / counts.max()).mean(), abs=1e-4)
    assert metrics["item_freshness"] == pytest.approx((np.arange(9) + 1).mean() / 9, abs=1e-4)
    assert -0.2 < metrics["item_similarity"] < 0.2


def test_what_all_texts_have_in_common_says_nothing():
    """The same long blurb on every film must not drown what tells them apart."""
    blurb = "Now available on disc and for streaming, with subtitles in many languages, extras and a booklet. "
    number = count(1)
    films = [(kind, f"Film {next(number)}", blurb + plot) for kind, _, plot in FILMS]
    model = RECIPE.train(replace(world(films)), RECIPE.parse({}), 0, silent)
    right = [KINDS[other] == KINDS[item] for item in range(9) for other in ranked(model, item)[:2]]
    assert np.mean(right) >= 0.8
