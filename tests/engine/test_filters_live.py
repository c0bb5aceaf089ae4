"""Filters while data comes in: against a slow evaluator, after every put, and fast over many items."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.data.columns import Numbers, Tags
from engine.data.group import Group
from engine.data.snapshot import snapshot_of
from engine.filters import Candidates, compile_filter, live
from tests.engine.filter_world import FIELDS, Row, imported, left, put, stored, tell

TEXTS = ("a", "b", "c")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}

# ---- expressions as nested tuples, as text, and as what they mean: (column, operator, values), ("AND" | "OR", parts)

_texts = st.tuples(
    st.sampled_from(["GENRE", "OWNER"]),
    st.sampled_from(["IN", "NOT IN", "=", "!="]),
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6),
)
_numbers = st.tuples(
    st.sampled_from(["PRICE", "YEAR"]),
    st.sampled_from([*COMPARE, "IN", "NOT IN"]),
    st.lists(st.integers(0, 4), min_size=1, max_size=6),
)
_conditions = st.recursive(
    st.one_of(_texts, _numbers),
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=5,
)
_event = st.tuples(
    st.just("EVENT_TYPE"),
    st.sampled_from(["IN", "NOT IN", "=", "!="]),
    st.lists(st.sampled_from(["V", "w", "z", "*"]), min_size=1),
)
_events = st.recursive(
    _event,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=4,
)
_when = st.none() | st.tuples(st.just("AGE"), st.sampled_from(list(COMPARE)), st.lists(st.integers(0, 3), min_size=1))
_expressions = st.tuples(st.sampled_from(["INCLUDE", "EXCLUDE"]), st.one_of(_conditions, _events), _when)


def values_of(predicate: Any) -> list[Any]:
    _, operator, values = predicate
    return values if operator in ("IN", "NOT IN") else values[:1]


def text_of(condition: Any) -> str:
    if condition[0] in ("AND", "OR"):
        return "(" + f" {condition[0]} ".join(map(text_of, condition[1])) + ")"
    column, operator, _ = condition
    source = {"EVENT_TYPE": "Interactions", "AGE": "CurrentUser"}.get(column, "Items")
    values = ", ".join(str(value) if isinstance(value, int) else f'"{value}"' for value in values_of(condition))
    return f"{source}.{column} {operator} {f'({values})' if operator in ('IN', 'NOT IN') else values}"


def filter_of(expressions: list[Any]) -> str:
    parts = (f"{a} ItemID WHERE {text_of(w)}{' IF ' + text_of(i) if i else ''}" for a, w, i in expressions)
    return " | ".join(parts)


def is_true(condition: Any, row: Row, types: set[str]) -> bool:
    if condition[0] in ("AND", "OR"):
        return (all if condition[0] == "AND" else any)(is_true(part, row, types) for part in condition[1])
    column, operator, _ = condition
    wanted = values_of(condition)
    if column == "EVENT_TYPE":
        folded = {type_.lower() for type_ in types} if "*" in wanted else {value.lower() for value in wanted}
        return any(type_.lower() in folded for type_ in types) == (operator in ("IN", "="))
    cell = row.get(column)
    if cell is None:
        return operator in ("!=", "NOT IN")
    cells = cell.split("|") if column == "GENRE" else [cell]
    if operator in ("<", "<=", ">", ">="):
        return COMPARE[operator](cell, wanted[0])
    return any(each in wanted for each in cells) == (operator in ("IN", "="))


def slowly(expressions: list[Any], items: dict[str, Row], events: list[Any], user: Row) -> set[str]:
    def of(condition: Any) -> set[str]:
        touched = {item: {type_ for _, i, type_ in events if i == item} for item in items}
        return {item for item, row in items.items() if is_true(condition, row, touched[item])}

    holds = [e for e in expressions if e[2] is None or (user.get("AGE") is not None and is_true(e[2], user, set()))]
    included = [of(where) for action, where, _ in holds if action == "INCLUDE"]
    excluded = [of(where) for action, where, _ in holds if action == "EXCLUDE"]
    return (set().union(*included) if included else set(items)) - set().union(*excluded)


_rows = st.fixed_dictionaries(
    {},
    optional={
        "GENRE": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True).map("|".join),
        "OWNER": st.sampled_from(TEXTS),
        "PRICE": st.integers(0, 4).map(float),
        "YEAR": st.integers(0, 4),
    },
)
_items = st.dictionaries(st.sampled_from("pqrstuvw"), _rows, max_size=6)
_touches = st.lists(st.tuples(st.just("u"), st.sampled_from("pqrstuvw"), st.sampled_from(["v", "V", "w"])), max_size=5)
_users = st.fixed_dictionaries({}, optional={"AGE": st.integers(0, 3)})


@settings(max_examples=75, deadline=None)
@given(_items, _items, _touches, _users, st.lists(_expressions, min_size=1, max_size=3), st.sampled_from([0, 2, 1024]))
def test_masks_are_what_a_slow_evaluator_says(
    old: dict[str, Row], new: dict[str, Row], events: Any, user: Row, expressions: Any, settle: int
):
    kept, live.SETTLE = live.SETTLE, settle
    try:
        text = filter_of(expressions)
        group = imported(items=old, users={}, events=[])
        left(group, text, user=None)  # masks are kept from before the puts
        put(dict(list(new.items())[:2]), {"u": user}, [], group=group)
        left(group, text)
        put(new, {}, events, group=group)
        touched: dict[str, Row] = {item: {} for _, item, _ in events}
        expected = slowly(expressions, {**touched, **old, **new}, events, user)
        assert set(left(group, text).split()) == expected
    finally:
        live.SETTLE = kept


# ---- data that comes in


CHEAP = "INCLUDE ItemID WHERE Items.PRICE < 15"
DRAMA = 'INCLUDE ItemID WHERE Items.GENRE IN ("Drama")'


def test_puts_are_seen_by_the_next_question():
    group = imported()
    assert (left(group, CHEAP), left(group, DRAMA)) == ("1", "1 3")
    put({"3": {"PRICE": 5.0}, "new": {"GENRE": "Drama|Noir", "PRICE": 14.0}}, {}, [], group=group)
    assert (left(group, CHEAP), left(group, DRAMA)) == ("1 3 new", "1 new")
    put({"new": {"GENRE": "Noir"}, "1": {"PRICE": 99.0}}, {}, [], group=group)
    assert (left(group, CHEAP), left(group, DRAMA)) == ("3", "")
    assert left(group, 'EXCLUDE ItemID WHERE Items.GENRE NOT IN ("Noir")') == "new"


def test_a_put_user_is_seen_by_the_next_question_and_sessions_stand_for_their_user():
    group = imported()
    old = f"{CHEAP} IF CurrentUser.AGE > 60"
    assert left(group, old) == "1 2 3 4 5"
    put({}, {"u": {"AGE": 61}}, [("u", "5", "Click")], group=group)
    assert left(group, old) == left(group, old, user="s-u") == "1"
    assert left(group, "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE = 'click'") == "3 4"


def test_a_dataset_that_was_deleted_leaves_missing_values():
    group = imported()
    tell(group, "cleared", "ITEMS")
    assert (left(group, CHEAP), left(group, "INCLUDE ItemID WHERE Items.PRICE != 5")) == ("", "1 2 3 4 5")


def test_a_column_of_an_earlier_schema_is_read_as_the_later_one_says():
    group = imported()
    field = msgspec.structs.replace(FIELDS["ITEMS", "OWNER"], categorical=True)
    candidates = Candidates(group, len(group.items), group.history("u"))
    asked = compile_filter('INCLUDE ItemID WHERE Items.OWNER = "x"').within({**FIELDS, ("ITEMS", "OWNER"): field})
    assert asked.mask(candidates, {}).tolist() == [False, True, False, False, False, False]


def test_items_that_came_after_the_candidates_were_counted_are_left_out():
    group = imported()
    candidates = Candidates(group, len(group.items), group.history("u"))
    asked = compile_filter(CHEAP).within(FIELDS)
    put({"new": {"PRICE": 1.0}}, {}, [], group=group)
    assert asked.mask(candidates, {}).tolist() == [True, False, False, False, False, False]
    assert left(group, CHEAP) == "1 new"


def test_many_puts_settle():
    group = imported()
    for _ in range(3):
        put({str(n): {"PRICE": float(n), "GENRE": f"g{n % 7}"} for n in range(1500)}, {}, [], group=group)
        assert len(left(group, "INCLUDE ItemID WHERE Items.PRICE < $P", {"P": "700"}).split()) == 700
        assert len(left(group, "INCLUDE ItemID WHERE Items.GENRE IN ($G)", {"G": '"g0","g1"'}).split()) == 430
        assert len(left(group, 'INCLUDE ItemID WHERE Items.GENRE IN ("g0", "g1")').split()) == 430


# ---- speed

ITEMS = 100_000
FAST = [
    ("INCLUDE ItemID WHERE Items.GENRE IN ('t1', 't2') AND Items.PRICE < 50", {}),
    ("INCLUDE ItemID WHERE Items.GENRE IN ($G) AND Items.PRICE < $P", {"G": '"t1","t2"', "P": "50"}),
    (
        "EXCLUDE ItemID WHERE Items.GENRE IN ('t3') IF CurrentUser.AGE > 3 | EXCLUDE ItemID WHERE Items.PRICE > $P",
        {"P": "9"},
    ),
    ("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ('*') | INCLUDE ItemID WHERE Items.PRICE != 5", {}),
]


@pytest.fixture(scope="module")
def big() -> Group:
    rng = np.random.default_rng(0)
    tags = Tags(np.arange(ITEMS + 1) * 2, rng.integers(0, 30, 2 * ITEMS).astype(np.int32), [f"t{n}" for n in range(30)])
    none = np.zeros(0, np.int32)
    columns = {"GENRE": tags, "PRICE": Numbers(rng.random(ITEMS) * 100)}
    names = [f"i{n}" for n in range(ITEMS)]
    snapshot = snapshot_of(none, none, none.astype(np.int64), item_names=names, item_columns=columns)
    group = Group("g", stored(snapshot))
    return put({f"i{n}": {"PRICE": 1.0, "GENRE": "t1"} for n in range(900)}, {"u": {"AGE": 9}}, [], group=group)


@pytest.mark.parametrize(("expression", "values"), FAST)
def test_a_filter_over_many_items_is_fast(big: Group, expression: str, values: dict[str, str]):
    """Measured: 0.02 to 0.9 ms; the bound leaves room for a busy machine."""
    asked = compile_filter(expression).within(FIELDS)
    candidates = Candidates(big, len(big.items), big.history("u"), "u")
    asked.mask(candidates, values)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        asked.mask(candidates, values)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.005, f"{min(times) * 1000:.2f} ms"
