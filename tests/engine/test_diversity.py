"""Caps and diversity: no list breaks a cap, whatever else is asked of it; unlike items come forward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import Cap, Diversity, Explanation, InvalidInput, Promotion, Question, Ranked
from engine.data import entries
from engine.data.columns import Tags, Texts, column_of
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.schema import Field, Schema
from engine.data.snapshot import snapshot_of
from engine.data.stored import EMPTY
from engine.filters import compile_filter
from engine.rank.diversify import spread, term_vectors
from engine.rank.explore import SPELL_S, Exploration
from engine.rank.merchandising import CompiledRule
from engine.rank.rule import DiversityRule
from engine.rules.rules import Pin
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.diversity import Diversifier, ScoreArray
from engine.serving.explain import explain
from engine.serving.likeness import ModelVectors
from engine.serving.question_filters import FilteredQuestion
from tests.engine.test_explore import LATEST, click
from tests.engine.test_serve import Asked, deployed

SCHEMA = Schema(
    "Items",
    "ITEMS",
    (
        Field(name="ITEM_ID", type="string"),
        Field(name="BRAND", type="string"),
        Field(name="GENRES", type="string", categorical=True),
        Field(name="PLOT", type="string", textual=True),
        Field(name="PRICE", type="float"),
    ),
)
BRANDS, GENRES = "abc", ("Action", "Drama", "War")
CLICKED = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'

Row = dict[str, str]


def world(rows: Sequence[Row], young: int = 0) -> Group:
    """Items i0, i1, … with these rows: half of them in the snapshot, the others put since; of the last some are young.
    u has clicked the first three."""
    group = Group("g")
    half = len(rows) // 2
    stored = replace(
        EMPTY,
        snapshot=snapshot_of(
            np.zeros(0, np.int32),
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            item_names=[f"i{item}" for item in range(half)],
            item_columns={
                name: column_of(kind, [row.get(name) for row in rows[:half]])
                for name, kind in (("BRAND", Tags), ("GENRES", Tags), ("PLOT", Texts))
            },
        ),
    )
    group = Group("g", stored)
    for item, row in enumerate(rows[half:], half):
        created = {"CREATION_TIMESTAMP": LATEST if item >= len(rows) - young else 0}
        put = entries.encode(entries.RecordRow(f"i{item}", {**row, **created}))
        group.apply(Logged(group.seq + 1, "g", "item", f"i{item}", put, 0.0))
    for item in range(min(3, len(rows))):
        click(group, "u", f"i{item}", LATEST - item)
    return group


def rule(**setting: Any) -> DiversityRule | None:
    return DiversityRule.of(msgspec.convert(setting, Diversity), SCHEMA)


def ask(group: Group, model: Deployed, diversity: DiversityRule | None, *filters: str, **question: Any) -> Ranked:
    now, promotion = question.pop("now", 0.0), question.get("promotion")
    pins = {f"i{item}": place for item, place in question.pop("pins", ())}
    return serve.answer(
        FilteredQuestion(
            Question(**{"campaign": "c", "user": "u", "num_results": 5, **question}),
            tuple(map(compile_filter, filters)),
            compile_filter(CLICKED) if promotion is not None else None,
            diversity=diversity,
            rules=tuple(
                CompiledRule(Pin(name=f"r-{item}", place=place, items=(item,))) for item, place in pins.items()
            ),
        ),
        model,
        group,
        as_of=7,
        now=now,
        new_id=lambda: "00000000-0000-4000-8000-000000000000",
    )


def scores_of(count: int) -> Deployed:
    return deployed(Asked(tuple(float(count - item) for item in range(count))))


def broken(items: Sequence[str], rows: Sequence[Row], caps: Sequence[Cap]) -> list[Cap]:
    """The caps that a list breaks, counted the slow way."""
    return [
        cap
        for cap in caps
        if any(
            count > cap.most
            for count in Counter(
                term
                for item in items[: cap.first]
                if item != "nobody"
                for term in rows[int(item[1:])].get(cap.column, "").split("|")
                if term
            ).values()
        )
    ]


def admitted(item: str, items: Sequence[str], rows: Sequence[Row], caps: Sequence[Cap]) -> bool:
    return not broken([*items, item], rows, caps)


# ---- no list breaks a cap

row_of = st.fixed_dictionaries(
    {},
    optional={
        "BRAND": st.sampled_from(BRANDS),
        "GENRES": st.lists(st.sampled_from(GENRES), unique=True, min_size=1).map("|".join),
    },
)
cap_of = st.builds(
    Cap,
    column=st.sampled_from(("BRAND", "GENRES")),
    most=st.integers(1, 3),
    first=st.none() | st.integers(1, 8),
)
caps_of = st.lists(cap_of, max_size=3, unique=True).map(tuple)


@settings(max_examples=75, deadline=None)
@given(st.lists(row_of, min_size=1, max_size=30), caps_of, st.integers(1, 12), st.sampled_from((0.0, 0.4, 1.0)))
def test_lists_hold_and_are_short_only_where_no_item_is_left_that_may_follow(
    rows: list[Row], caps: tuple[Cap, ...], count: int, strength: float
):
    group, setting = world(rows), {"caps": caps, "strength": strength}
    answer = ask(group, scores_of(len(rows)), rule(**setting), num_results=count)
    assert not broken(answer.items, rows, caps) and len(set(answer.items)) == len(answer.items)
    if len(answer.items) < count:
        left = [f"i{item}" for item in range(len(rows)) if f"i{item}" not in answer.items]
        assert answer.short == bool(left)
        assert not [item for item in left if admitted(item, answer.items, rows, caps)]
    else:
        assert not answer.short


@settings(max_examples=50, deadline=None)
@given(st.lists(row_of, min_size=1, max_size=30), caps_of, st.integers(1, 12))
def test_without_strength_each_place_has_the_best_item_that_may_have_it(
    rows: list[Row], caps: tuple[Cap, ...], count: int
):
    items, waiting = list[str](), [f"i{item}" for item in range(len(rows))]
    while len(items) < count and (best := next((i for i in waiting if admitted(i, items, rows, caps)), None)):
        items.append(best)
        waiting.remove(best)
    assert list(ask(world(rows), scores_of(len(rows)), rule(caps=caps), num_results=count).items) == items


@settings(max_examples=50, deadline=None)
@given(
    st.lists(row_of, min_size=8, max_size=24),
    caps_of,
    st.integers(1, 100),
    st.booleans(),
    st.sampled_from((0.0, 0.5)),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 6)), max_size=3),
)
def test_with_promotions_exploration_filters_and_pins_lists_hold_too(
    rows: list[Row],
    caps: tuple[Cap, ...],
    percent: int,
    filtered: bool,
    strength: float,
    hour: int,
    pins: list[tuple[int, int]],
):
    group, promotion = world(rows, young=4), Promotion(name="sale", percent=percent, filter="f")
    model = scores_of(len(rows) - 4)
    model = replace(model, recipe=replace(model.recipe, exploration=Exploration(1.0), v2=True))
    filters = (UNSEEN,) if filtered else ()
    for more in ({}, {"promotion": promotion}, {"promotion": promotion, "stable_id": True}):
        answer = ask(group, model, rule(caps=caps, strength=strength), *filters, now=hour * SPELL_S, **more)
        pinned = ask(group, model, rule(caps=caps, strength=strength), *filters, pins=pins, **more)
        assert not broken(answer.items, rows, caps) and not broken(pinned.items, rows, caps)
        assert len(set(pinned.items)) == len(pinned.items) <= 5
        assert len(set(answer.items)) == len(answer.items) == len(answer.scores) == len(answer.propensities)
        if len(answer.items) < 5:
            every = [f"i{item}" for item in range(len(rows) - 4) if not (filtered and item < 3)]
            assert not [each for each in every if each not in answer.items and admitted(each, answer.items, rows, caps)]


@settings(max_examples=50, deadline=None)
@given(st.lists(row_of, min_size=2, max_size=16), caps_of, st.sampled_from((0.0, 0.5)), st.randoms())
def test_rankings_hold_and_leave_out_what_would_break_a_cap(
    rows: list[Row], caps: tuple[Cap, ...], strength: float, draw: Any
):
    candidates = [*(f"i{item}" for item in range(len(rows))), "nobody"]
    draw.shuffle(candidates)
    model = deployed(Asked(tuple(float(item) for item in range(len(rows) - 1))), "PERSONALIZED_RANKING")
    answer = ask(world(rows), model, rule(caps=caps, strength=strength), candidates=tuple(candidates))
    assert not broken(answer.items, rows, caps)
    left = [item for item in candidates if item not in answer.items]
    assert not [item for item in left if admitted(item, answer.items, rows, caps)]
    assert answer.short == bool(left) and "nobody" in answer.items


def test_a_deep_catalogue_is_searched_until_the_list_is_full():
    rows = [{"BRAND": "a"} for _ in range(3000)] + [{"BRAND": "b"}, {"BRAND": "c"}]
    answer = ask(world(rows), scores_of(len(rows)), rule(caps=(Cap(column="BRAND", most=1),)), num_results=4)
    assert (answer.items, answer.short) == (("i0", "i3000", "i3001"), True)


def test_an_item_that_a_window_refuses_comes_after_it():
    """i3 may not stand beside the promoted i0, but behind what is explored."""
    rows: list[Row] = [{"BRAND": "b"}, {}, {}, {"BRAND": "b"}, {}, {}, {}, {}]
    model = scores_of(4)
    model = replace(model, recipe=replace(model.recipe, exploration=Exploration(1.0)))
    capped = rule(caps=(Cap(column="BRAND", most=1, first=2),))
    promotion = Promotion(name="sale", percent=1, filter="f")
    answer = ask(world(rows, young=4), model, capped, UNSEEN, promotion=promotion)
    assert set(answer.items) >= {"i0", "i3"} and answer.items.index("i3") >= 2


@pytest.mark.parametrize(
    ("pins", "order"),
    [
        ({3: 1}, [0, 3, 1, 2]),
        ({2: 1, 3: 1}, [0, 2, 3, 1]),
        ({2: -2, 3: -1}, [2, 3, 0, 1]),
        ({1: 9, 2: 9}, [0, 3, 1, 2]),
    ],
)
def test_every_pinned_item_of_a_list_has_a_place(pins: dict[int, int], order: list[int]):
    """Two may want the same one in a drafted list; one below 0 was for an earlier page."""
    group, setting = world([{"BRAND": brand} for brand in "aaaa"]), rule(caps=[{"column": "BRAND", "most": 4}])
    assert setting is not None
    diversifier = Diversifier(setting, group.item_table, 4, lambda: None)
    assert diversifier.arrange(np.arange(4, dtype=np.int32), pins, 4)[0] == order


def test_a_row_that_changes_counts_at_once():
    rows = [{"BRAND": brand} for brand in "aabb"]
    group, capped = world(rows), rule(caps=(Cap(column="brand", most=1),))
    assert ask(group, scores_of(4), capped).items == ("i0", "i2")
    for item in (1, 3):
        put = entries.encode(entries.RecordRow(f"i{item}", {"BRAND": f"new{item}"}))
        group.apply(Logged(group.seq + 1, "g", "item", f"i{item}", put, 0.0))
    assert ask(group, scores_of(4), capped).items == ("i0", "i1", "i2", "i3")


def test_only_a_categorical_column_has_several_values():
    brands, genres = ([{column: text} for text in ("a|b", "a", "b", "a|b")] for column in ("BRAND", "GENRES"))
    capped = {column: rule(caps=(Cap(column=column, most=1),)) for column in ("BRAND", "GENRES")}
    assert ask(world(brands), scores_of(4), capped["BRAND"]).items == ("i0", "i1", "i2")
    assert ask(world(genres), scores_of(4), capped["GENRES"]).items == ("i0",)


def test_without_a_setting_nothing_changes():
    assert rule() is None and rule(strength=0.0, columns=("GENRES",)) is None
    rows = [{"BRAND": brand} for brand in "aabb"]
    assert ask(world(rows), scores_of(4), None).items == ("i0", "i1", "i2", "i3")


# ---- unlike items come forward

ALIKE = [{"GENRES": genres} for genres in ("Action", "Action", "Action|War", "Drama", "War")]


def test_strength_puts_unlike_items_first():
    group, model = world(ALIKE), scores_of(5)
    spreads = []
    for strength in (0.0, 0.3, 0.6, 1.0):
        items = ask(group, model, rule(strength=strength), num_results=3).items
        terms = [tuple(ALIKE[int(item[1:])]["GENRES"].split("|")) for item in items]
        spreads.append(spread(term_vectors([terms], 3)))
        assert items[0] == "i0"
    assert all(before <= after for before, after in pairwise(spreads)) and spreads[0] < spreads[-1] == 1.0
    assert ask(group, model, rule(strength=1.0), num_results=3).items == ("i0", "i3", "i4")


def test_places_go_to_the_greatest_marginal_relevance():
    rows = [{"GENRES": "|".join(GENRES[at] for at in range(3) if mask >> at & 1)} for mask in (1, 1, 3, 2, 6, 4, 5)]
    vectors = term_vectors([[tuple(row["GENRES"].split("|")) for row in rows]], len(rows))
    relevance, strength = 1 - np.arange(len(rows)) / (len(rows) - 1), 0.5
    order = [0]
    while len(order) < len(rows):
        worth = {
            item: (1 - strength) * relevance[item] - strength * max(float(vectors[item] @ vectors[o]) for o in order)
            for item in range(len(rows))
            if item not in order
        }
        order.append(max(worth, key=lambda item: round(worth[item], 5)))
    answer = ask(world(rows), scores_of(len(rows)), rule(strength=strength), num_results=7)
    assert answer.items == tuple(f"i{item}" for item in order)


def test_texts_and_model_vectors_say_what_is_alike():
    plots = ("a war at sea", "the war at sea", "a cook bakes bread", "sailors at war")
    group = world([{"PLOT": plot} for plot in plots])
    by_texts = rule(strength=0.6, similarity="texts")
    assert ask(group, scores_of(4), by_texts, num_results=2).items == ("i0", "i2")
    vectors = ModelVectors(np.array([[1, 0], [1, 0.1], [0.9, 0], [-1, 0]], np.float32))
    by_model = rule(strength=0.6, similarity="model")
    assert by_model is not None
    chooser = Diversifier(by_model, group.item_table, 4, lambda: vectors)
    assert chooser.choose(ScoreArray(np.array([4, 3, 2, 1], np.float32)), 2).items.tolist() == [0, 3]


def test_a_model_without_vectors_goes_by_the_columns():
    model = replace(scores_of(5), folder=Path("/nowhere"))
    assert ask(world(ALIKE), model, rule(strength=1.0, similarity="model"), num_results=3).items == ("i0", "i3", "i4")


# ---- settings that the data does not allow


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"caps": [{"column": "BRND", "most": 1}]}, r"caps\[0\].column: Items has no column BRND .*BRAND, GENRES"),
        ({"caps": [{"column": "PLOT", "most": 1}]}, "no column PLOT of words"),
        ({"caps": [{"column": "PRICE", "most": 1}]}, "no column PRICE of words"),
        ({"strength": 0.1, "columns": ["X"]}, r"columns\[0\]: Items has no column X"),
        ({"strength": 0.1, "columns": ["GENRES"], "similarity": "model"}, "diversity.columns"),
    ],
)
def test_faults_name_the_member_and_the_choices(setting: dict[str, Any], message: str):
    with pytest.raises(InvalidInput, match=message):
        rule(**setting)


def test_faults_of_data_without_words():
    bare = Schema("Items", "ITEMS", (Field(name="ITEM_ID", type="string"), Field(name="PRICE", type="float")))
    for setting in ({"strength": 0.5}, {"strength": 0.5, "similarity": "texts"}):
        with pytest.raises(InvalidInput, match=r"diversity.similarity: .*none"):
            DiversityRule.of(msgspec.convert(setting, Diversity), bare)
    with pytest.raises(InvalidInput, match=r"has none|it has none"):
        DiversityRule.of(Diversity(caps=(Cap(column="BRAND", most=1),)), None)


# ---- explanations


def why(rows: Sequence[Row], item: str, diversity: DiversityRule | None, **question: Any) -> Explanation:
    asked = FilteredQuestion(
        Question(**{"campaign": "c", "user": "u", "num_results": 2, **question}), diversity=diversity
    )
    return explain(asked, item, scores_of(len(rows)), world(rows), now=0.0)


def test_explanations_name_the_cap_and_what_came_in_its_place():
    rows = [{"BRAND": brand} for brand in "aabb"]
    capped = rule(caps=(Cap(column="BRAND", most=1, first=5),))
    kept_out = why(rows, "i1", capped)
    assert (kept_out.cause, kept_out.rank) == ("capped", 2)
    assert [(cap.column, cap.value, cap.most, cap.first) for cap in kept_out.caps] == [("BRAND", "a", 1, 5)]
    assert why(rows, "i0", capped).cause == "relevance"
    assert (why(rows, "i2", capped).cause, why(rows, "i2", capped).place) == ("diversity", 2)
    assert why(rows, "i3", capped).cause == "outranked"
    assert why(ALIKE, "i1", rule(strength=1.0)).cause == "alike"
    candidates = ("i1", "i0", "i2")
    ranked = FilteredQuestion(Question(campaign="c", user="u", candidates=candidates), diversity=capped)
    model = deployed(Asked((4.0, 3.0, 2.0, 1.0)), "PERSONALIZED_RANKING")
    assert explain(ranked, "i1", model, world(rows), now=0.0).cause == "capped"
    worst = Question(campaign="c", user="u", candidates=("i3", "i2"), num_results=1)
    ranked = FilteredQuestion(worst, diversity=capped)
    assert explain(ranked, "i3", model, world(rows), now=0.0).cause == "capped"
