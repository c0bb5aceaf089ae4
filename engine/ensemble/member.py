"""A member of the ensemble: how it is fitted, and the ways in which its arrays can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.neighbours.sparse import Sparse
from engine.neighbours.table import mix, mix_sparse
from engine.recipe import Progress, Query

Setting = Mapping[str, float]
Arrays = Mapping[str, NDArray[Any]]
Shapes = Callable[[Snapshot], list[Setting]]
Fit = Callable[[Snapshot, Setting, int, Progress], Arrays]
Score = Callable[[Query], Floats]  # → (items,)
Judge = Callable[[Score], float]  # how good scores are on validation


@dataclass(frozen=True)
class Member:
    """`shapes` are the settings worth fitting on some data, `readings` the ways to read one fit.

    `fit(snapshot, shape, seed, progress) -> arrays`; `read(arrays, reading, query, items) -> (items,)`, for a query
    that holds what the member hears: a history (of known ids), a user, a context. Hearing nobody, it says one thing.

    Over a large catalogue most of what some members read is 0, and what others read is a product of vectors. Such a
    member can say the same for less: by `sparse`, each item once (None where these arrays are not) of the arrays as
    `prepared`, which happens once, or by `vectors`, (b, dim), a row for each query's history: its product with the
    arrays' "items" (items, dim), plus their "bias" (items,), is what it reads.
    """

    name: str
    shapes: Shapes
    readings: tuple[Setting, ...]
    fit: Fit
    read: Callable[[Arrays, Setting, Query, int], Floats]
    hears: Literal["nobody", "history", "user", "context"] = "history"
    metadata: bool = False  # whether it learns from columns: a blend with it must be clearly better than one without
    by_recency: bool = False  # it exists only to favour what is recent
    sparse: Callable[[Arrays, Setting, Query, int], Sparse | None] | None = None
    prepared: Callable[[Arrays, Setting], Arrays] = lambda arrays, reading: arrays
    vectors: Callable[[Arrays, Sequence[Ints]], Floats] | None = None
    judged: Callable[[Snapshot, Setting, int, Progress, Judge], Arrays] | None = None  # a fit that a judge may shorten
    renew: Callable[[Arrays, Snapshot, Setting, int, Progress], Arrays] | None = None  # a fit from an earlier one's


class ScorerColumn(msgspec.Struct, frozen=True):
    """One scorer of the ensemble: a member, how it was fitted and how it is read."""

    member: str
    shape: dict[str, float]
    reading: dict[str, float]

    @property
    def fit(self) -> str:
        """Names the fit that several readings may share."""
        return "-".join([self.member, *(f"{name}{value:g}" for name, value in sorted(self.shape.items()))])

    def __str__(self) -> str:
        settings = {**self.shape, **self.reading}
        return f"{self.member}({', '.join(f'{name} {value:g}' for name, value in settings.items())})"


def standard(scores: Floats) -> Floats:
    """Scores on a common footing: mean 0 and deviation 1 over the catalogue; all 0 where they say nothing."""
    if not len(scores):
        return scores
    centred = scores - np.add.reduce(scores) / len(scores)
    deviation = np.sqrt(np.add.reduce(centred * centred) / len(scores))
    return centred / deviation if deviation > 1e-9 else np.zeros_like(scores)


def fading(history: Ints, power: float, longest: int) -> tuple[Ints, Floats]:
    """The latest items of a history and their weights: the k-th latest counts k ** -power."""
    recent = history[-longest:]
    return recent, np.arange(len(recent), 0, -1, dtype=np.float32) ** np.float32(-power)


def table_member(
    name: str, shapes: Shapes, readings: tuple[Setting, ...], fit: Fit, longest: int, *, metadata: bool = False
) -> Member:
    """A member that fits an item-item table and reads it with a history that fades by the reading's "power"."""

    def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
        return mix(arrays, *fading(query.history, reading["power"], longest), items)

    def sparse(arrays: Arrays, reading: Setting, query: Query, items: int) -> Sparse | None:
        return mix_sparse(arrays, *fading(query.history, reading["power"], longest))

    return Member(name, shapes, readings, fit, read, metadata=metadata, sparse=sparse)


def damped(scores: Floats, popularity: Floats, power: float) -> Floats:
    """Scores over popularity ** power: what an item gains beyond being liked by everyone."""
    return scores if power == 0 else scores / (popularity + 1) ** np.float32(power)


def with_damping(arrays: Arrays, reading: Setting) -> Arrays:
    """Add the divisors of `damped` to the arrays, for `damped_few`: powers cost more than all else there."""
    power = np.float32(reading["damp"])
    return {**arrays, "damping": (arrays["arrived"] + 1) ** power} if power else arrays


def damped_few(scores: Sparse | None, arrays: Arrays) -> Sparse | None:
    damping = arrays.get("damping")
    if scores is None or damping is None:
        return scores
    return Sparse(scores.items, np.asarray(scores.values / damping.take(scores.items), np.float32))
