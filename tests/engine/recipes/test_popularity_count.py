import numpy as np

from engine.recipe import Query, silent
from engine.recipes import RECIPES
from tests.engine.recipes.worlds import START, rows_of

RECIPE = RECIPES["aws-popularity-count"]


def test_counts_users_not_interactions() -> None:
    """Item 0: one user ten times. Item 1: three users. Item 2: two users."""
    rows = [(0, 0, START + k) for k in range(10)] + [(u, 1, START) for u in range(3)] + [(u, 2, START) for u in (1, 2)]
    scores = RECIPE.ready(RECIPE.train(rows_of(rows), RECIPE.parse({}), 0, silent))(Query())
    np.testing.assert_array_equal(scores, [1, 3, 2])
