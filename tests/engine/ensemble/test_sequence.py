"""On data of medium size the sequence model is the mean of two networks, each a column of the plan."""

import numpy as np
import pytest

from engine.cost import Sizes
from engine.ensemble.choice import averaged, mixture
from engine.ensemble.cost import MANY, networks_of, parts_of
from engine.ensemble.fits import reader, unpacked
from engine.ensemble.member import Arrays, ScorerColumn
from engine.ensemble.members.sequence import MEMBER
from engine.ensemble.plan import Blend, EnsemblePlan
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import refit, renew
from engine.recipe import Model, Query, silent
from tests.engine.recipes.worlds import chain

COLUMN = ScorerColumn("sequence", {"dim": 8.0, "length": 5.0, "epochs": 12.0}, {})
OTHER = ScorerColumn("sequence", {"dim": 8.0, "length": 5.0, "epochs": 12.0, "network": 1.0}, {})
SIZES = Sizes(float(MANY), 1_000.0, 5_000.0, 1e6, 1e6)


@pytest.mark.parametrize(
    ("rows", "items", "epochs", "columns"),
    [
        (MANY, 5_000, 12, [COLUMN, OTHER]),
        (MANY - 1, 5_000, 12, [COLUMN]),
        (MANY, 5_001, 12, [COLUMN]),
        (MANY, 5_000, 11, [ScorerColumn("sequence", {**COLUMN.shape, "epochs": 11.0}, {})]),
    ],
)
def test_networks_are_averaged_where_there_is_enough_to_learn_and_time(
    rows: int, items: int, epochs: int, columns: list[ScorerColumn]
) -> None:
    column = ScorerColumn("sequence", {**COLUMN.shape, "epochs": float(epochs)}, {})
    assert networks_of(column, Sizes(float(rows), 1_000.0, float(items), 1e6, 1e6)) == columns


def test_a_network_has_a_seed_of_its_own() -> None:
    snapshot = chain(users=20)
    shape = {**COLUMN.shape, "epochs": 1.0}
    one, same, other = (
        MEMBER.fit(snapshot, {**shape, **more}, 1, silent) for more in ({}, {"network": 0.0}, {"network": 1.0})
    )
    np.testing.assert_array_equal(one["items"], same["items"])
    assert np.abs(one["items"] - other["items"]).max() > 0.01


def test_both_networks_have_half_the_weight_and_are_trained_and_renewed() -> None:
    active = Blend((0.2, 0.8), 2.0, 0.1, 9)
    new = Blend((1.0, 0.0), 1.0, 0.1, 9)
    single = EnsemblePlan((ScorerColumn("popularity", {}, {}), COLUMN), active, active, new, 0.0, 0.2, {})
    plan, snapshot = averaged(single, SIZES), chain(users=20)
    assert plan.columns == (single.columns[0], COLUMN, OTHER)
    assert (plan.active.weights, plan.returning.weights, plan.new.weights) == (*2 * [(0.2, 0.4, 0.4)], (1.0, 0.0, 0.0))
    assert averaged(single, Sizes.of(snapshot)) == single
    model, query = refit(plan, snapshot, 0, silent), Query(np.array([3, 4, 5], np.int32))
    for trained in (model, renew(model, snapshot, 0, silent)):
        scores = [reader(column, fit, 30) for column, fit in _fits(trained, plan)]
        blended = mixture(plan.columns, scores, plan.active.weights)(query)
        np.testing.assert_allclose(Ensemble(trained)(query), 2.0 * blended, atol=1e-4)


def _fits(model: Model, plan: EnsemblePlan) -> list[tuple[ScorerColumn, Arrays]]:
    fits = unpacked(model.arrays, plan.columns)
    return [(column, fits[column.fit]) for column in plan.columns]


def test_a_refit_costs_both_networks() -> None:
    refits = [parts_of(snapshot, [COLUMN], 400).refit for snapshot in (chain(users=1_600), chain(users=1_700))]
    assert 1.9 < refits[1] / refits[0] < 2.3
