"""Merchandising rules: what is refused, what they do to a list, and random lists against a slow obvious evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import Boost, Bury, InvalidInput, ListRule, Pin, Promotion, Question, Ranked, RuleBook, RuleSchedule, Tired
from engine.data import entries
from engine.data.group import Group
from engine.filters import CompiledFilter, compile_filter
from engine.impressions.segment import ShownAnswer
from engine.rank.explore import Exploration
from engine.rank.merchandising import CompiledRule, inserted, reweighted
from engine.rules.rules import rule_faults
from engine.serving import replay, serve
from engine.serving.question_filters import FilteredQuestion
from tests.engine.filter_world import FIELDS, imported, tell
from tests.engine.test_serve import Asked, deployed

NAMES = [f"i{number}" for number in range(12)]
GENRES = ("a", "b", "c")
BY_GENRE = 'INCLUDE ItemID WHERE Items.GENRE IN ("{}")'
IN_STOCK = "INCLUDE ItemID WHERE Items.IN_STOCK = true"
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'


def compiled(text: str | None) -> CompiledFilter | None:
    return None if text is None else compile_filter(text).within(FIELDS)


def world(genres: list[str], stock: list[bool], seen: list[int]) -> Group:
    rows = zip(genres, stock, strict=True)
    items = {name: {"GENRE": genre, "IN_STOCK": there} for name, (genre, there) in zip(NAMES, rows, strict=True)}
    return imported(items, events=[("u", NAMES[item], "Click") for item in seen])


def ask(
    group: Group,
    scores: list[float],
    *rules: ListRule,
    kind: str = "USER_PERSONALIZATION",
    filters: tuple[str, ...] = (),
    explores: bool = False,
    model: Mapping[str, Any] = {},
    **question: Any,
) -> Ranked:
    answering = replace(deployed(Asked(tuple(scores)), kind), **model)
    if explores:
        recipe = replace(answering.recipe, exploration=Exploration(weight=1.0), v2=True)
        answering = replace(answering, recipe=recipe)
    asked = Question(campaign="c", user="u", stable_id=True, **question)
    promoting = compiled(asked.promotion.expression) if asked.promotion else None
    ruling = tuple(CompiledRule(rule, compiled(rule.expression)) for rule in rules)
    whole = FilteredQuestion(asked, tuple(f for f in map(compiled, filters) if f), promoting, filters, ruling)
    return serve.answer(whole, answering, group, as_of=1, now=99.0, new_id=lambda: "1")


@pytest.fixture
def plain() -> Group:
    """i0 to i11 of the genres a, b, c, a, …; all in stock but i0 and i5; u has clicked i1."""
    return world([GENRES[n % 3] for n in range(12)], [n not in (0, 5) for n in range(12)], [1])


DESCENDING = [-float(n) for n in range(12)]


# ---- one rule at a time


def test_a_pin_by_ids_takes_the_places_from_its_own_on(plain: Group):
    answer = ask(plain, DESCENDING, Pin(name="p", place=2, items=("i9", "i8")), num_results=5)
    assert answer.items == ("i0", "i9", "i8", "i1", "i2")
    assert [pin and (pin.rule, pin.place) for pin in answer.pins] == [None, ("p", 2), ("p", 3), None, None]


def test_a_pin_by_filter_takes_the_best(plain: Group):
    answer = ask(plain, DESCENDING, Pin(name="p", place=1, count=2, expression=BY_GENRE.format("c")), num_results=4)
    assert answer.items == ("i2", "i5", "i0", "i1")
    own = Pin(name="own", place=4, items=("i2",))  # who is named stands where it is named
    answer = ask(plain, DESCENDING, Pin(name="p", place=1, expression=BY_GENRE.format("c")), own, num_results=4)
    assert answer.items == ("i5", "i0", "i1", "i2")


def test_a_pin_heeds_filters_unless_it_says_otherwise(plain: Group):
    pin = Pin(name="p", place=1, items=("i5",))
    assert ask(plain, DESCENDING, pin, filters=(IN_STOCK,), num_results=3).items == ("i1", "i2", "i3")
    pin = msgspec.structs.replace(pin, even_if_filtered=True)
    assert ask(plain, DESCENDING, pin, filters=(IN_STOCK,), num_results=3).items == ("i5", "i1", "i2")


def test_a_pin_below_the_end_takes_its_item_along(plain: Group):
    pin = Pin(name="p", place=5, items=("i0",))
    assert ask(plain, DESCENDING, pin, num_results=4).items == ("i1", "i2", "i3", "i4")
    assert ask(plain, DESCENDING, pin, num_results=5).items == ("i1", "i2", "i3", "i4", "i0")


def test_a_pin_where_there_are_too_few_comes_last(plain: Group):
    only = (BY_GENRE.format("a"),)
    pin = Pin(name="p", place=9, items=("i1",), even_if_filtered=True)
    assert ask(plain, DESCENDING, pin, filters=only, num_results=10).items == ("i0", "i3", "i6", "i9", "i1")


def test_what_the_model_does_not_know_may_be_pinned_by_its_id(plain: Group):
    scores = [*DESCENDING[:11], -np.inf]
    assert ask(plain, scores, Pin(name="p", place=1, items=("i11",)), num_results=2).items == ("i11", "i0")
    by_filter = Pin(name="p", place=1, count=9, expression=BY_GENRE.format("c"))
    assert "i11" not in ask(plain, scores, by_filter, num_results=12).items
    unheard = Pin(name="p", place=1, items=("none",))
    assert ask(plain, scores, unheard, num_results=2).items == ("i0", "i1")


def test_the_item_that_others_are_like_is_never_pinned(plain: Group):
    pin = Pin(name="p", place=1, items=("i3", "i4"))
    answer = ask(plain, DESCENDING, pin, kind="RELATED_ITEMS", item="i3", num_results=3)
    assert answer.items == ("i0", "i4", "i1")


def test_boost_and_bury_are_times_more_or_less_likely(plain: Group):
    boost, bury = (kind(name="x", times=3, expression=BY_GENRE.format("c")) for kind in (Boost, Bury))
    before = ask(plain, DESCENDING, num_results=12)
    for rule, times in ((boost, 3.0), (bury, 1 / 3)):
        after = ask(plain, DESCENDING, rule, num_results=12)
        score = dict(zip(after.items, after.scores, strict=True))
        was = dict(zip(before.items, before.scores, strict=True))
        assert score["i2"] / score["i0"] == pytest.approx(times * was["i2"] / was["i0"], rel=1e-3)
        assert sorted(score, key=lambda item: -score[item]) == list(after.items)
    assert ask(plain, DESCENDING, boost, bury, num_results=12).items == before.items


def test_rules_of_what_the_user_did(plain: Group):
    seen = f"INCLUDE{UNSEEN.removeprefix('EXCLUDE')}"
    assert ask(plain, DESCENDING, Bury(name="x", times=4, expression=seen), num_results=3).items == ("i0", "i2", "i1")
    with pytest.raises(InvalidInput, match="parameter G has no value"):
        ask(plain, DESCENDING, Boost(name="x", times=2, expression="INCLUDE ItemID WHERE Items.GENRE IN ($G)"))
    valued = Boost(name="x", times=9, expression="INCLUDE ItemID WHERE Items.GENRE IN ($G)", filter_values={"G": '"b"'})
    assert ask(plain, DESCENDING, valued, num_results=2).items == ("i1", "i0")


def test_what_users_do_not_want_is_not_pinned_and_what_they_are_tired_of_is_not_boosted(plain: Group):
    tell(plain, "event", "u", entries.Interaction("u", "s", "i9", "dislike", 99.0))
    disliking = {"group_tags": {"recgate:negativeEvents": '["dislike"]'}}
    pin = Pin(name="p", place=1, items=("i9", "i8"), even_if_filtered=True)
    assert ask(plain, DESCENDING, pin, model=disliking, num_results=3).items == ("i0", "i8", "i1")
    assert ask(plain, DESCENDING, pin, num_results=3).items == ("i9", "i8", "i0")
    tired = Tired(items=("i0", "i2"))
    boost = Boost(name="b", times=1e6, expression=BY_GENRE.format("a"))
    assert ask(plain, DESCENDING, boost, fatigue=tired, num_results=12).items == (
        *("i3", "i6", "i9", "i1", "i4", "i5", "i7", "i8", "i10", "i11", "i0", "i2"),
    )
    of_tired = Pin(name="p", place=2, items=("i2",))  # a pin is a decision, and stands
    assert ask(plain, DESCENDING, of_tired, fatigue=tired, num_results=3).items == ("i1", "i2", "i3")


def test_an_answer_is_put_to_another_campaign_with_its_rules(plain: Group):
    pin, bury = Pin(name="p", place=2, items=("i9",)), Bury(name="b", times=1e6, expression=BY_GENRE.format("a"))
    rules = tuple(CompiledRule(rule, compiled(rule.expression)) for rule in (pin, bury))
    answer = ShownAnswer("RID", 99.0, "g", "c", "m", "u", ("i0", "i1", "i9"))
    other = deployed(Asked(tuple(DESCENDING)))
    shows = replay.shows_of([answer], {}, other, plain, lambda _, asked: FilteredQuestion(asked, rules=rules))
    likely = zip(plain.items.names(shows.target_item), shows.target_chance.tolist(), strict=True)
    assert dict(likely) == {"i9": 1.0, "i1": 1.0, "i2": 1.0} and shows.target.tolist() == [0.0, 1.0, 1.0]


def test_counts_are_multiplied_and_what_is_below_stays_below():
    scores = np.array([4.0, 1.0, 0.0, -0.5, -1.0, -np.inf], np.float32)
    tripled = reweighted(scores, np.full(6, log(3), np.float32), are_logits=False)
    assert tripled == pytest.approx([12, 3, 0, 0, -1, -np.inf], abs=1e-5)
    third = reweighted(scores, np.full(6, -log(3), np.float32), are_logits=False)
    assert third == pytest.approx([4 / 3, 1 / 3, -2 / 3, -5 / 6, -1, -np.inf], abs=1e-5)


def test_a_given_list_is_ruled_among_its_own(plain: Group):
    given = ("i7", "x", "i0", "i5", "i2")
    pin = Pin(name="p", place=1, items=("i7", "i1"))
    best = Pin(name="best", place=4, expression=BY_GENRE.format("c"))
    how: dict[str, Any] = {"kind": "PERSONALIZED_RANKING", "candidates": given, "num_results": 5}
    answer = ask(plain, DESCENDING, pin, best, **how)
    assert answer.items == ("i7", "i0", "i5", "i2", "x")  # i1 is not among them, i2 is the best of its kind
    assert [pin and pin.place for pin in answer.pins] == [1, None, None, 4, None]
    below = Pin(name="p", place=50, items=("i0",))
    assert ask(plain, DESCENDING, below, **how).items == ("i2", "i5", "i7", "x", "i0")
    boost = Boost(name="b", times=10_000, expression=BY_GENRE.format("b"))
    assert ask(plain, DESCENDING, boost, **how).items == ("i7", "i0", "i2", "i5", "x")


def test_answers_of_other_places_have_other_names(plain: Group):
    answers = [ask(plain, DESCENDING, Pin(name="p", place=place, items=("i1",)), num_results=1) for place in (1, 1)]
    assert answers[0].recommendation_id == answers[1].recommendation_id
    two = (ask(plain, [0.0] * 12, Pin(name="p", place=place, items=("i0",)), num_results=2) for place in (1, 2))
    assert len({each.recommendation_id for each in two}) == 2


def test_the_order_of_a_list_with_pins():
    assert inserted(3, [0, 2]) == [3, 0, 4, 1, 2]
    assert inserted(1, [4, 7]) == [0, 1, 2]
    assert inserted(0, [4]) == [0] and inserted(2, []) == [0, 1]


# ---- random lists


EXPRESSIONS = st.sampled_from([BY_GENRE.format(genre) for genre in GENRES] + [IN_STOCK, UNSEEN])


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[ListRule, ...]:
    """Rules without faults: no two pins want one place or one item."""
    rules: list[ListRule] = []
    for number in range(draw(st.integers(0, 4))):
        name, kind = f"r{number}", draw(st.sampled_from(("pin-items", "pin-best", "boost", "bury")))
        even = draw(st.booleans())
        if kind == "pin-items":
            items = tuple(draw(st.lists(st.sampled_from([*NAMES, "none"]), min_size=1, max_size=3, unique=True)))
            rules.append(Pin(name=name, place=draw(st.integers(1, 12)), items=items, even_if_filtered=even))
        elif kind == "pin-best":
            place, count = draw(st.integers(1, 12)), draw(st.integers(1, 3))
            best = {"place": place, "count": count, "even_if_filtered": even}
            rules.append(Pin(name=name, expression=draw(EXPRESSIONS), **best))
        else:
            times = float(draw(st.sampled_from((1.5, 3, 1000))))
            rules.append((Boost if kind == "boost" else Bury)(name=name, times=times, expression=draw(EXPRESSIONS)))
        if list(rule_faults(rules)):
            rules.pop()
    return tuple(rules)


class SlowList:
    """The same list, place by place, from the world's plain facts."""

    def __init__(self, world: dict[str, Any], scores: list[float], rules: tuple[ListRule, ...], filtered: bool) -> None:
        self.world, self.rules = world, rules
        self.left = {name for name in NAMES if not filtered or self.includes(IN_STOCK, name)}
        self.score: dict[str, float] = {}
        for name, score in zip(NAMES, scores, strict=True):
            for rule in rules:
                if not isinstance(rule, Pin) and self.includes(rule.expression, name):
                    score += log(rule.times) if isinstance(rule, Boost) else -log(rule.times)
            self.score[name] = score

    def includes(self, expression: str | None, name: str) -> bool:
        number = NAMES.index(name)
        if expression == IN_STOCK:
            return bool(self.world["stock"][number])
        if expression == UNSEEN:
            return number not in self.world["seen"]
        return expression == BY_GENRE.format(self.world["genres"][number])

    def best_first(self, names: set[str]) -> list[str]:
        scored = [name for name in NAMES if name in names and self.score[name] > -np.inf]
        return sorted(scored, key=lambda name: (-np.float32(self.score[name]), NAMES.index(name)))

    def pinned(self) -> dict[int, str]:
        pinned: dict[int, str] = {}
        pins = [rule for rule in self.rules if isinstance(rule, Pin)]
        for rule in [*(each for each in pins if each.items), *(each for each in pins if not each.items)]:
            free = {name for name in NAMES if name not in pinned.values()}
            free &= set(NAMES) if rule.even_if_filtered else self.left
            if rule.items:
                chosen = [name if name in free else None for name in rule.items]
            else:
                chosen = [*self.best_first({name for name in free if self.includes(rule.expression, name)})]
                chosen = chosen[: rule.count]
            pinned |= {rule.place + more: name for more, name in enumerate(chosen) if name is not None}
        return pinned

    def answer(self, length: int) -> list[str]:
        pinned = self.pinned()
        others = self.best_first(self.left - set(pinned.values()))
        here = sorted(place for place in pinned if place <= length)
        others, shown = others[: length - len(here)], list[str]()
        while here or others:
            if here and (here[0] == len(shown) + 1 or not others):
                shown.append(pinned[here.pop(0)])
            else:
                shown.append(others.pop(0))
        return shown


WORLDS = st.fixed_dictionaries(
    {
        "genres": st.lists(st.sampled_from(GENRES), min_size=12, max_size=12),
        "stock": st.lists(st.booleans(), min_size=12, max_size=12),
        "seen": st.lists(st.integers(0, 11), max_size=4),
    }
)
SCORES = st.lists(st.sampled_from([-np.inf, *(n / 4 for n in range(40))]), min_size=12, max_size=12)


@given(WORLDS, SCORES, rule_lists(), st.booleans(), st.integers(1, 14))
@settings(max_examples=150, deadline=None)
def test_a_list_is_what_a_slow_evaluator_makes(
    facts: dict[str, Any], scores: list[float], rules: tuple[ListRule, ...], filtered: bool, length: int
):
    answer = ask(world(**facts), scores, *rules, filters=(IN_STOCK,) if filtered else (), num_results=length)
    slow = SlowList(facts, scores, rules, filtered)
    assert list(answer.items) == slow.answer(length)
    for name, pin in zip(answer.items, answer.pins, strict=False):
        assert pin is None or slow.pinned()[pin.place] == name


@given(WORLDS, SCORES, rule_lists(), st.booleans(), st.integers(1, 12), st.integers(1, 100))
@settings(max_examples=75, deadline=None)
def test_promotions_and_exploration_keep_their_share(
    facts: dict[str, Any], scores: list[float], rules: tuple[ListRule, ...], explores: bool, length: int, percent: int
):
    """No item twice, pins at their places, as many promoted as promised, or as there are."""
    group, promotion = world(**facts), Promotion(name="p", percent=percent, expression=BY_GENRE.format("a"))
    answer = ask(group, scores, *rules, explores=explores, num_results=length, promotion=promotion)
    slow = SlowList(facts, scores, rules, False)
    pinned = slow.pinned()
    assert len(set(answer.items)) == len(answer.items) <= length
    here = sorted(place for place in pinned if place <= length)
    for nth, place in enumerate(here):
        others = len(answer.items) - len(here)
        assert answer.items[min(place - 1, others + nth)] == pinned[place]
    promoted = [name for name, of in zip(answer.items, answer.promotion_names, strict=True) if of]
    could = [
        name for name in slow.best_first(set(NAMES) - set(pinned.values())) if slow.includes(BY_GENRE.format("a"), name)
    ]
    assert len(promoted) == min(len(could), length - len(here), max(1, length * percent // 100))
    assert promoted == could[: len(promoted)]
    if explores:
        assert all(
            chance == 1 for name, chance in zip(answer.items, answer.propensities, strict=True) if name in promoted
        )


# ---- what is refused


def pin(**how: Any) -> Pin:
    return Pin(**{"name": "p", "place": 1, **how})


CLASHES = [
    ((pin(items=("a",)), pin(name="q", items=("b",))), 1, "place", "wants place 1, where the rule p pins another"),
    ((pin(items=("a", "b")), pin(name="q", place=2, items=("c",))), 1, "place", "wants place 2"),
    ((pin(items=("a",)), pin(name="q", place=2, items=("a",))), 1, "items", "pins 'a', as the rule p does"),
    ((pin(items=("a",)), pin(place=2, items=("b",))), 1, "name", "has the name of rule 0"),
    ((pin(),), 0, "", "needs 'items', 'filterArn' or 'expression'"),
    ((pin(items=("a",), expression="E"),), 0, "items", "has 'items' and a filter"),
    ((pin(items=("a", "a")),), 0, "items", "has 'a' twice"),
    ((pin(items=("a",), count=2),), 0, "count", "has 'items', which are counted already"),
    ((pin(place=500, items=("a", "b")),), 0, "place", "reaches beyond place 500"),
    ((Boost(name="b", times=2),), 0, "", "needs 'filterArn' or 'expression'"),
    ((Boost(name="b", times=2, filter="f", expression="E"),), 0, "", "has both 'filterArn' and 'expression'"),
    ((Bury(name="b", times=float("nan"), filter="f"),), 0, "times", "must be above 1"),
    ((pin(items=("a",), schedule=RuleSchedule(hours=("x",))),), 0, "schedule.hours", "are no hours"),
]


@pytest.mark.parametrize(("rules", "number", "member", "says"), CLASHES)
def test_faults_name_rule_and_member(rules: tuple[ListRule, ...], number: int, member: str, says: str):
    (fault,) = rule_faults(rules)
    assert (fault.number, fault.member) == (number, member) and says in fault.message


def test_one_place_at_two_times_is_fine():
    december = RuleSchedule(start="2026-12-01T00:00", end="2027-01-01T00:00")
    january = RuleSchedule(start="2027-01-01T00:00")
    both = (pin(items=("a",), schedule=december), pin(name="q", items=("b",), schedule=january))
    assert not list(rule_faults(both))
    fridays = pin(name="r", items=("c",), schedule=RuleSchedule(days=("friday",)))
    (fault,) = rule_faults((both[0], fridays))
    assert "both may hold at the same time" in fault.message


def test_a_book_opens_and_closes_its_rules():
    early = pin(items=("a",), schedule=RuleSchedule(end="1970-01-01T00:10"), condition="user-required")
    late = pin(name="q", items=("b",), schedule=RuleSchedule(start="1970-01-01T00:10", end="1970-01-01T00:20"))
    book = RuleBook((early, late))
    seen = [
        (book.in_force(now).of("u"), book.in_force(now).of(None), book.in_force(now).until) for now in (0, 600, 1200)
    ]
    assert seen == [((early,), (), 600), ((late,), (late,), 1200), ((), (), np.inf)]
    assert book.in_force(0).of("u") == (early,)  # whatever was asked before
