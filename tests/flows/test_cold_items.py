"""A new item is recommended within a minute, without training: PutItems, then ask for many users until it shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.flows.site import START, Site, site

ITEM = (("ITEM_ID", "string"), ("PRICE", "float"), ("CREATION_TIMESTAMP", "long"))
YEAR_S = 365 * 86_400
RECIPES = ("aws-user-personalization", "aws-user-personalization-v2")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A shop whose twenty items have been there for a year, with a model of either version."""
    with site(tmp_path_factory.mktemp("cold")) as opened:
        group = opened.shop()
        items = opened.dataset(group, "Items", *ITEM)
        rows = [f"i{item},{item}.5,{START - YEAR_S}" for item in range(20)]
        opened.load(items, [",".join(name for name, _ in ITEM), *rows])
        for recipe in RECIPES:
            opened.personalize.create_solution(
                name=recipe,
                datasetGroupArn=group,
                recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
                performAutoTraining=False,
                solutionConfig={"algorithmHyperParameters": {"sequence_epochs": "0"}},
            )
            arn = _arn("solution", recipe)
            opened.personalize.create_solution_version(solutionArn=arn)
        opened.work()
        yield opened


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:personalize:us-east-1:000000000000:{kind}/{name}"


def campaign(shop: Site, name: str, recipe: str, **config: Any) -> str:
    version = shop.versions(_arn("solution", recipe))[-1]["solutionVersionArn"]
    made = shop.personalize.create_campaign(name=name, solutionVersionArn=version, campaignConfig=config)
    return str(made["campaignArn"])


def put(shop: Site, item: str, created: int = START) -> None:
    properties = f'{{"price": 7.5, "creationTimestamp": {created}}}'
    shop.events.put_items(datasetArn=_arn("dataset", "shop/ITEMS"), items=[{"itemId": item, "properties": properties}])


def seconds_until(true: Callable[[str], bool], most_s: float = 60.0) -> float:
    """Of asking for one user after another."""
    began = time.monotonic()
    for user in count():
        if true(f"someone-{user}"):
            return time.monotonic() - began
        assert time.monotonic() - began < most_s
    raise AssertionError


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_item_put_after_training_is_shown_within_a_minute(shop: Site, recipe: str):
    arn = campaign(shop, f"home-{recipe[-2:]}", recipe)
    new = f"new-{recipe[-2:]}"
    assert not any(new in shop.items(arn, f"u{user}") for user in range(40))
    put(shop, new)
    seconds = seconds_until(lambda user: new in shop.items(arn, user))
    print(f"{recipe}: an item put was shown after {seconds:.2f} s")
    assert seconds < 60

    told: list[dict[str, Any]] = []

    def ask(user: str) -> bool:
        listed = shop.runtime.get_recommendations(campaignArn=arn, userId=user)["itemList"]
        told.extend(item for item in listed if item["itemId"] == new)
        return bool(told)

    seconds_until(ask)
    reason = ["Exploration"] if recipe.endswith("v2") else None
    assert told[0].get("reason") == reason


def test_weight_0_shows_nothing_new_and_an_update_turns_it_on(shop: Site):
    arn = campaign(shop, "still", RECIPES[0], itemExplorationConfig={"explorationWeight": "0"})
    put(shop, "never")
    assert not any("never" in shop.items(arn, f"u{user}", 500) for user in range(200))
    config = {"itemExplorationConfig": {"explorationWeight": "1", "explorationItemAgeCutOff": "30"}}
    shop.personalize.update_campaign(campaignArn=arn, campaignConfig=config)
    assert seconds_until(lambda user: "never" in shop.items(arn, user)) < 60


def test_an_item_older_than_the_cut_off_is_not_explored(shop: Site):
    config = {"explorationWeight": "1", "explorationItemAgeCutOff": "10"}
    arn = campaign(shop, "recent", RECIPES[0], itemExplorationConfig=config)
    put(shop, "old", START - 11 * 86_400)
    put(shop, "young", START - 9 * 86_400)
    assert seconds_until(lambda user: "young" in shop.items(arn, user)) < 60
    assert not any("old" in shop.items(arn, f"u{user}", 500) for user in range(200))


@pytest.mark.parametrize(
    ("recipe", "config", "text"),
    [
        (RECIPES[0], {"explorationWeight": "1.5"}, "itemExplorationConfig.explorationWeight is 1.5"),
        (RECIPES[0], {"explorationWeight": "much"}, "itemExplorationConfig.explorationWeight is much"),
        (RECIPES[0], {"explorationItemAgeCutOff": "0"}, "itemExplorationConfig.explorationItemAgeCutOff is 0"),
        (RECIPES[0], {"weight": "0.5"}, "itemExplorationConfig has no weight"),
        (RECIPES[1], {"explorationWeight": "0.5"}, "itemExplorationConfig fits only the recipe"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(shop: Site, recipe: str, config: dict[str, str], text: str):
    with pytest.raises(ClientError) as refused:
        campaign(shop, "wrong", recipe, itemExplorationConfig=config)
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"
    assert text in refused.value.response["Error"]["Message"]


def test_what_is_shown_and_not_chosen_is_shown_less(shop: Site):
    """Two new items: one is in every impression that is told and never chosen."""
    arn = campaign(shop, "seen", RECIPES[0], itemExplorationConfig={"explorationWeight": "0.5"})
    tracker = shop.personalize.create_event_tracker(name="clicks", datasetGroupArn=_arn("dataset-group", "shop"))[
        "trackingId"
    ]
    put(shop, "seen")
    put(shop, "unseen")
    event = {"eventType": "view", "itemId": "i0", "sentAt": START, "impression": ["i0", "seen"]}
    for session in range(5):
        shop.events.put_events(
            trackingId=tracker,
            userId="viewer",
            sessionId=f"s{session}",
            eventList=[event | {"sentAt": START + session}],
        )
    shop.engine.feed.catch_up()
    shown = [item for user in range(400) for item in shop.items(arn, f"w{user}")]
    print(f"shown {shown.count('seen')} times, unseen {shown.count('unseen')}")
    assert 0 < 2 * shown.count("seen") < shown.count("unseen")
