"""THEME_GENERATION: what related items have in common, in words, and how relevant each is to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine import InvalidInput
from engine.batch.themes import NOTHING, Themes
from engine.data.group import Group
from engine.data.schema import Field
from tests.engine.batch.world import Batches

SIMILAR = "aws-similar-items"
FIELDS: list[dict[str, Any]] = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TITLE", "type": ["null", "string"], "itemName": True},
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    {"name": "PLOT", "type": ["null", "string"], "textual": True},
    {"name": "YEAR", "type": ["null", "int"]},
]
FILMS = {
    "space": ("Science fiction", ["Journey to Mars", "The Mars colony", "Beyond the galaxy", "Galaxy of ice"]),
    "love": ("Romance|Comedy", ["A summer wedding", "The wedding cake", "Wedding in Rome", "Letters of summer"]),
    "food": ("Documentary", ["The pasta kitchen", "Kitchen stories", "A kitchen in Lima", "Bread"]),
}
PLOTS = {
    "space": "astronauts fly a spaceship to a far planet and find the ruins of aliens",
    "love": "two people fall in love and marry in spite of the families",
    "food": "a chef cooks dinner with vegetables and olive oil for guests of the restaurant",
}
NAMED = {"fieldsForThemeGeneration": {"itemName": "title"}}
THEMED = {"batchInferenceJobMode": "THEME_GENERATION", "themeGenerationConfig": NAMED}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batches]:
    shop = Batches(tmp_path_factory.mktemp("films"))
    shop.furnish("INTERACTIONS")
    shop.add_dataset("ITEMS", FIELDS)
    rows = [
        f"{kind}{n},{title},{genres},{PLOTS[kind]},{1990 + n}"
        for kind, (genres, titles) in FILMS.items()
        for n, title in enumerate(titles)
    ]
    shop.load("ITEMS", ["ITEM_ID,TITLE,GENRES,PLOT,YEAR", *rows, "bare,,,,"])
    shop.load_clicks(
        *(f"u{kind}{user} {kind}{n} {10 * user + n}" for kind in FILMS for user in range(6) for n in range(4)),
        *(f"fan{n} food3 {n}" for n in range(20)),
    )
    yield shop
    shop.close()


@pytest.mark.parametrize(
    ("kind", "theme"), [("space", "Science fiction"), ("love", "Comedy and Romance"), ("food", "Documentary")]
)
def test_a_theme_tells_what_the_items_have_in_common(films: Batches, kind: str, theme: str):
    (answer,) = films.answers(SIMILAR, {"itemId": f"{kind}0"}, numResults=3, **THEMED)
    output = answer["output"]
    assert answer["error"] is None and output.keys() == {"recommendedItems", "theme", "itemsThemeRelevanceScores"}
    assert set(output["recommendedItems"]) == {f"{kind}{n}" for n in (1, 2, 3)}
    assert output["theme"].startswith(theme) and len(output["theme"]) < 80
    scores = output["itemsThemeRelevanceScores"]
    assert scores == sorted(scores, reverse=True) and len(scores) == 3 and all(0.2 < score <= 1 for score in scores)


def test_items_off_the_theme_come_last(films: Batches):
    (answer,) = films.answers(SIMILAR, {"itemId": "space0"}, numResults=5, **THEMED)
    assert {item[:-1] for item in answer["output"]["recommendedItems"][:3]} == {"space"}
    scores = answer["output"]["itemsThemeRelevanceScores"]
    assert len(scores) == 5 and scores[3] < scores[2] - 0.1


def test_bad_lines_and_too_many(films: Batches):
    bad, good = films.answers(SIMILAR, {"userId": "u"}, {"itemId": "love0"}, **THEMED)
    assert "itemId" in bad["error"] and list(bad) == ["input", "error"] and good["error"] is None
    job, out = films.infer(SIMILAR, {"a.json": '{"itemId":"love0"}\n' * 101}, **THEMED)
    assert job["status"] == "CREATE FAILED" and "more than 100 lines" in job["failureReason"] and not out.exists()


def test_as_much_popularity_as_the_job_says(films: Batches):
    """food3 is the most popular."""
    places = []
    for influence in (0.0, 1.0):
        config = {"rankingInfluence": {"POPULARITY": influence}}
        (answer,) = films.answers("aws-semantic-similarity", {"itemId": "space0"}, batchInferenceJobConfig=config)
        assert answer["output"].keys() == {"recommendedItems"}
        places.append(answer["output"]["recommendedItems"].index("food3"))
    assert places[1] == 3 < places[0]  # right after those that mean the same


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"batchInferenceJobMode": "THEME_GENERATION"}, "themeGenerationConfig"),
        ({"themeGenerationConfig": NAMED}, "themeGenerationConfig"),
        ({**THEMED, "themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "NAME"}}}, "itemName is NAME"),
        ({**THEMED, "themeGenerationConfig": {"fieldsForThemeGeneration": {"itemName": "YEAR"}}}, "itemName is YEAR"),
        ({**THEMED, "themeGenerationConfig": {}}, "fieldsForThemeGeneration"),
    ],
)
def test_refusals(films: Batches, more: dict[str, Any], says: str):
    with pytest.raises(InvalidInput, match=says):
        films.infer(SIMILAR, {"a.json": ""}, **more)


def test_words_without_meaning_of_their_own_are_left_out():
    """Half the catalogue says "with", as do all three of these."""
    group = Group("g")
    titles = ["wine with cheese", "red wine with friends", "the wine with nothing", "cars with wheels", "fast cars"]
    for number, title in enumerate([*titles, "a car", "roads with cars", "car on a road", "long roads"]):
        group.item_table.put(group.items.add(f"i{number}"), {"TITLE": title})
    themes = Themes(group, [Field(name="TITLE", type="string")], "TITLE")
    assert themes.of(("i0", "i1", "i2")).theme == "Wine"


def test_items_that_nothing_is_said_about():
    themes = Themes(Group("empty"), [Field(name="TITLE", type="string")], "TITLE")
    assert themes.of(("a", "b")).theme == NOTHING and themes.of(()).recommended_items == ()
