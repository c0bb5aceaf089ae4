"""Following: every record once and in order, whatever one of them holds, whoever fails to listen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine import Change, Unavailable
from engine.data.entries import Interaction, encode
from engine.data.log import LogEntry
from engine.feed.follower import Follower
from tests.engine.shop import T0, Shop

Open = Callable[..., Shop]


def event(group: str, user: str, item: str, session: str = "s") -> LogEntry:
    return LogEntry(group, "event", user, encode(Interaction(user, session, item, "click", T0)))


def follow(shop: Shop) -> Follower:
    """Another follower of the shop's log, which the test moves on."""
    follower = Follower(shop.engine.store, shop.engine.database, shop.engine.log, lambda: T0 + 60.0)
    follower.load([])
    return follower


def items(follower: Follower, group: str, user: str = "u") -> list[str]:
    state = follower.group(group)
    return state.items.names(state.history(user).items)


@pytest.fixture
def shop(open_shop: Open) -> Shop:
    shop = open_shop()
    shop.engine.follower.close()
    return shop


def test_records_are_applied_once_and_in_order(shop: Shop):
    follower = follow(shop)
    for number in range(5):
        seq = shop.engine.log.append([event("g", "u", f"i{number}"), event("h", "u", "x")]).result(10)
        assert follower.behind("g", "u")
        follower.catch_up()
        assert (follower.applied, follower.behind("g", "u")) == (seq, False)
        follower.catch_up()
    assert items(follower, "g") == [f"i{number}" for number in range(5)]
    assert items(follower, "h") == ["x"] * 5


def test_a_record_that_can_not_be_read_is_left_out(shop: Shop, caplog: pytest.LogCaptureFixture):
    follower = follow(shop)
    bad = [
        LogEntry("g", "event", "u", b"{"),
        LogEntry("g", "item", "i", b"[]"),
        LogEntry("g", "event", "u", b'["u","s","x","click",1e300]'),
    ]
    shop.engine.log.append([event("g", "u", "a"), *bad, event("g", "u", "b"), event("h", "u", "c")]).result(10)
    heard: list[Change] = []
    follower.subscribe(heard.extend)
    with caplog.at_level(logging.ERROR):
        follower.catch_up()
    assert (items(follower, "g"), items(follower, "h")) == (["a", "b"], ["c"])
    assert "log record 2 (event of group g) is left out" in caplog.text
    assert [change.seq for change in heard] == [5, 5, 3, 6, 6]
    assert items(follow(shop), "g") == ["a", "b"]  # nor does it stop who starts now


def test_a_listener_that_fails_stops_neither_others_nor_the_following(shop: Shop, caplog: pytest.LogCaptureFixture):
    follower = follow(shop)
    heard: list[int] = []

    def fail(changes: Sequence[Change]) -> None:
        raise ZeroDivisionError

    follower.subscribe(fail)
    follower.subscribe(lambda changes: heard.extend(change.seq for change in changes))
    for _ in range(2):
        shop.engine.log.append([event("g", "s", "a")]).result(10)
        follower.catch_up()
    assert heard == [1, 2]
    assert "a listener failed at the log records 2 to 2" in caplog.text


def test_a_snapshot_that_can_not_be_read_leaves_the_state_that_is_there(shop: Shop, caplog: pytest.LogCaptureFixture):
    shop.furnish()
    shop.click("u", "a", 1)
    shop.fold()
    uid, follower = shop.uid, follow(shop)
    assert items(follower, uid) == ["a"]
    shop.click("u", "b", 2)
    shop.fold()
    for folder in (shop.folder / "data" / "groups" / uid).iterdir():
        (folder / "about.json").write_text("{")
    follower.catch_up()
    assert items(follower, uid) == ["a", "b"]
    assert "can't be read" in caplog.text
    shop.engine.log.append([event(uid, "u", "c")]).result(10)
    follower.catch_up()
    assert items(follower, uid) == ["c", "a", "b"]  # it is the oldest by its time
    with pytest.raises(Unavailable, match=uid):
        follow(shop).group(uid)


def test_a_snapshot_newer_than_its_record_is_not_applied_twice(shop: Shop):
    shop.furnish()
    follower = follow(shop)
    for number in range(6):
        shop.click("u", f"i{number}", number)
        if number % 2:
            shop.fold()  # the follower meets three snapshots and events before, between and after them at once
    shop.click("u", "last", 9)
    follower.catch_up()
    assert items(follower, shop.uid) == [*(f"i{number}" for number in range(6)), "last"]


def test_the_thread_follows_by_itself(shop: Shop):
    follower = follow(shop)
    follower.start()
    shop.engine.log.append([event("g", "u", "a")]).result(10)
    deadline = time.monotonic() + 10
    while follower.behind("g", "u"):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    assert items(follower, "g") == ["a"]
    assert follower.lag_s > 0
    follower.close()


def test_without_a_ring_the_database_is_looked_at_all_the_same(shop: Shop, tmp_path: Path):
    """As when another machine appends."""
    follower = follow(shop)
    follower.start()
    shop.engine.log.append([event("g", "u", "a")]).result(10)
    with shop.engine.database.write():
        shop.engine.log._doorbell.take_back(0)
    deadline = time.monotonic() + 10
    while follower.applied < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    follower.close()


def test_the_owner_of_a_session_is_known_once_it_is_followed(shop: Shop):
    follower = follow(shop)
    assert follower.owner("g", "s1") is None
    shop.engine.log.append([event("g", "u", "a", "s1")]).result(10)
    follower.catch_up()
    assert follower.owner("g", "s1") == "u"
    assert follower.owner("g", "s2") is None
