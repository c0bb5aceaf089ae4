"""What filters leave, over the data of specification §4.5: a row is an expression, its parameters and what remains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine import InvalidInput
from engine.data import entries
from engine.data.group import Group
from engine.filters import Candidates, UserCandidates, compile_filter
from tests.engine.filter_world import CURRENT, EVENTS, FIELDS, ITEMS, USERS, imported, left, put, tell

I, E = "INCLUDE ItemID WHERE ", "EXCLUDE ItemID WHERE "  # noqa: E741
ALL = "1 2 3 4 5"
TYPE = "Interactions.EVENT_TYPE"

CASES: list[tuple[str, dict[str, str], str]] = [
    # ---- what the user did
    (f'{E}{TYPE} IN ("click")', {}, "3 4 5"),  # 1
    ("exclude itemid where interactions.event_type in ('CLICK')", {}, "3 4 5"),
    (f'{I}{TYPE} IN ("click", "purchase")', {}, "1 2"),
    (f'{E}{TYPE} IN ("*")', {}, "3 4 5"),
    (f"{E}{TYPE} IN (*)", {}, "3 4 5"),
    (f"{I}{TYPE} = *", {}, "1 2"),
    (f'{I}{TYPE} = "purchase"', {}, "2"),
    (f'{I}{TYPE} = ("purchase")', {}, "2"),
    (f'{I}{TYPE} NOT IN ("purchase")', {}, "1 3 4 5"),  # what EXCLUDE … IN ("purchase") keeps
    (f'{I}{TYPE} != "purchase"', {}, "1 3 4 5"),
    (f'{I}{TYPE} NOT IN ("click", "purchase")', {}, "3 4 5"),
    (f'{I}{TYPE} NOT IN ("*")', {}, "3 4 5"),
    (f"{I}{TYPE} != *", {}, "3 4 5"),
    (f'{I}{TYPE} NOT IN ("nothing")', {}, ALL),
    (f'{E}{TYPE} NOT IN ("click")', {}, "1 2"),
    (f'{E}{TYPE} NOT_IN ("CLICK")', {}, "1 2"),
    (f'{E}{TYPE} not  in ("click")', {}, "1 2"),
    (f'{E}{TYPE} != "purchase"', {}, "2"),
    (f"{E}{TYPE} != *", {}, "1 2"),
    (f'{E}{TYPE} NOT IN ("nothing")', {}, ""),
    (f'{I}{TYPE} IN ("click") AND {TYPE} NOT IN ("purchase")', {}, "1"),
    (f'{I}{TYPE} != "click" OR {TYPE} = "purchase"', {}, "2 3 4 5"),
    (f'{I}{TYPE} != "click" AND ({TYPE} = "purchase" OR {TYPE} != "purchase")', {}, "3 4 5"),
    (f"{I}{TYPE} NOT IN ($T)", {"T": '"purchase"'}, "1 3 4 5"),
    (f"{I}{TYPE} != $T", {"T": '"purchase"'}, "1 3 4 5"),
    (f"{E}{TYPE} NOT IN ($T)", {"T": '"purchase"'}, "2"),
    (f"{E}{TYPE} != $T", {}, ALL),
    (f'{E}{TYPE} IN ("click, rating")', {}, ALL),
    (f'{I}{TYPE} IN ("nothing")', {}, ""),
    (f'{I}{TYPE} IN ("click") AND {TYPE} IN ("purchase")', {}, "2"),
    (f'{I}{TYPE} IN ("purchase") OR {TYPE} IN ("click")', {}, "1 2"),
    (f"{I}{TYPE} IN ($T)", {"T": '"PURCHASE"'}, "2"),
    (f"{I}{TYPE} IN ($T)", {"T": '"purchase","click"'}, "1 2"),
    (f"{E}{TYPE} IN ($T)", {}, ALL),
    # ---- sets of texts
    (f'{I}Items.GENRE IN ("Drama")', {}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama", "Horror")', {}, "1 2 3"),
    (f'{I}Items.GENRE IN ("drama")', {}, ""),
    (f'{I}Items.GENRE IN ("comedy")', {}, "5"),
    (f'{I}Items.GENRE IN ("Comedy|Drama")', {}, ""),
    (f'{I}Items.GENRE NOT IN ("Drama")', {}, "2 4 5"),
    (f'{I}Items.GENRE NOT_IN ("Drama", "Horror")', {}, "4 5"),
    (f'{E}Items.GENRE NOT IN ("Drama")', {}, "1 3"),
    (f'{I}Items.GENRE = "Comedy"', {}, "1"),
    (f'{I}Items.GENRE != "Comedy"', {}, "2 3 4 5"),
    (f"{I}ITEMS.genre in ('Horror')", {}, "2"),
    (f"{I}items.Category_L1 = 'shoe'", {}, "1 2"),
    (f'{I}Items.OWNER IN ("in-house")', {}, "1 3"),
    (f'{I}Items.OWNER != "in-house"', {}, "2 4 5"),
    (f'{I}Items.OWNER NOT IN ("x", "y")', {}, "1 3 4 5"),
    (f'{I}Items.OWNER IN ("a","b","c","d","e","x")', {}, "2"),
    (f'{I}Items.GENRE IN ("a","b","c","d","e","Drama")', {}, "1 3"),
    (f'{E}Items.GENRE IN ("Japan購入")', {}, ALL),
    (f"{I}Items.GENRE IN (5)", {}, ""),
    # ---- numbers
    (f"{I}Items.PRICE < 20", {}, "1"),
    (f"{I}Items.PRICE <= 20", {}, "1 2"),
    (f"{I}Items.PRICE > 20.5", {}, "3 4"),
    (f"{I}Items.PRICE >= (30)", {}, "3 4"),
    (f"{I}Items.PRICE = 30", {}, "3"),
    (f"{I}Items.PRICE = 3e1", {}, "3"),
    (f"{I}Items.PRICE != 30", {}, "1 2 4 5"),
    (f"{I}Items.PRICE IN (10, 40)", {}, "1 4"),
    (f"{I}Items.PRICE NOT IN (10, 40)", {}, "2 3 5"),
    (f"{I}Items.YEAR IN (1,2,3,4,5,1985)", {}, "2"),
    (f"{I}Items.PRICE > -1", {}, "1 2 3 4"),
    (f"{I}Items.PRICE < +15", {}, "1"),
    (f"{E}Items.PRICE >= 0", {}, "5"),
    (f"{I}Items.YEAR < 1980", {}, "1"),
    (f"{I}Items.CREATION_TIMESTAMP > 350", {}, "4"),
    # ---- ids
    (f'{I}Items.ITEM_ID IN ("2", "5", "no")', {}, "2 5"),
    (f'{I}Items.ITEM_ID != "2"', {}, "1 3 4 5"),
    (f'{E}Items.ITEM_ID = "2"', {}, "1 3 4 5"),
    (f"{E}Items.ITEM_ID IN ($IDS)", {"IDS": '"1","3"'}, "2 4 5"),
    (f'{I}Items.ITEM_ID NOT IN ("1")', {}, "2 3 4 5"),
    # ---- AND before OR, groups
    (f'{I}Items.CATEGORY_L1 IN ("shoe") AND Items.PRICE < 15 OR Items.CREATION_TIMESTAMP > 350', {}, "1 4"),  # 16
    (f'{I}Items.CREATION_TIMESTAMP > 350 OR Items.CATEGORY_L1 IN ("shoe") AND Items.PRICE < 15', {}, "1 4"),
    (f'{I}Items.CATEGORY_L1 IN ("shoe") AND (Items.PRICE < 15 OR Items.CREATION_TIMESTAMP > 150)', {}, "1 2"),
    (f"{I}(Items.PRICE < 15 OR Items.PRICE > 35) and (Items.YEAR = 1975 or Items.YEAR = 1985)", {}, "1"),
    (f'{I}((Items.GENRE = "Drama"))', {}, "1 3"),
    (f'{E}Items.GENRE IN ("Drama") or Items.PRICE > 35', {}, "2 5"),
    (f'{E}Items.GENRE IN ("Drama") AND Items.PRICE > 15', {}, "1 2 4 5"),
    # ---- IF
    (f'{E}Items.GENRE IN ("Drama") IF CurrentUser.AGE > 18', {}, "2 4 5"),  # 20
    (f'{E}Items.GENRE IN ("Drama") IF CurrentUser.AGE > 30', {}, ALL),
    (f'{I}Items.CATEGORY_L1 IN ("watch") AND Items.CATEGORY_L2 IN ("luxury") IF CurrentUser.AGE > 30', {}, ALL),  # 22
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.MEMBERSHIP_STATUS = "gold"', {}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama") if currentuser.membership_status in ("silver", "gold")', {}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.AGE > 18 AND CurrentUser.COUNTRY = "FR"', {}, ALL),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.COUNTRY NOT IN ("FR") AND CurrentUser.AGE = 25', {}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.AGE > $A', {"A": "20"}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.AGE > $A', {"A": "30"}, ALL),
    (f'{E}Items.GENRE IN ("Drama") IF CurrentUser.AGE > $A', {}, ALL),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.USER_ID = "u"', {}, "1 3"),
    (f'{I}Items.GENRE IN ("Drama") IF CurrentUser.ADULT = true', {}, "1 3"),
    (f'{I}{TYPE} IN ("click") IF CurrentUser.AGE >= 25', {}, "1 2"),
    (f'{I}{TYPE} NOT IN ("purchase") IF CurrentUser.AGE >= 25', {}, "1 3 4 5"),
    (f'{I}{TYPE} NOT IN ("purchase") IF CurrentUser.AGE > 90', {}, ALL),
    # ---- several expressions
    (f'{I}Items.GENRE IN ("Drama") | {I}{TYPE} IN ("purchase")', {}, "1 2 3"),  # 23
    (f'{I}Items.GENRE IN ("Drama") | {E}{TYPE} IN ("click")', {}, "3"),  # 24
    (f'{E}{TYPE} IN ("click")|{I}Items.GENRE IN ("Drama")', {}, "3"),
    (f'{E}Items.PRICE < 15 | {E}{TYPE} = "purchase"', {}, "3 4 5"),
    (f'{I}{TYPE} NOT IN ("purchase") | {E}Items.PRICE > 35', {}, "1 3 5"),
    (f'{I}{TYPE} NOT IN ("click") | {I}{TYPE} IN ("purchase")', {}, "2 3 4 5"),
    (f'{I}{TYPE} NOT IN ("click") | {I}Items.PRICE < 15 | {E}Items.YEAR = 2000', {}, "1 3 5"),
    (f"{I}Items.PRICE < 15 | {I}Items.PRICE > 35 | {E}Items.YEAR = 2000", {}, "1"),
    (f'{I}Items.PRICE < 15 IF CurrentUser.AGE > 90 | {E}Items.GENRE = "Horror"', {}, "1 3 4 5"),
    (f'{I}Items.PRICE < 15 IF CurrentUser.AGE > 90 | {I}Items.GENRE = "Horror"', {}, "2"),
    (f"{I}Items.PRICE < 15 | {E}Items.YEAR > $Y", {}, "1"),
    # ---- parameters
    (f"{E}Items.GENRE IN ($G)", {}, ALL),  # 6
    (f"{E}Items.GENRE IN ($G)", {"g": '"Drama"'}, ALL),
    (f'{I}Items.GENRE IN ("$G")', {"G": '"Drama"'}, "1 3"),  # 10
    (f"{I}Items.GENRE IN ($G)", {"G": '"Drama","Horror"'}, "1 2 3"),
    (f"{I}Items.GENRE IN ($G)", {"G": "Drama"}, "1 3"),
    (f"{I}Items.GENRE IN ($G)", {"G": " Drama , 'Horror' "}, "1 2 3"),
    (f"{I}Items.GENRE IN ($G)", {"G": '"Drama,Horror"'}, ""),
    (f"{I}Items.GENRE IN ($G)", {"G": '"Drama",', "more": "x"}, "1 3"),
    (f"{I}Items.GENRE IN ($G)", {"G": ""}, ""),
    (f"{I}Items.GENRE IN ($G)", {"G": '""'}, ""),
    (f"{E}Items.GENRE = $G", {"G": '"Horror"'}, "1 3 4 5"),
    (f"{E}Items.GENRE != $G", {"G": '"Horror"'}, "2"),
    (f"{I}Items.OWNER = $O", {"O": '"in-house"'}, "1 3"),
    (f"{I}Items.PRICE <= $P", {"P": "20"}, "1 2"),  # 13
    (f"{I}Items.PRICE <= $P", {"P": '"20"'}, "1 2"),
    (f"{I}Items.PRICE > ($P)", {"P": "1e1"}, "2 3 4"),
    (f"{I}Items.PRICE = $P", {"P": "20.0"}, "2"),
    (f"{I}Items.PRICE IN ($P)", {"P": "10,40"}, "1 4"),
    (f"{I}Items.PRICE < $P AND Items.PRICE >= $0", {"P": "35", "0": "15"}, "2 3"),
    (f"{I}Items.YEAR = $Y", {"Y": "1985"}, "2"),
    (f"{I}Items.GENRE NOT IN ($G)", {"G": '"Drama"'}, "2 4 5"),
    (f"{I}Items.IN_STOCK = $S", {"S": "true"}, "1 3"),
    # ---- booleans
    (f'{I}Items.IN_STOCK = "true"', {}, "1 3"),
    (f"{I}Items.IN_STOCK = FALSE", {}, "2"),
    (f"{I}Items.IN_STOCK != true", {}, "2 4 5"),
    (f"{I}Items.IN_STOCK IN (1)", {}, "1 3"),
    # ---- white space, quotes
    ("\n INCLUDE\tItemID\nWHERE Items . GENRE\n IN\n(\n'Drama'\n) ", {}, "1 3"),
    (f'{I}Items.GENRE IN("Drama")AND Items.PRICE>10', {}, "3"),
    (f'{I}Items.OWNER = "in\\-house"', {}, "1 3"),
    (f'{I}Items.OWNER IN (\'it\\\'s\', "a \\"b\\"")', {}, ""),
]

CURRENT_CASES = [
    (f"{I}Items.PRICE < CurrentItem.PRICE AND Items.GENRE IN CurrentItem.GENRE", "current", "1"),  # 27
    (f"{I}Items.PRICE > CurrentItem.PRICE", "current", "3 4"),
    (f"{E}Items.GENRE IN CurrentItem.GENRE", "current", "2 4 5"),
    (f"{I}Items.GENRE NOT IN CurrentItem.GENRE", "current", "2 4 5"),
    (f"{I}Items.GENRE IN CurrentItem.GENRE", "1", "1 3"),
    (f"{I}Items.GENRE = CurrentItem.GENRE", "1", "1 3"),
    (f"{I}Items.PRICE = (CurrentItem.PRICE)", "2", "2"),
    (f"{I}Items.OWNER != CurrentItem.OWNER", "1", "2 4 5"),
    (f"{I}Items.ITEM_ID != CurrentItem.ITEM_ID", "1", "2 3 4 5"),
    (f"{I}Items.GENRE IN CurrentItem.GENRE", "4", ""),
    (f"{I}Items.GENRE NOT IN CurrentItem.GENRE", "4", "1 2 3 4 5"),
    (f"{I}Items.PRICE < CurrentItem.PRICE", "5", ""),
    (f"{I}Items.PRICE != CurrentItem.PRICE", "unheard of", "1 2 3 4 5"),
]


@pytest.fixture(params=[imported, put], ids=["imported", "put"])
def world(request: pytest.FixtureRequest) -> Callable[..., Group]:
    """The same data, in a snapshot or by the log."""
    make: Callable[..., Group] = request.param
    return make


@pytest.mark.parametrize(("expression", "values", "expected"), CASES)
def test_what_is_left(world: Callable[..., Group], expression: str, values: dict[str, str], expected: str):
    assert left(world(), expression, values) == expected


@pytest.mark.parametrize(("expression", "item", "expected"), CURRENT_CASES)
def test_beside_an_item(world: Callable[..., Group], expression: str, item: str, expected: str):
    group = world({**ITEMS, **CURRENT})
    assert left(group, f'{expression} | EXCLUDE ItemID WHERE Items.ITEM_ID = "current"', item=item) == expected


MISSING = [
    (f"{I}Items.GENRE IN ($G)", {}, "parameter G has no value"),  # 9
    (f"{I}Items.GENRE IN ($G)", {"g": '"Drama"'}, "parameter G has no value"),
    (f"{I}Items.PRICE < $A AND Items.PRICE > $B", {"A": "1"}, "parameter B has no value"),
    (f"{I}Items.PRICE < 5 IF CurrentUser.AGE > $A", {}, "parameter A has no value"),
    (f"{E}Items.YEAR > $Y | {I}Items.GENRE IN ($G)", {"Y": "1"}, "parameter G has no value"),
    (f"{I}Items.PRICE < $P", {"P": "cheap"}, "P must be a number, not 'cheap'"),
    (f"{I}Items.PRICE < $P", {"P": "nan"}, "P must be a number"),
    (f"{I}Items.PRICE < $P", {"P": "1,2"}, "P needs exactly one value, not 2"),
    (f"{I}Items.PRICE = $P", {"P": ""}, "P needs exactly one value, not 0"),
    (f"{I}Items.IN_STOCK = $S", {"S": "maybe"}, "S must be true or false"),
    (f"{I}Items.GENRE IN ($G)", {"G": '"Drama'}, "the value of G can't be read at character 1"),
    (f"{I}Items.GENRE IN ($G)", {"G": '"a" "b"'}, "the value of G can't be read at character 1"),
]


@pytest.mark.parametrize(("expression", "values", "reason"), MISSING)
def test_parameters_that_can_not_be_used(expression: str, values: dict[str, str], reason: str):
    with pytest.raises(InvalidInput, match=reason):
        left(imported(), expression, values)


def test_unknown_users_and_users_without_history():
    group = imported(users={**USERS, "young": {"AGE": 9}})
    assert left(group, f'{E}{TYPE} IN ("click")', user="young") == ALL
    assert left(group, f'{I}{TYPE} IN ("click")', user="nobody") == ""
    assert left(group, f'{I}{TYPE} NOT IN ("click")', user="nobody") == ALL
    assert left(group, f'{E}{TYPE} NOT IN ("click")', user="young") == ""
    assert left(group, f'{I}Items.GENRE IN ("Drama") IF CurrentUser.COUNTRY != "FR"', user="young") == ALL
    assert left(group, f'{I}Items.GENRE IN ("Drama") IF CurrentUser.AGE < 10', user="nobody") == ALL
    assert left(group, f'{I}Items.GENRE IN ("Drama") IF CurrentUser.AGE < 10', user="young") == "1 3"


def test_only_the_latest_hundred_of_each_type_count_as_at_aws():
    many = [("u", "1", "Click"), ("u", "2", "purchase"), *(("u", "3", "click"),) * 100]
    group = imported(events=many)
    assert left(group, f'{E}{TYPE} IN ("click")') == "2 4 5"
    assert left(group, f'{E}{TYPE} IN ("click")', rules="aws") == "1 2 4 5"
    assert left(group, f'{E}{TYPE} IN ("*")', rules="aws") == "1 4 5"
    for type_, kept in (("click", "1 2 4 5"), ("*", "1 4 5"), ("buy", "1 2 3 4 5")):
        assert left(group, f'{I}{TYPE} NOT IN ("{type_}")', rules="aws") == kept


def test_users_are_filtered_by_their_fields_and_events():
    group = put(users={**USERS, "old": {"AGE": 70}}, group=imported(events=[*EVENTS, ("v", "1", "view")]))
    tests = {
        "INCLUDE UserID WHERE Users.AGE > 30": "old",
        'INCLUDE UserID WHERE Users.USER_ID IN ("v")': "v",
        'EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("CLICK")': "v old",
        'INCLUDE UserID WHERE Interactions.EVENT_TYPE NOT IN ("CLICK")': "v old",
        'EXCLUDE UserID WHERE Interactions.EVENT_TYPE != "view"': "v",
        'INCLUDE UserID WHERE Interactions.EVENT_TYPE != "*"': "old",
        'INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("*") | EXCLUDE UserID WHERE Users.AGE < 30': "v",
    }
    candidates = UserCandidates(group, len(group.users), group.history(""))
    for expression, expected in tests.items():
        mask = compile_filter(expression).within(FIELDS).mask(candidates, {})[:-1]
        assert " ".join(group.users.name(i) for i in mask.nonzero()[0]) == expected


def test_a_user_did_what_the_sessions_did_and_users_beyond_the_candidates_are_no_concern():
    group = imported(events=[("guest", "1", "view"), *EVENTS, ("late", "1", "click")])
    tell(group, "event", "v", entries.Interaction("v", "guest", "2", "click", 99.0))
    every = UserCandidates(group, len(group.users), group.history(""))
    for expression, users in (
        ('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("view")', {"guest", "v"}),
        ('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")', {"guest", "v", "u", "late"}),
        ('INCLUDE UserID WHERE Interactions.EVENT_TYPE NOT IN ("view")', {"u", "late"}),
    ):
        made = compile_filter(expression).within(FIELDS)
        mask = made.mask(every, {})
        assert {group.users.name(each) for each in mask[:-1].nonzero()[0].tolist()} == users
        few = made.mask(UserCandidates(group, 2, group.history("")), {})
        assert few[:-1].tolist() == mask[:2].tolist() and few[-1] == mask[-1]


@pytest.mark.parametrize(
    ("expression", "needs_user", "names_user", "needs_item"),
    [
        (f"{I}Items.PRICE < 5", False, False, False),
        (f"{I}Items.PRICE < $P", False, False, False),
        (f'{E}{TYPE} IN ("click")', True, False, False),
        (f'{I}Items.PRICE < 5 | {E}{TYPE} IN ("click")', True, False, False),
        (f"{I}Items.PRICE < 5 IF CurrentUser.AGE > 3", True, True, False),
        (f"{I}Items.PRICE < CurrentItem.PRICE", False, False, True),
        (f"{I}Items.GENRE IN CurrentItem.GENRE", False, False, True),
        (f"{I}Items.OWNER != CurrentUser.ID", True, True, False),
        (f"{I}Items.PRICE < CurrentUser.AGE | {E}Items.GENRE IN CurrentItem.GENRE", True, True, True),
    ],
)
def test_what_a_filter_needs(expression: str, needs_user: bool, names_user: bool, needs_item: bool):
    made = compile_filter(expression)
    assert (made.needs_user, made.names_user, made.needs_item) == (needs_user, names_user, needs_item)
    assert compile_filter(expression) is made


def test_of_action_interactions_aws_looks_at_more():
    group = Group("g")
    for place in range(301):
        tell(group, "action_event", "u", entries.Interaction("u", "s", f"a{place}", "Viewed", float(place)))
    made = compile_filter('INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("viewed")', "aws").within(FIELDS)
    candidates = Candidates(group.actions, len(group.actions.items), group.actions.history("u"), "u")
    assert np.flatnonzero(~made.mask(candidates, {})).tolist() == [0, 301]  # the oldest, and one nobody has heard of
