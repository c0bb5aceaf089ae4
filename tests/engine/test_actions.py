"""Actions and what users do with them: imported, put, followed, kept, exported, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from engine import Event, InvalidInput, NotFound
from engine.data import entries
from engine.data.group import Group
from engine.jobs.claims import work_of
from engine.jobs.work import remove
from engine.records import DatasetRecord
from tests.engine.action_world import (
    ACTIONS_HEADER,
    DEEDS_HEADER,
    deeds_of,
    do,
    load_actions,
    load_deeds,
    put_action,
    row_of,
    with_actions,
)
from tests.engine.filter_world import tell
from tests.engine.shop import T0, Shop
from tests.engine.test_deletion import delete, traces
from tests.engine.test_export import lines


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = with_actions(Shop(tmp_path).furnish())
    yield shop
    shop.close()


def forget_deeds(shop: Shop) -> None:
    """Removes them from the log, as a job does."""
    shop.engine.jobs.enqueue("folding", shop.group)
    job = shop.engine.jobs.claim("me")
    assert job is not None
    remove(work_of(shop.engine, job), shop.uid, 10_000, "action_event")
    shop.engine.jobs.finish(job, "done", "")


def test_imports_full_and_incremental(shop: Shop):
    assert load_actions(shop, "join,5,card,,7", "buy,2,offer,,")["status"] == "ACTIVE"
    assert row_of(shop, "join") == {"VALUE": 5, "KIND": "card", "REPEAT_FREQUENCY": 7}
    load_actions(shop, "buy,3,,,", "call,,phone,,", mode="INCREMENTAL")
    assert (row_of(shop, "buy"), row_of(shop, "call")) == ({"VALUE": 3}, {"KIND": "phone"})
    put_action(shop, "put", value=9)
    load_actions(shop, "only,1,,,")
    assert [row_of(shop, name) for name in ("join", "put", "only")] == [None, {"VALUE": 9}, {"VALUE": 1}]

    load_deeds(shop, "u join Viewed 1", "u join Taken 5", "v buy Viewed 2")
    load_deeds(shop, "u buy Viewed 3", "u join Taken 5", mode="INCREMENTAL")  # one of them is known
    assert deeds_of(shop, "u") == [("join", "Viewed"), ("buy", "Viewed"), ("join", "Taken")]
    do(shop, "u", "call", "Taken", 9)
    load_deeds(shop, "v buy Taken 4")
    assert (deeds_of(shop, "u"), deeds_of(shop, "v")) == ([("call", "Taken")], [("buy", "Taken")])


def test_actions_are_no_items(shop: Shop):
    shop.load_clicks("u a 1")
    load_deeds(shop, "u a Viewed 1", "w z Taken 2")
    do(shop, "x", "y", "Taken", 3)
    group = shop.engine.follower.group(shop.uid)
    assert (shop.history("u"), shop.history("w"), shop.history("x")) == (["a"], [], [])
    assert [group.items.find(name) >= 0 for name in "ayz"] == [True, False, False]
    shop.deploy(shop.train())
    assert shop.ask("w") == ["a"]


def test_a_bad_file_is_refused_with_its_lines(shop: Shop):
    job = load_actions(shop, "join,11,card,,7", "buy,2,offer,,31")
    assert job["status"] == "CREATE FAILED"
    for part in ("VALUE is not between 1 and 10", "REPEAT_FREQUENCY is not between 1 and 30", ".csv:2", ".csv:3"):
        assert part in job["failureReason"]
    assert load_deeds(shop, "u join Viewed 1700000000000")["status"] == "CREATE FAILED"
    assert deeds_of(shop, "u") == [] and row_of(shop, "join") is None


def test_another_process_follows_and_a_new_one_starts_with_all(shop: Shop, open_shop: Callable[..., Shop]):
    other = open_shop()
    load_actions(shop, "join,5,card,,7")
    load_deeds(shop, "u join Viewed 1")
    do(shop, None, "join", "Viewed", 2, session="s9")
    put_action(shop, "call", kind="phone|shop")
    do(shop, "u", "call", "Taken", 4, session="s9")
    wanted = [("join", "Viewed"), ("join", "Viewed"), ("call", "Taken")]
    for _ in range(2):
        other.engine.feed.catch_up()
        for each in (shop, other, open_shop()):
            assert deeds_of(each, "u") == deeds_of(each, "s9") == wanted
            assert row_of(each, "call") == {"KIND": "phone|shop"} and row_of(each, "join") is not None
        shop.fold()
        forget_deeds(shop)  # what follows must come from the snapshot


def test_a_session_stitched_by_either_kind_counts_for_both(shop: Shop):
    do(shop, None, "join", "Viewed", 1, session="s1")
    shop.click(None, "a", 2, session="s2")
    shop.click("u", "b", 3, session="s1")
    do(shop, "u", "call", "Taken", 4, session="s2")
    assert deeds_of(shop, "u") == [("join", "Viewed"), ("call", "Taken")] and shop.history("u") == ["a", "b"]


def test_an_event_id_counts_once_for_each_kind(shop: Shop):
    interactions, deeds = (
        shop.engine.records.get(shop.dataset(kind), DatasetRecord) for kind in ("INTERACTIONS", "ACTION_INTERACTIONS")
    )
    alike = msgspec.structs.replace(deeds, creation_date_time=interactions.creation_date_time)
    shop.engine.records.replace(alike)
    shop.engine.feed.catch_up()
    shop.click("u", "join", 1, session="s", event_type="Taken")
    shop.click("u", "a", 1, event_id="e1")
    for second in (2, 3):
        do(shop, "u", "join", "Taken", second, event_id="e1")
    do(shop, "u", "join", "Taken", 2)
    do(shop, "u", "join", "Taken", 2)
    do(shop, "u", "join", "Taken", 1)
    assert deeds_of(shop, "u") == [("join", "Taken")] * 3 and shop.history("u") == ["join", "a"]


def test_sessions_are_shared_after_users_left():
    group = Group("g")
    tell(group, "action_event", "alice", entries.Interaction("alice", "s1", "join", "Taken", 1.0))
    tell(group, "erased", "", entries.Erased(("alice",)))
    tell(group, "action_event", "s2", entries.Interaction(None, "s2", "join", "Viewed", 2.0))
    tell(group, "event", "bob", entries.Interaction("bob", "s2", "a", "click", 3.0))
    assert len(group.actions.history("bob").items) == 1 and len(group.actions.history("alice").items) == 0
    tell(group, "cleared", "INTERACTIONS")
    tell(group, "action_event", "carol", entries.Interaction("carol", "s3", "join", "Taken", 4.0))
    assert len(group.actions.history("s3").items) == 1


def test_exports(shop: Shop):
    load_actions(shop, "join,5,card,,7")
    put_action(shop, "call", kind="phone")
    load_deeds(shop, "u join Viewed 1")
    do(shop, "u", "join", "Taken", 2, properties={"channel": "mail"})
    shop.click("u", "a", 2)
    assert lines(shop, "ACTIONS", "BULK") == [ACTIONS_HEADER, "join,5,card,,7"]
    assert lines(shop, "ACTIONS", "PUT") == [ACTIONS_HEADER, "call,,phone,,"]
    bulk, put = f"u,join,Viewed,{T0 + 1},", f"u,join,Taken,{T0 + 2},mail"
    assert lines(shop, "ACTION_INTERACTIONS", "BULK") == [DEEDS_HEADER, bulk]
    assert lines(shop, "ACTION_INTERACTIONS", "PUT") == [DEEDS_HEADER, put]
    assert lines(shop, "ACTION_INTERACTIONS", "ALL") == [DEEDS_HEADER, bulk, put]


def test_an_empty_dataset_exports_its_header(shop: Shop):
    assert lines(shop, "ACTIONS", "ALL") == [ACTIONS_HEADER]
    assert lines(shop, "ACTION_INTERACTIONS", "ALL") == [DEEDS_HEADER]


def test_deleted_users_leave_no_action_behind(shop: Shop):
    load_deeds(shop, "alice join Viewed 1", "bob join Viewed 1")
    do(shop, "alice", "call", "Taken", 2, session="session-of-alice")
    do(shop, "bob", "call", "Taken", 3, session="session-of-bob")
    assert delete(shop, ["alice"])["numDeleted"] == 2
    assert traces(shop, "alice") == [] and deeds_of(shop, "alice") == []
    assert deeds_of(shop, "bob") == [("join", "Viewed"), ("call", "Taken")]


@pytest.mark.parametrize("kind", ["ACTIONS", "ACTION_INTERACTIONS"])
def test_a_deleted_dataset_leaves_nothing(shop: Shop, open_shop: Callable[..., Shop], kind: str):
    shop.click("u", "a", 1, session="s1")
    load_actions(shop, "join,5,card,,7")
    load_deeds(shop, "u join Viewed 1")
    do(shop, "u", "call", "Taken", 2)
    put_action(shop, "call", value=3)
    shop.do("DeleteDataset", datasetArn=shop.dataset(kind))
    gone = kind == "ACTIONS"
    for _ in range(2):
        shop.engine.feed.catch_up()
        for each in (shop, open_shop()):
            assert deeds_of(each, "u") == ([("join", "Viewed"), ("call", "Taken")] if gone else [])
            rows = [row_of(each, "join"), row_of(each, "call")]
            assert rows == [None, None] if gone else None not in rows
            assert each.history("u") == each.history("s1") == ["a"]
        shop.work()


def test_refusals(shop: Shop):
    put = shop.engine.feed.put_action_interactions
    event = Event(event_type="Taken", sent_at=T0, item_id="join")
    with pytest.raises(NotFound, match="no-such"):
        put("no-such", [("s", "u", event)])
    with pytest.raises(NotFound):
        put(shop.tracking, [("s", "u", event)], "111111111111")
    with pytest.raises(InvalidInput, match="'colour' is not in the Action"):
        wrong = Event(event_type="Taken", sent_at=T0, item_id="join", properties={"colour": "red"})
        put(shop.tracking, [("s", "u", event), ("s", "u", wrong)])
    with pytest.raises(InvalidInput, match="milliseconds"):
        put(shop.tracking, [("s", "u", Event(event_type="Taken", sent_at=T0 * 1000, item_id="join"))])
    with pytest.raises(InvalidInput, match="'value': 11 is not between 1 and 10"):
        put_action(shop, "join", value=11)
    with pytest.raises(InvalidInput, match="is of type ITEMS, not ACTIONS"):
        shop.engine.feed.put_rows(shop.dataset("ITEMS"), "ACTIONS", [("join", {})])
    shop.engine.feed.catch_up()
    assert deeds_of(shop, "u") == [] and row_of(shop, "join") is None
    shop.do("DeleteDataset", datasetArn=shop.dataset("ACTION_INTERACTIONS"))
    shop.engine.feed.catch_up()
    with pytest.raises(InvalidInput, match="no ActionInteractions dataset"):
        put(shop.tracking, [("s", "u", event)])
