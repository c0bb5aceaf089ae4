"""A history in the request: the list of a user who has just chosen these items, and nothing of it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import InvalidInput, Question
from engine.data import entries
from engine.data.columns import Floats
from engine.data.group import Group
from engine.filters import compile_filter
from engine.rank.explore import Exploration
from engine.recipe import Query
from engine.serving import serve
from engine.serving.explain import explain
from engine.serving.question_filters import FilteredQuestion
from tests.engine.filter_world import FIELDS, put, tell
from tests.engine.shop import Shop
from tests.engine.test_serve import ask, deployed

ITEMS = [f"i{n}" for n in range(8)]
SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
CLICKED = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
NOW = 99  # as the tests' answers are given


def recency(query: Query) -> Floats:
    """A score that hears everything of a history: what is chosen, in which order, and how long ago."""
    scores = np.linspace(0.1, 0.2, len(ITEMS)).astype(np.float32)
    places = np.arange(1, len(query.history) + 1, dtype=np.float32)
    ages = 1 / (1 + query.now - query.times)
    own = query.history < len(ITEMS)
    np.add.at(scores, (query.history[own] * 3 + 1) % len(ITEMS), (places * ages)[own].astype(np.float32))
    return scores


def world(**histories: list[str]) -> Group:
    """Users and what they chose, a second after the other until now; every item is in the catalogue."""
    group = put({name: {} for name in ITEMS}, {}, [], group=Group("g"))
    for user, items in histories.items():
        put({}, {}, [(user, item, "click") for item in items], group=group)
    return group


_items = st.lists(st.sampled_from(ITEMS), max_size=6)


@settings(max_examples=50, deadline=None)
@given(_items, _items.filter(bool), st.sampled_from([(), (SEEN,)]))
def test_it_is_as_for_a_user_with_that_history(own: list[str], chosen: list[str], filters: tuple[str, ...]):
    """The times of the events of `u` are as `put` counts them; those in the request are of now."""
    group = world(u=own)
    model = deployed(recency)
    history = group.history("u")
    other = replace_history(group, history.items.tolist() + [group.items.find(each) for each in chosen], len(own))
    asked = ask(group, model, *filters, user="u", num_results=8, history=tuple(chosen))
    assert asked.items == ask(other, model, *filters, user="u", num_results=8).items
    assert group.history("u").items.tolist() == history.items.tolist()  # nothing of it is kept
    if not own:
        for nobody in ("nobody", None):
            alike = ask(group, model, *filters, user=nobody, num_results=8, history=tuple(chosen))
            assert (alike.items, alike.scores) == (asked.items, asked.scores)


def replace_history(group: Group, items: list[int], own: int) -> Group:
    """A group whose user has this history: the first few items as they were, the rest chosen now."""
    other = world(u=group.items.names(np.array(items[:own], np.int32)))
    for item in items[own:]:
        event = entries.Interaction("u", "s-u", group.items.name(item), "click", float(NOW))
        tell(other, "event", "u", event)
    return other


def test_what_nobody_has_heard_of_is_passed_over_and_counted():
    group, model = world(), deployed(recency)
    some = ask(group, model, user="x", history=("i1", "never", "i2", "nor this"))
    assert some.unknown_history == 2
    assert some.items == ask(group, model, user="x", history=("i1", "i2")).items
    nothing = ask(group, model, user="x", history=("never",))
    assert (nothing.items, nothing.unknown_history) == (ask(group, model, user="x").items, 1)


def test_its_items_have_no_type():
    group, model = world(u=["i3"]), deployed(recency)
    for filter_, left in ((SEEN, {"i1", "i3"}), (CLICKED, {"i3"})):
        answer = ask(group, model, filter_, user="u", num_results=8, history=("i1",))
        assert set(ITEMS) - set(answer.items) == left
    only = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("*")'
    assert "i1" not in ask(group, model, only, user="u", num_results=8, history=("i1",)).items


@pytest.mark.parametrize("rules", ["open", "aws"])
def test_of_a_session_only_as_many_of_a_type_count_as_at_aws(rules: str):
    group = world()
    asked = compile_filter(SEEN, rules).within(FIELDS)
    answer = ask_by(group, asked, history=tuple(ITEMS[:3]) * 40)
    assert set(answer) == set(ITEMS[3:])


def ask_by(group: Group, filter_: Any, **question: Any) -> tuple[str, ...]:
    asked = FilteredQuestion(Question(campaign="c", num_results=8, **question), (filter_,))
    new_id = "00000000-0000-4000-8000-000000000000"
    return serve.answer(asked, deployed(recency), group, as_of=1, now=99.0, new_id=lambda: new_id).items


def test_nobody_needs_a_name_who_has_a_history():
    group, model = world(), deployed(recency)
    assert ask(group, model, SEEN, history=("i1",)).items
    with pytest.raises(InvalidInput, match="userId is required: the recipe"):
        ask(group, model)
    with pytest.raises(InvalidInput, match="userId is required: the filter"):
        ask(group, model, "EXCLUDE ItemID WHERE Items.OWNER = CurrentUser.ID", history=("i1",))
    with pytest.raises(InvalidInput, match="history: the list of a cohort is for many"):
        ask(group, model, cohort="c0", history=("i1",))


def test_what_is_shared_by_all_who_are_new_does_not_depend_on_who_asked():
    group = put({f"young{n}": {} for n in range(40)}, {}, [], group=world(v=["i1"]))
    model = deployed(recency)
    model = replace(model, recipe=replace(model.recipe, exploration=Exploration(1.0)))
    asked: dict[str, Any] = {"num_results": 5, "history": ("i1", "i2"), "stable_id": True}
    one, other = (ask(group, model, user=user, **asked) for user in ("x1", "x2"))
    assert one == other and set(one.items) & {f"young{n}" for n in range(40)}
    assert ask(group, model, user="v", **asked).seed != one.seed


def test_an_explanation_counts_it_in():
    group = world(u=["i0"])
    question = Question(campaign="c", user="u", num_results=8, history=("i2", "never"))
    told = explain(FilteredQuestion(question), "i7", deployed(recency), group, now=99.0)
    assert [pull.item_id for pull in told.history] == ["i2", "i0"] and told.unknown_history == 1
    assert told.history[0].timestamp == NOW


def test_nothing_of_it_is_kept_by_a_whole_engine(shop: Shop):
    shop.load_clicks(*(f"u{n} {'abcd'[place]} {n * 10 + place}" for n in range(8) for place in range(n % 4 + 1)))
    recipe = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
    shop.deploy(shop.train("you", recipe, sequence_epochs="0"))
    before = shop.engine.log.last()
    assert set(shop.ask(history=("a", "b"), expression=SEEN)) == {"c", "d"}
    assert shop.engine.log.last() == before and shop.history("x") == []
    shop.ask("u1", history=("a",))
    shop.engine.shown.close()
    assert [answer.user for answer in shop.engine.shown.all()] == [None, None]  # so that no replay asks them again
