"""Filters on what the user has done: the examples of specification §4.5 that this version answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pytest

from engine import InvalidInput
from engine.data.group import History
from engine.filters import compile_filter

TYPES = ("Click", "purchase", "Japan購入", "click, rating")


@dataclass(frozen=True)
class World:
    """Items 1 to 5 are the ids 0 to 4; 1 and 2 were clicked, 2 and 3 were bought."""

    history: History
    item_count: int = 5

    def type_codes(self, wanted: Iterable[str]) -> list[int]:
        folded = {name.casefold() for name in wanted}
        return [code for code, name in enumerate(TYPES) if name.casefold() in folded]


def touched(*pairs: tuple[int, int]) -> World:
    items, types = (
        (np.array(column, np.int32) for column in zip(*pairs, strict=True)) if pairs else (np.zeros(0, int),) * 2
    )
    return World(History(items, np.arange(len(items)), types))


USER = touched((0, 0), (1, 0), (1, 1), (2, 1))


def left(expression: str, world: World = USER) -> str:
    mask = compile_filter(expression).mask(world, {})
    return " ".join(str(index + 1) for index in np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")', "3 4 5"),
        ("exclude itemid where interactions.event_type in ('CLICK')", "3 4 5"),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click", "purchase")', "1 2 3"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', "4 5"),
        ("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)", "4 5"),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE = "purchase"', "2 3"),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE = ("purchase")', "2 3"),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE != "purchase"', "1 2"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("click")', "1 4 5"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT_IN ("click")', "1 4 5"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click, rating")', "1 2 3 4 5"),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Japan購入")', "1 2 3 4 5"),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("nothing")', ""),
    ],
)
def test_one_expression(expression: str, expected: str):
    assert left(expression) == expected


def test_expressions_are_united_and_excluded_whatever_their_order():
    include = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")'
    exclude = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    also = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    assert left(f"{include} | {exclude}") == left(f"{exclude}|{include}") == "3"
    assert left(f"{include} | {also}") == "1 2 3"


def test_a_user_without_history():
    assert left('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")', touched()) == "1 2 3 4 5"
    assert left('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")', touched()) == ""


def test_a_filter_is_compiled_once_and_needs_the_user():
    text = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    assert compile_filter(text) is compile_filter(text)
    assert compile_filter(text).needs_user


@pytest.mark.parametrize(
    "expression",
    [
        "",
        'ItemID WHERE Interactions.EVENT_TYPE IN ("a")',
        "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ()",
        'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a"',
        'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a") |',
        'EXCLUDE ItemID WHERE Items.GENRE IN ("a") AND Interactions.EVENT_TYPE IN ("click")',
        'EXCLUDE ItemID WHERE Interactions.DEVICE IN ("a")',
        'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("' + "x" * 2500 + '")',
    ],
)
def test_what_the_language_does_not_allow_is_refused(expression: str):
    with pytest.raises(InvalidInput, match="Could not create filter"):
        compile_filter(expression)


def test_a_refusal_points_at_the_place():
    with pytest.raises(InvalidInput) as refused:
        compile_filter('EXCLUDE ItemID WERE Interactions.EVENT_TYPE IN ("a")')
    assert "line 1, column 16" in refused.value.message
    assert "^" in refused.value.message and "WHERE" in refused.value.message
