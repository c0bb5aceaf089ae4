"""Compaction against a plain model of the rules: whatever the order of events, puts, imports, nothing shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

from engine.data import entries
from engine.data.columns import Labels, Numbers, Tags, Texts, column_of
from engine.data.compaction import Import, compact
from engine.data.group import Group
from engine.data.log import Logged

USERS, SESSIONS, ITEMS, TYPES = ("u", "v"), ("s", "t"), ("a", "b", "c"), ("", "click")
KINDS = {"GENRE": Labels, "PRICE": Numbers}

Row = tuple[str, str, int, str, float | None]  # user, item, time, type, value


@dataclass
class Plain:
    """The rules, in lists and dictionaries (specification §2.4, §5.4, §5.5)."""

    events: list[tuple[int, Row, str | None]] = field(default_factory=list)  # seq (0: imported), row, session
    links: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    put: set[str] = field(default_factory=set)

    def event(self, seq: int, user: str | None, session: str, row: Row) -> None:
        if user is not None:
            self.links.setdefault(session, user)
        self.events.append((seq, (user or session, *row[1:]), None if user else session))

    def owner(self, name: str) -> str:
        return self.links.get(name, name)

    def import_events(self, rows: list[Row], full: bool) -> None:
        if full:
            self.events = [event for event in self.events if event[0]]
        known = {(self.owner(row[0]), *row[1:]) for _, row, _ in self.events}
        self.events += [(0, row, None) for row in rows if (self.owner(row[0]), *row[1:]) not in known]

    def put_row(self, item: str, row: dict[str, Any]) -> None:
        self.rows[item] = row
        self.put.add(item)

    def import_rows(self, rows: dict[str, dict[str, Any]], full: bool) -> None:
        if full:
            self.rows = {**rows, **{item: self.rows[item] for item in self.put}}
        else:
            self.rows |= rows
            self.put -= rows.keys()

    def history(self, user: str) -> list[tuple[str, int, str]]:
        mine = [(seq, row) for seq, row, _ in self.events if self.owner(row[0]) == self.owner(user)]
        mine.sort(key=lambda each: (each[1][2], each[0]))
        return [(row[1], row[2], row[3]) for _, row in mine]


@dataclass
class Real:
    group: Group = field(default_factory=lambda: Group("g"))
    seq: int = 0
    items: list[str] = field(default_factory=list)  # names by id, as last seen

    def apply(self, kind: str, body: Any) -> int:
        self.seq += 1
        self.group.apply(Logged(self.seq, "g", kind, "", entries.encode(body), 0.0))
        return self.seq

    def compact(self, **imports: Import) -> None:
        self.group.seq = self.seq
        by_type = {name.upper(): each for name, each in imports.items()}
        self.group = Group("g", compact(self.group, {"ITEMS": KINDS}, by_type))
        names = list(self.group.items.frozen())
        assert names[: len(self.items)] == self.items
        self.items = names

    def history(self, user: str) -> list[tuple[str, int, str]]:
        history = self.group.history(user)
        names = [self.group.event_types[code] for code in history.types]
        return list(zip(self.group.items.names(history.items), history.times.tolist(), names, strict=True))

    def row(self, item: str) -> dict[str, Any] | None:
        return self.group.item_table.row(self.group.items.find(item))


values = st.sampled_from((None, 0.5, 2.0))
rows = st.tuples(
    st.sampled_from((*USERS, *SESSIONS)), st.sampled_from(ITEMS), st.integers(1, 4), st.sampled_from(TYPES), values
)
metadata = st.fixed_dictionaries(
    {}, optional={"GENRE": st.sampled_from(("x", "y")), "PRICE": st.sampled_from((1.0, 2.0))}
)
events = st.tuples(st.just("event"), st.none() | st.sampled_from(USERS), st.sampled_from(SESSIONS), rows)
steps = st.one_of(
    events,
    st.tuples(st.just("put"), st.sampled_from(ITEMS), metadata),
    st.tuples(st.just("fold")),
    st.tuples(st.just("events"), st.lists(rows, max_size=4), st.booleans()),
    st.tuples(st.just("items"), st.dictionaries(st.sampled_from(ITEMS), metadata, max_size=3), st.booleans()),
)


def events_of(imported: list[Row]) -> dict[str, Any]:
    users, items, times, types, numbers = zip(*imported, strict=True) if imported else ((),) * 5
    return {
        "USER_ID": column_of(Labels, users),
        "ITEM_ID": column_of(Labels, items),
        "TIMESTAMP": Numbers(np.array(times, np.int64)),
        "EVENT_TYPE": column_of(Labels, [name or None for name in types]),
        "EVENT_VALUE": column_of(Numbers, numbers),
    }


def items_of(imported: dict[str, dict[str, Any]]) -> dict[str, Any]:
    columns = {name: column_of(kind, [row.get(name) for row in imported.values()]) for name, kind in KINDS.items()}
    return {"ITEM_ID": column_of(Labels, list(imported)), **columns}


def take(step: tuple[Any, ...], real: Real, plain: Plain) -> None:
    match step:
        case ("event", user, session, row):
            _, item, time, kind, value = row
            plain.event(real.apply("event", entries.Interaction(user, session, item, kind, time, value)), *step[1:])
        case ("put", item, row):
            real.apply("item", entries.RecordRow(item, row))
            plain.put_row(item, row)
        case ("fold",):
            real.compact()
        case ("events", imported, full):
            real.compact(interactions=Import(events_of(imported), full))
            plain.import_events(imported, full)
        case ("items", imported, full):
            real.compact(items=Import(items_of(imported), full))
            plain.import_rows(imported, full)


def agree(real: Real, plain: Plain) -> None:
    for user in (*USERS, *SESSIONS):
        expected = plain.history(user)
        assert sorted(real.history(user)) == sorted(expected)
        # which of two imported rows of one second, of a session and of its user, comes first is left open
        assert [time for _, time, _ in real.history(user)] == [time for _, time, _ in expected]
        assert real.group.has_history(user) == bool(expected)
    for item in ITEMS:
        assert (real.row(item) or {}) == plain.rows.get(item, {})


@given(st.lists(steps, max_size=12))
@settings(max_examples=75, deadline=None)
def test_folding_follows_the_rules(taken: list[tuple[Any, ...]]):
    real, plain = Real(), Plain()
    for step in taken:
        take(step, real, plain)
        agree(real, plain)


@given(st.lists(events, max_size=12), st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_streamed_events_keep_their_order_wherever_they_are_folded(taken: list[tuple[Any, ...]], at: int):
    real, plain = Real(), Plain()
    for place, step in enumerate(taken):
        take(step, real, plain)
        if place == at:
            real.compact()
    for user in (*USERS, *SESSIONS):
        assert real.history(user) == plain.history(user)
    real.compact()
    for user in (*USERS, *SESSIONS):
        assert real.history(user) == plain.history(user)


# ---- single rules, named


def test_events_that_differ_in_what_a_snapshot_does_not_hold_both_stay():
    real = Real()
    for name in ("e1", "e2"):
        real.apply("event", entries.Interaction("u", "s", "a", "click", 1.0, event_id=name))
    real.compact()
    assert len(real.history("u")) == 2


def test_equal_rows_of_one_import_both_stay_and_come_again_once():
    """They differ in a column of which a snapshot knows nothing, or the importer would have dropped one."""
    real = Real()
    twice: list[Row] = [("u", "a", 1, "click", None)] * 2
    real.compact(interactions=Import(events_of(twice)))
    assert len(real.history("u")) == 2
    real.compact(interactions=Import(events_of([*twice, ("u", "b", 2, "click", None)]), full=False))
    assert [item for item, _, _ in real.history("u")] == ["a", "a", "b"]


def test_a_changed_schema_converts_drops_and_adds_columns():
    real = Real()
    real.apply("item", entries.RecordRow("a", {"GENRE": "x", "PRICE": 3.0}))
    real.compact()
    real.group = Group("g", compact(real.group, {"ITEMS": {"PRICE": Labels, "NEW": Numbers}}))
    assert real.row("a") == {"PRICE": "3.0"}


def test_interactions_keep_their_columns_through_a_changed_schema():
    """Whatever the order of import, stream and fold; a column that is new has no values in earlier rows."""
    real = Real()
    kinds: dict[str, Any] = {"DEVICE": Labels, "IMPRESSION": Tags}
    bulk = events_of([("v", "a", 3, "click", None), ("u", "b", 2, "click", None)])
    bulk["DEVICE"] = column_of(Labels, ["tv", None])
    real.apply(
        "event", entries.Interaction("u", "s", "a", "click", 1.0, None, None, {"DEVICE": "pad"}, None, ("a", "b"))
    )
    real.group = Group("g", compact(real.group, {"INTERACTIONS": kinds}, {"INTERACTIONS": Import(bulk)}))
    real.apply("event", entries.Interaction(None, "s", "c", "click", 0.0, None, None, {"DEVICE": "tv", "PAGE": 4}))
    changed = {"PAGE": Numbers, "IMPRESSION": Tags, "DEVICE": Texts}
    s = compact(real.group, {"INTERACTIONS": changed}).snapshot
    rows = [tuple(s.interaction_columns[name].get(row) for name in changed) for row in range(4)]
    names = [(s.user_names[user], s.item_names[item]) for user, item in zip(s.users, s.items, strict=True)]
    assert dict(zip(names, rows, strict=True)) == {
        ("u", "c"): (4.0, None, "tv"),
        ("u", "a"): (None, "a|b", "pad"),
        ("u", "b"): (None, None, None),
        ("v", "a"): (None, None, "tv"),
    }


def test_a_cleared_dataset_is_gone_from_state_and_snapshot_and_ids_stay():
    real = Real()
    real.apply("event", entries.Interaction("u", "s", "a", "click", 1.0))
    real.apply("item", entries.RecordRow("a", {"GENRE": "x"}))
    real.compact()
    real.apply("event", entries.Interaction("u", "s", "b", "click", 2.0))
    real.apply("item", entries.RecordRow("b", {"GENRE": "y"}))
    for kind in ("INTERACTIONS", "ITEMS", "ACTIONS"):
        real.seq += 1
        real.group.apply(Logged(real.seq, "g", "cleared", kind, b"", 0.0))
    for _ in range(2):
        assert real.history("u") == [] and real.group.links == {}
        assert real.row("a") is None and real.row("b") is None
        assert real.group.items.find("b") == 1
        assert not real.group.has_history("u")
        real.compact()
    real.apply("event", entries.Interaction("u", "s", "b", "click", 3.0))
    assert real.history("u") == [("b", 3, "click")]


def test_an_empty_group_folds():
    real = Real()
    real.compact(interactions=Import(events_of([])), items=Import(items_of({})))
    assert real.items == []
