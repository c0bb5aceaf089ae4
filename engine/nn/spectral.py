"""Vectors of items before any training: near each other where users chose the items together.

They are the first eigenvectors of the graph of items, its edges divided by the roots of both ends' degrees (Laplacian
eigenmaps: Belkin and Niyogi, 2003), as rows of unit length (Ng, Jordan and Weiss, 2001), found by subspace iteration
(Halko, Martinsson and Tropp, 2011). `torch.svd_lowrank` would lose the signs of eigenvalues, and draws from a generator
that concurrent trainings share; `torch.lobpcg` wants three times as many items as vectors.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.neighbours.pairs import Pairs

MORE = 16  # vectors iterated than wanted, which converge sooner so
STEPS = 8
ALONE = 1e-6  # length under which a row is of an item without neighbours


def spectral_vectors(pairs: Pairs, item_count: int, dim: int, generator: torch.Generator) -> Tensor:
    """(items, dim) rows of unit length; 0 for items without neighbours, and in places beyond the number of items.

    `pairs` (m,) are distinct and go both ways; a weight is how many users chose both items.
    """
    degrees = 1 + np.bincount(pairs.left, pairs.weight, item_count).astype(np.float32)
    weights = pairs.weight / np.sqrt(degrees[pairs.left] * degrees[pairs.right])
    places = torch.from_numpy(np.stack((pairs.left, pairs.right)))
    shape = (item_count, item_count)
    graph = torch.sparse_coo_tensor(places, torch.from_numpy(weights), shape, is_coalesced=True, check_invariants=False)
    basis = torch.randn(item_count, min(dim + MORE, item_count), generator=generator)
    for _ in range(STEPS):
        basis, _ = torch.linalg.qr(graph @ basis)
    values, turn = torch.linalg.eigh(basis.T @ (graph @ basis))
    found = (basis @ turn.flip(1)[:, 1 : dim + 1]) * values.flip(0)[1 : dim + 1].clamp(
        min=0
    ).sqrt()  # the first tells popularity
    found /= torch.from_numpy(degrees).sqrt()[:, None]
    lengths = found.norm(dim=1, keepdim=True)
    rows = torch.zeros(item_count, dim)
    rows[:, : found.shape[1]] = torch.where(lengths > ALONE, found / lengths.clamp(min=ALONE), 0)
    return rows
