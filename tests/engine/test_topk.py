from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from engine.rank.topk import SMALL, top_k


def plain(scores: np.ndarray, k: int) -> list[int]:
    ranked = sorted((index for index, score in enumerate(scores) if score > -np.inf), key=lambda i: (-scores[i], i))
    return ranked[:k]


few = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0])


@given(arrays.arrays(np.float32, st.integers(0, 60), elements=few), st.integers(0, 70))
def test_it_is_what_a_sort_says(scores: np.ndarray, k: int):
    assert top_k(scores, k).tolist() == plain(scores, k)


@given(st.integers(0, 2**32), st.integers(1, 500), st.integers(1, 5000), st.sampled_from([0.0, 0.5, 0.999]))
def test_it_is_what_a_sort_says_of_many(seed: int, k: int, distinct: int, missing: float):
    random = np.random.default_rng(seed)
    scores = random.integers(0, distinct, SMALL * 2).astype(np.float32)
    scores[random.random(len(scores)) < missing] = -np.inf
    expected = np.lexsort((np.arange(len(scores)), -scores))[:k]
    assert top_k(scores, k).tolist() == expected[scores[expected] > -np.inf].tolist()


@given(st.integers(0, 2**32), st.integers(1, 500), st.sampled_from([60, SMALL * 2]), st.sampled_from([0.0, 0.5, 0.999]))
def test_only_what_is_allowed(seed: int, k: int, count: int, dropped: float):
    random = np.random.default_rng(seed)
    scores, allowed = random.integers(0, 300, count).astype(np.float32), random.random(count) >= dropped
    assert top_k(scores, k, allowed).tolist() == top_k(np.where(allowed, scores, np.float32(-np.inf)), k).tolist()


@pytest.mark.parametrize("period", [1, 8, 15, 16, 17])
def test_a_misleading_sample_does_not_matter(period: int):
    scores = np.zeros(SMALL * 2, np.float32)
    scores[::period] = np.arange(len(scores[::period]))  # the sample sees only the best, or none of them
    assert top_k(scores, 100).tolist() == plain(scores, 100)
    assert top_k(-scores, 100).tolist() == plain(-scores, 100)


def test_ids_are_small_integers():
    assert top_k(np.array([1.0, 2.0], np.float32), 1).dtype == np.int32
