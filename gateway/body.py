"""The codec of lists: an answer's body taken apart and put together again.

The answer itself is the same for everyone who may have it, and cached so; what one caller sees of it is decided on the
way out: nothing excluded or hidden, with metadata, no more than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec

from engine import MOST_RESULTS, Promotion
from gateway.context.operators import OPERATORS
from gateway.fields import Columns, Rows
from gateway.plan.experiment import FieldCondition

STEPS = (25, 50, 100, 200, MOST_RESULTS)  # how many items are fetched where some may be left out
MARGIN = 1.5  # of them, where it is not known how many

# numbers of metadata are not ours to round
encoded = msgspec.json.Encoder(decimal_format="number").encode
columns_of = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class _NamedItem(msgspec.Struct, rename="camel"):
    item_id: str = ""  # a post-processor's items may lack one


class _PinnedItem(msgspec.Struct):
    pin: Any = None


class _NamedLists(msgspec.Struct, rename="camel"):
    item_list: list[_NamedItem] = []
    personalized_ranking: list[_NamedItem] = []


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_items = msgspec.json.Decoder(list[dict[str, Any]])
_names = msgspec.json.Decoder(list[_NamedItem])
_pinned_item = msgspec.json.Decoder(_PinnedItem)
_named_lists = msgspec.json.Decoder(_NamedLists)


class Body(msgspec.Struct, frozen=True):
    """An answer's body. `items` are dictionaries where it was read by `decode`, still encoded where by `open`; the
    `rest` of its members always are."""

    list_name: str
    rest: Mapping[str, Any]
    items: Sequence[Any]
    names: Sequence[str]  # the items' ids

    @classmethod
    def open(cls, body: bytes, list_name: str, most: int | None = None) -> Body:
        """Keep no more than the first `most` items."""
        rest: dict[str, Any] = dict(_members.decode(body))
        items = rest.pop(list_name)
        names = [each.item_id for each in _names.decode(items)[:most]]
        return cls(list_name, rest, _raw_items.decode(items)[:most], names)

    @classmethod
    def decode(cls, body: bytes, list_name: str) -> Body:
        """A post-processor's items may lack an id; theirs is ""."""
        rest: dict[str, Any] = dict(_members.decode(body))
        items = _items.decode(rest.pop(list_name))
        return cls(list_name, rest, items, [item.get("itemId", "") for item in items])

    def encode(self, *, short: bool = False, next_page: str | None = None) -> bytes:
        """`short`: fewer items than were asked for, since too many are left out."""
        shortage = {"short": True} if short else {}
        page = {} if next_page is None else {"next": next_page}
        return encoded({self.list_name: self.items, **self.rest, **shortage, **page})

    def at(self, places: Sequence[int]) -> Body:
        items, names = [self.items[place] for place in places], [self.names[place] for place in places]
        return Body(self.list_name, self.rest, items, names)

    def without(self, names: AbstractSet[str]) -> Body:
        return self.at([place for place, name in enumerate(self.names) if name not in names]) if names else self

    def with_metadata(self, rows: Rows) -> Body:
        """Decoded items with a row of metadata each; None leaves an item as it is."""
        pairs = zip(self.items, rows, strict=True)
        items = [item if row is None else {**item, "metadata": row} for item, row in pairs]
        return Body(self.list_name, self.rest, items, self.names)

    def with_members(self, members: Iterable[bytes]) -> Body:
        """Encoded items with an encoded member each, `,"name":value`; b"" leaves an item as it is."""
        pairs = zip(self.items, members, strict=True)
        items = [msgspec.Raw(bytes(item)[:-1] + member + b"}") if member else item for item, member in pairs]
        return Body(self.list_name, self.rest, items, self.names)

    def shortened(self, most: int | None, promotion: Promotion | None, before: int = 0) -> list[int]:
        """Choose the places of at most `most` decoded items, in the order of the answer: the pinned at their places in
        the list, of which `before` were shown before; of the others the first, and of the promoted as many as are
        promised a place among so many."""
        pins = {at: place for at, place in enumerate(self.pins(before)) if place is not None}
        if pins:
            return self._pinned(pins, most, promotion)
        every = list(range(len(self.items)))
        return every if most is None or len(every) <= most else self._first(every, most, most, promotion)

    def _pinned(self, pins: dict[int, int], most: int | None, promotion: Promotion | None) -> list[int]:
        others = [at for at in range(len(self.items)) if at not in pins]
        if most is not None:
            here = sorted((place, at) for at, place in pins.items() if place < most)  # of pages before, too
            pins = {at: place for place, at in here[:most]}
            others = self._first(others, most - len(pins), most, promotion)
        return in_place(others, pins)

    def _first(self, of: Sequence[int], room: int, most: int, promotion: Promotion | None) -> list[int]:
        """The places of the first few, and of as many of the promoted as are promised a place among `most`."""
        if promotion is None or len(of) <= room:
            return list(of[:room])
        promoted = sum("promotionName" in self.items[at] for at in of)
        share = min(room, max(min(promotion.places(most), promoted), room - (len(of) - promoted)))
        left = {True: share, False: room - share}
        places = []
        for at in of:
            is_promoted = "promotionName" in self.items[at]
            if left[is_promoted]:
                left[is_promoted] -= 1
                places.append(at)
        return places

    def pins(self, before: int = 0) -> list[int | None]:
        """The place of each pinned item, encoded or decoded, in a list of which `before` were shown before."""
        places = (_place_in(item) for item in self.items)
        return [None if place is None else place - 1 - before for place in places]

    def repinned(self, before: int = 0) -> Body:
        """The items with the pinned at their places in the list, of which `before` were shown before."""
        pins = {at: place for at, place in enumerate(self.pins(before)) if place is not None}
        return self.at(in_place([at for at in range(len(self.items)) if at not in pins], pins)) if pins else self


def in_place(others: Sequence[int], pins: Mapping[int, int]) -> list[int]:
    """The order of a list of these others with each pin at its place, from 0, or after the last of the others."""
    order: list[int] = []
    rest = iter(others)
    for at, place in sorted(pins.items(), key=lambda pair: pair[1]):
        order += islice(rest, max(0, place - len(order)))
        order.append(at)
    return [*order, *rest]


def _place_in(item: Any) -> int | None:
    """The place, from 1, where a rule pins an item, encoded or decoded; None, too, for what a post-processor has made
    of its pin."""
    if isinstance(item, dict):
        pin = item.get("pin")
    else:
        pin = _pinned_item.decode(item).pin if b'"pin":{' in bytes(item) else None
    place = pin.get("place") if isinstance(pin, dict) else None
    return place if isinstance(place, int) else None


def names_in(body: bytes) -> list[str]:
    """Read the ids of the items that a body lists, by whichever name. Raises `msgspec.DecodeError`."""
    lists = _named_lists.decode(body)
    return [item.item_id for item in (*lists.item_list, *lists.personalized_ranking) if item.item_id]


def visible(rows: Rows, rules: Sequence[FieldCondition]) -> list[int]:
    """Choose the places of the rows that no rule hides; a row without the field is hidden by no rule."""
    return [place for place, row in enumerate(rows) if not any(_hides(rule, row) for rule in rules)]


def _hides(rule: FieldCondition, row: Columns | None) -> bool:
    value = None if row is None else row.get(rule.field)
    if value is None:
        return False
    return OPERATORS[rule.operator](str(value).lower() if isinstance(value, bool) else value, rule.value)


def first_step(wanted: int, excluded: int, hiding: bool) -> int:
    """Count the items to fetch, so that most likely enough are left; few different numbers, so that they are shared."""
    if not excluded and not hiding:
        return wanted
    least = wanted + excluded if not hiding else int(wanted * MARGIN) + excluded
    return next((step for step in STEPS if step >= least), STEPS[-1])


def next_step(fetched: int) -> int:
    return next((step for step in STEPS if step > fetched), STEPS[-1])
