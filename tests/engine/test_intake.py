"""What comes in: checked against its schema, appended whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import Event, InvalidInput, NotFound
from engine.data.entries import Interaction, RecordRow, read_interaction, read_row
from engine.data.log import Logged
from tests.engine.shop import T0, Shop


def records(shop: Shop) -> list[Logged]:
    return [record for record in shop.engine.log.read(0, group=shop.uid) if record.kind in ("event", "item", "user")]


def event(**members: Any) -> Event:
    return Event(**{"event_type": "click", "sent_at": T0, "item_id": "a", **members})


def put(shop: Shop, *events: Event, user: str | None = "u") -> None:
    shop.engine.feed.put_events(shop.tracking, "s", user, events).result(10)


def test_every_member_of_an_event_is_kept(shop: Shop):
    put(
        shop,
        event(
            event_id="e1",
            event_value=2.5,
            properties={"device": "tv"},
            recommendation_id="RID-1",
            impression=("a", "b"),
            metric_attribution={"eventAttributionSource": "mail"},
        ),
    )
    (record,) = records(shop)
    assert (record.kind, record.key) == ("event", "u")
    assert read_interaction(record.body) == Interaction(
        user="u",
        session="s",
        item="a",
        event_type="click",
        time=T0,
        value=2.5,
        event_id="e1",
        properties={"DEVICE": "tv"},
        recommendation_id="RID-1",
        impression=("a", "b"),
        attribution={"eventAttributionSource": "mail"},
    )


def test_an_anonymous_event_is_its_sessions(shop: Shop):
    put(shop, event(), user=None)
    assert [record.key for record in records(shop)] == ["s"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"sent_at": T0 * 1000.0}, "millisecond"),
        ({"sent_at": float("inf")}, "sentAt"),
        ({"sent_at": -1.0}, "negative"),
        ({"sent_at": float("nan")}, "sentAt"),
        ({"properties": {"colour": "red"}}, "'colour' is not in"),
        ({"properties": {"device": 7}}, "must be a string"),
        ({"properties": {"itemId": "a", "timestamp": 5}}, "reserved"),
        ({"properties": {"DEVICE": "tv", "device": "tv"}}, "given twice"),
    ],
)
def test_a_bad_event_is_refused_with_its_batch(shop: Shop, bad: dict[str, Any], reason: str):
    with pytest.raises(InvalidInput, match=reason):
        put(shop, event(), event(**bad))
    assert records(shop) == []


def test_an_unknown_tracker_is_refused(shop: Shop):
    with pytest.raises(InvalidInput, match="nobody"):
        shop.engine.feed.put_events("nobody", "s", "u", [event()])


def test_a_tracker_without_a_dataset_is_refused(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish()
    shop.do("DeleteDataset", datasetArn=shop.dataset("INTERACTIONS"))
    shop.engine.feed.catch_up()
    with pytest.raises(InvalidInput, match="no Interactions dataset"):
        put(shop, event())


def test_a_deleted_tracker_takes_no_more(shop: Shop):
    put(shop, event())
    tracker = shop.do("ListEventTrackers", datasetGroupArn=shop.group)["eventTrackers"][0]
    shop.do("DeleteEventTracker", eventTrackerArn=tracker["eventTrackerArn"])
    shop.engine.feed.catch_up()
    with pytest.raises(InvalidInput):
        put(shop, event())


def test_automatic_properties_go_where_the_schema_has_them_and_never_over_given_ones(shop: Shop):
    automatic = {"device": "auto", "SHELF": "top", "weather": "rain"}
    events = [event(properties={"DEVICE": "tv"}), event(item_id="b")]
    shop.engine.feed.deliver([shop.tracking], "s", "u", events, automatic).result(10)
    kept = [read_interaction(record.body).properties for record in records(shop)]
    assert kept == [{"DEVICE": "tv", "SHELF": "top"}, {"DEVICE": "auto", "SHELF": "top"}]


def test_all_trackers_or_none(shop: Shop):
    with pytest.raises(InvalidInput):
        shop.engine.feed.deliver([shop.tracking, "nobody"], "s", "u", [event()], {})
    assert records(shop) == []
    shop.engine.feed.deliver([], "s", "u", [event()], {}).result(10)


def test_rows_are_kept_by_schema_name(shop: Shop):
    shop.engine.feed.put_rows(
        shop.dataset("ITEMS"), "ITEMS", [("a", {"genres": ["x", "y"], "year": 1999}), ("b", {})]
    ).result(10)
    shop.engine.feed.put_rows(shop.dataset("USERS"), "USERS", [("u", {"tier": "gold"})]).result(10)
    assert [(record.kind, record.key, read_row(record.body)) for record in records(shop)] == [
        ("item", "a", RecordRow("a", {"GENRES": "x|y", "YEAR": 1999})),
        ("item", "b", RecordRow("b", {})),
        ("user", "u", RecordRow("u", {"TIER": "gold"})),
    ]


def test_a_row_put_again_is_stored_again(shop: Shop):
    """The same row may come back after another: only events are the same as earlier ones."""
    for year in (1, 2, 1):
        shop.put("a", year=year)
    assert shop.row("a") == {"YEAR": 1}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("a", {"year": 1}), ("b", {"year": "soon"})], "item 'b': Property 'year' must be a number"),
        ([("a", {"itemId": "b"})], "names the record itself"),
        ([], "1 to 10"),
        ([(str(number), {}) for number in range(11)], "1 to 10"),
    ],
)
def test_bad_rows_are_refused_together(shop: Shop, rows: Any, reason: str):
    with pytest.raises(InvalidInput, match=reason):
        shop.engine.feed.put_rows(shop.dataset("ITEMS"), "ITEMS", rows)
    assert records(shop) == []


def test_a_required_property_must_be_there(shop: Shop):
    shop.do("DeleteDataset", datasetArn=shop.dataset("ITEMS"))
    shop.add_dataset("ITEMS", [{"name": "ITEM_ID", "type": "string"}, {"name": "YEAR", "type": "int"}])
    shop.engine.feed.catch_up()
    with pytest.raises(InvalidInput, match=r"\['YEAR'\] are missing"):
        shop.engine.feed.put_rows(shop.dataset("ITEMS"), "ITEMS", [("a", {})])


def test_rows_of_another_dataset_are_refused(shop: Shop):
    with pytest.raises(InvalidInput, match="is of type ITEMS, not USERS"):
        shop.engine.feed.put_rows(shop.dataset("ITEMS"), "USERS", [("u", {})])
    with pytest.raises(NotFound):
        shop.engine.feed.put_rows(shop.dataset("NOTHING"), "ITEMS", [("a", {})])
