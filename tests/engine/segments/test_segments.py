"""The parts of user segmentation: factors, cases with known answers, metrics worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.columns import Labels, Tags, Texts
from engine.measure.split import Halves
from engine.recipe import Query, silent
from engine.recipes import RECIPES
from engine.segments import factors as factors_module
from engine.segments.cases import attribute_cases, item_cases, known_before, segment_metrics
from engine.segments.factors import factors
from tests.engine.recipes.worlds import START, checkerboard, rows_of

COLUMNS = {
    "GENRE": Tags(np.array([0, 1, 3, 3]), np.array([0, 0, 1]), ["scifi", "crime"]),
    "SHELF": Labels(np.array([0, -1, 0]), ["a"]),
    "PLOT": Texts.of(["robots", "robots", "love"]),
}
WORLD = rows_of([(0, 0, START), (0, 0, START + 1), (1, 1, START), (2, 2, START), (3, 0, START)], item_columns=COLUMNS)


def test_factors_are_the_best_of_their_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors_module, "CHUNK", 500)  # a user's rows lie across parts
    draw = np.random.default_rng(0)
    matrix = (draw.random((60, 40)) < 0.2).astype(float)
    users, items = np.nonzero(matrix)
    world = rows_of([(u, i, START) for u, i in zip(users, items, strict=True)] * 2)
    found = factors(world, 8, 1, silent)
    left, strength, right = np.linalg.svd(matrix)
    best = left[:, :8] * strength[:8] @ right[:8]
    ours = found.users * found.strength @ found.items.T
    assert np.linalg.norm(matrix - ours) <= 1.002 * np.linalg.norm(matrix - best)
    np.testing.assert_allclose(found.users.T @ found.users, np.eye(8), atol=1e-4)


def test_factors_are_no_wider_than_the_world() -> None:
    assert factors(WORLD, 149, 0, silent).users.shape == (4, 3)


def test_a_case_an_item() -> None:
    cases = item_cases(WORLD, 10, 0)
    assert [(case.query.item, case.truth.tolist()) for case in cases] == [(0, [0, 3]), (1, [1]), (2, [2])]
    assert len(item_cases(WORLD, 2, 0)) == 2


def test_a_case_a_value_of_a_column_of_strings_but_no_text() -> None:
    cases = attribute_cases(WORLD, 10, 0)
    asked = [(np.flatnonzero(case.query.attributes).tolist(), case.truth.tolist()) for case in cases]
    assert asked == [([0, 1], [0, 1, 3]), ([1], [1]), ([0, 2], [0, 2, 3])]


def test_who_came_before_is_passed_over_where_nobody_comes_twice() -> None:
    train = rows_of([(1, 0, START), (2, 1, START), (4, 2, START)])
    assert [known.tolist() for known in known_before(train, item_cases(WORLD, 10, 0))] == [[1], [2], [4]]
    assert [known.tolist() for known in known_before(WORLD, item_cases(WORLD, 10, 0))] == [[], [], []]


def test_metrics_by_hand() -> None:
    """200 users: 1 % is 2. Item 0 came to users 0, 1, 2, 3; item 1 to user 9. The scorer puts users 0 and 50 first."""
    rows = [(user, 0, START) for user in range(4)] + [(9, 1, START), (199, 2, START)]

    hidden = rows_of(rows)

    def score(query: Query) -> np.ndarray:
        scores = np.zeros(200, np.float32)
        scores[[0, 50]] = 1
        return scores

    metrics = segment_metrics(score, item_cases, Halves(hidden.take(np.zeros(6, bool)), hidden), 0)
    assert metrics == pytest.approx(
        {"coverage": 2 / 200, "hits_at_1_percent": 1 / 3, "recall_at_1_percent": (1 / 4) / 3}
    )


def test_better_than_the_most_active_users() -> None:
    """Half of the users would never come to an item: only taste can name two of 200 who do."""
    recipe = RECIPES["aws-item-affinity"]
    metrics = recipe.measure(checkerboard(200), recipe.parse({}), 0, silent, None)
    assert metrics["hits_at_1_percent"] > 1.2
