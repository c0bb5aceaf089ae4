"""The numpy answer equals torch's, and the loop learns what can be learned."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from engine.nn.forward import logits
from engine.nn.loop import affordable_epochs, batch_of, renewed, trained, weights_of, windows_of
from engine.nn.transformer import Transformer, TransformerShape
from engine.recipe import silent
from tests.engine.recipes.worlds import START, chain, rows_of


def noisy(shape: TransformerShape) -> Transformer:
    """A network in which every parameter, gains and offsets too, is random."""
    generator = torch.Generator().manual_seed(3)
    model = Transformer(shape, generator).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 7, 8, 20])
def test_numpy_answers_as_torch_does(heads: int, layers: int, length: int) -> None:
    model = noisy(TransformerShape(items=30, length=8, dim=16, heads=heads, layers=layers))
    history = np.random.default_rng(0).integers(30, size=length).astype(np.int32)
    with torch.no_grad():
        hidden = model(torch.from_numpy(history[-8:].astype(np.int64))[None])  # (1, T, D)
        expected = hidden[0, -1] @ model.items.T + model.bias
    np.testing.assert_allclose(logits(weights_of(model), history), expected.numpy(), atol=1e-4)


def test_padding_changes_nothing() -> None:
    model = noisy(TransformerShape(items=30, length=8, dim=16))
    history = torch.tensor([[5, 9, 2, 0, 0, 0]])
    with torch.no_grad():
        torch.testing.assert_close(model(history)[:, :3], model(history[:, :3]))


@pytest.mark.parametrize(("items", "epochs"), [(30, 14), (6_000, 18)])
def test_learns_a_chain(items: int, epochs: int) -> None:
    """With the loss over the whole catalogue, and with sampled negatives."""
    snapshot = chain(size=30, users=120)
    snapshot = rows_of(
        list(zip(snapshot.users.tolist(), snapshot.items.tolist(), snapshot.times.tolist(), strict=True)),
        item_names=[str(i) for i in range(items)],
    )
    weights = trained(snapshot, TransformerShape(items=items, length=10, dim=16), epochs, 0, silent)
    best = [int(logits(weights, np.array([i - 1, i], np.int32)).argmax()) for i in range(1, 29)]
    assert np.mean(np.array(best) == np.arange(2, 30)) > 0.9


def test_a_trained_network_learns_on() -> None:
    """What it knew it knows after one epoch, too, and it learns of new items; in none, it stays as it is."""
    grown = chain(size=30, users=120)
    earlier = grown.take(grown.items < 20).first_items(20)
    before = trained(earlier, TransformerShape(items=20, length=10, dim=16), 20, 0, silent)
    shape = TransformerShape(items=30, length=10, dim=16)

    def right(weights: Mapping[str, Any], items: range) -> float:
        best = [logits(weights, np.array([item - 1, item], np.int32)).argmax() for item in items]
        return float(np.mean(np.array(best) == np.array(items) + 1))

    same, soon, later = (renewed(grown, shape, epochs, 0, silent, before) for epochs in (0, 1, 12))
    np.testing.assert_array_equal(same["items"][:20], before["items"])
    np.testing.assert_array_equal(same["qkv"], before["qkv"])
    assert right(soon, range(1, 18)) > 0.9 > 0.5 > right(trained(grown, shape, 1, 0, silent), range(1, 18))
    assert right(later, range(18, 29)) > 0.8


@pytest.mark.parametrize(("scores", "epochs"), [(tuple(-np.arange(12.0)), 18), (tuple(np.arange(30.0)), 20)])
def test_a_training_that_gets_no_better_ends_sooner(scores: tuple[float, ...], epochs: int) -> None:
    """After five epochs without a gain, but not before three fifths, and as many more as the learning rate takes to
    fall."""
    said = iter(scores)
    shape = TransformerShape(items=30, length=10, dim=8)
    weights = trained(chain(size=30, users=20), shape, 20, 0, silent, lambda weights: next(said))
    assert weights["epochs"].tolist() == [epochs]


@pytest.mark.parametrize("over", [0.8, 2.0])
def test_late_nobody_judges_and_time_says_nothing_of_epochs(over: float) -> None:
    """The learning rate falls already, or the training has ended."""

    said = itertools.chain([0.0], itertools.repeat(over))

    def judge(weights: object) -> float:
        raise AssertionError("asked")

    shape = TransformerShape(items=30, length=10, dim=8)
    weights = trained(chain(size=30, users=20), shape, 20, 0, lambda fraction, message: next(said), judge)
    assert weights["epochs"].tolist() == [20]


def test_no_judge_makes_a_training_longer() -> None:
    said = iter([*range(18), 0, 0, 0])
    shape = TransformerShape(items=30, length=2, dim=4)
    weights = trained(chain(size=30, users=2, length=3), shape, 30, 0, silent, lambda weights: next(said))
    assert weights["epochs"].tolist() == [30]


def test_the_budget_decides_the_epochs() -> None:
    snapshot = chain()
    assert affordable_epochs(snapshot, TransformerShape(items=30), gigaflops=1e6, usual=7) == 40
    assert affordable_epochs(snapshot, TransformerShape(items=30), gigaflops=0.0, usual=7) == 0


@pytest.mark.parametrize("newest", [1, 3, 4])
def test_windows_predict_every_item_but_the_first_once(newest: int) -> None:
    sizes_of_logs = ((0, 10), (1, 1), (2, 4), (3, 2))
    snapshot = rows_of([(user, item, START + item) for user, items in sizes_of_logs for item in range(items)])
    starts, sizes = windows_of(snapshot, 4, newest)
    history, following, weights = batch_of(snapshot, starts, sizes)
    assert weights is None
    assert history.shape[1] <= 4
    assert sorted(following[following >= 0].tolist()) == sorted([*range(1, 10), *range(1, 4), 1])
    assert (following[following >= 0] == history[following >= 0] + 1).all()
