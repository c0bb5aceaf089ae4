"""Linear algebra on items × items in single precision and little memory: 12,000 items take 0.6 GB a matrix."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from engine.data.columns import Floats, offsets_of
from engine.extras import TORCH, importing
from engine.nn.threads import one_thread

TINY = 250  # items, up to which numpy does it: torch takes a second to load
SMALL = 4_000  # items, up to which several ridges are tried, in double precision
WHOLE = 20_000  # items, up to which the whole catalogue is inverted
FEW = 0.05  # share of entries up to which a matrix is taken as sparse
RIDGE = 1e-6  # of the largest sum of a row, the least ridge in single precision
MOST = 12_000  # items of a larger catalogue, those of most interactions: time goes with the third power


def inverted(item_count: int) -> int:
    """The number of items that an inverse is made of."""
    return item_count if item_count <= WHOLE else MOST


def invert(matrix: Floats, ridge: float) -> None:
    """Replace a positive semidefinite matrix (k, k) of numbers not below 0 by the inverse of itself plus `ridge` on its
    diagonal, by Cholesky.

    A large one stays in single precision. What keeps that enough is a ridge of at least `RIDGE` times the largest sum
    of a row, which no eigenvalue exceeds; only heavy event weights or very many users reach so far.
    """
    if len(matrix) > SMALL:
        ridge = max(ridge, RIDGE * float(matrix.sum(axis=1).max()))
    matrix[np.diag_indices(len(matrix))] += np.float32(ridge)
    if len(matrix) <= min(TINY, SMALL):
        matrix[:] = np.linalg.inv(matrix.astype(np.float64))
    else:
        _invert_in_place(matrix)


@one_thread()
def _invert_in_place(matrix: Floats) -> None:
    with importing(TORCH, "Large matrices are inverted with"):
        import torch  # LAPACK in place, which numpy does not have; only training pays for loading it

    tensor = torch.from_numpy(matrix)
    work = tensor.double() if len(matrix) <= SMALL else tensor
    torch.linalg.cholesky(work, out=work)
    torch.cholesky_inverse(work, out=work)
    tensor.copy_(work)


def multiplier(matrix: Floats) -> Callable[[Floats], Floats]:
    """(n, k) → (n, k): the product with a matrix (k, k), by its entries where they are few, and then without it."""
    if len(matrix) <= TINY:
        return lambda left: left @ matrix
    with importing(TORCH, "Large matrices are multiplied with"):
        import torch

    if np.count_nonzero(matrix) > FEW * matrix.size:
        dense = torch.from_numpy(matrix)
        return lambda left: (torch.from_numpy(left) @ dense).numpy()
    columns, rows = np.nonzero(matrix)
    order = np.argsort(rows, kind="stable")
    columns, rows = columns[order], rows[order]
    offsets = torch.from_numpy(offsets_of(np.bincount(rows, minlength=len(matrix))))
    with warnings.catch_warnings(action="ignore"):  # torch calls its sparse matrices a beta
        turned = torch.sparse_csr_tensor(
            offsets, torch.from_numpy(columns), torch.from_numpy(matrix[columns, rows]), matrix.shape
        )
    return lambda left: (turned @ torch.from_numpy(left).T).numpy().T
