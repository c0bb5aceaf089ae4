"""Descriptions of items as vectors: their names and texts, read as one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from engine.data.columns import Column, Floats, Longs, Texts
from engine.recipe import Progress
from engine.text.embedding import WIDTH, embed

BLOCK = 2_000  # items between two words of progress
FEW = 10  # items whose mean is not yet what all texts of the catalogue have in common


def digests(columns: Mapping[str, Column], count: int) -> Longs:
    """(items,) a number that changes with an item's texts; 0 for an item without any."""
    texts = _texts(columns)
    texts_of = (b"\0".join(column.raw(row) for column in texts) for row in range(count))
    return np.array([zlib.crc32(each) or 1 if each.strip(b"\0 ") else 0 for each in texts_of], np.int64)


def meanings(columns: Mapping[str, Column], rows: Longs, progress: Progress) -> Floats:
    """(rows, WIDTH) the vectors of these items' descriptions; zero for an item without texts."""
    vectors = np.zeros((len(rows), WIDTH), np.float32)
    texts = _texts(columns)
    for start in range(0, len(rows), BLOCK):
        progress(start / len(rows), "reading what is said about items")
        block = rows[start : start + BLOCK].tolist()
        joined = [" ".join(filter(None, (column.get(row) for column in texts))) for row in block]
        vectors[start : start + BLOCK] = embed(joined)
    return vectors


def centre_of(vectors: Floats) -> Floats:
    """(WIDTH,) what all texts have in common, which says nothing about any; less of it where there are few."""
    spoken = vectors[vectors.any(axis=1)]
    return np.asarray(spoken.sum(axis=0) / np.float32(len(spoken) + FEW), np.float32)


def centred(vectors: Floats, centre: Floats) -> Floats:
    """(n, WIDTH) unit vectors without what all have in common; zero stays zero."""
    apart = np.where(vectors.any(axis=1, keepdims=True), vectors - centre, 0)
    lengths = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(apart / np.maximum(lengths, 1e-9), np.float32)


def _texts(columns: Mapping[str, Column]) -> list[Texts]:
    return [column for column in columns.values() if isinstance(column, Texts)]
