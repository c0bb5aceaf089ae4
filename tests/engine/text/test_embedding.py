"""Vectors of texts: what is alike in meaning is near, offline, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from engine.text.embedding import WIDTH, embed

ALIKE = [
    ("a spaceship travels to distant planets", "astronauts explore the galaxy", "a recipe for apple pie"),
    ("wireless noise-cancelling headphones", "bluetooth earbuds", "wooden garden bench"),
    ("detective solves a murder", "police investigate a killing", "teenagers fall in love at school"),
]


@pytest.mark.parametrize(("text", "near", "far"), ALIKE)
def test_meaning_is_nearer_than_another(text: str, near: str, far: str):
    vectors = embed([text, near, far])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_unit_vectors_and_zero_for_a_text_without_words():
    vectors = embed(["words", "", "  \n", "слова", "言葉"])
    assert vectors.shape == (5, WIDTH) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0, 1, 1], atol=1e-5)
    assert embed([]).shape == (0, WIDTH)
    assert not embed(["", ""]).any()


def test_a_text_has_one_vector_wherever_it_stands():
    long = ["word " * 5_000, "a short one", "many more words " * 400]
    alone = np.concatenate([embed([text]) for text in long])
    np.testing.assert_allclose(embed(long), alone, atol=1e-6)


def test_memory_follows_the_block_not_the_texts():
    embed(["load the table"])
    texts = ["long text of many words " * 800] * 60 + ["short"] * 3_000
    tracemalloc.start()
    try:
        embed(texts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 << 20


def test_loaded_when_needed_offline_and_without_touching_the_logs():
    code = (
        "import logging, socket, sys\n"
        "def refused(*_): raise OSError('no network')\n"
        "socket.socket.connect = refused\n"
        "import engine; engine.RECIPES\n"
        "from engine.text.embedding import embed\n"
        "assert not embed(['']).any() and 'wordllama' not in sys.modules\n"
        "assert embed(['word']).any()\n"
        "assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
