"""The demo shop's goods, with pictures drawn by code, and shoppers with tastes: generated, the same in every run."""

from __future__ import annotations

import base64
import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SHAPES = {  # a kind of goods, drawn in a square of 100: `B` is its colour, `D` a darker one
    "mug": (
        '<path fill="D" d="M66 40h12a12 12 0 0 1 0 30H66v-9h9a5 5 0 0 0 0-12h-9z"/>'
        '<rect fill="B" x="26" y="30" width="44" height="48" rx="7"/>'
    ),
    "bowl": '<path fill="B" d="M16 44h68a34 34 0 0 1-68 0z"/><path fill="D" d="M36 76h28v5H36z"/>',
    "vase": (
        '<path fill="B" d="M41 18h18v14c14 9 18 20 14 34-3 10-10 15-23 15s-20-5-23-15c-4-14 0-25 14-34z"/>'
        '<rect fill="D" x="38" y="16" width="24" height="5"/>'
    ),
    "lamp": '<path fill="B" d="M34 20h32l12 32H22z"/><path fill="D" d="M47 52h6v24h13v6H34v-6h13z"/>',
    "chair": (
        '<rect fill="B" x="30" y="16" width="40" height="34" rx="6"/>'
        '<rect fill="B" x="26" y="54" width="48" height="9" rx="4"/>'
        '<path fill="D" d="M29 63h6v22h-6zM65 63h6v22h-6z"/>'
    ),
    "cushion": (
        '<path fill="B" d="M20 24q30 8 60 0q-8 28 0 56q-30-8-60 0q8-28 0-56z"/><path fill="D" d="M46 48h8v8h-8z"/>'
    ),
    "clock": (
        '<circle fill="B" cx="50" cy="50" r="33"/><path stroke="D" stroke-width="5" fill="none" d="M50 28v22l15 9"/>'
    ),
    "plant": (
        '<path fill="#5c8a55" d="M50 58C30 54 24 36 28 22c14 4 22 16 22 30 0-14 8-26 22-30 4 14-2 32-22 36z"/>'
        '<path fill="B" d="M32 58h36l-5 26H37z"/>'
    ),
}
COLOURS = {  # a name, the colour, a darker one, the ground
    "Clay": ("#c8674a", "#8f4630", "#f7e6de"),
    "Forest": ("#3f7d5b", "#27503a", "#e3efe6"),
    "Ocean": ("#3a78b5", "#235179", "#e1ecf6"),
    "Sand": ("#d3b07a", "#97794a", "#f8f1e3"),
    "Berry": ("#9a4478", "#6b2b52", "#f4e3ee"),
    "Coal": ("#4c515c", "#2c3038", "#e8eaee"),
}
MATERIALS = {"stoneware": 1.0, "oak": 1.6, "glass": 1.2, "linen": 0.9, "steel": 1.4}  # and what each makes of the price
PRICES = {"mug": 14, "bowl": 22, "vase": 34, "lamp": 79, "chair": 149, "cushion": 29, "clock": 49, "plant": 19}
SHOPPERS, DAYS = 400, 60
EVENTS = ("view", "view", "view", "view", "cart", "purchase")


class Good(NamedTuple):
    item: str
    name: str
    kind: str
    colour: str
    material: str
    price: float
    picture: str


def picture(kind: str, colour: str) -> str:
    """An SVG of the kind in the colour, as a data URI: it needs no server."""
    body, dark, ground = COLOURS[colour]
    shape = SHAPES[kind].replace('"B"', f'"{body}"').replace('"D"', f'"{dark}"')
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    svg = f'{head}<path fill="{ground}" d="M0 0h100v100H0z"/>{shape}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def goods() -> list[Good]:
    """Each kind in each colour and material."""
    return [
        Good(
            f"{kind}-{colour.lower()}-{material}",
            f"{colour} {material} {kind}",
            kind,
            colour,
            material,
            round(PRICES[kind] * factor + shade, 2),
            picture(kind, colour),
        )
        for kind in SHAPES
        for shade, colour in enumerate(COLOURS)
        for material, factor in MATERIALS.items()
    ]


class Shopper:
    """Someone who likes some kinds and some colours, and looks for more of what they have just looked at."""

    def __init__(self, number: int, stock: Sequence[Good], draw: random.Random) -> None:
        self.user = f"shopper-{number}"
        self._draw = draw
        kinds, colours = draw.sample(list(SHAPES), 2), draw.sample(list(COLOURS), 2)
        self._liked = [each for each in stock if each.kind in kinds and each.colour in colours]
        self._near = [each for each in stock if each.kind in kinds or each.colour in colours]
        self._all = stock

    def likes(self, item: str) -> bool:
        return any(each.item == item for each in self._liked)

    def choices(self) -> list[Good]:
        """The goods of one visit, in their order."""
        pools = self._draw.choices((self._liked, self._near, self._all), (6, 3, 1), k=self._draw.randint(6, 22))
        return [self._draw.choice(pool) for pool in pools]


def shoppers(count: int = SHOPPERS) -> list[Shopper]:
    stock, draw = goods(), random.Random(7)
    return [Shopper(number, stock, draw) for number in range(count)]


def interactions(now: int) -> Iterator[tuple[str, str, int, str]]:
    """Who did what to which good, and when: within the days before `now`."""
    draw = random.Random(11)
    for shopper in shoppers():
        moment = now - draw.randint(1, DAYS * 86_400)
        for good in shopper.choices():
            moment = min(moment + draw.randint(20, 400), now - 60)
            yield shopper.user, good.item, moment, draw.choice(EVENTS)


def write_goods(file: Path) -> None:
    head = ("ITEM_ID", "NAME", "KIND", "COLOUR", "MATERIAL", "PRICE", "PICTURE")
    _write(file, head, ([str(value) for value in good] for good in goods()))


def write_interactions(file: Path, now: int) -> None:
    rows = ([user, item, str(moment), event] for user, item, moment, event in interactions(now))
    _write(file, ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"), rows)


def _write(file: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(rows)
