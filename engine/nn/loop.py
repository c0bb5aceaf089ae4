"""The training loop of the sequence model, bounded by arithmetic rather than by the clock, so that it repeats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.data.snapshot import Snapshot
from engine.nn.transformer import Shape, Transformer
from engine.nn.windows import batch_of, windows_of
from engine.recipes.base import Progress

WHOLE = 5_000  # items: up to here the loss covers the whole catalogue
NEGATIVES = 1_500  # beyond it, drawn once a batch and shared
BATCH = 8  # windows: small data need many steps more than they need smooth ones
BIG_BATCH = 128
FEWEST_STEPS, MOST_EPOCHS = 2_500, 40  # small data are passed over more often
STEPS = 2_000  # in an epoch, from which on batches grow
LEARNING_RATE = 1e-3


def affordable_epochs(snapshot: Snapshot, shape: Shape, gigaflops: float, usual: int) -> int:
    """How many epochs to train: the usual number, more on small data, fewer where the budget of arithmetic ends, and 0
    where it does not pay for two.
    """
    targets = min(shape.items, NEGATIVES if shape.items > WHOLE else shape.items)
    weights = shape.layers * 12 * shape.dim**2 + targets * shape.dim
    epoch = 6 * weights * len(snapshot.items) / 1e9
    steps = max(len(windows_of(snapshot, shape.length, 1)[0]) // BATCH, 1)
    wanted = max(usual, min(FEWEST_STEPS // steps, MOST_EPOCHS))
    affordable = int(min(wanted, gigaflops / max(epoch, 1e-9)))
    return affordable if affordable > 1 else 0


def trained(snapshot: Snapshot, shape: Shape, epochs: int, seed: int, progress: Progress) -> dict[str, NDArray[Any]]:
    """The weights after `epochs` passes over every user's log: the arrays that `engine.nn.forward.logits` reads."""
    with _one_thread():
        return _trained(snapshot, shape, epochs, seed, progress)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Steps this small lose more to waking threads, above all on a busy machine, than they gain from them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _trained(snapshot: Snapshot, shape: Shape, epochs: int, seed: int, progress: Progress) -> dict[str, NDArray[Any]]:
    generator = torch.Generator().manual_seed(seed)
    shuffle = np.random.default_rng(seed)
    counts = torch.from_numpy(np.bincount(snapshot.items, snapshot.weights, shape.items)).float()
    model = Transformer(shape, generator).train()
    with torch.no_grad():
        model.bias.copy_((counts + 0.5).log() - (counts + 0.5).log().mean())  # it starts out knowing what is popular
    proposal = 0.9 * counts**0.75 / (counts**0.75).sum().clamp(min=1) + 0.1 / max(shape.items, 1)
    most = len(windows_of(snapshot, shape.length, 1)[0])  # windows: no cut makes more
    batch = min(max(BATCH, most // STEPS), BIG_BATCH)
    steps = epochs * max(-(-most // batch), 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        starts, sizes = windows_of(snapshot, shape.length, int(shuffle.integers(shape.length)) + 1)
        order = shuffle.permutation(len(starts))
        total = 0.0
        for at in range(0, len(order), batch):
            rows = order[at : at + batch]
            history, following, weights = batch_of(snapshot, starts[rows], sizes[rows])
            losses = _losses(model, torch.from_numpy(history), torch.from_numpy(following), proposal)
            loss = (losses if weights is None else losses * torch.from_numpy(weights[following >= 0])).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        progress(
            (epoch + 1) / epochs,
            f"sequence model: epoch {epoch + 1} of {epochs}, loss {total / max(len(order), 1):.3f}",
        )
    return weights_of(model)


def weights_of(model: Transformer) -> dict[str, NDArray[Any]]:
    arrays = {name: value.detach().numpy().copy() for name, value in model.named_parameters()}
    return arrays | {"heads": np.array([model.shape.heads], np.int32)}


def _losses(model: Transformer, history: Tensor, following: Tensor, proposal: Tensor) -> Tensor:
    """(N,) each target's cross-entropy over the catalogue; over a large one, from negatives drawn by `proposal`."""
    known = following >= 0
    expected, target = model(history)[known], following[known]  # (N, D), (N,)
    if model.shape.items <= WHOLE:
        return functional.cross_entropy(functional.linear(expected, model.items, model.bias), target, reduction="none")
    drawn = torch.multinomial(proposal, NEGATIVES, replacement=True, generator=model.generator)
    right = (expected * model.items[target]).sum(-1, keepdim=True) + model.bias[target][:, None]  # (N, 1)
    wrong = functional.linear(expected, model.items[drawn], model.bias[drawn])  # (N, negatives)
    wrong = wrong - (NEGATIVES * proposal[drawn]).log()  # each stands for as many items as its rarity in the draw
    wrong = wrong.masked_fill(drawn[None, :] == target[:, None], -torch.inf)
    return functional.cross_entropy(torch.cat((right, wrong), dim=1), torch.zeros_like(target), reduction="none")
