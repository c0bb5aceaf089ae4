"""Texts as vectors: the mean of pretrained token embeddings, a 16 MB table that comes with its package (WordLlama).

Items are read as one text each, their names and texts together.

For training only: the table is loaded when it is first needed, which costs half a second and some 50 MB.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.columns import Column, Floats, Longs, Texts
from engine.extras import WORDLLAMA, importing
from engine.recipe import Progress

WIDTH = 256
LONGEST = 20_000  # characters of a text that are read, as many as a textual field has
BLOCK = 20_000  # characters embedded at once: at most some 80,000 tokens of 1 kB
ITEMS = 2_000  # between two words of progress
FEW = 10  # items whose mean is not yet what all texts of the catalogue have in common


def embed(texts: Sequence[str]) -> Floats:
    """(n, WIDTH) unit vectors, the nearer the more alike in meaning; zero for a text without words.

    Equal texts get equal vectors, whatever stands beside them. Needs no network.
    """
    vectors = np.zeros((len(texts), WIDTH), np.float32)
    if not any(text.strip() for text in texts):
        return vectors
    tokenizer, table = _model()
    for rows in _blocks(texts):
        encoded = tokenizer.encode_batch([texts[row][:LONGEST] for row in rows], add_special_tokens=False)
        spoken = [(row, each.ids) for row, each in zip(rows, encoded, strict=True) if each.ids]
        if spoken:
            tokens = np.concatenate([ids for _, ids in spoken]).clip(max=len(table) - 1)
            starts = np.cumsum([0, *(len(ids) for _, ids in spoken[:-1])])
            vectors[[row for row, _ in spoken]] = np.add.reduceat(table[tokens], starts)
    return unit(vectors)


def unit(vectors: Floats) -> Floats:
    """(n, d) the vectors scaled to length 1; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def _blocks(texts: Sequence[str]) -> Iterator[list[int]]:
    """Rows of texts that are not blank, some at a time."""
    rows: list[int] = []
    size = 0
    for row, text in enumerate(texts):
        if not text.strip():
            continue
        if rows and size + len(text) > BLOCK:
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += len(text)
    if rows:
        yield rows


@cache
def _model() -> tuple[Any, Floats]:
    """The tokenizer, and (tokens, WIDTH) what each token means."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with importing(WORDLLAMA, "Texts are read with"):
        import wordllama

    root.handlers[:] = handlers  # importing it sets up logging, which is not for a library to do
    root.setLevel(level)
    # the weights are looked for in the package, the tokenizer in the cache only: so the package is the cache
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, dim=WIDTH, disable_download=True)
    model.tokenizer.no_padding()
    return model.tokenizer, model.embedding


def digests(columns: Mapping[str, Column], count: int) -> Longs:
    """(items,) a number that changes with an item's texts; 0 for an item without any."""
    texts = _texts(columns)
    texts_of = (b"\0".join(column.raw(row) for column in texts) for row in range(count))
    return np.array([zlib.crc32(each) or 1 if each.strip(b"\0 ") else 0 for each in texts_of], np.int64)


def meanings(columns: Mapping[str, Column], rows: Longs, progress: Progress) -> Floats:
    """(rows, WIDTH) the vectors of these items' descriptions; zero for an item without texts."""
    vectors = np.zeros((len(rows), WIDTH), np.float32)
    texts = _texts(columns)
    for start in range(0, len(rows), ITEMS):
        progress(start / len(rows), "reading what is said about items")
        block = rows[start : start + ITEMS].tolist()
        joined = [" ".join(filter(None, (column.get(row) for column in texts))) for row in block]
        vectors[start : start + ITEMS] = embed(joined)
    return vectors


def centre_of(vectors: Floats) -> Floats:
    """(WIDTH,) what all texts have in common, which says nothing about any; less of it where there are few."""
    spoken = vectors[vectors.any(axis=1)]
    return np.asarray(spoken.sum(axis=0) / np.float32(len(spoken) + FEW), np.float32)


def centred(vectors: Floats, centre: Floats) -> Floats:
    """(n, WIDTH) unit vectors without what all have in common; zero stays zero."""
    return unit(np.where(vectors.any(axis=1, keepdims=True), vectors - centre, 0))


def _texts(columns: Mapping[str, Column]) -> list[Texts]:
    return [column for column in columns.values() if isinstance(column, Texts)]
