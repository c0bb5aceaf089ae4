"""Trained blends without training: vectors in clusters, histories that keep to one, neighbours of the same cluster."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.data.columns import Array, Floats
from engine.data.snapshot import Snapshot, snapshot_of
from engine.ensemble.fits import Fits, fitted, packed
from engine.ensemble.member import Arrays, ScorerColumn
from engine.ensemble.plan import Blend, EnsemblePlan
from engine.ensemble.vectors import with_moments
from engine.nn.loop import weights_of
from engine.nn.transformer import Transformer, TransformerShape
from engine.recipe import Model, Progress
from engine.segments.factors import factors

NEAR = 20  # neighbours an item
DIM, HISTORY = 64, 50  # of a network around given factors
UNLIKE = np.float32(0.5)  # deviation of an untouched item's vector from one that is like it
CHUNK = 65_536
COLUMNS = (
    ScorerColumn("popularity", {}, {}),
    ScorerColumn("knn", {}, {"power": 0.5}),
    ScorerColumn("own", {}, {"power": 0.3}),
    ScorerColumn("sequence", {}, {}),
)


def blend_of(items: int, *, clusters: int = 40, dim: int = 16, noise: float = 0.5, seed: int = 0) -> Model:
    """Without noise an item's vector is its cluster's; item i is of cluster i % clusters."""
    draw = np.random.default_rng(seed)
    middles = draw.normal(size=(clusters, dim)).astype(np.float32)
    vectors = np.empty((items, dim), np.float32)
    for first in range(0, items, CHUNK):
        part = np.arange(first, min(first + CHUNK, items))
        vectors[part] = middles[part % clusters] + np.float32(noise) * draw.standard_normal(
            (len(part), dim), np.float32
        )
    further = draw.integers(1, items // clusters, (items, NEAR), np.int32)
    near = (np.arange(items, dtype=np.int32)[:, None] + clusters * further) % items
    table = {
        "indptr": np.arange(0, items * NEAR + 1, NEAR),
        "near": near.ravel(),
        "value": draw.random(items * NEAR, np.float32),
    }
    bias = 0.2 * draw.standard_normal(items, np.float32)
    fits: Fits = {
        "popularity": {"score": np.log(draw.pareto(1.5, items) + 0.5).astype(np.float32)},
        "knn": table,
        "own": {},
        "sequence": with_moments(_network(vectors, bias, 10, seed)),
    }
    return _model(fits, items, 0)


def _network(vectors: Floats, bias: Floats, length: int, seed: int) -> Arrays:
    """The weights of a sequence model as it is drawn, around given items (n, dim)."""
    import torch

    network = Transformer(TransformerShape(1, length, vectors.shape[1]), torch.Generator().manual_seed(seed))
    return {**weights_of(network), "items": vectors, "bias": bias}


def factored(snapshot: Snapshot, seed: int, progress: Progress) -> Model:
    """A blend of given weights, in minutes for millions of items: neighbours and popularity as a recipe fits them, and
    as items' vectors the factors of who touched what, around which the network is as it was drawn. An item that nobody
    touched is somewhat like one that somebody did."""
    items = snapshot.item_count
    found = factors(snapshot, DIM, seed, progress)
    vectors = np.zeros((items, DIM), np.float32)
    np.multiply(found.items, found.strength**0.5, out=vectors[:, : found.items.shape[1]])
    del found
    touched = np.unique(snapshot.items)
    vectors /= vectors[touched].std() + np.float32(1e-9)
    _liken(vectors, touched, np.random.default_rng(seed))
    weights = _network(vectors, np.zeros(items, np.float32), HISTORY, seed)
    fits = {**fitted(COLUMNS[:-1], snapshot, seed, progress), "sequence": with_moments(weights)}
    return _model(fits, items, int(snapshot.times.max(initial=0)))


def _liken(vectors: Floats, touched: Array, draw: np.random.Generator) -> None:
    """Give the items that nobody touched vectors near those of others."""
    others = np.setdiff1d(np.arange(len(vectors)), touched)
    for part in np.array_split(others, len(others) // CHUNK + 1):
        noise = draw.standard_normal((len(part), vectors.shape[1]), np.float32)
        vectors[part] = vectors[draw.choice(touched, len(part))] + UNLIKE * noise


def _model(fits: Fits, items: int, latest: int) -> Model:
    known = Blend((0.1, 0.1, 0.1, 0.7), 2.0, 0.0, 0)
    plan = EnsemblePlan(COLUMNS, known, known, Blend((1.0, 0.0, 0.0, 0.0), 1.0, 0.0, 0), 3.0, 0.0, {})
    return Model(packed(fits), {"items": items, "latest": latest, "plan": msgspec.to_builtins(plan), "chosen": {}})


def visits(items: int, *, clusters: int = 40, users: int = 400, each: int = 8, seed: int = 1) -> Snapshot:
    """Every user keeps to a cluster."""
    draw = np.random.default_rng(seed)
    cluster = draw.integers(clusters, size=users)
    chosen = (cluster[:, None] + clusters * draw.integers(items // clusters, size=(users, each))).astype(np.int32)
    return snapshot_of(
        np.repeat(np.arange(users, dtype=np.int32), each),
        chosen.ravel(),
        np.arange(users * each, dtype=np.int64),
        item_names=[str(item) for item in range(items)],
    )
