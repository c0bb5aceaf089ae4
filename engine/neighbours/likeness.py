"""Items as vectors of their descriptions, and the nearest ones of each.

Every category and every word is hashed to a signed place of a short vector and weighed by its rarity (tf-idf with the
hashing trick of Weinberger et al., 2009): no vocabulary, any language with spaces, the same width for every data set.
Beside it lies what the texts mean, so that items are alike whose descriptions share no word.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping

import numpy as np

from engine.data.columns import Column, Floats, Ints, Labels, Tags, Texts
from engine.data.snapshot import Snapshot
from engine.neighbours.pairs import Pairs
from engine.recipe import Progress, stretch
from engine.text.embedding import centre_of, centred, meanings, unit

WIDTH = 512
NEAREST = 50
MEANING = 2.0  # what the meaning of a text counts beside its words: they may collide in WIDTH, and many are common
COMMON = 0.1  # what a term counts that every item has
CHUNK = 8_000_000  # similarities held at once
WORD = re.compile(r"\w+")


def nearest_described(
    snapshot: Snapshot, items: Ints, among: Ints, count: int, progress: Progress
) -> tuple[Ints, Floats]:
    """(n, k) for `items` (n,) the ids, out of `among` (m,), of the most alike, and how alike: cosines, not below 0.

    k is `count`, or m where that is less; the most alike come first.
    """
    both = np.concatenate((among, items))
    columns = {name: column.take(both) for name, column in snapshot.item_columns.items()}
    vectors, _ = described(columns, len(both), stretch(progress, 0.0, 0.5))
    others, own = vectors[: len(among)], vectors[len(among) :]
    width = min(count, len(among))
    near, alike = np.zeros((len(items), width), np.int32), np.zeros((len(items), width), np.float32)
    step = max(CHUNK // max(len(among), 1), 1)
    for first in range(0, len(items) if width else 0, step):
        cosine = own[first : first + step] @ others.T  # (step, m)
        best = np.argpartition(-cosine, width - 1, axis=1)[:, :width]
        order = np.argsort(-np.take_along_axis(cosine, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        near[first : first + step] = among[best]
        alike[first : first + step] = np.maximum(np.take_along_axis(cosine, best, axis=1), 0)
        progress(0.5 + 0.5 * min((first + step) / len(items), 1.0), "comparing descriptions")
    return near, alike


def described(columns: Mapping[str, Column], count: int, progress: Progress) -> tuple[Floats, list[str]]:
    """(count, d) unit vectors, zero where nothing is said, and the names of the columns that speak."""
    total = np.zeros((count, WIDTH), np.float32)
    spoken = []
    for name, column in columns.items():
        owners, terms = _terms(column, name)
        if len(owners):
            spoken.append(name)
            total += unit(_weighed(owners, terms, count))  # each column has the same say
    texts = sum(isinstance(columns[name], Texts) for name in spoken)
    if not texts:
        return unit(total), spoken
    means = meanings(columns, np.arange(count), progress)
    return unit(np.hstack((total, centred(means, centre_of(means)) * np.float32((MEANING * texts) ** 0.5)))), spoken


def alike(vectors: Floats, progress: Progress, nearest: int = NEAREST) -> Pairs:
    """The `nearest` items of positive cosine of each described item (items, d)."""
    described = np.flatnonzero(vectors.any(axis=1)).astype(np.int32)
    count = min(nearest + 1, len(described))
    chunks = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]
    step = max(CHUNK // max(len(described), 1), 1)
    for first in range(0, len(described), step):
        rows = described[first : first + step]
        cosine = vectors[rows] @ vectors[described].T  # (step, known)
        cosine[np.arange(len(rows)), np.arange(first, first + len(rows))] = -1
        near = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        weight = np.take_along_axis(cosine, near, axis=1)
        positive = weight > 1e-3
        chunks.append(Pairs(np.repeat(rows, positive.sum(axis=1)), described[near[positive]], weight[positive]))
        progress(min((first + step) / len(described), 1.0), "comparing descriptions")
    return Pairs(*(np.concatenate([getattr(part, name) for part in chunks]) for name in ("left", "right", "weight")))


def _terms(column: Column, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(m,) item ids and (m,) hashes of their terms; a number says nothing."""
    if isinstance(column, Labels):
        owners = np.flatnonzero(column.codes >= 0)
        return owners, _hashes(name, column.names)[column.codes[owners]]
    if isinstance(column, Tags):
        owners = np.repeat(np.arange(len(column)), np.diff(column.indptr))
        return owners, _hashes(name, column.names)[column.codes]
    if isinstance(column, Texts):
        words = [WORD.findall((column.get(row) or "").lower()) for row in range(len(column))]
        owners = np.repeat(np.arange(len(words)), [len(row) for row in words])
        code_of = {word: place for place, word in enumerate(Counter(word for row in words for word in row))}
        codes = np.array([code_of[word] for row in words for word in row], np.int64)
        return owners, _hashes(name, list(code_of))[codes]
    return np.empty(0, np.int64), np.empty(0, np.int64)


def _hashes(name: str, terms: object) -> np.ndarray:
    """(terms,) a stable hash of each term of a column."""
    return np.array([zlib.crc32(f"{name}\0{term}".encode()) for term in terms], np.int64)  # type: ignore[attr-defined]


def _weighed(owners: np.ndarray, hashes: np.ndarray, items: int) -> Floats:
    """(items, WIDTH) signed sums of 1 + log(how often) times log(items / items that have the term) + COMMON."""
    codes, often = np.unique(owners.astype(np.int64) << 32 | hashes, return_counts=True)
    owner, term = codes >> 32, codes & 0xFFFFFFFF
    _, place, spread = np.unique(term, return_inverse=True, return_counts=True)
    weight = (1 + np.log(often)) * (np.log(items / spread[place]) + COMMON)
    sign = np.where(term >> 31 & 1, -1.0, 1.0)
    flat = np.bincount(owner * WIDTH + term % WIDTH, weight * sign, items * WIDTH)
    return flat.reshape(items, WIDTH).astype(np.float32)
