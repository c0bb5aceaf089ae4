"""Filters that compare an item with the asking user: what is left, against a slow evaluator, and after every put."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from engine import Question
from engine.data.group import Group
from engine.data.schema import Field
from engine.filters import Candidates, compile_filter, eligible, eligible_by, live
from engine.serving import serve
from engine.serving.question_filters import FilteredQuestion
from tests.engine.filter_world import FIELDS, USERS, Row, imported, left, put
from tests.engine.test_serve import Asked, deployed

I, E = "INCLUDE ItemID WHERE ", "EXCLUDE ItemID WHERE "  # noqa: E741
ALL = "1 2 3 4 5"

CASES = [  # of the user u: 25 years old, gold, of DE, adult
    (f"{I}Items.OWNER = CurrentUser.COUNTRY", {"COUNTRY": "x"}, "2"),
    (f"{I}Items.OWNER != CurrentUser.COUNTRY", {"COUNTRY": "x"}, "1 3 4 5"),
    (f"{E}Items.OWNER = CurrentUser.COUNTRY", {"COUNTRY": "in-house"}, "2 4 5"),
    (f"{E}Items.OWNER != CurrentUser.COUNTRY", {"COUNTRY": "in-house"}, "1 3"),
    (f"{I}Items.OWNER IN (CurrentUser.COUNTRY)", {"COUNTRY": "x"}, "2"),
    (f"{I}Items.GENRE IN CurrentUser.MEMBERSHIP_STATUS", {"MEMBERSHIP_STATUS": "Drama|Horror"}, "1 2 3"),
    (f"{I}Items.GENRE NOT IN CurrentUser.MEMBERSHIP_STATUS", {"MEMBERSHIP_STATUS": "Drama|Horror"}, "4 5"),
    (f"{E}items.genre in currentuser.membership_status", {"MEMBERSHIP_STATUS": "Drama|Horror"}, "4 5"),
    (f"{E}Items.GENRE NOT_IN (CurrentUser.MEMBERSHIP_STATUS)", {"MEMBERSHIP_STATUS": "Drama"}, "1 3"),
    (f"{I}Items.PRICE < CurrentUser.AGE", {"AGE": 25}, "1 2"),
    (f"{I}Items.PRICE >= (CurrentUser.AGE)", {"AGE": 30}, "3 4"),
    (f"{I}Items.PRICE = CurrentUser.AGE", {"AGE": 30}, "3"),
    (f"{E}Items.PRICE = CurrentUser.AGE", {"AGE": 30}, "1 2 4 5"),
    (f"{E}Items.PRICE > CurrentUser.AGE", {"AGE": 25}, "1 2 5"),
    (f"{I}Items.IN_STOCK = CurrentUser.ADULT", {"ADULT": True}, "1 3"),
    (f"{I}Items.IN_STOCK = CurrentUser.ADULT", {"ADULT": False}, "2"),
    (f"{E}Items.ITEM_ID = CurrentUser.COUNTRY", {"COUNTRY": "4"}, "1 2 3 5"),
    (f"{I}Items.ITEM_ID = CurrentUser.COUNTRY", {"COUNTRY": "4"}, "4"),
    (f"{E}Items.ITEM_ID = CurrentUser.COUNTRY", {"COUNTRY": "no item"}, ALL),
    (f"{I}Items.OWNER = CurrentUser.COUNTRY OR Items.PRICE > CurrentUser.AGE", {"COUNTRY": "x", "AGE": 35}, "2 4"),
    (f"{I}Items.PRICE < 35 | {E}Items.OWNER = CurrentUser.COUNTRY", {"COUNTRY": "x"}, "1 3"),
    (f"{E}Items.OWNER = CurrentUser.COUNTRY IF CurrentUser.AGE > 18", {"COUNTRY": "x", "AGE": 17}, ALL),
    (f"{E}Items.OWNER = CurrentUser.COUNTRY IF CurrentUser.AGE > 18", {"COUNTRY": "x", "AGE": 19}, "1 3 4 5"),
    # ---- a user without the value: nothing equals it
    (f"{I}Items.OWNER = CurrentUser.COUNTRY", {}, ""),
    (f"{I}Items.OWNER != CurrentUser.COUNTRY", {}, ALL),
    (f"{E}Items.OWNER = CurrentUser.COUNTRY", {}, ALL),
    (f"{I}Items.PRICE < CurrentUser.AGE", {}, ""),
    (f'{I}Items.OWNER = CurrentUser.COUNTRY IF CurrentUser.COUNTRY != ""', {}, ALL),
]


@pytest.fixture(params=[imported, put], ids=["imported", "put"])
def world(request: pytest.FixtureRequest) -> Callable[..., Group]:
    make: Callable[..., Group] = request.param
    return make


@pytest.mark.parametrize(("expression", "user", "expected"), CASES)
def test_what_is_left(world: Callable[..., Group], expression: str, user: Row, expected: str):
    assert left(world(users={"u": user}), expression) == expected


@pytest.mark.parametrize("id_", ["ID", "USER_ID", "user_id"])
def test_a_users_own_items(world: Callable[..., Group], id_: str):
    group = world({"1": {"OWNER": "u"}, "2": {"OWNER": "v"}, "3": {"PRICE": 1.0}})
    others = f"{I}Items.OWNER != CurrentUser.{id_}"
    assert left(group, others) == "2 3"
    assert left(group, others, user="v") == "1 3"
    assert left(group, others, user="nobody has heard of") == "1 2 3"
    assert left(group, f"{I}Items.OWNER = CurrentUser.{id_}") == "1"
    assert left(group, f"{E}Items.PRICE > 0 IF CurrentUser.{id_} = 'u'") == "1 2"


def test_a_session_stands_for_its_user():
    group = put({"1": {"OWNER": "u"}, "2": {"OWNER": "s-u"}})
    assert left(group, f"{E}Items.OWNER = CurrentUser.ID", user="s-u") == "2"
    assert left(group, f"{I}Items.OWNER = CurrentUser.COUNTRY", user="s-u") == ""
    put({"2": {"OWNER": "DE"}}, USERS, [], group=group)
    assert left(group, f"{I}Items.OWNER = CurrentUser.COUNTRY", user="s-u") == "2"


def test_a_column_of_users_may_be_called_id():
    fields = {**FIELDS, ("USERS", "ID"): Field(name="ID", type="string", nullable=True)}
    group = put({"1": {"OWNER": "u"}, "2": {"OWNER": "other"}}, {"u": {"ID": "other"}}, [])
    compiled = compile_filter(f"{E}Items.OWNER = CurrentUser.ID").within(fields)
    compiled.check(fields)
    assert compiled.mask(candidates(group, "u"), {}).tolist() == [True, False, True]


def test_a_ranking_of_all_that_were_given_lacks_nothing():
    group = put({"1": {"OWNER": "u"}, "2": {"OWNER": "v"}}, {"u": {}})
    model = deployed(Asked((2.0, 1.0)), "PERSONALIZED_RANKING")
    for expression, items, lacking in (
        (f"{E}Items.OWNER = CurrentUser.COUNTRY", ("1", "2"), ()),
        (f"{I}Items.OWNER = CurrentUser.COUNTRY", (), ("CurrentUser.COUNTRY",)),
    ):
        compiled = compile_filter(expression).within(FIELDS)
        asked = FilteredQuestion(Question(campaign="c", user="u", candidates=("1", "2", "2")), (compiled,))
        answer = serve.answer(asked, model, group, as_of=1, now=99.0, new_id=lambda: "0" * 36)
        assert (answer.items, answer.lacking) == (items, lacking)


def test_values_of_an_earlier_schema_equal_nothing():
    group = put({"1": {"PRICE": 5.0}}, {"u": {"AGE": "5"}}, [])
    assert left(group, f"{I}Items.PRICE = CurrentUser.AGE") == left(group, f"{I}Items.PRICE < CurrentUser.AGE") == ""


def test_a_mask_is_shared_by_users_whose_own_items_are_left_out():
    group = put({str(n): {"OWNER": f"u{n % 3}", "PRICE": float(n)} for n in range(9)})
    asked = (compile_filter(f"{I}Items.PRICE > 1 | {E}Items.OWNER = CurrentUser.ID").within(FIELDS),)
    one, other = (eligible_by(asked, candidates(group, user), {}) for user in ("u1", "u2"))
    assert one is not None and other is not None and one.shared is other.shared
    assert (sorted(one.dropped.tolist()), sorted(other.dropped.tolist())) == ([1, 4, 7], [2, 5, 8])


def test_whoever_owns_very_many_has_a_mask_of_their_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(eligible, "MOST_DROPPED", 2)
    group = put({str(n): {"OWNER": "u"} for n in range(9)} | {"last": {"OWNER": "v"}})
    assert left(group, f"{E}Items.OWNER = CurrentUser.ID") == "last"
    assert left(group, f"{E}Items.OWNER = CurrentUser.ID", user="v") == "0 1 2 3 4 5 6 7 8"


def candidates(group: Group, user: str) -> Candidates:
    return Candidates(group, len(group.items), group.history(user), user)


# ---- against a slow evaluator

TEXTS = ("a", "b", "c")
TEXT_COLUMNS, USER_TEXTS = ("GENRE", "OWNER"), ("COUNTRY", "MEMBERSHIP_STATUS", "ID")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}
_equal = st.sampled_from(["=", "!=", "IN", "NOT IN"])
_predicates = st.one_of(
    st.tuples(st.sampled_from(TEXT_COLUMNS), _equal, st.sampled_from(USER_TEXTS)),
    st.tuples(
        st.sampled_from(["PRICE", "YEAR"]),
        st.sampled_from(["=", "!=", "IN", "NOT IN", *COMPARE]),
        st.just("AGE"),
    ),
)
_expressions = st.lists(
    st.tuples(st.sampled_from([I, E]), st.lists(_predicates, min_size=1, max_size=2), st.booleans()),
    min_size=1,
    max_size=3,
)
_items = st.dictionaries(
    st.sampled_from("pqrstuvw"),
    st.fixed_dictionaries(
        {},
        optional={
            "GENRE": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique=True).map("|".join),
            "OWNER": st.sampled_from([*TEXTS, "u"]),
            "PRICE": st.integers(0, 3).map(float),
            "YEAR": st.integers(0, 3),
        },
    ),
    max_size=6,
)
_users = st.fixed_dictionaries(
    {},
    optional={
        "COUNTRY": st.sampled_from(TEXTS),
        "MEMBERSHIP_STATUS": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique=True).map("|".join),
        "AGE": st.integers(0, 3),
    },
)


def text_of(expressions: Any) -> str:
    return " | ".join(
        action + (" AND " if joined else " OR ").join(f"Items.{c} {op} CurrentUser.{own}" for c, op, own in predicates)
        for action, predicates, joined in expressions
    )


def is_true(predicate: Any, row: Row, user: Row) -> bool:
    column, operator, own = predicate
    cell, value = row.get(column), user.get(own)
    if operator in COMPARE:
        return cell is not None and value is not None and COMPARE[operator](cell, value)
    cells, values = (set() if each is None else set(str(each).replace(".0", "").split("|")) for each in (cell, value))
    return bool(cells & values) == (operator in ("=", "IN"))


def slowly(expressions: Any, items: dict[str, Row], user: Row) -> set[str]:
    def of(wanted: str) -> list[set[str]]:
        return [
            {item for item, row in items.items() if (all if joined else any)(is_true(p, row, user) for p in predicates)}
            for action, predicates, joined in expressions
            if action == wanted
        ]

    return (set().union(*of(I)) if of(I) else set(items)) - set().union(*of(E))


@settings(max_examples=75, deadline=None)
@given(_items, _items, _users, _users, _expressions, st.sampled_from([0, 2, 1024]))
def test_masks_are_what_a_slow_evaluator_says(
    old: dict[str, Row], new: dict[str, Row], before: Row, after: Row, expressions: Any, settle: int
):
    usual, live.SETTLE = live.SETTLE, settle
    try:
        text = text_of(expressions)
        group = imported(items=old, users={"u": before}, events=[])
        assert set(left(group, text).split()) == slowly(expressions, old, {**before, "ID": "u"})
        put(dict(list(new.items())[:2]), {}, [], group=group)
        left(group, text)
        put(new, {"u": after}, [], group=group)
        assert set(left(group, text).split()) == slowly(expressions, {**old, **new}, {**after, "ID": "u"})
    finally:
        live.SETTLE = usual
