"""Filters whose values come with the question, and that follow what is put a moment ago."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tests.flows.cloud import START, Cloud, wait

INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "GENRE", "type": ["null", "string"], "categorical": True},
    {"name": "PRICE", "type": ["null", "float"]},
]
USERS = [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]
WITHIN_S = 1.0  # a write reaches filters


@pytest.fixture(scope="module")
def group(account: Cloud) -> str:
    """Films f0 to f9, the lower the more watched; the even ones are comedies, f8 and f9 are thrillers, too."""
    group = account.group("filtered")
    watched = [f"u{u},f{i},watch,{START + u * 20 + i}" for u in range(12) for i in range(min(u + 1, 10))]
    account.load(group, "Interactions", INTERACTIONS, watched)
    genres = [f"{('Comedy', 'Drama')[n % 2]}{'|Thriller' if n > 7 else ''}" for n in range(10)]
    account.load(group, "Items", ITEMS, [f"f{n},{genres[n]},{n}.5" for n in range(10)])
    account.load(group, "Users", USERS, [f"u{n},{10 + n}" for n in range(12)])
    return group


@pytest.fixture(scope="module")
def campaign(account: Cloud, group: str) -> str:
    version = account.train(group, "aws-popularity-count")
    arn = account.personalize.create_campaign(name="filtered", solutionVersionArn=version)["campaignArn"]
    wait(lambda: account.personalize.describe_campaign(campaignArn=arn)["campaign"])
    return str(arn)


@pytest.fixture
def made(account: Cloud, group: str) -> Callable[[str, str], str]:
    def make(name: str, expression: str) -> str:
        p = account.personalize
        arn = p.create_filter(name=name, datasetGroupArn=group, filterExpression=expression)["filterArn"]
        wait(lambda: p.describe_filter(filterArn=arn)["filter"])
        return str(arn)

    return make


@pytest.fixture
def ask(account: Cloud, campaign: str) -> Callable[..., str]:
    def ask(filter_: str, user: str = "u0", count: int = 10, **values: str) -> str:
        answer = account.runtime.get_recommendations(
            campaignArn=campaign, userId=user, numResults=count, filterArn=filter_, filterValues=values
        )
        return " ".join(item["itemId"] for item in answer["itemList"])

    return ask


Made, Ask = Callable[[str, str], str], Callable[..., str]


def test_a_list_of_values(made: Made, ask: Ask):
    genre = made("genre", "INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)")
    assert ask(genre, GENRE='"Comedy"') == "f0 f2 f4 f6 f8"
    assert ask(genre, GENRE='"Thriller","Comedy"', count=3) == "f0 f2 f4"  # the answer is filled after filtering
    assert ask(genre, GENRE='"Thriller"') == "f8 f9"
    assert ask(genre, GENRE='"Opera"') == ""


def test_a_number_and_two_expressions(made: Made, ask: Ask):
    both = made("cheap", "INCLUDE ItemID WHERE Items.PRICE <= $MOST | EXCLUDE ItemID WHERE Items.GENRE IN ($NOT)")
    assert ask(both, MOST="4.5", NOT='"Drama"') == "f0 f2 f4"
    assert ask(both, MOST="4.5") == "f0 f1 f2 f3 f4"  # what excludes is skipped without its value


def test_a_value_that_is_missing(account: Cloud, made: Made, ask: Ask):
    cheap = made("least", "INCLUDE ItemID WHERE Items.PRICE >= $LEAST")
    with pytest.raises(account.runtime.exceptions.InvalidInputException, match="LEAST"):
        ask(cheap)


def test_what_the_user_did_a_moment_ago(account: Cloud, group: str, made: Made, ask: Ask):
    unseen = made("unseen", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")')
    assert ask(unseen, user="fresh", count=3) == "f0 f1 f2"
    tracker = account.personalize.create_event_tracker(name="filtered", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "Watch", "itemId": "f1", "sentAt": int(time.time())}  # event types ignore case
    account.events.put_events(trackingId=tracker, userId="fresh", sessionId="s", eventList=[event])
    soon(lambda: ask(unseen, user="fresh", count=3) == "f0 f2 f3")


def test_an_item_and_a_user_put_a_moment_ago(account: Cloud, group: str, made: Made, ask: Ask):
    adults = made("adults", 'EXCLUDE ItemID WHERE Items.GENRE IN ("Horror") IF CurrentUser.AGE < 18')
    base = group.replace(":dataset-group/", ":dataset/")
    horror = {"itemId": "f0", "properties": json.dumps({"genre": "Horror", "price": 1})}
    account.events.put_items(datasetArn=f"{base}/ITEMS", items=[horror])
    soon(lambda: ask(adults, user="u3", count=2) == "f1 f2")
    account.events.put_users(datasetArn=f"{base}/USERS", users=[{"userId": "u3", "properties": '{"age": 18}'}])
    soon(lambda: ask(adults, user="u3", count=2) == "f0 f1")


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline
