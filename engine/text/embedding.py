"""Texts as vectors: the mean of pretrained token embeddings, a 16 MB table that comes with its package (WordLlama).

For training only: the table is loaded when it is first needed, which costs half a second and some 50 MB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.columns import Floats

WIDTH = 256
LONGEST = 20_000  # characters of a text that are read, as many as a textual field has
BLOCK = 20_000  # characters embedded at once: at most some 80,000 tokens of 1 kB


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
    import wordllama

    root.handlers[:] = handlers  # importing it sets up logging, which is not for a library to do
    root.setLevel(level)
    # the weights are looked for in the package, the tokenizer in the cache only: so the package is the cache
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, dim=WIDTH, disable_download=True)
    model.tokenizer.no_padding()
    return model.tokenizer, model.embedding
