"""Tiny worlds in which the right answer is known."""

from __future__ import annotations

import numpy as np

from engine.data.columns import Labels, Tags, Texts
from engine.data.snapshot import Snapshot, snapshot_of

HOUR = 3_600
START = 1_700_000_000


def rows_of(rows: list[tuple[int, int, int]], **names: object) -> Snapshot:
    """A snapshot of (user, item, time) rows."""
    users, items, times = (np.array(column) for column in zip(*rows, strict=True))
    return snapshot_of(users.astype(np.int32), items.astype(np.int32), times.astype(np.int64), **names)  # type: ignore[arg-type]


def checkerboard(size: int = 40, seed: int = 0) -> Snapshot:
    """Even users like even items, odd users odd ones, each in an order of their own; user u never met item u."""
    draw = np.random.default_rng(seed)
    rows = [
        (user, item, START + place * HOUR)
        for user in range(size)
        for place, item in enumerate(draw.permutation([i for i in range(user % 2, size, 2) if i != user]).tolist())
    ]
    return rows_of(rows, item_names=[f"item-{i}" for i in range(size)])


def chain(size: int = 30, users: int = 60, length: int = 12, seed: int = 0) -> Snapshot:
    """Item i is always followed by i + 1, round a circle; everybody starts somewhere."""
    starts = np.random.default_rng(seed).integers(size, size=users)
    return rows_of([(u, int(s + k) % size, START + k * HOUR) for u, s in enumerate(starts) for k in range(length)])


def groups(size: int = 24, users: int = 60, seed: int = 0) -> Snapshot:
    """Items 0..7, 8..15 and 16..23 belong together; each user keeps to one group. Items size..size+2 are cold: nobody
    touched them, but their genre and text say which group they belong to.
    """
    draw = np.random.default_rng(seed)
    rows = [
        (user, int(item) + user % 3 * 8, START + place * HOUR)
        for user in range(users)
        for place, item in enumerate(draw.permutation(8)[:6])
    ]
    count = size + 3
    genre = np.array([i // 8 for i in range(size)] + [0, 1, 2], np.int32)
    words = ["robots in space", "love and letters", "murder at sea"]
    columns = {
        "GENRE": Tags(np.arange(count + 1, dtype=np.int64), genre, ["scifi", "romance", "crime"]),
        "SHELF": Labels(genre, ["a", "b", "c"]),
        "PLOT": Texts.of(f"{words[g]} number {i}" for i, g in enumerate(genre)),
    }
    return rows_of(rows, item_names=[f"item-{i}" for i in range(count)], item_columns=columns)


def grocery(users: int = 60, items: int = 40, baskets: int = 10, seed: int = 0) -> Snapshot:
    """Everyone buys their own four items again and again, and a random one each time."""
    draw = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        favourites = draw.permutation(items)[:4]
        for basket in range(baskets):
            bought = [*draw.permutation(favourites)[:3].tolist(), int(draw.integers(items))]
            rows += [(user, item, START + basket * 24 * HOUR) for item in bought]
    return rows_of(rows)
