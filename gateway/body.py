"""What of an answer one caller is shown: without what is excluded or hidden, with metadata, no more than was asked for.

The answer itself is the same for everyone who may have it, and cached so; all this happens on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from engine import MOST_RESULTS, Promotion
from gateway.context.operators import OPERATORS
from gateway.fields import Columns, Rows
from gateway.plan.plan import Hidden

Items = list[dict[str, Any]]

STEPS = (25, 50, 100, 200, MOST_RESULTS)  # how many items are fetched where some may be left out
MARGIN = 1.5  # of them, where it is not known how many

# numbers of metadata are not ours to round
encoded = msgspec.json.Encoder(decimal_format="number").encode
columns_of = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[dict[str, Any]])
_whole_items = msgspec.json.Decoder(list[msgspec.Raw])


class _Named(msgspec.Struct, rename="camel"):
    item_id: str


_names = msgspec.json.Decoder(list[_Named])


class Opened(NamedTuple):
    rest: dict[str, Any]  # the other members, still encoded
    items: Items


def opened(body: bytes, list_name: str) -> Opened:
    rest: dict[str, Any] = dict(_members.decode(body))
    return Opened(rest, _items.decode(rest.pop(list_name)))


class Listed(NamedTuple):
    """An answer opened no further than its items, which stay encoded."""

    rest: dict[str, Any]
    items: list[msgspec.Raw]
    names: list[str]


def listed(body: bytes, list_name: str, most: int | None) -> Listed:
    """With no more than the first `most` items."""
    rest: dict[str, Any] = dict(_members.decode(body))
    told = rest.pop(list_name)
    return Listed(rest, _whole_items.decode(told)[:most], [each.item_id for each in _names.decode(told)[:most]])


def closed(
    rest: Mapping[str, Any],
    items: Items | list[msgspec.Raw],
    list_name: str,
    short: bool,
    next_page: str | None = None,
) -> bytes:
    """`short`: fewer than were asked for, since too many are left out."""
    said = {"short": True} if short else {}
    after = {} if next_page is None else {"next": next_page}
    return encoded({list_name: items, **rest, **said, **after})


def without(items: Items, exclude: frozenset[str]) -> Items:
    return [item for item in items if item["itemId"] not in exclude] if exclude else items


def shortened(items: Items, most: int | None, promotion: Promotion | None) -> list[int]:
    """Which of the items are shown where no more than `most` are: the first of them, and of the promoted as many as are
    promised a place among so many."""
    if most is None or len(items) <= most:
        return list(range(len(items)))
    if promotion is None:
        return list(range(most))
    promoted = sum("promotionName" in item for item in items)
    share = max(min(promotion.places(most), promoted), most - (len(items) - promoted))
    left = {True: share, False: most - share}
    places = []
    for place, item in enumerate(items):
        is_promoted = "promotionName" in item
        if left[is_promoted]:
            left[is_promoted] -= 1
            places.append(place)
    return places


def visible(
    items: Items, rows: Sequence[Columns | None], hidden: tuple[Hidden, ...]
) -> tuple[Items, list[Columns | None]]:
    """The items that no rule hides, with their rows; an item without the field is hidden by no rule."""
    kept = [(item, row) for item, row in zip(items, rows, strict=True) if not any(hides(each, row) for each in hidden)]
    return [item for item, _ in kept], [row for _, row in kept]


def hides(rule: Hidden, row: Columns | None) -> bool:
    value = None if row is None else row.get(rule.field)
    if value is None:
        return False
    return OPERATORS[rule.operator](str(value).lower() if isinstance(value, bool) else value, rule.value)


def decorated(items: Items, rows: Rows) -> Items:
    return [item if row is None else {**item, "metadata": row} for item, row in zip(items, rows, strict=True)]


def first_step(wanted: int, excluded: int, hiding: bool) -> int:
    """How many items to fetch, so that most likely enough are left; few different numbers, so that they are shared."""
    if not excluded and not hiding:
        return wanted
    least = wanted + excluded if not hiding else int(wanted * MARGIN) + excluded
    return next((step for step in STEPS if step >= least), STEPS[-1])


def next_step(fetched: int) -> int:
    return next((step for step in STEPS if step > fetched), STEPS[-1])
