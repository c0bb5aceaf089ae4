"""A synthetic shop, imported and trained by the command line's own functions.

Ids and titles have a fixed width, so that every answer of 25 items has the same size: about 1.4 KB.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from gateway.cli.import_data import import_file
from gateway.cli.local import Local, opened
from gateway.cli.train import deploy, train

CONFIG = Path(__file__).with_name("gateway.yaml")
GROUP = "shop"
TRACKING_ID = "00000000-0000-4000-8000-000000000001"  # as gateway.yaml names it
QUICK = "aws-popularity-count"
FIRST_DAY = 1_700_000_000
SPAN_S = 10_000_000

Row = Sequence[str | int]


@dataclass(frozen=True)
class Size:
    items: int = 2_000
    users: int = 10_000
    each: int = 10  # interactions of a user


def user_name(number: int) -> str:
    return f"u{number:05}"


def item_name(number: int) -> str:
    return f"i{number:05}"


def prepare(
    data: Path,
    size: Size,
    models: Mapping[str, str],
    console: Console,
    settings: Mapping[str, dict[str, str]] | None = None,
) -> None:
    """A data directory with the shop's data, its event tracker, and each of `models` (name: recipe) deployed, trained
    with its hyperparameters of `settings`."""
    data.mkdir(parents=True, exist_ok=True)
    with opened(data, console, allow_file_urls=True) as local:
        import_shop(local, size, data / "csv")
        local.track(GROUP, TRACKING_ID)
        for name, recipe in models.items():
            deploy(local, name, train(local, GROUP, name, recipe, (settings or {}).get(name, {})))


def import_shop(
    local: Local, size: Size, folder: Path, group: str = GROUP, named: Callable[[int], str] = item_name
) -> None:
    folder.mkdir(exist_ok=True)
    parts = (
        ("INTERACTIONS", INTERACTIONS, interactions(size, named)),
        ("ITEMS", ITEMS, items(size, named)),
    )
    for dataset_type, columns, rows in parts:
        file = folder / f"{dataset_type.lower()}.csv"
        with file.open("w", newline="", encoding="utf-8") as lines:
            writer = csv.writer(lines)
            writer.writerow(columns)
            writer.writerows(rows)
        import_file(local, group, dataset_type, file, schema(dataset_type.capitalize(), columns))


INTERACTIONS: dict[str, object] = {
    "USER_ID": "string",
    "ITEM_ID": "string",
    "TIMESTAMP": "long",
    "EVENT_TYPE": "string",
}
ITEMS: dict[str, object] = {"ITEM_ID": "string", "TITLE": ["null", "string"], "PRICE": "float"}


def schema(name: str, columns: Mapping[str, object]) -> str:
    fields = [{"name": column, "type": kind} for column, kind in columns.items()]
    head = {"type": "record", "name": name, "namespace": "com.amazonaws.personalize.schema", "version": "1.0"}
    return json.dumps({**head, "fields": fields})


def interactions(size: Size, named: Callable[[int], str] = item_name) -> Iterator[Row]:
    chance = random.Random(1)
    for user in range(size.users):
        for _ in range(size.each):
            at = FIRST_DAY + chance.randrange(SPAN_S)
            yield user_name(user), named(zipf(size.items, chance)), at, "view"


def items(size: Size, named: Callable[[int], str] = item_name) -> Iterator[Row]:
    return ((named(number), f"Item {number:05}", number % 90 + 10) for number in range(size.items))


def zipf(count: int, chance: random.Random) -> int:
    """One of `count` numbers, n about as often as 1/(n+1)."""
    return min(count, int((count + 1) ** chance.random())) - 1
