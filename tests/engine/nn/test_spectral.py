"""First vectors of items: the eigenvectors of the graph of what users chose together, and what they are good for."""

import numpy as np
import pytest
import torch

from engine.data.snapshot import Snapshot
from engine.measure.metrics import mid_ranks, ndcg, without
from engine.measure.split import leave_last_out
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import Pairs
from engine.nn import loop
from engine.nn.forward import logits
from engine.nn.spectral import spectral_vectors
from engine.nn.transformer import TransformerShape
from engine.recipe import silent
from loadtests.quality.datasets.amazon_shape import Shape, world

SPARSE = Shape(users=1_000, items=600, clusters=40, successors=5)


def graph(weights: np.ndarray) -> Pairs:
    left, right = np.nonzero(weights)
    return Pairs(left.astype(np.int32), right.astype(np.int32), weights[left, right].astype(np.float32))


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rows_are_the_first_eigenvectors_but_for_the_one_of_popularity() -> None:
    draw = np.random.default_rng(1)
    group = np.arange(40) % 4
    weights = draw.poisson(np.where(group[:, None] == group, 6.0, 0.5)).astype(float)
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    rows = spectral_vectors(graph(weights), 40, 3, drawn()).numpy()

    degrees = 1 + weights.sum(axis=1)
    values, vectors = np.linalg.eigh(weights / np.sqrt(np.outer(degrees, degrees)))
    exact = vectors[:, [-2, -3, -4]] * np.sqrt(values[[-2, -3, -4]]) / np.sqrt(degrees)[:, None]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    np.testing.assert_allclose(rows @ rows.T, exact @ exact.T, atol=2e-3)  # whatever the signs
    same = (rows @ rows.T)[group[:, None] == group]
    assert same.min() > 0.9


def test_an_item_that_nobody_chose_beside_another_has_none() -> None:
    weights = np.zeros((6, 6))
    weights[0, 1] = weights[1, 0] = weights[1, 2] = weights[2, 1] = weights[2, 3] = weights[3, 2] = 2
    rows = spectral_vectors(graph(weights), 6, 2, drawn())
    np.testing.assert_allclose(rows.norm(dim=1).numpy(), [1, 1, 1, 1, 0, 0], atol=1e-5)


@pytest.mark.parametrize("items", [1, 2, 5])
def test_fewer_items_than_places(items: int) -> None:
    rows = spectral_vectors(graph(1 - np.eye(items)), items, 8, drawn())
    assert rows.shape == (items, 8)
    assert torch.isfinite(rows).all()
    assert not rows[:, items:].any()


def test_a_sparse_world_is_learned_in_a_few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    split = leave_last_out(world(0, SPARSE))

    def learned(train: Snapshot) -> float:
        weights = loop.trained(train, TransformerShape(SPARSE.items, 20, 32), 3, 0, silent)
        ranks = [mid_ranks(without(logits(weights, case.history), case.history), case.truth) for case in split.cases]
        return float(np.mean([ndcg(rank, 10) for rank in ranks]))

    near = learned(split.train)
    monkeypatch.setattr(loop, "GRAPH", 0)
    assert near > 1.5 * learned(split.train)


def test_it_repeats() -> None:
    pairs, _ = cooccurrence(world(0, SPARSE))
    one, other = (spectral_vectors(pairs, SPARSE.items, 16, drawn(3)) for _ in range(2))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
