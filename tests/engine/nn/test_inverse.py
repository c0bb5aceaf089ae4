"""Algebra in little memory is the usual algebra."""

import numpy as np
import pytest

from engine.nn import inverse
from engine.nn.inverse import MOST, WHOLE, invert, inverted, multiplier

SIZES = pytest.mark.parametrize("size", [40, inverse.TINY + 1], ids=["by numpy", "by torch"])


@SIZES
def test_a_matrix_becomes_its_inverse(size: int) -> None:
    factors = np.random.default_rng(0).random((size, 60), np.float32)
    matrix = factors @ factors.T
    expected = np.linalg.inv(matrix.astype(np.float64) + 3 * np.eye(size))
    invert(matrix, 3.0)
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


@SIZES
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_products_by_entries_are_products(share: float, size: int) -> None:
    draw = np.random.default_rng(1)
    matrix = draw.random((size, size), np.float32) * (draw.random((size, size)) < share)
    left = draw.random((9, size), np.float32)
    np.testing.assert_allclose(multiplier(matrix)(left), left @ matrix, rtol=1e-5)


def test_a_catalogue_is_inverted_whole_up_to_a_size() -> None:
    assert [inverted(count) for count in (1, WHOLE, WHOLE + 1, 1_000_000)] == [1, WHOLE, MOST, MOST]


def test_heavy_weights_leave_single_precision_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ridge that is lost in the largest eigenvalue becomes a larger one."""
    monkeypatch.setattr(inverse, "SMALL", 0)
    factors = np.random.default_rng(0).random((300, 60), np.float32) * 1e5
    matrix = factors @ factors.T
    ridge = inverse.RIDGE * float(matrix.sum(axis=1).max())
    expected = np.linalg.inv(matrix.astype(np.float64) + ridge * np.eye(300))
    invert(matrix, 100.0)
    np.testing.assert_allclose(matrix, expected, atol=0.05 * np.abs(expected).max())
