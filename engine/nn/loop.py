"""The training loop of the sequence model, bounded by arithmetic rather than by the clock, so that it repeats.

It trains on windows of fixed length, into which users' logs are cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.data.columns import Floats, Longs
from engine.data.snapshot import Snapshot
from engine.neighbours.cooccurrence import GRAPH, cooccurrence
from engine.nn.optimizer import Optimizer
from engine.nn.spectral import spectral_vectors
from engine.nn.threads import one_thread
from engine.nn.transformer import Transformer, TransformerShape
from engine.recipe import Progress

Arrays = dict[str, NDArray[Any]]

WHOLE = 5_000  # items: up to here the loss covers the whole catalogue
NEGATIVES = 1_500  # beyond it, drawn once a batch and shared
BATCH = 8  # windows: small data need many steps more than they need smooth ones
BIG_BATCH = 128
FEWEST_STEPS = 2_500  # small data are passed over more often
STEPS = 300  # in an epoch, from which on batches grow
FIRST_LENGTH = 0.3  # of an item's vector before the first step
LEARNING_RATE = 1e-3
RISE = 0.02  # of the training, in which the learning rate rises
FALL = 0.3  # of the training, at its end, in which it falls to nought
PATIENCE = 5  # epochs that score no better than the best, after which it begins to fall
EARLIEST = 0.6  # of the epochs, before which it does not: sparse data show popularity first, and seeds differ more
LEAST = 0.3  # of its time that a training takes, however late it begins
STEPS_A_WORD = 20  # between two words of progress
BATCHES_MIXED = 50  # whose windows are sorted by length together


def affordable_epochs(snapshot: Snapshot, shape: TransformerShape, gigaflops: float, usual: int, most: int = 40) -> int:
    """The number of epochs to train: the usual one, more on small data, fewer where the budget of arithmetic ends or
    `most` is less, and 0 where it does not pay for two.
    """
    targets = NEGATIVES if shape.items > WHOLE else shape.items
    weights = shape.layers * 12 * shape.dim**2 + targets * shape.dim
    epoch = 6 * weights * len(snapshot.items) / 1e9
    steps = max(len(windows_of(snapshot, shape.length, 1)[0]) // BATCH, 1)
    wanted = max(usual, FEWEST_STEPS // steps)
    affordable = int(min(wanted, most, gigaflops / max(epoch, 1e-9)))
    return affordable if affordable > 1 else 0


def targets_a_batch(snapshot: Snapshot, length: int) -> int:
    """The number of items that a batch predicts: as many as `BATCH` windows on average; more on large data."""
    targets = int(np.maximum(np.diff(snapshot.indptr) - 1, 0).sum())
    windows = max(len(windows_of(snapshot, length, 1)[0]), 1)  # no cut makes more
    batch = min(max(BATCH, windows // STEPS), BIG_BATCH)
    return max(-(-targets * batch // windows), 1)


@one_thread()
def trained(
    snapshot: Snapshot,
    shape: TransformerShape,
    epochs: int,
    seed: int,
    progress: Progress,
    judge: Callable[[Arrays], float] | None = None,
) -> Arrays:
    """The weights that `engine.nn.forward.logits` reads, after `epochs` passes over every user's log.

    Where a judge scores the weights after each (more is better), a training that gets no better makes fewer. "epochs"
    (1,) says how many are worth making on such data: where time ended the training sooner, more than it made.
    """
    shuffle = np.random.default_rng(seed)
    model, proposal = _initial_network(snapshot, shape, torch.Generator().manual_seed(seed))
    _place_items(model, snapshot)
    batch = targets_a_batch(snapshot, shape.length)
    optimizer = Optimizer(model)
    begun, done = progress(0.0, f"sequence model, epoch 1 of {epochs}"), 0.0
    epoch, scores, earliest = 0, list[float](), EARLIEST * epochs
    while done < 1:
        starts, sizes = windows_of(snapshot, shape.length, int(shuffle.integers(shape.length)) + 1)
        batches = batches_of(sizes, batch, shuffle)
        total, steps = 0.0, 0
        for place, rows in enumerate(batches):
            done = max(done, (epoch + place / len(batches)) / epochs)
            if place % STEPS_A_WORD == 0:
                over = progress(done, f"sequence model, epoch {epoch + 1} of {epochs}")
                done = max(done, _share_over(begun, over))
            if done >= 1:  # late: the learning rate has come down with the time, as it does with the work
                break
            loss = _loss(model, proposal, *batch_of(snapshot, starts[rows], sizes[rows]))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step(_rate(done))
            total, steps = total + loss.item(), steps + 1
        epoch += 1
        done = max(done, epoch / epochs)
        if judge is not None and done <= 1 - FALL:
            scores.append(judge(weights_of(model)))
            if epoch >= max(PATIENCE + 1 + int(np.argmax(scores)), earliest):
                epochs = min(epochs, math.ceil(epoch / (1 - FALL)))
                done = max(done, epoch / epochs)
        progress(min(done, 1.0), f"sequence model, epoch {epoch} of {epochs}, loss {total / max(steps, 1):.3f}")
    return {**weights_of(model), "epochs": np.array([epochs], np.int32)}


@one_thread()
def renewed(
    snapshot: Snapshot, shape: TransformerShape, epochs: int, seed: int, progress: Progress, weights: Arrays
) -> Arrays:
    """The weights after `epochs` more passes over logs that have grown, and items, since the network was trained."""
    shuffle = np.random.default_rng(seed)
    model, proposal = _initial_network(snapshot, shape, torch.Generator().manual_seed(seed))
    _set_weights(model, weights)
    batch, optimizer = targets_a_batch(snapshot, shape.length), Optimizer(model)
    for epoch in range(epochs):
        starts, sizes = windows_of(snapshot, shape.length, int(shuffle.integers(shape.length)) + 1)
        batches = batches_of(sizes, batch, shuffle)
        for place, rows in enumerate(batches):
            done = (epoch + place / len(batches)) / epochs
            if place % STEPS_A_WORD == 0:
                progress(done, f"sequence model, epoch {epoch + 1} of {epochs} more")
            loss = _loss(model, proposal, *batch_of(snapshot, starts[rows], sizes[rows]))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step(_rate(done))
    return weights_of(model)


def _set_weights(model: Transformer, weights: Arrays) -> None:
    """Give a network these weights; items that are none of theirs keep their own."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            own = torch.tensor(weights[name])
            parameter[: len(own)] = own


def _share_over(begun: float | None, over: float | None) -> float:
    """The share of this training's time that was left of its stage, or of a part of the stage where it began late; 0
    without a budget."""
    return 0.0 if begun is None or over is None else (over - begun) / max(1 - begun, LEAST)


def _initial_network(
    snapshot: Snapshot, shape: TransformerShape, generator: torch.Generator
) -> tuple[Transformer, Tensor]:
    """A network with biases by popularity, and (items,) how likely each item is drawn as a negative."""
    counts = torch.from_numpy(np.bincount(snapshot.items, snapshot.weights, shape.items)).float()
    model = Transformer(shape, generator).train()
    with torch.no_grad():
        model.bias.copy_((counts + 0.5).log() - (counts + 0.5).log().mean())
    return model, 0.9 * counts**0.75 / (counts**0.75).sum().clamp(min=1) + 0.1 / max(shape.items, 1)


def _place_items(model: Transformer, snapshot: Snapshot) -> None:
    """Move items near those that the same users chose. On sparse data a network that starts by chance learns little but
    popularity for ten epochs, and no more than half of what there is to learn in all."""
    shape = model.shape
    if 0 < shape.items <= GRAPH:
        pairs, _ = cooccurrence(snapshot)
        with torch.no_grad():
            model.items.add_(spectral_vectors(pairs, shape.items, shape.dim, model.generator), alpha=FIRST_LENGTH)


def _rate(done: float) -> float:
    """The learning rate when `done` (0..1) of the training is over: it rises, stays and falls to nought (the trapezoid
    of Hägele et al., 2024). So its fall can begin whenever the judge says, which one cycle has to know beforehand."""
    return LEARNING_RATE * min((done + 1e-3) / RISE, 1.0, (1 - done) / FALL)


def weights_of(model: Transformer) -> Arrays:
    arrays = {name: value.detach().numpy().copy() for name, value in model.named_parameters()}
    return arrays | {"heads": np.array([model.shape.heads], np.int32)}


def _loss(model: Transformer, proposal: Tensor, history: Longs, following: Longs, weights: Floats | None) -> Tensor:
    losses = _losses(model, torch.from_numpy(history), torch.from_numpy(following), proposal)
    return (losses if weights is None else losses * torch.from_numpy(weights[following >= 0])).mean()


def _losses(model: Transformer, history: Tensor, following: Tensor, proposal: Tensor) -> Tensor:
    """(N,) each target's cross-entropy over the catalogue; over a large one, from negatives drawn by `proposal`."""
    real = following >= 0
    expected, target = model(history)[real], following[real]  # (N, D), (N,)
    if model.shape.items <= WHOLE:
        return functional.cross_entropy(functional.linear(expected, model.items, model.bias), target, reduction="none")
    drawn = torch.multinomial(proposal, NEGATIVES, replacement=True, generator=model.generator)
    right = (expected * model.items[target]).sum(-1, keepdim=True) + model.bias[target][:, None]  # (N, 1)
    wrong = functional.linear(expected, model.items[drawn], model.bias[drawn])  # (N, negatives)
    wrong = wrong - (NEGATIVES * proposal[drawn]).log()  # each stands for as many items as its rarity in the draw
    wrong = wrong.masked_fill(drawn[None, :] == target[:, None], -torch.inf)
    return functional.cross_entropy(torch.cat((right, wrong), dim=1), torch.zeros_like(target), reduction="none")


def windows_of(snapshot: Snapshot, length: int, newest: int) -> tuple[Longs, Longs]:
    """First row and size of every window: each user's rows cut backwards, the newest window predicting `newest` items
    (1..length), the others `length`, the oldest what is left.

    A window starts with the row that its predecessor ends with, so each item but a user's first is predicted once;
    another `newest` makes other cuts, for another epoch.
    """
    firsts, lasts = snapshot.indptr[:-1], snapshot.indptr[1:] - 1
    targets = lasts - firsts  # (users,) items that can be predicted; a log of one item has none
    older = np.maximum(targets - newest, 0)
    counts = np.where(targets > 0, 1 + -(-older // length), 0)
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)  # 0: the newest
    stops = lasts[owner] - np.where(place > 0, newest + (place - 1) * length, 0)
    starts = np.maximum(stops - np.where(place > 0, length, newest), firsts[owner])
    return starts, stops - starts + 1


def batches_of(sizes: Longs, targets: int, draw: np.random.Generator) -> list[Longs]:
    """Row numbers of windows (n,) in batches of about `targets` items to predict each, in an order drawn by chance.

    Windows of a batch are about equally long, because the shorter ones are filled up to the longest: of `BATCHES_MIXED`
    batches at a time, drawn by chance, the windows are sorted.
    """
    order = draw.permutation(len(sizes))
    part = np.cumsum(sizes[order] - 1) // max(targets * BATCHES_MIXED, 1)
    order = order[np.lexsort((sizes[order], part))]
    ends = np.cumsum(sizes[order] - 1)
    batch = (ends - (sizes[order] - 1)) // max(targets, 1)  # by where a window's first target is
    batches = np.split(order, np.flatnonzero(np.diff(batch)) + 1) if len(order) else []
    return [batches[place] for place in draw.permutation(len(batches))]


def batch_of(snapshot: Snapshot, starts: Longs, sizes: Longs) -> tuple[Longs, Longs, Floats | None]:
    """(B, T) the items of each window but its last; (B, T) the items that follow, -1 where there is none; (B, T) the
    weights of those, None where all are the same.
    """
    T = int(sizes.max()) - 1
    inside = np.arange(T)[None, :] < (sizes - 1)[:, None]  # (B, T)
    rows = np.where(inside, starts[:, None] + np.arange(T)[None, :], 0)
    history = np.where(inside, snapshot.items[rows], 0).astype(np.int64)
    following = np.where(inside, snapshot.items[np.where(inside, rows + 1, 0)], -1).astype(np.int64)
    weights = None if snapshot.weights is None else snapshot.weights[np.where(inside, rows + 1, 0)]
    return history, following, weights
