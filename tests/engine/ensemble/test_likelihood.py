"""The least point of a parabola over weights that may not fall below 0."""

import numpy as np
import pytest

from engine.ensemble.likelihood import nearest_to_least


@pytest.mark.parametrize("alike", [0.0, 0.95], ids=["columns of their own", "columns nearly alike"])
@pytest.mark.parametrize("seed", range(20))
def test_no_weight_can_be_moved_for_less(seed: int, alike: float) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 26))
    columns = draw.normal(size=(count + 3, count)) * (1 - alike) + draw.normal(size=(count + 3, 1)) * alike
    curvature = columns.T @ columns * 50 + 0.2 * np.eye(count)
    gradient, weights = draw.normal(size=count) * 20, np.maximum(draw.normal(size=count), 0)

    least = nearest_to_least(gradient, curvature, weights)
    slopes = gradient + curvature @ (least - weights)
    assert least.min() >= 0
    assert slopes.min() >= -1e-6  # none gains by growing
    assert np.abs(slopes[least > 0]).max(initial=0) < 1e-6  # none of those above 0 gains by falling


def test_the_start_says_nothing_of_the_end() -> None:
    gradient, curvature, weights = np.array([-1.0, 2.0]), np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([0.0, 3.0])
    elsewhere = np.array([5.0, 0.0])
    moved = gradient + curvature @ (elsewhere - weights)
    np.testing.assert_allclose(
        nearest_to_least(gradient, curvature, weights), nearest_to_least(moved, curvature, elsewhere), atol=1e-12
    )
