"""Semantic similarity: items whose names and texts mean alike; popularity and freshness may have a say."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from engine.data.columns import Array, Floats, Longs, Numbers
from engine.data.snapshot import Snapshot
from engine.extras import WORDLLAMA
from engine.measure.metrics import catalogue_metrics
from engine.measure.solution import solution_metrics
from engine.neighbours.pairs import user_counts
from engine.recipe import Model, Progress, Query, Recipe, Schemas, Scorer
from engine.text.embedding import centre_of, centred, digests, meanings

CREATED = "CREATION_TIMESTAMP"
Arrays = dict[str, Array]


class SemanticSimilarityParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def train(snapshot: Snapshot, params: SemanticSimilarityParams, seed: int, progress: Progress) -> Model:
    progress(0.0, "reading what is said about items")
    current = digests(snapshot.item_columns, snapshot.item_count)
    means = meanings(snapshot.item_columns, np.arange(snapshot.item_count), progress)
    centre = centre_of(means)
    arrays: Arrays = {"vectors": centred(means, centre), "digests": current, "centre": centre}
    return _counted(arrays, snapshot)


def again(model: Model, snapshot: Snapshot, params: SemanticSimilarityParams, seed: int, progress: Progress) -> Model:
    """Texts don't depend on interactions: only what is counted is counted anew."""
    progress(0.0, "counting users")
    return _counted({name: model.arrays[name] for name in ("vectors", "digests", "centre")}, snapshot)


def extend(model: Model, snapshot: Snapshot, params: SemanticSimilarityParams, progress: Progress) -> Model:
    """The model with new items and changed texts; popularity and freshness are of the last full training, and a new
    item is as fresh as its date says and popular with nobody.
    """
    progress(0.0, "reading what is new about items")
    current, count = digests(snapshot.item_columns, snapshot.item_count), len(model.arrays["digests"])
    before, vectors, users = (_grown(model.arrays[name], len(current)) for name in ("digests", "vectors", "users"))
    changed = np.flatnonzero(current != before)
    vectors[changed] = centred(meanings(snapshot.item_columns, changed, progress), model.arrays["centre"])
    created = np.concatenate((model.arrays["created"], _created(snapshot)[count:]))
    arrays: Arrays = {**model.arrays, "vectors": vectors, "digests": current, "users": users, "created": created}
    return Model(arrays, {**model.about, "chosen": {**model.about["chosen"], "read_again": len(changed)}})


def _grown(values: Array, count: int) -> Array:
    """(count, …) a copy, with zeros for what is new."""
    return np.concatenate((values, np.zeros((count - len(values), *values.shape[1:]), values.dtype)))


def _counted(arrays: Arrays, snapshot: Snapshot) -> Model:
    counted: Arrays = {"users": user_counts(snapshot), "created": _created(snapshot)}
    about = {"items_with_text": int(np.count_nonzero(arrays["digests"]))}
    return Model({**arrays, **counted}, {"items": snapshot.item_count, "chosen": about})


def _created(snapshot: Snapshot) -> Longs:
    """(items,) epoch seconds: what the item says, else its oldest interaction, else the latest of all (§2.3)."""
    latest = int(snapshot.times.max(initial=0))
    first = np.full(snapshot.item_count, np.iinfo(np.int64).max)
    np.minimum.at(first, snapshot.items, snapshot.times)
    first[first == np.iinfo(np.int64).max] = latest
    column = snapshot.item_columns.get(CREATED)
    if not isinstance(column, Numbers):
        return first
    dates = column.values.astype(np.float64)
    return np.where(np.isnan(dates), first, dates).astype(np.int64)


def popularity(model: Model) -> Floats:
    """(items,) in 0..1, by the logarithm of the users who touched it."""
    users = np.log1p(model.arrays["users"])
    return np.asarray(users / max(float(users.max(initial=0)), 1e-9), np.float32)


def freshness(model: Model) -> Floats:
    """(items,) in 0..1: the share of the items of the last full training that are older, or as old."""
    created = model.arrays["created"]
    trained = np.sort(created[: model.about["items"]])
    return (np.searchsorted(trained, created, side="right") / max(len(trained), 1)).astype(np.float32)


def ready(model: Model) -> Scorer:
    """Cosine of meanings, plus each of popularity and freshness times its influence. Popular items for an item that
    is unknown or of which nothing is said. Items of which nothing is said come last, as unlike as can be.
    """
    vectors = model.arrays["vectors"]
    spoken = model.arrays["digests"] != 0
    popular, fresh = popularity(model), freshness(model)

    def score(query: Query) -> Floats:
        influence = query.influence.get("POPULARITY", 0.0) * popular + query.influence.get("FRESHNESS", 0.0) * fresh
        within = 0 <= query.item < len(vectors)
        if not within or not spoken[query.item]:
            scores = popular + np.float32(0)
        else:
            cosine = np.where(spoken, vectors @ vectors[query.item], np.float32(-1))
            scores = np.asarray(cosine + influence, np.float32)
        if within:
            scores[query.item] = -np.inf
        return scores

    return score


def lacks(schemas: Schemas) -> str | None:
    fields = schemas["ITEMS"].fields if "ITEMS" in schemas else ()
    if any(field.item_name for field in fields) and any(field.textual for field in fields):
        return None
    return 'an Items dataset with one field that is "itemName" and one that is "textual"'


def measure(
    snapshot: Snapshot, params: SemanticSimilarityParams, seed: int, progress: Progress, model: Model | None = None
) -> dict[str, float]:
    model = model or train(snapshot, params, seed, progress)
    metrics = solution_metrics(replace(RECIPE, measure=None), params, snapshot, seed, progress, model)
    vectors, of_items = model.arrays["vectors"], (popularity(model), freshness(model))
    return metrics | catalogue_metrics(ready(model), vectors, *of_items, seed)


RECIPE = Recipe(
    name="aws-semantic-similarity",
    kind="RELATED_ITEMS",
    params=SemanticSimilarityParams,
    train=train,
    ready=ready,
    metadata=True,
    description="Items alike in the meaning of their names and texts, new items included",
    again=again,
    extend=extend,
    lacks=lacks,
    libraries=lambda schemas: (WORDLLAMA,),
    measure=measure,
)
