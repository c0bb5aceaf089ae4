"""Many users at once have what each has alone, to the bit; a history that was asked for is not encoded again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.data.columns import Floats, Ints
from engine.ensemble.mixture import BLOCK, TILE, TILES_BYTES, LogitSum, Mixture, all_onto, with_tiles
from engine.ensemble.vectors import Vectors
from engine.nn.forward import expected, expected_of_many
from engine.recipe import Query
from tests.engine.ensemble.test_mixture import COLUMNS, ITEMS, WEIGHTS, fits

__all__ = ["fits"]  # a fixture


def histories(count: int, seed: int = 0) -> list[Ints]:
    draw = np.random.default_rng(seed)
    return [draw.integers(ITEMS, size=draw.choice([1, 2, 9, 10, 11, 40])).astype(np.int32) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 17])
def test_a_blend_of_many_is_each_ones_own(fits, count: int) -> None:
    blend = Mixture(COLUMNS, fits, WEIGHTS, 3.0, ITEMS)
    queries = [Query(history) for history in (*histories(count), np.zeros(0, np.int32))]
    together = all_onto(blend.base, blend.sums_of(queries))
    fresh = Mixture(COLUMNS, fits, WEIGHTS, 3.0, ITEMS)  # that remembers nobody
    for query, scores in zip(queries, together, strict=True):
        assert (all_onto(fresh.base, fresh.sums_of((query,)))[0] == scores).all()


@pytest.mark.parametrize("length", [1, 2, 7, 10, 15])
def test_a_batch_of_histories_is_encoded_as_each_alone(fits, length: int) -> None:
    weights = fits[COLUMNS[-1].fit]
    batch = np.random.default_rng(length).integers(ITEMS, size=(13, length)).astype(np.int32)
    together = expected_of_many(weights, batch)
    assert all((expected(weights, history) == vector).all() for history, vector in zip(batch, together, strict=True))


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("items", [1, 700, BLOCK, 2 * BLOCK + 1])
@pytest.mark.parametrize(
    ("count", "dim"), [(1, 64), (2, 64), (5, 64), (16, 64), (33, 64), (9, 24), (9, 32), (9, 74), (13, 64), (25, 74)]
)
def test_products_by_blocks_are_products_and_the_same_in_any_company(
    count: int, dim: int, items: int, tiled: bool
) -> None:
    draw = np.random.default_rng(count)
    own = {"items": draw.normal(size=(items, dim)).astype(np.float32), "bias": draw.random(items, np.float32)}
    arrays = with_tiles(own) if tiled else own
    vectors, base = draw.normal(size=(count, dim)).astype(np.float32), draw.normal(size=items).astype(np.float32)
    sums = [LogitSum(((arrays, vector, 0.1 * at),) * (at % 3 > 0), (), (), at) for at, vector in enumerate(vectors, 1)]
    together = all_onto(base, sums)
    for at, (vector, logits) in enumerate(zip(vectors, together, strict=True), 1):
        product = arrays["items"] @ vector + 0.1 * at * arrays["bias"] if at % 3 else 0
        np.testing.assert_allclose(logits, base + at + product, rtol=1e-5, atol=1e-5)
        assert (all_onto(base, (sums[at - 1],))[0] == logits).all()


IN_COMPANY = """
import numpy as np
from engine.ensemble.mixture import products, with_tiles
draw = np.random.default_rng(0)
vectors = draw.normal(size=(33, 65)).astype(np.float32)
for count in (700, 8192):
    own = {"items": draw.normal(size=(count, 64)).astype(np.float32), "bias": draw.random(count, np.float32)}
    for arrays in (own, with_tiles(own)):
        alone = np.concatenate([products(arrays, slice(0, count), vector[None]) for vector in vectors])
        for company in (2, 5, 16, 33):
            assert (products(arrays, slice(0, count), vectors[:company]) == alone[:company]).all()
"""


@pytest.mark.parametrize("processor", ["Haswell", "SkylakeX", "Nehalem"])
def test_products_are_the_same_in_any_company_on_another_processor(processor: str) -> None:
    """OpenBLAS takes other ways there. Without AVX-512 it rounds by the place in a matrix."""
    environ = {**os.environ, "OPENBLAS_CORETYPE": processor}
    subprocess.run([sys.executable, "-c", IN_COMPANY], env=environ, check=True, timeout=100)


def test_vectors_are_kept_as_tiles_unless_they_are_many() -> None:
    items = np.arange(4 * (TILE + 1), dtype=np.float32).reshape(TILE + 1, 4)
    tiles = with_tiles({"items": items[:, :3], "bias": items[:, 3]})["tiles"]
    assert tiles.shape == (2, 4, TILE)
    assert (items[:TILE] == tiles[0].T).all() and (items[TILE] == tiles[1, :, 0]).all() and not tiles[1, :, 1:].any()
    many = np.broadcast_to(items[0], (TILES_BYTES // 16 + 1, 4))
    assert all("tiles" not in with_tiles(arrays) for arrays in ({"items": many}, {}))


class Encoder:
    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, histories: Sequence[Ints]) -> Floats:
        self.asked += len(histories)
        return np.array([[history.sum(), len(history)] for history in histories], np.float32)


def test_a_history_is_encoded_once_and_its_next_event_makes_another() -> None:
    encode = Encoder()
    vectors, some = Vectors(encode), histories(20)
    for _ in range(3):
        assert all((found == encode([history])[0]).all() for found, history in zip(vectors.of(some), some, strict=True))
    assert encode.asked == 20 + 60
    vectors.of([np.append(some[0], np.int32(5))])
    assert encode.asked == 81


def test_what_was_asked_for_longest_ago_is_forgotten() -> None:
    encode = Encoder()
    vectors = Vectors(encode, most=10)
    some = [np.array([number], np.int32) for number in range(11)]
    for history in (*some[:10], some[0], some[10]):
        vectors.of([history])
    assert len(vectors) == 10 and encode.asked == 11
    vectors.of([some[0]])
    assert encode.asked == 11
    vectors.of([some[1]])
    assert encode.asked == 12


def test_many_threads_find_what_is_theirs() -> None:
    vectors = Vectors(Encoder(), most=50)
    some = histories(200, 3)

    def ask(seed: int) -> bool:
        own = [some[place] for place in np.random.default_rng(seed).integers(200, size=8)]
        return all(
            vector.tolist() == [history.sum(), len(history)]
            for vector, history in zip(vectors.of(own), own, strict=True)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(300)))
    assert len(vectors) <= 50
