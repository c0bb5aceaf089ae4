"""Team draft: several rankers' lists as one (Radlinski, Kurup and Joachims, "How does clickthrough data reflect
retrieval quality?", 2008): in each round every ranker, in an order drawn anew, places its best item that is
not yet there.

Pure: the same unit, seed and lists give the same draft in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

DIGITS = 4  # bytes of a number drawn: two of a round are the same once in four billion


class Pick(NamedTuple):
    team: int  # which ranker's
    place: int  # in that ranker's list


def team_draft(lists: Sequence[Sequence[Hashable]], most: int, seed: str, unit: str) -> list[Pick]:
    """Pick at most so many items, none of them twice; a ranker with nothing left is passed over."""
    best = [iter(enumerate(items)) for items in lists]
    taken: set[Hashable] = set()
    picks: list[Pick] = []
    for turns in orders(len(lists), max(map(len, lists), default=0), seed, unit):
        before = len(picks)
        for team in turns:
            pick = next(((place, item) for place, item in best[team] if item not in taken), None)
            if pick is not None and len(picks) < most:
                taken.add(pick[1])
                picks.append(Pick(team, pick[0]))
        if len(picks) in (before, most):
            break
    return picks


def orders(teams: int, rounds: int, seed: str, unit: str) -> Iterator[list[int]]:
    """The order in which rankers place, of each round."""
    width = teams * DIGITS
    drawn = hashlib.shake_128(f"{seed}\n{unit}".encode()).digest(rounds * width)
    for start in range(0, rounds * width, width):
        numbers = [drawn[at : at + DIGITS] for at in range(start, start + width, DIGITS)]
        yield sorted(range(teams), key=numbers.__getitem__)


def first(teams: int, seed: str, unit: str) -> int:
    """The ranker that begins the unit's list."""
    return next(orders(teams, 1, seed, unit))[0]
