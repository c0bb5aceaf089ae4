"""Similar by meaning, as a customer sets it up: names and texts of items, a solution, a campaign that may be swayed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from engine import Runner
from engine.jobs.schedule import ITEMS_S, Scheduler
from tests.flows.site import START, Site, eventually, site

RECIPE = "arn:aws:personalize:::recipe/aws-semantic-similarity"
POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"
BOOKS = {
    "mars": ("Red Dust", "The first colonists settle on Mars and build a starship", 10),
    "orbit": ("Orbit", "A spaceship crew explores the galaxy", 30),
    "comet": ("Comet", "A shuttle pilot lands on an asteroid among the stars", 50),
    "soup": ("Spice", "Recipes, soup and grilled meat: cooking in a village", 20),
    "bread": ("Bread", "A baker and his pastry, cakes and dough", 40),
    "chef": ("Kitchen", "A chef cooks dinner in a small restaurant", 60),
}
SPACE, FOOD = {"mars", "orbit", "comet"}, {"soup", "bread", "chef"}


def fields(*flags: str) -> str:
    """The schema of items whose title and blurb bear these flags."""
    rows = [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TITLE", "type": "string", "itemName": "itemName" in flags},
        {"name": "BLURB", "type": "string", "textual": "textual" in flags},
        {"name": "CREATION_TIMESTAMP", "type": "long"},
    ]
    return json.dumps({"type": "record", "name": "Items", "fields": rows, "version": "1.0"})


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("books")) as made:
        yield made


@pytest.fixture(scope="module")
def group(books: Site) -> str:
    """Everybody has read of cooking, few of space."""
    p = books.personalize
    group = str(p.create_dataset_group(name="books")["datasetGroupArn"])
    kinds = [("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long")]
    rows = [f"u{u},{item},{START + u}" for u in range(12) for item in ("chef", "bread", *(["mars"] if u < 3 else []))]
    books.load(books.dataset(group, "Interactions", *kinds), ["USER_ID,ITEM_ID,TIMESTAMP", *rows])
    refused = p.exceptions.InvalidInputException
    with pytest.raises(refused, match='needs an Items dataset with one field that is "itemName" and one that is "text'):
        p.create_solution(name="meaning", recipeArn=RECIPE, datasetGroupArn=group)
    schema = p.create_schema(name="books", schema=fields("itemName", "textual"))["schemaArn"]
    made = {"name": "books", "schemaArn": schema, "datasetGroupArn": group, "datasetType": "Items"}
    lines = [f'{name},{title},"{blurb}",{START + day * 86400}' for name, (title, blurb, day) in BOOKS.items()]
    header = "ITEM_ID,TITLE,BLURB,CREATION_TIMESTAMP"
    books.load(p.create_dataset(**made)["datasetArn"], [header, *lines])
    return group


@pytest.fixture(scope="module")
def version(books: Site, group: str) -> str:
    p = books.personalize
    made = {"name": "meaning", "recipeArn": RECIPE, "datasetGroupArn": group, "performAutoTraining": False}
    solution = p.create_solution(**made)["solutionArn"]
    arn = str(p.create_solution_version(solutionArn=solution)["solutionVersionArn"])
    books.work()
    assert books.version(arn)["status"] == "ACTIVE", books.version(arn)
    return arn


def related(books: Site, campaign: str, item: str, count: int = 25) -> list[str]:
    answer = books.runtime.get_recommendations(campaignArn=campaign, itemId=item, numResults=count)
    return [each["itemId"] for each in answer["itemList"]]


def test_books_alike_in_meaning(books: Site, version: str):
    metrics = books.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert {"coverage", "item_popularity", "item_freshness", "item_similarity"} <= set(metrics)
    campaign = books.personalize.create_campaign(name="alike", solutionVersionArn=version)["campaignArn"]
    for item in BOOKS:
        alike = SPACE if item in SPACE else FOOD
        assert set(related(books, campaign, item, 2)) == alike - {item}
    assert set(related(books, campaign, "unheard-of", 2)) == {"chef", "bread"}  # the popular ones
    question = {"campaignArn": campaign, "itemId": "mars", "numResults": 2, "metadataColumns": {"ITEMS": ["TITLE"]}}
    answer = books.runtime.get_recommendations(**question)["itemList"]  # metadata without being told to return it
    assert {each["metadata"]["title"] for each in answer} == {"Orbit", "Comet"}
    assert "score" not in answer[0]
    with pytest.raises(books.runtime.exceptions.InvalidInputException, match="itemId is required"):
        books.runtime.get_recommendations(campaignArn=campaign, userId="u1")


def test_popularity_and_freshness_have_their_say(books: Site, version: str):
    p = books.personalize
    swayed = {
        name: p.create_campaign(name=name, solutionVersionArn=version, campaignConfig={"rankingInfluence": influence})
        for name, influence in {
            "popular": {"POPULARITY": 1.0},
            "fresh": {"FRESHNESS": 1.0},
            "neither": {"POPULARITY": 0.0, "FRESHNESS": 0.0},
        }.items()
    }
    popular, fresh, neither = (related(books, made["campaignArn"], "orbit") for made in swayed.values())
    assert popular.index("chef") < neither.index("chef") and fresh.index("chef") < neither.index("chef")
    arn = swayed["popular"]["campaignArn"]
    p.update_campaign(campaignArn=arn, campaignConfig={"rankingInfluence": {"FRESHNESS": 1.0}})
    eventually(lambda: related(books, arn, "orbit") == fresh)


@pytest.mark.parametrize(
    "influence", [{"POPULARITY": 1.1}, {"FRESHNESS": 2.0}, {"NOVELTY": 0.5}], ids=["popularity", "freshness", "unknown"]
)
def test_influence_is_refused_beyond_its_range(books: Site, version: str, influence: dict[str, float]):
    with pytest.raises(books.personalize.exceptions.InvalidInputException, match="rankingInfluence"):
        config = {"rankingInfluence": influence}
        books.personalize.create_campaign(name="x", solutionVersionArn=version, campaignConfig=config)


def test_influence_fits_no_other_recipe(books: Site, group: str):
    p = books.personalize
    made = {"name": "popular", "recipeArn": POPULAR, "datasetGroupArn": group, "performAutoTraining": False}
    arn = p.create_solution_version(solutionArn=p.create_solution(**made)["solutionArn"])["solutionVersionArn"]
    books.work()
    with pytest.raises(p.exceptions.InvalidInputException, match="rankingInfluence fits only the recipe aws-semantic"):
        config = {"rankingInfluence": {"POPULARITY": 0.5}}
        p.create_campaign(name="x", solutionVersionArn=arn, campaignConfig=config)


def test_new_books_are_taken_where_the_solution_asks_for_it(books: Site, group: str, version: str):
    p = books.personalize
    campaign = p.create_campaign(name="shelf", solutionVersionArn=version)["campaignArn"]
    dataset = group.replace("dataset-group", "dataset") + "/ITEMS"
    said = {"title": "Moons", "blurb": "A rocket flies the crew to the moons", "creationTimestamp": START}

    def look(item: str) -> list[str]:
        books.events.put_items(datasetArn=dataset, items=[{"itemId": item, "properties": json.dumps(said)}])
        books.clock.ahead += 30
        Scheduler(books.engine).look()
        books.work()
        return related(books, campaign, "mars", 4)

    assert "moons" not in look("moons")
    p.update_solution(solutionArn=version.rpartition("/")[0], performIncrementalUpdate=True)
    assert {"moons", "more-moons"} <= set(look("more-moons"))


NAMELESS = [("itemName",), ("textual",), ()]


@pytest.mark.parametrize("flags", NAMELESS, ids=["no text", "no name", "neither"])
def test_names_and_texts_are_needed(books: Site, flags: tuple[str, ...]):
    p = books.personalize
    name = "-".join(["without", *flags])
    group = p.create_dataset_group(name=name)["datasetGroupArn"]
    schema = p.create_schema(name=name, schema=fields(*flags))["schemaArn"]
    p.create_dataset(name=name, schemaArn=schema, datasetGroupArn=group, datasetType="Items")
    with pytest.raises(p.exceptions.InvalidInputException, match="itemName"):
        p.create_solution(name=name, recipeArn=RECIPE, datasetGroupArn=group)


def put(books: Site, group: str, item: str, title: str, blurb: str) -> None:
    book = {"title": title, "blurb": blurb, "creationTimestamp": START + 70 * 86400}
    dataset = group.replace("dataset-group", "dataset") + "/ITEMS"
    books.events.put_items(datasetArn=dataset, items=[{"itemId": item, "properties": json.dumps(book)}])


def test_an_update_knows_a_new_book(books: Site, group: str, version: str):
    p = books.personalize
    campaign = p.create_campaign(name="updated", solutionVersionArn=version)["campaignArn"]
    put(books, group, "moon", "Far Side", "An expedition of cosmonauts to the moon finds an alien spacecraft")
    assert set(related(books, campaign, "moon", 2)) == {"chef", "bread"}  # not known yet: the popular ones
    made = {"solutionArn": version.rpartition("/")[0], "trainingMode": "UPDATE"}
    update = p.create_solution_version(**made)["solutionVersionArn"]
    books.work()
    assert books.version(update)["status"] == "ACTIVE", books.version(update)
    p.update_campaign(campaignArn=campaign, solutionVersionArn=update)
    eventually(lambda: not FOOD & set(related(books, campaign, "moon", 3)))
    assert "moon" in related(books, campaign, "mars", 6)


def test_incremental_updates_find_a_new_book_within_a_minute(books: Site, group: str):
    """And what is said anew of an old one."""
    p = books.personalize
    made = {"name": "grows", "recipeArn": RECIPE, "datasetGroupArn": group, "performAutoTraining": False}
    solution = p.create_solution(**made, performIncrementalUpdate=True)["solutionArn"]
    version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    books.work()
    campaign = p.create_campaign(name="grows", solutionVersionArn=version)["campaignArn"]
    runner = Runner(books.engine)
    jobs = threading.Thread(target=runner.run_forever)
    jobs.start()
    try:
        put(books, group, "cake", "Sweet", "A pastry cook and her wedding cakes, with flour, butter and sugar")
        put(books, group, "soup", "Launch", "Engineers build a rocket that carries a satellite into orbit")
        books.clock.ahead += ITEMS_S  # the rest that follows the last taking of new items is over
        eventually(lambda: "cake" in related(books, campaign, "bread", 3), 60.0 - ITEMS_S)
        eventually(lambda: not FOOD & set(related(books, campaign, "soup", 4)), 60.0 - ITEMS_S)
    finally:
        runner.stop()
        jobs.join()
