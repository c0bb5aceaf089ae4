"""Algebra in little memory is the usual algebra."""

import numpy as np
import pytest

from engine.nn.inverse import MOST, WHOLE, invert, inverted, multiplier


def test_a_matrix_becomes_its_inverse() -> None:
    factors = np.random.default_rng(0).random((40, 60), np.float32)
    matrix = factors @ factors.T
    expected = np.linalg.inv(matrix.astype(np.float64) + 3 * np.eye(40))
    invert(matrix, 3.0)
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_products_by_entries_are_products(share: float) -> None:
    draw = np.random.default_rng(1)
    matrix = draw.random((70, 70), np.float32) * (draw.random((70, 70)) < share)
    left = draw.random((9, 70), np.float32)
    np.testing.assert_allclose(multiplier(matrix)(left), left @ matrix, rtol=1e-5)


def test_a_catalogue_is_inverted_whole_up_to_a_size() -> None:
    assert [inverted(count) for count in (1, WHOLE, WHOLE + 1, 1_000_000)] == [1, WHOLE, MOST, MOST]
