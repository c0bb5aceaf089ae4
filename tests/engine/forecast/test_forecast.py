"""What a training takes is said before, counted down, and kept to: by arithmetic and by clocks that the tests turn."""

from __future__ import annotations

import numpy as np
import pytest

from engine.control.solution_config import hyperparameters, minutes_in
from engine.data.snapshot import Snapshot, snapshot_of
from engine.ensemble.choice import LIGHT
from engine.ensemble.fits import fitted
from engine.ensemble.member import ScorerColumn
from engine.errors import InvalidInput
from engine.forecast.training import Countdown, Machine, duration, forecast, this_machine
from engine.nn.loop import batches_of, targets_a_batch, trained, windows_of
from engine.nn.transformer import TransformerShape
from engine.recipe import silent, spans
from engine.recipes import RECIPES
from tests.engine.recipes.worlds import chain

V2 = RECIPES["aws-user-personalization-v2"]


def sized(users: int, rows: int, items: int) -> Snapshot:
    draw = np.random.default_rng(0)
    owners, chosen = (draw.integers(most, size=rows).astype(np.int32) for most in (users, items))
    names = [str(item) for item in range(items)]
    return snapshot_of(owners, chosen, np.arange(rows), item_names=names, user_names=[str(u) for u in range(users)])


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_has_a_forecast_that_grows_with_the_data(name: str) -> None:
    recipe = RECIPES[name]
    params = recipe.parse({})
    small, large = (forecast(recipe, params, sized(users, 40 * users, 3_000), Machine()) for users in (100, 2_000))
    assert 0 < small.seconds < large.seconds
    assert 0 < small.bytes < large.bytes
    assert forecast(recipe, params, sized(100, 4_000, 3_000), Machine(1.5, 2.0)).seconds == pytest.approx(
        3 * small.seconds
    )


def test_a_popularity_count_is_quick_on_any_data() -> None:
    recipe = RECIPES["aws-popularity-count"]
    assert recipe.quick
    assert forecast(recipe, recipe.parse({}), sized(30_000, 800_000, 24_000), Machine()).seconds < 10


def test_less_and_less_fits_into_a_budget_until_the_least_is_named() -> None:
    data, params = sized(2_000, 80_000, 6_000), V2.parse({})
    whole = forecast(V2, params, data, Machine())
    assert not whole.cut
    assert forecast(V2, params, data, Machine(), minutes=whole.seconds / 30).params == params
    before = whole.seconds
    for share in (0.8, 0.4, 0.25):
        fitting = forecast(V2, params, data, Machine(), minutes=share * whole.seconds / 60)
        assert fitting.cut
        assert fitting.seconds <= min(share * whole.seconds, before)
        before = fitting.seconds
    with pytest.raises(InvalidInput, match=r"training_minutes 0\.0001 is too little.* about [0-9.]+ minutes") as raised:
        forecast(V2, params, data, Machine(), minutes=0.0001)
    least = float(raised.value.message.split()[-3])
    assert forecast(V2, params, data, Machine(), minutes=least).seconds <= 60 * least
    assert forecast(V2, params, data, Machine(crowd=9.0), minutes=least).cut  # the crowd may go


@pytest.mark.parametrize("words", ["0", "-1", "nan", "inf", "soon", ""])
def test_a_budget_is_a_number_of_minutes(words: str) -> None:
    with pytest.raises(InvalidInput, match="training_minutes is a number of minutes above 0"):
        hyperparameters({"training_minutes": words}, V2)


def test_any_recipe_takes_a_budget_and_none_sees_it() -> None:
    for recipe in RECIPES.values():
        assert hyperparameters({"training_minutes": "2.5"}, recipe) == recipe.parse({})
    assert minutes_in({"training.training_minutes": "2.5"}) == 2.5


def test_the_time_left_follows_the_pace() -> None:
    said: list[str] = []
    now = [0.0]
    countdown = Countdown(lambda fraction, message: said.append(message), 600.0, lambda: now[0])
    assert countdown(0.0, "fitting") is None
    now[0] = 600.0  # twice as slow as forecast
    countdown(0.5, "sequence model, epoch 3 of 8")
    assert said[0] == "fitting, about 10 min left"
    assert said[1] == "sequence model, epoch 3 of 8, about 9 min left"


def test_a_part_of_a_late_training_knows_how_late_it_is() -> None:
    now = [0.0]
    countdown = Countdown(silent, 50.0, lambda: now[0], budget_s=100.0)
    first, second = spans(countdown, (1.0, 3.0))
    assert first(0.0, "") == 0.0
    now[0] = 62.5
    assert first(1.0, "") == pytest.approx(2.5)
    assert second(0.0, "") == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "a few seconds"), (47, "about 50 s"), (89, "about 90 s"), (360, "about 6 min"), (9_000, "about 2.5 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_machine_is_measured_in_a_moment() -> None:
    walls, processor = iter((0.0, 100.0)), iter((0.0, 50.0))
    machine = this_machine(walls.__next__, processor.__next__)
    assert machine.crowd == 2.0
    assert machine.slowness > 100
    assert 0.1 <= this_machine().slowness <= 20.0


def test_the_sequence_model_ends_with_its_time() -> None:
    """The learning rate comes down all the same, and what began late takes a part of its time."""
    epochs: list[str] = []
    over = iter(np.arange(0.0, 9.0, 0.2))

    def late(fraction: float, message: str) -> float:
        epochs.append(message)
        return float(next(over))

    weights = trained(chain(), TransformerShape(items=30, length=10, dim=8), 1_000, 0, late)
    assert np.isfinite(weights["items"]).all()
    assert len(epochs) < 10
    assert fractions_of(0.9, steps=2) < 10


def fractions_of(begun: float, steps: int) -> int:
    """How many words of progress a training says that begins so late."""
    words = []

    def late(fraction: float, message: str) -> float:
        words.append(message)
        return begun + 0.1 * len(words) / steps

    trained(chain(), TransformerShape(items=30, length=10, dim=8), 1_000, 0, late)
    return len(words)


def test_what_there_is_no_time_for_is_left_out_but_for_what_is_cheap() -> None:
    columns = [
        ScorerColumn("popularity", {}, {}),
        ScorerColumn("ease", {"ridge": 300.0}, {"power": 0.0}),
        ScorerColumn("own", {}, {}),
    ]
    fits = fitted(columns, chain(), 0, lambda fraction, message: 5.0, {"ease"})
    assert set(fits) == {"popularity", "own"}
    assert {column.fit for column in columns} == set(fitted(columns, chain(), 0, silent, {"ease"}))
    assert "ease" not in LIGHT


def test_a_batch_has_windows_of_about_one_length_and_every_window_is_in_one() -> None:
    draw = np.random.default_rng(0)
    lengths = np.minimum(1 + draw.geometric(0.12, 3_000), 60)
    users = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    data = snapshot_of(users, np.zeros(len(users), np.int32), np.arange(len(users)))
    _, sizes = windows_of(data, 50, 20)
    batches = batches_of(sizes, targets_a_batch(data, 50), draw)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(sizes)))
    padded = sum(len(rows) * int(sizes[rows].max() - 1) for rows in batches)
    assert padded < 1.25 * int((sizes - 1).sum())  # it was more than twice as much in batches drawn by chance
    again = batches_of(sizes, targets_a_batch(data, 50), np.random.default_rng(7))
    assert all(
        np.array_equal(one, other)
        for one, other in zip(
            again, batches_of(sizes, targets_a_batch(data, 50), np.random.default_rng(7)), strict=True
        )
    )
