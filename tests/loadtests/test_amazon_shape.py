"""A small sparse world, on which all that is compared has something to say."""

from engine.ensemble.plan import Options
from loadtests import amazon_shape
from loadtests.quality.datasets.amazon_shape import Shape

SMALL = Shape(users=400, items=240, clusters=18)


def test_a_blend_is_measured_beside_its_columns_and_a_closed_form() -> None:
    outcome = amazon_shape.measured(0, SMALL, Options(epochs=0, light=True), 300)
    assert len(outcome.blend) == len(outcome.usual) == 300
    assert outcome.blend.mean() > 0.9 * max(own.mean() for own in outcome.columns.values()) > 0.03
    assert outcome.usual.mean() > 0.03
    shown = amazon_shape.table([outcome, outcome])
    assert [list(column.cells)[-1][:3] for column in shown.columns[:2]] == ["all", f"{outcome.blend.mean():.4f}"[:3]]


def test_trainings_with_other_seeds_are_compared() -> None:
    words = amazon_shape.spread(SMALL, Options(epochs=2, most_epochs=2, light=True), 300, 2)
    first, second = words.removeprefix("NDCG@10 ").partition(":")[0].split(", ")
    assert first != second
    assert "of independent users" in words
