"""The cost of an ensemble, by part: seconds of the reference machine (see `engine.cost`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.cost import Cost, Sizes
from engine.data.snapshot import Snapshot
from engine.ensemble.member import ScorerColumn
from engine.neighbours.cooccurrence import GRAPH
from engine.nn.inverse import inverted

SMALL = 2_000  # items, up to which tables of neighbours are dense
HIDDEN = 0.25  # share of the rows that a split hides
NETWORK_BYTES = 250e6  # of torch
NETWORKS = 2  # sequence models that are averaged...
MANY, FEW_ITEMS = 20_000, 5_000  # where interactions are as many, and items, whose vectors an answer reads, as few...
WHOLE_TRAINING = 12  # and there is time for as many epochs of each
MOMENTS = 4  # at which what everyone gets is validated


class Parts(NamedTuple):
    """Seconds of the stages of a training, in their order."""

    fit: float
    read: float
    fit_later: float  # without the sequence model, for returning users
    read_later: float
    new: float
    refit: float


def parts_of(snapshot: Snapshot, columns: Sequence[ScorerColumn], cases: int) -> Parts:
    """The costs of a training that tries these columns on so many cases."""
    sizes = Sizes.of(snapshot)
    cases = min(cases, int(2 * sizes.users))
    less = sizes.times(1 - HIDDEN)
    plain = [column for column in columns if column.member != "sequence"]
    splitting = 2e-5 * sizes.users + 0.05
    read, read_later = (
        splitting + 2.0 * cases * sum(_reading_seconds(column, sizes) for column in each) + 1.0
        for each in (columns, plain)
    )
    refitted = [each for column in columns if column.member == "sequence" for each in networks_of(column, sizes)]
    alike = MOMENTS * (2 * splitting + 2e-7 * sizes.rows) + cases * 8 * _asking_seconds(sizes)
    return Parts(
        fitting_seconds(columns, less),
        read,
        fitting_seconds(plain, less),
        read_later + alike,
        alike,
        fitting_seconds(refitted, sizes) + fitting_seconds(plain, sizes) / 2,
    )


def networks_of(column: ScorerColumn, sizes: Sizes) -> list[ScorerColumn]:
    """The sequence models that answer in the place of one, each with its share of the weight.

    Trainings that differ by their seed alone differ most by their network; a mean of two differs less and is better.
    """
    enough = sizes.rows >= MANY and sizes.items <= FEW_ITEMS and column.shape["epochs"] >= WHOLE_TRAINING
    others = range(1, NETWORKS) if enough else ()
    return [column, *(replace(column, shape={**column.shape, "network": float(place)}) for place in others)]


def cost_of(snapshot: Snapshot, columns: Sequence[ScorerColumn], cases: int) -> Cost:
    sizes, parts = Sizes.of(snapshot), parts_of(snapshot, columns, cases)
    return Cost(sum(parts), parts.refit, 3 * _asking_seconds(sizes) + 1e-4, _bytes(columns, sizes, cases))


def fitting_seconds(columns: Iterable[ScorerColumn], sizes: Sizes) -> float:
    """The seconds of every distinct fit that the columns need."""
    return sum(fit_seconds(column, sizes) for column in {column.fit: column for column in columns}.values())


def fit_seconds(column: ScorerColumn, sizes: Sizes) -> float:
    few, dim = inverted(int(sizes.items)), column.shape.get("dim", 64.0)
    inverse = 2e-11 * few**3
    of_pairs = 1e-11 * sizes.users * sizes.items**2 if sizes.items <= SMALL else 2.2e-7 * sizes.pairs
    seconds = {
        "ease": inverse + min(1e-11 * sizes.users * few**2, 4e-8 * sizes.pairs),
        "regression": inverse + 1.5e-4 * sizes.users + min(4e-11 * few**3, 1.5e-10 * few * sizes.pairs),
        "knn": of_pairs,
        "markov": 2.8e-7 * sizes.near,
        "content": 2e-9 * sizes.items**2 + 1e-3 * min(sizes.items, 3e4),
        "people": 5e-7 * sizes.rows + 0.3,
        "context": 5e-7 * sizes.rows + 0.3,
        "sequence": placing_seconds(sizes) + column.shape.get("epochs", 0.0) * epoch_seconds(sizes, dim),
    }
    return 0.01 + seconds.get(column.member, 2e-7 * sizes.rows)


def placing_seconds(sizes: Sizes) -> float:
    """The seconds in which the sequence model's items get their first vectors."""
    return 1.5e-6 * sizes.pairs + 1e-5 * sizes.items if sizes.items <= GRAPH else 0.0


def epoch_seconds(sizes: Sizes, dim: float) -> float:
    """The seconds of a pass of the sequence model over the rows: its products, and the fixed cost of each step."""
    targets = max(sizes.rows - sizes.users, 0.0)
    drawn = sizes.items if sizes.items <= 5_000 else 1_500
    windows = 1.6 * sizes.users + targets / 50
    steps = max(min(windows / 8, 300.0), windows / 128)
    return targets * 6 * (12 * dim**2 + drawn * dim) / 40e9 + steps * (1.8e-3 + 2.3e-9 * sizes.items * dim)


def _reading_seconds(column: ScorerColumn, sizes: Sizes) -> float:
    dense = 5e-8 if sizes.items <= SMALL else 0.0
    return (1.3e-8 + dense) * sizes.items + 5e-5


def _asking_seconds(sizes: Sizes) -> float:
    return 1.3e-8 * sizes.items + 5e-5


def _bytes(columns: Sequence[ScorerColumn], sizes: Sizes, cases: int) -> float:
    """The most bytes at once: all fits are held to the end, and what needs the most besides is the greatest fit while
    it is made, or the pool of scores by which they are weighed."""
    members = {column.fit: column.member for column in columns}.values()
    table = 4 * sizes.items**2 if sizes.items <= SMALL else 200 * 8 * sizes.items
    few = inverted(int(sizes.items))
    rooms = {
        "ease": NETWORK_BYTES + 9 * few**2,
        "regression": NETWORK_BYTES + 14 * few**2,
        "knn": 28 * min(sizes.pairs, 34e6),
    }
    held = table * len([member for member in members if member in ("ease", "knn", "markov", "regression")])
    placing = 28 * min(sizes.pairs, 34e6) if sizes.items <= GRAPH else 0.0  # its items, near their like
    network = NETWORK_BYTES + 24 * sizes.items * 64 + placing if "sequence" in members else 0.0
    pool = 9.0 * min(cases, 2 * sizes.users) * len(columns) * min(sizes.items, 60 + 4 * len(columns))
    return sizes.bytes + held + max([rooms.get(member, 0.0) for member in members] + [network, pool])
