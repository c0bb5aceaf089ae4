"""Films with a domain dataset group: the five use cases of VIDEO_ON_DEMAND."""

from __future__ import annotations

import json
import time

import pytest

from tests.flows.cloud import START, Cloud
from tests.flows.recommenders import Recommenders

DOMAIN = {"domain": "VIDEO_ON_DEMAND"}
INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "CREATION_TIMESTAMP", "type": "long"},
    {"name": "GENRES", "type": "string", "categorical": True},
]
USERS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "SUBSCRIPTION_MODEL", "type": "string", "categorical": True},
]
FILMS = 12


@pytest.fixture(scope="module")
def films(account: Cloud) -> Recommenders:
    """Even users watch even films, comedies; odd ones odd, dramas; everybody has clicked on all of their kind."""
    group = account.group("films", **DOMAIN)
    mine = {u: list(range(u % 2, FILMS, 2)) for u in range(14)}
    clicks = [f"u{u},f{f},Click,{START + u * 100 + f}" for u in mine for f in mine[u]]
    watches = [f"u{u},f{f},Watch,{START + u * 100 + 50 + f}" for u in mine for f in mine[u][: 2 + u % 3]]
    account.load(group, "Interactions", INTERACTIONS, clicks + watches, **DOMAIN)
    genres = ("Comedy", "Drama")
    account.load(group, "Items", ITEMS, [f"f{n},{START},{genres[n % 2]}|Film" for n in range(FILMS)], **DOMAIN)
    account.load(group, "Users", USERS, [f"u{n},{('sub', 'ads')[n % 2]}" for n in range(14)], **DOMAIN)
    return Recommenders(account, group)


def test_most_popular_and_trending(films: Recommenders):
    popular = films.make("most-popular", "aws-vod-most-popular")
    assert set(films.ask(popular, userId="u0", numResults=4)) == {"f0", "f1", "f2", "f3"}
    trending = films.make("trending", "aws-vod-trending-now")
    assert len(films.ask(trending)) == 5  # needs nobody
    films.account.personalize.stop_recommender(recommenderArn=trending)


def test_because_you_watched_and_more_like(films: Recommenders):
    because = films.make("because", "aws-vod-because-you-watched-x")
    assert films.ask(because, itemId="f4", userId="nobody", numResults=2) in (["f0", "f2"], ["f2", "f0"])
    assert not {"f0", "f2"} & set(films.ask(because, itemId="f4", userId="u0"))  # watched
    more = films.make("more-like", "aws-vod-more-like-x")
    assert {int(name[1:]) % 2 for name in films.ask(more, itemId="f5", userId="nobody", numResults=3)} == {1}


def test_top_picks_follow_what_is_watched_and_what_is_new(films: Recommenders):
    arn = films.make("top-picks", "aws-vod-top-picks")
    account, group = films.account, films.group
    tracker = account.personalize.create_event_tracker(name="films", datasetGroupArn=group)["trackingId"]
    before = films.ask(arn, userId="fresh")
    seen = [{"eventType": "Watch", "itemId": f"f{n}", "sentAt": int(time.time()) + n} for n in (1, 3)]
    account.events.put_events(trackingId=tracker, userId="fresh", sessionId="s", eventList=seen)
    deadline = time.monotonic() + 1
    while {"f1", "f3"} & set(films.ask(arn, userId="fresh", numResults=12)) or films.ask(arn, userId="fresh") == before:
        assert time.monotonic() < deadline

    drama = account.personalize.create_filter(
        name="only", datasetGroupArn=group, filterExpression="INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)"
    )["filterArn"]
    asked = {"userId": "u1", "filterArn": drama, "filterValues": {"GENRE": '"Comedy"'}}
    deadline = time.monotonic() + 5
    while True:
        try:
            assert {int(name[1:]) % 2 for name in films.ask(arn, **asked)} == {0}
            return
        except account.runtime.exceptions.InvalidInputException as error:  # the filter is not ACTIVE yet
            assert "ACTIVE" in str(error) and time.monotonic() < deadline


def test_a_schema_of_the_domain_has_its_fields(films: Recommenders):
    p = films.account.personalize
    text = {"type": "record", "name": "Items", "namespace": "x", "fields": ITEMS[:2], "version": "1.0"}
    with pytest.raises(p.exceptions.InvalidInputException, match="GENRES"):
        p.create_schema(name="no-genres", schema=json.dumps(text), **DOMAIN)
