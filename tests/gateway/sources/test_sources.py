"""Event sources: each message of a topic is in the log once, whatever it holds and whoever reads it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest
from litestar.testing import TestClient

from engine import Event, OffsetMove, PartitionBounds, Sourcing, Unavailable
from engine.data.entries import read_interaction
from engine.storage.sql import with_driver
from gateway.app import create_app
from gateway.cli.check_config import events
from gateway.config import ConfigError, parse
from gateway.config.watch import changed_settings
from gateway.events.sourced import record_of
from gateway.targets.entry import Entry, envelope
from tests.engine.shop import T0, Shop
from tests.gateway.config.documents import faults_of
from tests.gateway.sources.world import (
    CONFIG,
    Topic,
    body,
    cluster,
    configured,
    letters,
    number,
    numbers,
    reading,
    record,
    taken,
    until,
)
from tests.services import postgres_server

NUMBERS = count()


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with cluster() as addresses:
        yield addresses


@pytest.fixture
def topic(brokers: str) -> Topic:
    return Topic(brokers)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as server:
        yield server.url


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with closing(Shop(tmp_path)) as shop:
        yield shop.furnish()


@pytest.fixture
def shared_shop(tmp_path: Path, postgres: str) -> Iterator[Shop]:
    name = f"shop{next(NUMBERS)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = with_driver(f"{postgres.rpartition('/')[0]}/{name}")
    with closing(Shop(tmp_path, database_url=url)) as shop:
        yield shop.furnish()


# ---- positions


def event(item: str) -> Event:
    return Event(event_type="click", sent_at=T0, item_id=item)


def take(shop: Shop, item: str, before: int, after: int) -> None:
    batch = shop.engine.sourcing.batch("a", [shop.tracking])
    batch.add("s", "u", [event(item)], {})
    batch.commit({0: OffsetMove(before, after)})


def begun(sourcing: Sourcing, start: int, low: int, high: int) -> int:
    return sourcing.begin("a", {0: PartitionBounds(start, low, high)})[0]


@pytest.mark.parametrize("kind", ["shop", "shared_shop"])
def test_whoever_comes_late_writes_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    shop: Shop = request.getfixturevalue(kind)
    sourcing = shop.engine.sourcing
    assert (begun(sourcing, 5, 0, 9), begun(sourcing, 7, 0, 9)) == (5, 5)
    take(shop, "i1", 5, 7)
    with pytest.raises(Unavailable, match="another process reads a, partition 0"):
        take(shop, "i2", 5, 8)
    assert taken(shop) == [("u", "i1")]
    assert begun(sourcing, 0, 0, 9) == 7


def test_events_that_can_not_be_stored_leave_the_position(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(shop.engine.sourcing, 0, 0, 9)
    with monkeypatch.context() as patch:
        patch.setattr(shop.engine.log, "_clock", lambda: {}["broken"])
        with pytest.raises(KeyError):
            take(shop, "i1", 0, 1)
    assert (begun(shop.engine.sourcing, 0, 0, 9), taken(shop)) == (0, [])


def test_a_partition_that_is_not_what_it_was_says_so(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    sourcing = shop.engine.sourcing
    begun(sourcing, 5, 0, 9)
    assert (begun(sourcing, 8, 8, 20), begun(sourcing, 8, 8, 20)) == (8, 8)
    assert (begun(sourcing, 0, 0, 3), begun(sourcing, 0, 0, 3)) == (0, 0)
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR] == [
        "a, partition 0: its messages 5 to 7 were deleted before they could be read",
        "a, partition 0: ends at offset 3, before 8, which is next: it was made anew, and is read from 0 on",
    ]


# ---- topics


def test_messages_are_taken_once_and_what_is_none_stays_behind(shop: Shop, topic: Topic, tmp_path: Path) -> None:
    sale = {"sessionId": "s1", "userId": "u3", "experimentConversions": [{"recommender": "home", "metric": "sales"}]}
    sold = record(sale, id="r7")
    topic.write(
        body("u1", "i1"),
        b"{not json",
        record(body("u2", "i2"), headers={"x-device": "phone"}),
        record(body("u9", "i9"), namespace="elsewhere"),
        body("u1", "i3", sentAt=T0 * 1000),
        b"[1]",
        sold,
        sold,  # as a target may write it that was not told in time
        body("u1", "i4"),
    )
    with reading(shop, configured(shop, topic)) as sources:
        until(lambda: number(sources, "recgate_source_messages") == 9)
        until(lambda: number(sources, "recgate_source_lag") == 0)
        assert number(sources, "recgate_source_dead") == 3
        assert (number(sources, "recgate_events"), number(sources, "recgate_conversions")) == (3, 2)
        topic.write(body("u1", "i5"))
        until(lambda: len(taken(shop)) == 4)
    shop.engine.feed.catch_up()
    assert shop.history("u1") == ["i1", "i4", "i5"]
    devices = [read_interaction(each.body).properties for each in shop.engine.log.read(0) if each.key == "u2"]
    assert devices == [{"DEVICE": "phone"}]
    assert [(each["offset"], each["message"]) for each in letters(tmp_path)] == [
        (1, "{not json"),
        (4, json.dumps(body("u1", "i3", sentAt=T0 * 1000))),
        (5, "[1]"),
    ]
    assert "looks like milliseconds" in letters(tmp_path)[1]["why"]
    (experiment,) = configured(shop, topic).experiments
    clicks = shop.engine.experiments.outcomes(experiment.scope)
    assert sorted(each.unit for each in clicks) == ["u1", "u1", "u1", "u2"]
    assert [each.unit for each in shop.engine.experiments.outcomes(experiment.id)] == ["u3"]


def test_who_comes_next_goes_on(shared_shop: Shop, topic: Topic, tmp_path: Path) -> None:
    """And a message that the database does not store, whatever its reason, is put aside alone."""
    shop = shared_shop
    with psycopg.connect(shop.engine.settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER TABLE log ADD CHECK (key <> 'refused')")
    topic.write(*(body("u", f"i{n}") for n in range(3)), body("refused", "i"))
    config = configured(shop, topic)
    with reading(shop, config) as sources:
        until(lambda: number(sources, "recgate_source_messages") == 4)
    topic.write(*(body("u", f"i{n}") for n in range(3, 5)))
    with reading(shop, config) as sources:
        until(lambda: number(sources, "recgate_source_messages") == 2)
    assert taken(shop) == [("u", f"i{n}") for n in range(5)]
    assert ["can't be stored" in each["why"] for each in letters(tmp_path)] == [True]


def test_a_database_that_is_away_holds_the_source_up(
    shop: Shop, topic: Topic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    topic.write(body("u1", "i1"))
    write = shop.engine.database.write

    def away() -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(shop.engine.sourcing.database, "write", away)
    with reading(shop, configured(shop, topic)) as sources:
        until(lambda: number(sources, "recgate_source_failures") > 0)
        monkeypatch.setattr(shop.engine.sourcing.database, "write", write)
        until(lambda: taken(shop) == [("u1", "i1")])
    assert "is not read, its events wait there: the database does not answer" in caplog.text


def test_a_cached_list_ends_with_a_message_of_latest(shop: Shop, topic: Topic) -> None:
    topic.write(body("u9", "i0"))  # before anybody reads
    shop.load_clicks(*(f"u{user} i{item} {user}" for user in range(1, 4) for item in range(4)))
    shop.deploy(shop.train())
    unseen = "filters: [{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"*\")'}]"
    caching = "cacheControl: {userSpecified: {maxAge: 300}}"
    config = configured(shop, topic, more=", from: latest", around=f"{unseen}\n    {caching}")
    with TestClient(create_app(config, shop.engine)) as client, reading(shop, config) as sources:

        def items() -> set[str]:
            answer = client.get("/recommend-items/shop/home/u9").json()
            return {each["itemId"] for each in answer["itemList"]}

        assert items() == items() == {"i0", "i1", "i2", "i3"}
        until(lambda: numbers(sources, "recgate_source_lag") == [0.0] * 4, "it has its partitions")
        topic.write(body("u9", "i2"))
        until(lambda: taken(shop))
        assert items() == {"i0", "i1", "i3"}


def test_brokers_that_are_away_are_asked_again_until_they_are_taken_out(
    shop: Shop, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    topic.brokers = "127.0.0.1:1"
    with reading(shop, configured(shop, topic)) as sources:
        until(lambda: number(sources, "recgate_source_failures") > 0)
        assert readers() == [f"source shop/kafka/{topic.name}/recgate"]
        sources.use(parse(CONFIG.replace("SOURCE", "")))
        assert readers() == []
        assert number(sources, "recgate_source_failures") > 0
    assert "is not read, its events wait there" in caplog.text


def readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("source ")]


def test_a_target_s_records_can_be_read() -> None:
    entry = Entry(id="1", at=0.0, targets=(), namespace="n", session="s", path="/", body=b'{"a":1}')  # type: ignore[arg-type]
    assert record_of(envelope(entry)).namespace == "n"


# ---- the configuration


SOURCE = "{type: kafka, bootstrapServers: 'b:9092', topic: clicks, groupId: g}"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("{type: kafka, topic: t, groupId: g}", "eventSources[0]: 'bootstrapServers' is required"),
        ("{type: kafka, bootstrapServers: b, topic: t}", "eventSources[0]: 'groupId' is required"),
        ("{type: kafak}", "eventSources[0].type: unknown type 'kafak'; one of: kafka; did you mean 'kafka'?"),
        (SOURCE.replace("}", ", from: now}"), "eventSources[0].from: "),
        (SOURCE.replace("}", ", properties: {group.id: x}}"), "properties.group.id: is set by recgate"),
        (f"{SOURCE}, {SOURCE}", "eventSources[0] reads 'clicks/g', too, and each would get a part"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(source: str, fault: str) -> None:
    assert [each for each in faults_of(CONFIG.replace("SOURCE", source)) if fault in each]


def test_kafka_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sources.kafka.find_spec", lambda name: None)
    (fault,) = faults_of(CONFIG.replace("SOURCE", SOURCE))
    assert "eventSources[0]: needs a package that is not there: pip install 'recgate[kafka]'" in fault


def test_a_source_needs_the_engine_s_tracker() -> None:
    for tracker in ("", "personalize"):
        text = CONFIG.replace("SOURCE", SOURCE)
        if tracker:
            text = text.replace("namespaces:", "origins: {personalize: {type: aws}}\nnamespaces:")
        else:
            text = text.replace("{type: personalize-event-tracker, trackingId: TRACKING}", "")
        with pytest.raises(ConfigError, match=r"eventSources\[0\]: is read into the built-in engine"):
            parse(text)


def test_check_config_says_where_events_come_from() -> None:
    assert events(parse(CONFIG.replace("SOURCE", SOURCE))) == [
        "/events/shop → personalize-event-tracker TRACKING",
        "/events/shop ← kafka clicks/g",
    ]


def test_the_first_sources_count_after_a_restart() -> None:
    without, with_one = (parse(CONFIG.replace("SOURCE", source)) for source in ("", SOURCE))
    assert changed_settings(without, with_one) == ["eventSources"]
    assert changed_settings(with_one, without) == []


def test_what_comes_back_is_warned_of() -> None:
    target = "{type: kafka, bootstrapServers: b, topic: clicks}, {type: personal"
    (warning,) = parse(CONFIG.replace("SOURCE", SOURCE).replace("{type: personal", target)).warnings
    assert "eventTargets write to 'clicks': its events come back" in str(warning)
