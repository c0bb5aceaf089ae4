"""Metadata joined to encoded items is to the byte what decoding, decorating and encoding them makes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.answer.decorate import OVERHEAD, Decorators, MetadataLookup, MetadataTables
from gateway.ask import Ask, Item
from gateway.cache import EncodedAnswer
from gateway.fields import Rows
from gateway.metadata.base import Always, Columns
from gateway.plan.experiment import FieldCondition
from gateway.plan.plan import Metadata, Variation
from gateway.telemetry import telemetry_of

ROWS: dict[str, Columns | None] = {
    "a": {"title": 'Schuh „Größe“ \\ "x"', "titleDe": "ä", "price": Decimal("1.50"), "on": True, "tags": ["x", "y"]},
    "b": None,
    "ü": {"price": 3, "title": "\u2028"},
    "d": {},
}
BODY = msgspec.json.encode(
    {
        "itemList": [Item(item_id=name, score=0.1 + 1 / 3 if name != "b" else None) for name in ROWS],
        "recommendationId": "RID-1",
    }
)


class Shelf(Always):
    """A source that counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.number = 1

    def version(self, of: Any) -> int:
        return self.number

    async def of(self, items: Sequence[str], columns: Sequence[str], of: Any) -> list[Columns | None]:
        self.asked += items
        return [ROWS[item] for item in items]


def variation(hide: tuple[FieldCondition, ...] = (), **told: Any) -> Variation:
    metadata = Metadata("engine", of="m", **told)
    return Variation(name="main", weight=1, upstream="engine", model="m", metadata=metadata, hide=hide)


def ask(**more: Any) -> Ask:
    return Ask(action="recommend-items", namespace="shop", recommender="home", user_id="u", num_results=4, **more)


def body(decorators: Decorators, source: Shelf, told: Variation, asked: Ask) -> bytes:
    assert told.metadata is not None
    decorated = asyncio.run(
        decorators.decorate(EncodedAnswer(BODY, "main"), asked, told, MetadataLookup(source, told.metadata))
    )
    assert decorated.whole
    return decorated.body.encode()


@pytest.mark.parametrize("columns", [(), ("PRICE",), ("TITLE", "price")])
@pytest.mark.parametrize("more", [{}, {"fields": ("title", "on")}, {"num_results": 2}])
@pytest.mark.parametrize("locales", [(), ("de",)])
def test_to_the_byte(columns: tuple[str, ...], more: dict[str, Any], locales: tuple[str, ...]) -> None:
    asked = msgspec.structs.replace(ask(locale="de-AT"), **more)
    decorators, source = Decorators({}, telemetry_of({}, None)), Shelf()
    opened = variation(
        (FieldCondition("nothing", "eq", 1),), columns=columns, locales=locales
    )  # a rule that hides nothing
    quick = variation(columns=columns, locales=locales)
    expected = body(decorators, source, opened, asked)
    assert body(decorators, source, quick, asked) == body(decorators, source, quick, asked) == expected


def test_an_item_is_asked_for_once_a_version() -> None:
    decorators, source = Decorators({}, telemetry_of({}, None)), Shelf()
    for _ in range(3):
        body(decorators, source, variation(), ask())
    assert source.asked == list(ROWS)
    source.number = 2
    body(decorators, source, variation(), ask())
    assert source.asked == [*ROWS, *ROWS]


def test_what_is_kept_is_bounded() -> None:
    rows: Rows = [{"title": "x" * 50}] * 10
    tables = MetadataTables(20 * OVERHEAD)
    for number in range(100):
        names = [f"{number}-{place}" for place in range(10)]
        table = tables.of(number % 7, 1)
        tables.put(number % 7, table, names, rows)
        assert tables.size <= 20 * OVERHEAD
        assert not [each for each in names if each not in table.members]  # a question under way keeps its own
