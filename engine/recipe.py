"""The contract of a recipe: a name, its hyperparameters, how it trains, and how its trained arrays answer.

A recipe works on integer ids and arrays only. Training sees a frozen `Snapshot`; answering sees a `Query` and gives
one score for every candidate that the model knows: items for most recipes, users for USER_SEGMENTATION, actions for
PERSONALIZED_ACTIONS (each a prefix of today's catalogue: ids are append-only).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.cost import Cost, pairing
from engine.data.columns import Bools, Floats, Ints, Longs
from engine.data.schema import Schema
from engine.data.snapshot import Snapshot
from engine.data.table import NOBODY, LiveTable
from engine.rank.explore import Exploration

RecipeType = Literal[
    "USER_PERSONALIZATION",
    "POPULAR_ITEMS",
    "PERSONALIZED_RANKING",
    "RELATED_ITEMS",
    "USER_SEGMENTATION",
    "PERSONALIZED_ACTIONS",
]
P = TypeVar("P", bound=msgspec.Struct)

Schemas = Mapping[str, Schema]  # of a dataset group, by dataset type

EMPTY_INTS: Ints = np.empty(0, np.int32)
EMPTY_LONGS: Longs = np.empty(0, np.int64)


class RecentInteractions(Protocol):
    """The interactions that came after the model's catalogue was frozen, oldest first; ids may exceed the model's."""

    def recent(self) -> tuple[Ints, Longs]:
        """Item ids (n,) and times (n,) in epoch seconds of the streamed interactions still held in memory."""
        ...


class NoInteractions:
    def recent(self) -> tuple[Ints, Longs]:
        return EMPTY_INTS, EMPTY_LONGS


@dataclass(frozen=True)
class Query:
    """One question to a scorer. `history` may hold ids that the model has never seen (>= its item count)."""

    history: Ints = field(default_factory=lambda: EMPTY_INTS)  # (h,) item ids, oldest first
    times: Longs = field(default_factory=lambda: EMPTY_LONGS)  # (h,) epoch seconds
    item: int = -1  # the current item of RELATED_ITEMS and segments; -1: none or unknown
    attributes: Bools | None = None  # (items,) which have what a segment by attributes asks for
    influence: Mapping[str, float] = field(default_factory=dict)  # of POPULARITY and FRESHNESS, in 0..1
    now: float = 0.0  # epoch seconds
    user: int = -1  # the user's id, -1: none or unknown; may be one that the model has never seen
    actions: Ints = field(default_factory=lambda: EMPTY_INTS)  # (k,) action ids: what the user did, oldest first
    action_types: Ints = field(default_factory=lambda: EMPTY_INTS)  # (k,) codes of event types
    stream: RecentInteractions = field(default_factory=NoInteractions)
    users: LiveTable = NOBODY  # the columns of Users as of now
    context: Mapping[str, str] = field(default_factory=dict)  # column of Interactions → value


@dataclass(frozen=True)
class Model:
    """A trained model, as `engine.serving.artifacts` stores it: named arrays (no pickle) and a JSON-able account.

    `about` holds whatever `ready` needs beside the arrays, and `about["chosen"]`, a human-readable account of what
    training tried and kept.
    """

    arrays: Mapping[str, NDArray[Any]]
    about: dict[str, Any] = field(default_factory=dict)


class Progress(Protocol):
    def __call__(self, fraction: float, message: str) -> float | None:
        """Say how far training is: 0..1 and a few words. May raise to stop the work.

        The answer is what share of its time is over, where there is a budget: above `fraction` it is late, and who can
        do with less hurries to be done at 1.
        """
        ...


def silent(fraction: float, message: str) -> None:
    """The progress of someone who does not watch."""


def stretch(progress: Progress, start: float, stop: float) -> Progress:
    """The progress of a part of the work: its 0..1 is the whole's `start`..`stop`, of the work and of its time."""

    def part(fraction: float, message: str) -> float | None:
        over = progress(start + fraction * (stop - start), message)
        return None if over is None or stop <= start else (over - start) / (stop - start)

    return part


def spans(progress: Progress, seconds: Sequence[float]) -> list[Progress]:
    """The progresses of parts that take so long, one after the other."""
    total, stop, parts = max(sum(seconds), 1e-9), 0.0, []
    for each in seconds:
        start, stop = stop, min(stop + each / total, 1.0)
        parts.append(stretch(progress, start, stop))
    return parts


Scorer = Callable[[Query], Floats]  # → (candidates,) float32, higher is better, -inf: never


def scored(scorer: Scorer, queries: Sequence[Query]) -> list[Floats]:
    """Each query's (candidates,). A scorer may have a method `many`, which answers many queries for less than one after
    the other, and to the bit the same."""
    many: Callable[[Sequence[Query]], list[Floats]] | None = getattr(scorer, "many", None)
    return [scorer(query) for query in queries] if many is None else many(queries)


@dataclass(frozen=True)
class Recipe(Generic[P]):
    """`train(snapshot, params, seed, progress) -> Model`; `ready(model) -> Scorer`, which must be thread-safe."""

    name: str
    kind: RecipeType
    params: type[P]
    train: Callable[[Snapshot, P, int, Progress], Model]
    ready: Callable[[Model], Scorer]
    scores: bool = False  # whether answers carry a softmax score (specification §9.2)
    exploration: Exploration | None = None  # of items that are young or that the model does not know (§5.2)
    v2: bool = False  # whether answers carry reasons, and metadata unasked (specification §9.4, §9.5)
    metadata: bool = False  # whether answers carry metadata unasked though there are no reasons
    description: str = ""
    hidden: frozenset[str] = frozenset()  # hyperparameters of ours that AWS does not know
    again: Callable[[Model, Snapshot, P, int, Progress], Model] | None = None  # train, keeping what a model chose
    extend: Callable[[Model, Snapshot, P, Progress], Model] | None = None  # a model that knows today's items too
    renew: Callable[[Model, Snapshot, P, int, Progress], Model] | None = None  # one that learns on, of data that grew
    index: Callable[[Model, Snapshot, int, Progress], Model] | None = None  # the model with an index, by this seed
    by_attributes: bool = False  # whether a segment is of users for `Query.attributes` instead of `Query.item`
    lacks: Callable[[Schemas], str | None] = lambda schemas: None  # what it needs and a dataset group does not have
    libraries: Callable[[Schemas], Iterable[str]] = lambda schemas: ()  # that training needs, of `engine.extras`
    measure: Callable[[Snapshot, P, int, Progress, Model | None], dict[str, float]] | None = None  # its own metrics
    cost: Callable[[Snapshot, P], Cost] = lambda snapshot, params: pairing(snapshot)
    cheaper: Callable[[Snapshot, P], Iterator[tuple[P, str]]] | None = None  # less and less, and what each leaves out
    quick: bool = False  # whether it trains in seconds on data of any size

    @property
    def ranks_items(self) -> bool:
        return self.kind not in ("USER_SEGMENTATION", "PERSONALIZED_ACTIONS")

    @property
    def deployable(self) -> bool:
        """True where a campaign can answer with it; segments come from batch jobs only."""
        return self.kind != "USER_SEGMENTATION"

    def parse(self, hyperparameters: Mapping[str, str]) -> P:
        """Hyperparameters as AWS sends them, all strings. Raises `msgspec.ValidationError` naming the field."""
        return msgspec.convert(dict(hyperparameters), self.params, strict=False)
