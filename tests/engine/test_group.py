"""Readers and the one writer at once; what only the live state has (the rest: test_compaction)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from engine.data import entries, tail
from engine.data.compaction import compact
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.tail import Since


def event(seq: int, user: str | None = "u", item: str | None = "a", session: str = "s", kind: str = "click") -> Logged:
    body = entries.encode(entries.Interaction(user, session, item, kind, float(seq)))
    return Logged(seq, "g", "event", user or session, body, 0.0)


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_reading_while_another_thread_applies(often: None):
    group, failures, end = Group("g"), list[BaseException](), threading.Event()

    def read() -> None:
        seen = 0
        try:
            while not end.is_set():
                items, times, types, values = group.history("u")
                assert len(items) == len(times) == len(types) == len(values) >= seen
                assert times.tolist() == sorted(times.tolist())
                assert items.tolist() == [int(time) % 50 for time in times] if len(items) > 50 else True
                seen = len(items)
                group.items.names(items)
                group.type_codes(["click"])
                group.item_table.row(0)
                assert len(group.tail.after(0)[0]) >= seen
        except BaseException as failure:
            failures.append(failure)

    for item in range(50):
        group.items.add(f"i{item}")
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for seq in range(1, 3001):
        if seq % 500 == 499:
            group.apply(Logged(seq, "g", "item", "", entries.encode(entries.RecordRow("i0", {"YEAR": seq})), 0.0))
        user, session = ("u", "s") if seq % 3 else (None, "s")
        group.apply(event(seq, user, f"i{seq % 50}", session, f"type{seq % 7}"))
    end.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(group.history("u").items) == 3000


def test_an_applied_record_names_whom_it_is_about():
    group = Group("g")
    assert group.apply(event(1, None)) == ("s",)
    assert group.apply(event(2, "u")) == ("u", "s")
    assert group.apply(event(3, None)) == ("u", "s")
    assert group.apply(event(4, "u", session="u")) == ("u",)
    assert group.apply(Logged(5, "g", "item", "a", entries.encode(entries.RecordRow("a", {})), 0.0)) == ("a",)
    assert group.seq == 5 and group.changed


def test_a_session_belongs_to_the_first_user_it_is_seen_with():
    group = Group("g")
    for seq, user in enumerate((None, "u", "v", None), 1):
        group.apply(event(seq, user, f"i{seq}"))
    assert group.items.names(group.history("u").items) == ["i1", "i2", "i4"]
    assert group.items.names(group.history("v").items) == ["i3"]


def test_times_are_whole_seconds():
    group = Group("g")
    body = entries.encode(entries.Interaction("u", "s", "a", "click", 5.9))
    group.apply(Logged(1, "g", "event", "u", body, 0.0))
    assert group.history("u").times.tolist() == [5]


def test_event_types_are_found_in_any_case():
    group = Group("g")
    for seq, kind in enumerate(("Click", "buy", "CLICK"), 1):
        group.apply(event(seq, kind=kind))
    assert group.type_codes(["click", "rent"]) == [0, 2]


def test_a_row_without_values_is_none():
    group = Group("g")
    group.apply(Logged(1, "g", "item", "a", entries.encode(entries.RecordRow("a", {"YEAR": None})), 0.0))
    assert group.item_table.row(0) is None
    group.apply(Logged(2, "g", "item", "b", entries.encode(entries.RecordRow("b", {"YEAR": 5, "X": None})), 0.0))
    assert group.item_table.row(1) == {"YEAR": 5}
    assert group.item_table.row(-1) is None and group.item_table.row(99) is None


def test_the_tail_holds_the_latest_and_what_it_gave_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tail, "KEPT", 4)
    group = Group("g")
    given = []
    for seq in range(1, 20):
        group.apply(event(seq, item=f"i{seq}"))
        given.append((seq, group.tail.after(0)))
        assert 4 <= len(group.tail.after(0)[1]) <= 8 or seq < 4
    for seq, (items, times) in given:
        assert times.tolist() == list(range(seq - len(times) + 1, seq + 1))
        assert (items + 1).tolist() == times.tolist()
    assert Since(group.tail, 17).recent()[1].tolist() == [18, 19]


def test_the_tail_goes_on_after_a_fold_for_models_older_than_it():
    group = Group("g")
    for seq in (1, 2, 3):
        group.apply(event(seq, item=f"i{seq}"))
    group = Group("g", compact(group, {}))
    group.apply(event(4, item="i1"))
    items, times = Since(group.tail, 1).recent()
    assert (items.tolist(), times.tolist()) == ([1, 2, 0], [2, 3, 4])
    assert items.dtype == np.int32


def test_records_taken_together_leave_what_each_alone_does():
    row = Logged(0, "g", "item", "i1", entries.encode(entries.RecordRow("i1", {"YEAR": 3})), 0.0)
    shown = Logged(0, "g", "shown", "", entries.encode(entries.Impression(("i1", "i2"))), 0.0)
    erased = Logged(0, "g", "erased", "", entries.encode(entries.Erased(("u3",))), 0.0)
    told = [event(0, None, "i1"), event(0, "u1", "i1"), event(0, None, "i2"), event(0, "u2", None, "s2"), row, shown]
    told += [event(0, f"u{n % 4}", f"i{n * n % 7}", f"s{n % 5}", f"type{n % 3}") for n in range(40)]
    told += [erased, event(0, "u3", "i1", "s9"), event(0, None, "i5", "s3")]
    told = [each._replace(seq=seq) for seq, each in enumerate(told, 1)]
    alone, together = Group("g"), Group("g")
    about = [alone.apply(each) for each in told]
    assert [together.take(each) for each in told] == about
    together.settle()
    together.settle()  # which counts nothing twice
    assert together.streamed == alone.streamed and together.links == alone.links
    users, count = (["u0", "u1", "u2", "u3", "s", "s9"], len(alone.items))
    assert [together.history(user).items.tolist() for user in users] == [alone.history(u).items.tolist() for u in users]
    assert [part.tolist() for part in together.tail.after(0)] == [part.tolist() for part in alone.tail.after(0)]
    assert [together.exposure.counts(i) for i in range(count)] == [alone.exposure.counts(i) for i in range(count)]
    assert together.exposure.novelty(count, 1.0).items.tolist() == alone.exposure.novelty(count, 1.0).items.tolist()
