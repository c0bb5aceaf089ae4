"""A trained blend extended by the items that came since, as likely to be among the best as any other item.

What is alike in its description to a new item says whom it is for, and nothing says how popular it will be. So its
scores have the mean of all items' scores, and vary between users more than those of known items do, which are among the
best by their popularity, too, and less than those of all items and users together: in between by the geometric mean. A
plain mean of neighbours hardly varies, and would be among nobody's best. Both are measured with users of the data. An
item of which nothing is said is scored by known items drawn at random: its first consumers find it about as often as
chance would have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from engine.data.columns import Array, Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.extension import PREFIX, Extension
from engine.ensemble.members.content import term_columns
from engine.ensemble.plan import IN_SESSION, EnsembleParams
from engine.ensemble.scorer import Ensemble
from engine.measure.split import drawn
from engine.neighbours.likeness import nearest_described
from engine.recipe import Model, Progress, Query, stretch

NEAREST = 50
MOST = 20_000  # known items, the most popular ones, among which neighbours are looked for
USERS = 100  # who are asked how scores vary
AT_ONCE = 10  # of them
MOST_GAIN = 20.0  # of a sum of neighbours, however little it varies


def extended(model: Model, snapshot: Snapshot, params: EnsembleParams, progress: Progress) -> Model:
    """The model extended by the snapshot's items after its own; an earlier extension is replaced."""
    own_arrays = {name: array for name, array in model.arrays.items() if not name.startswith(PREFIX)}
    model = Model(own_arrays, model.about)
    own, count = int(model.about["items"]), snapshot.item_count
    popular = np.argsort(-np.bincount(snapshot.items, minlength=count)[:own], kind="stable")[:MOST].astype(np.int32)
    new = np.arange(own, count, dtype=np.int32)
    terms = replace(snapshot, item_columns={**snapshot.item_columns, **term_columns(snapshot.item_columns)})
    near, alike = nearest_described(terms, new, popular, NEAREST, stretch(progress, 0.0, 0.8))
    described = alike.any(axis=1)
    stand_in = np.where(described, near[:, 0], -1).astype(np.int32) if near.size else np.full(len(new), -1, np.int32)
    if near.size:
        anything = np.random.default_rng(own).integers(len(popular), size=near.shape)
        near[~described], alike[~described] = popular[anything[~described]], 1
    weight = (alike / np.maximum(alike.sum(axis=1, keepdims=True), np.float32(1e-9))).astype(np.float32)
    extension = _calibrated(Extension(near, weight, np.zeros((3, len(new)), np.float32), stand_in), model, snapshot)
    chosen = {"items_added": {"all": len(new), "described": int(np.count_nonzero(described))}}
    about = {**model.about, "chosen": {**model.about.get("chosen", {}), **chosen}}
    progress(1.0, "placed new items")
    return Model({**own_arrays, **extension.arrays}, about)


def _calibrated(extension: Extension, model: Model, snapshot: Snapshot) -> Extension:
    """The extension whose new items have the mean of all items in every blend, and vary as known items do."""
    situations = _situations(snapshot, int(model.about["items"]))
    if not len(extension.near) or not situations:
        return extension
    ensemble = Ensemble(model)
    moments = [_moments(ensemble, queries, extension) for queries in situations]
    (spread, square), (mean, variance) = moments[0]
    usual = float(spread.mean() * square.mean()) ** 0.25
    gain = np.minimum(usual / np.maximum(np.sqrt(variance), 1e-9), MOST_GAIN) if usual > 0 else np.ones(len(mean))
    offset = np.stack([-gain * mean for _, (mean, _) in moments])
    if snapshot.objective is not None:
        offset += snapshot.objective.bonus()[len(spread) :]
    weight = extension.weight * gain[:, None].astype(np.float32)
    return replace(extension, weight=weight, offset=offset.astype(np.float32))


def _situations(snapshot: Snapshot, items: int) -> list[list[Query]]:
    """Questions of some users for each blend: right after their last event, later, and without a history."""
    active = np.flatnonzero(np.bincount(snapshot.users[snapshot.items < items], minlength=snapshot.user_count))
    histories = [snapshot.history(int(user)) for user in drawn(active, USERS, 0)]
    if not histories:
        return []
    recognised = [(chosen[chosen < items], times[chosen < items]) for chosen, times in histories]
    later = [[Query(*each, now=float(each[1][-1]) + after) for each in recognised] for after in (0.0, 2 * IN_SESSION)]
    return [*later, [Query()]]


def _moments(
    ensemble: Ensemble, queries: Sequence[Query], extension: Extension
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """(items,) variances between questions and mean squares of known items' centred logits; (new,) means and variances
    of the sums of their neighbours'."""
    old, new = np.zeros((2, ensemble.items)), np.zeros((2, len(extension.near)))
    for logits in _logits(ensemble, queries):
        centred = logits - logits.mean()
        for sums, values in ((old, centred), (new, (extension.weight * centred[extension.near]).sum(axis=1))):
            sums += values, values**2
    (mean, square), (new_mean, new_square) = old / len(queries), new / len(queries)
    return (np.maximum(square - mean**2, 0), square), (new_mean, np.maximum(new_square - new_mean**2, 0))


def _logits(ensemble: Ensemble, queries: Sequence[Query]) -> Iterator[Floats]:
    """(items,) of each question, as if nothing were known to the user already."""
    penalty = np.float32(ensemble.plan.seen_penalty)
    for start in range(0, len(queries), AT_ONCE):
        some = queries[start : start + AT_ONCE]
        for query, logits in zip(some, ensemble.many(some), strict=True):
            unseen = logits.copy()
            unseen[np.unique(query.history)] += penalty
            yield unseen
