"""Members fitted on one snapshot, and the columns that read them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cost import Sizes
from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.cost import fit_seconds
from engine.ensemble.member import Arrays, Judge, Score, ScorerColumn, standard
from engine.ensemble.members import MEMBERS
from engine.recipe import Progress, Query, spans

PRESENT: Mapping[str, Callable[[Query], bool]] = {
    "history": lambda query: len(query.history) > 0,
    "user": lambda query: query.user >= 0,
    "context": lambda query: len(query.context) > 0,
}
Fits = Mapping[str, Arrays]  # by Column.fit


def fitted(
    columns: Iterable[ScorerColumn],
    snapshot: Snapshot,
    seed: int,
    progress: Progress,
    optional: Collection[str] = (),
    judge: Judge | None = None,
) -> Fits:
    """Every distinct fit that the columns need; of members that are `optional` those that there is time for. A judge
    may end the fits of members that have `judged`.
    """
    needed = {column.fit: column for column in columns}
    sizes = Sizes.of(snapshot)
    shares = spans(progress, [fit_seconds(column, sizes) for column in needed.values()])
    fits: dict[str, Arrays] = {}
    for (name, column), share in zip(needed.items(), shares, strict=True):
        over = share(0.0, f"fitting {name}")
        if column.member in optional and over is not None and over >= 1:
            continue
        member = MEMBERS[column.member]
        if judge is not None and member.judged is not None:
            fits[name] = member.judged(snapshot, column.shape, seed, share, judge)
        else:
            fits[name] = member.fit(snapshot, column.shape, seed, share)
    progress(1.0, f"fitted {len(fits)} scorers")
    return fits


def reader(column: ScorerColumn, arrays: Arrays, items: int) -> Score:
    """The column's standardised scores for a query; zeros where it does not say what the member hears."""
    member = MEMBERS[column.member]
    if member.hears == "nobody":
        constant = standard(member.read(arrays, column.reading, Query(), items))
        return lambda query: constant
    silent = np.zeros(items, np.float32)

    def score(query: Query) -> Floats:
        heard = PRESENT[member.hears](query)
        return standard(member.read(arrays, column.reading, query, items)) if heard else silent

    return score


def packed(fits: Fits) -> dict[str, NDArray[Any]]:
    """One flat mapping of arrays, as models are stored."""
    return {f"{fit}.{part}": array for fit, arrays in fits.items() for part, array in arrays.items()}


def unpacked(arrays: Arrays, columns: Iterable[ScorerColumn]) -> Fits:
    fits: dict[str, dict[str, NDArray[Any]]] = {column.fit: {} for column in columns}
    for name, array in arrays.items():
        fit, _, part = name.rpartition(".")
        if fit:  # others are the model's own
            fits[fit][part] = array
    return fits
