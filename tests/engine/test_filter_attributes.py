"""The attribute language of user segments: what it selects, and what it refuses, with the place."""

from __future__ import annotations

import pytest

from engine import InvalidInput
from engine.data.group import NO_HISTORY, Group
from engine.data.schema import Field
from engine.filters import Candidates, items_having

FIELDS = {
    ("ITEMS", field.name): field
    for field in (
        Field(name="ITEM_ID", type="string"),
        Field(name="GENRES", type="string", categorical=True),
        Field(name="MAKER", type="string"),
        Field(name="YEAR", type="int"),
        Field(name="NEW", type="boolean"),
        Field(name="PLOT", type="string", textual=True),
    )
}
ROWS = [
    {"GENRES": "Comedy|Drama", "MAKER": 'say "hi"', "YEAR": 1999, "NEW": 1},
    {"GENRES": "Comedy", "MAKER": "b", "YEAR": 2000},
    {"GENRES": "Drama", "YEAR": 1999},
    {},
]


def having(text: str, rules: str = "open") -> list[int]:
    group = Group("g")
    for number, row in enumerate(ROWS):
        group.item_table.put(group.items.add(f"i{number}"), row)
    mask = items_having(text, Candidates(group, len(ROWS), NO_HISTORY), FIELDS, rules)
    assert mask.shape == (len(ROWS),)
    return [int(index) for index in mask.nonzero()[0]]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('ITEMS.GENRES = "Comedy"', [0, 1]),
        ("items.genres='Comedy'", [0, 1]),
        ('ITEMS.GENRES = "Comedy" AND ITEMS.GENRES = "Drama"', [0]),
        ('ITEMS.GENRES = "Comedy" and ITEMS.YEAR = 2000', [1]),
        ("ITEMS.YEAR = 1999", [0, 2]),
        ("ITEMS.YEAR = 1999.0", [0, 2]),
        (r'ITEMS.MAKER = "say \"hi\""', [0]),
        ('ITEMS.ITEM_ID = "i3"', [3]),
        ('ITEMS.GENRES = "comedy"', []),
        ('ITEMS.GENRES = "$G"', []),
        ('ITEMS.GENRES = "*"', []),
        (" AND ".join(['ITEMS.GENRES = "Drama"'] * 5000), [0, 2]),
    ],
)
def test_which_items(text: str, items: list[int]):
    assert having(text) == items


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a field"),
        ('ITEMS.GENRES = "Comedy" OR ITEMS.YEAR = 1', "line 1, column 25"),
        ('ITEMS.GENRES IN ("Comedy")', "expected ="),
        ("ITEMS.YEAR > 1999", "expected ="),
        ("ITEMS.GENRES = Comedy", "a text in quotes"),
        ('ITEMS.GENRES = "Comedy" AND', "expected a field"),
        ("ITEMS.GENRES = $G", "a text in quotes"),
        ('("ITEMS.GENRES" = "x")', "expected a field"),
        ('ITEMS.GENRES = "x" | EXCLUDE ItemID WHERE ITEMS.YEAR = 1', "column 20"),
        ('USERS.TIER = "gold"', "items are told by fields of ITEMS"),
        ('INTERACTIONS.EVENT_TYPE = "click"', "items are told by fields of ITEMS"),
        ('ITEMS.GENRE = "x"', "did you mean GENRES?"),
        ('ITEMS.PLOT = "x"', "textual"),
        ('ITEMS.YEAR = "1999"', "is a number"),
    ],
)
def test_refused(text: str, says: str):
    with pytest.raises(InvalidInput) as refused:
        having(text)
    assert (
        refused.value.message.startswith("itemAttributes: invalid expression at line") and says in refused.value.message
    )


def test_booleans_are_ours():
    assert having('ITEMS.NEW = "true"') == [0]
    with pytest.raises(InvalidInput, match="boolean"):
        having('ITEMS.NEW = "true"', "aws")
