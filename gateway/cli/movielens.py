"""MovieLens-100K, from the package that ships it, as the three CSV files that an import takes.

GroupLens allows research use and no redistribution: the data is fetched when it is needed and never part of recgate.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli import wheels
from gateway.cli.import_data import import_file
from gateway.cli.local import Local
from gateway.cli.wheels import CACHE

PACKAGE = "recbole==1.2.1"
INSIDE = "recbole/dataset_example/ml-100k/ml-100k.{}"


@dataclass(frozen=True)
class MovieLensFile:
    dataset_type: str
    suffix: str
    row: Callable[[dict[str, str]], tuple[str, ...]]
    columns: dict[str, str]  # with their types, and what else the schema says of them

    @property
    def schema(self) -> str:
        fields = ",".join(f'{{"name":"{name}","type":{kind}}}' for name, kind in self.columns.items())
        head = f'"type":"record","name":"{self.dataset_type.title()}","namespace":"com.amazonaws.personalize.schema"'
        return f'{{{head},"fields":[{fields}],"version":"1.0"}}'

    def write(self, rows: Iterable[Sequence[str]], file: Path) -> None:
        """Writes the rows as a CSV that an import takes."""
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(self.columns)
            writer.writerows(rows)


def fetch(cache: Path = CACHE) -> Path:
    """The wheel that holds the data, whole. Raises `ClickException` with the fix where it can't be had."""
    return wheels.fetch(PACKAGE, cache)


def rows(wheel: Path, suffix: str) -> Iterator[dict[str, str]]:
    """The rows of one of the package's files, by column name; their headers say name:type."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(INSIDE.format(suffix)) as raw:
            lines = raw.read().decode().splitlines()
    except (zipfile.BadZipFile, KeyError) as error:
        raise click.ClickException(f"{wheel} is not the expected package: {error}; delete it and try again") from error
    names = [name.split(":")[0] for name in lines[0].split("\t")]
    for line in lines[1:]:
        yield dict(zip(names, line.split("\t"), strict=True))


def _interaction(row: dict[str, str]) -> tuple[str, ...]:
    return row["user_id"], row["item_id"], str(int(float(row["timestamp"]))), "watch", row["rating"]


def _item(row: dict[str, str]) -> tuple[str, ...]:
    year = row["release_year"]
    return row["item_id"], row["movie_title"], "|".join(row["class"].split()), year if year.isdigit() else ""


def _user(row: dict[str, str]) -> tuple[str, ...]:
    return row["user_id"], row["age"], row["gender"], row["occupation"]


TEXT, WORDS = '["null","string"]', '["null","string"],"categorical":true'

PARTS = (
    MovieLensFile(
        "INTERACTIONS",
        "inter",
        _interaction,
        {
            "USER_ID": '"string"',
            "ITEM_ID": '"string"',
            "TIMESTAMP": '"long"',
            "EVENT_TYPE": '"string"',
            "EVENT_VALUE": '["float","null"]',
        },
    ),
    MovieLensFile(
        "ITEMS", "item", _item, {"ITEM_ID": '"string"', "TITLE": TEXT, "GENRES": WORDS, "YEAR": '["null","int"]'}
    ),
    MovieLensFile(
        "USERS", "user", _user, {"USER_ID": '"string"', "AGE": '["null","int"]', "GENDER": WORDS, "OCCUPATION": WORDS}
    ),
)


def import_all(local: Local, group: str, wheel: Path, folder: Path) -> None:
    """Write one CSV a dataset type below `folder`, made if missing, and import them."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        file = folder / f"{part.dataset_type.lower()}.csv"
        partial = file.with_suffix(".partial")
        part.write((part.row(row) for row in rows(wheel, part.suffix)), partial)
        partial.replace(file)
        import_file(local, group, part.dataset_type, file, part.schema)
