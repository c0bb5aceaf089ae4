"""Exploration: a few places of an answer go to young items, so that their worth becomes known (specification §5.2).

Of `places` places a share is explored. Who gets them is drawn without replacement by systematic sampling with unequal
probabilities (Madow, "On the theory of systematic sampling, II", Annals of Mathematical Statistics 20, 1949): lay the
items' probabilities end to end, and take the item under u, u + 1, u + 2, …, for one random 0 <= u < 1.
Each item is then drawn with exactly its probability, which is in proportion to its novelty; how many are drawn is the
whole number below or above the sum of all probabilities. The most relevant items keep the other places, so that their
probability of being shown is exact, too: 1, but for the last of them, whose place may go to one more explored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from engine.data.columns import NO_IDS, Array, Floats, Ints
from engine.data.exposure import BLOCK, Novelty
from engine.rank.promote import mixed

MOST = 0.44  # of all places, at weight 1; at 0.3 scores shrink by 0.9604, in AWS's saved answers it was 0.9603
SPELL_S = 3600  # for so long one user's draw stays the same, of what is explored and of where promoted items stand
NOTHING = 1e-12  # of all novelty, below which a block's is what rounding left
CLOSE = 1e-6  # to a whole number, beyond which sums of single precision tell nothing


@dataclass(frozen=True)
class Exploration:
    """The settings of exploration, of a recipe or a campaign."""

    weight: float = 0.3
    cut_off_days: float = 30.0

    @property
    def share(self) -> float:
        """The share of an answer's places, and of the scores, that goes to exploration."""
        return MOST * self.weight**2

    def configured(self, config: Mapping[str, str]) -> Exploration:
        """The settings with those that an itemExplorationConfig, already checked, replaces."""
        weight = float(config.get("explorationWeight", self.weight))
        return Exploration(weight, float(config.get("explorationItemAgeCutOff", self.cut_off_days)))


@dataclass(frozen=True)
class Explorer:
    """Exploration of one answer: its share, each item's part in it, and what the draw depends on."""

    share: float
    young: Novelty
    seed: str

    @property
    def novelty(self) -> Floats:
        return self.young.items

    @cached_property
    def drawn_with(self) -> str:
        """The draw's seed as 16 hexadecimal digits; it tells nothing of the user."""
        return blake2b(self.seed.encode(), digest_size=8).hexdigest()

    @cached_property
    def start(self) -> float:
        """The one random number of the draw, 0 <= start < 1."""
        return (int(self.drawn_with, 16) >> 11) * 2.0**-53

    def mixed_in(self, shares: Floats, items: Ints) -> Floats:
        """Those items' scores, (k,) shares of all, made shares of all with exploration."""
        mixture: Floats = (1 - self.share) * shares + self.share * (self.novelty[items] / np.float32(self.young.total))
        return mixture


class RankedPlaces(NamedTuple):
    """(k,) each: the items in the order of the answer, whether exploration put each there, how likely it was shown."""

    items: Ints
    explored: Array
    propensities: Array


def explorer(exploration: Exploration, young: Novelty, seed: str) -> Explorer | None:
    """The explorer of an answer; None where there is nothing to explore."""
    return Explorer(exploration.share, young, seed) if exploration.weight > 0 and young.total > 0 else None


def seed_of(user: str, model: str, now: float) -> str:
    return f"{user}\0{model}\0{int(now // SPELL_S)}"


def next_draw(now: float) -> float:
    """The epoch second at which everyone's draw changes."""
    return float((now // SPELL_S + 1) * SPELL_S)


def relevant(best: Ints) -> RankedPlaces:
    """The best, and nothing explored."""
    return RankedPlaces(best, np.zeros(len(best), np.bool_), np.ones(len(best)))


def explored(explorer: Explorer, best: Ints, allowed: Array, places: int) -> RankedPlaces:
    """Places for the `best` (<= places,), best first, and for items that are `allowed` (n,) to be explored."""
    pool = chances(explorer, best, allowed, places)
    if explorer.start >= pool.expected:
        return RankedPlaces(best, np.zeros(len(best), np.bool_), pool.keeping)
    drawn, probable = systematic(pool.chances, explorer.start), pool.chances
    return _placed(explorer, best, pool.keeping, drawn, probable[drawn], places)


def explored_among(
    explorer: Explorer, best: Ints, young: Novelty, but_for: Sequence[Ints], places: int
) -> RankedPlaces | None:
    """The places of `explored` where the `young` may be explored `but_for` some; None where a chance might be cut to 1.
    No pass over the items: from the sums of blocks that they lie in, what is taken away is subtracted.
    """
    gone, expected = np.concatenate((best, *but_for)), explorer.share * places
    left = (young.total - len(gone) * young.most) * (1 - 10 * CLOSE)  # at least
    if not places or (explorer.start >= expected and expected * young.most < left):  # nobody is drawn, whoever is gone
        return RankedPlaces(best, np.zeros(len(best), np.bool_), keeping_chances(len(best), expected, places))
    gone, blocks = np.unique(gone), young.blocks.copy()
    np.subtract.at(blocks, gone // BLOCK, young.items[gone].astype(np.float64))
    blocks[blocks < NOTHING * young.total] = 0
    total = float(blocks.sum())
    if total == 0 or expected * young.most >= total * (1 - CLOSE):
        return None
    points = np.arange(explorer.start, expected) * (total / expected)
    drawn = np.array(_fallen_on(young.items, gone, blocks, points), np.int32)
    chances = young.items[drawn] * (expected / total)
    return _placed(explorer, best, keeping_chances(len(best), expected, places), drawn, chances, places)


def _placed(explorer: Explorer, best: Ints, keeping: Array, drawn: Ints, chances: Array, places: int) -> RankedPlaces:
    """The drawn ones at places drawn by the seed, among as many of the best as there is room for."""
    if not len(drawn):
        return RankedPlaces(best, np.zeros(len(best), np.bool_), keeping)
    staying = min(len(best), places - len(drawn))
    order = mixed(len(drawn), len(drawn) + staying, explorer.seed)
    return RankedPlaces(
        np.concatenate((drawn, best[:staying]))[order].astype(np.int32),
        (np.arange(len(order)) < len(drawn))[order],
        np.concatenate((chances, keeping[:staying]))[order],
    )


class ExplorationPool(NamedTuple):
    """The most relevant items with their chances of keeping their places, and how many are expected to be drawn from
    all that may be explored, in proportion to their novelty."""

    best: Ints
    keeping: Array
    novelty: Floats  # (n,) 0 for what may not be explored
    scale: np.float32  # novelty times this is an item's chance, unless that is over 1
    expected: float

    @property
    def chances(self) -> Floats:
        """(n,) every item's chance of being drawn."""
        chances: Floats = np.minimum(self.novelty * self.scale, np.float32(1))
        return chances


def chances(explorer: Explorer, best: Ints, allowed: Array, places: int) -> ExplorationPool:
    novelty = explorer.novelty * allowed
    novelty[best] = 0
    scale, expected = scaled(novelty, explorer.share * places)
    return ExplorationPool(best, keeping_chances(len(best), expected, places), novelty, scale, expected)


@lru_cache(1024)
def keeping_chances(count: int, expected: float, places: int) -> Array:
    """(count,) how likely each of the best keeps its place, where so many are expected to be drawn; not to be written
    to."""
    fewest = int(expected + CLOSE)
    room = places - fewest - np.arange(count)  # for each of the best: how many more may be drawn before it goes
    return np.where(room > 1, 1.0, np.where(room == 1, 1 - max(0.0, expected - fewest), 0.0))


def inclusion(explorer: Explorer | None, best: Ints, allowed: Array, places: int) -> tuple[Ints, Array]:
    """All items that may be shown (m,), and the probability of each; the `best` are the most relevant."""
    if explorer is None:
        return best, np.ones(len(best))
    pool = chances(explorer, best, allowed, places)
    young = np.flatnonzero(pool.chances)
    items, probable = np.concatenate((pool.best, young)), np.concatenate((pool.keeping, pool.chances[young]))
    return items[probable > 0].astype(np.int32), probable[probable > 0]


def scaled(novelty: Floats, expected: float) -> tuple[np.float32, float]:
    """The factor that makes novelty (n,) chances that sum to `expected`, and the sum: less where some are cut to 1."""
    total = float(novelty.sum())
    if total == 0:
        return np.float32(0), 0.0
    scale = np.float32(expected / total)
    if float(novelty.max()) * scale <= 1:
        return scale, expected
    return scale, float(np.minimum(novelty * scale, np.float32(1)).sum())


def systematic(chances: Array, start: float) -> Ints:
    """Indices drawn so that each is among them with its chance, for a random 0 <= `start` < 1; (n,) -> floor or ceil of
    their sum.

    The items lie in their own order, summed in blocks: only the blocks that a point falls into are looked at.
    """
    starts = np.arange(0, len(chances), BLOCK)
    sums = np.add.reduceat(chances, starts, dtype=np.float64) if len(chances) else np.zeros(0)
    points = np.arange(start, np.cumsum(sums)[-1] if len(sums) else 0.0, 1.0)
    return np.unique(np.array(_fallen_on(chances, NO_IDS, sums, points), np.int32))


def _fallen_on(values: Array, gone: Ints, sums: Array, points: Array) -> list[int]:
    """The item under each point, of all but those that are gone; `sums` are the blocks', without them."""
    if not len(points):
        return []
    ends = np.cumsum(sums)
    points = np.minimum(points, np.nextafter(ends[-1], 0))  # sums in another order may be less
    return [_under(values, gone, ends, int(np.searchsorted(ends, point, "right")), point) for point in points]


def _under(values: Array, gone: Ints, ends: Array, block: int, point: float) -> int:
    first = block * BLOCK
    own = values[first : first + BLOCK].astype(np.float64)
    if len(gone):
        own[gone[(gone >= first) & (gone < first + BLOCK)] - first] = 0
    some = np.flatnonzero(own)
    inside = np.cumsum(own[some]) + (ends[block - 1] if block else 0.0)
    return first + int(some[min(int(np.searchsorted(inside, point, "right")), len(some) - 1)])
