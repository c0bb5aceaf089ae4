"""Items eligible after several filters: a mask that all users share, less those that the user's events take away.

Most filters say the same of an item to everyone, but for the items that a user has touched or owns. So the mask is made
once, and kept while no row of the items changes; a question looks at the user's few items alone.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from engine.data.columns import NO_IDS, Floats, Ints
from engine.data.exposure import Novelty
from engine.filters.candidates import Candidates
from engine.filters.compile import CompiledFilter, Values
from engine.filters.live import Mask

CACHED_BYTES = 64_000_000  # of shared masks, a group
FEWEST = 4  # of them, however large
MINUS_INFINITY = np.float32(-np.inf).view(np.uint32)
MOST_DROPPED = 4096  # ids of one question, and a sixteenth of the items: beyond both a mask costs less


class SharedMask:
    """(count + 1,) the eligible items, for everyone who asks with these filters; not to be written to."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self._left: tuple[Novelty, Novelty] | None = None

    def of(self, young: Novelty) -> Novelty:
        """(count,) with 0 for items that are not eligible; the latest is remembered."""
        left = self._left
        if left is None or left[0] is not young:
            left = self._left = young, Novelty.of(young.items * self.mask[:-1])
        return left[1]

    @cached_property
    def penalty(self) -> Floats:
        """(count,) 0 for eligible items, -inf for others: to add it costs a fifth of choosing by the mask."""
        bits = self.mask[:-1].astype(np.uint32)  # `np.where` takes eighteen times as long where the mask is random
        bits -= 1
        bits &= MINUS_INFINITY
        return bits.view(np.float32)

    @property
    def nbytes(self) -> int:
        return 9 * self.mask.nbytes


@dataclass(frozen=True)
class Eligible:
    shared: SharedMask
    dropped: Ints  # ids, some of them perhaps more than once

    @cached_property
    def mask(self) -> Mask:
        """(count + 1,) the eligible items for this question, the last for an item that nobody knows."""
        mask = self.shared.mask.copy()
        mask[self.dropped] = False
        return mask

    def keeps(self, items: Ints) -> Mask:
        """(k,) whether each of these is eligible."""
        left: Mask = self.shared.mask[items]
        if len(self.dropped):
            dropped = np.sort(self.dropped)
            left &= dropped.take(np.searchsorted(dropped, items), mode="clip") != items
        return left

    def of(self, scores: Floats) -> Floats:
        """(count,) a copy of the scores, -inf for items that are not eligible."""
        left = scores + self.shared.penalty
        left[self.dropped] = -np.inf
        return left


@dataclass(frozen=True)
class _CachedMask:
    filters: tuple[CompiledFilter, ...]  # as they were compiled for the schemas of that time
    version: int  # of the table
    shared: SharedMask


def eligible_by(filters: Sequence[CompiledFilter], candidates: Candidates, values: Values) -> Eligible | None:
    """The eligible items; None without filters. Raises `InvalidInput` where a parameter is missing or unreadable."""
    if not filters:
        return None
    own = [each.dropped(candidates, values) for each in filters]
    dropped = np.concatenate(own) if len(own) > 1 else own[0]
    if len(dropped) > max(MOST_DROPPED, candidates.count // 16):
        return Eligible(SharedMask(_mask(filters, candidates, values)), NO_IDS)
    common = tuple(each.common for each in filters)
    if any(each.needs_user or each.needs_item for each in common):
        return Eligible(SharedMask(_mask(common, candidates, values)), dropped)
    return Eligible(_shared(common, candidates, values), dropped)


def _mask(filters: Sequence[CompiledFilter], candidates: Candidates, values: Values) -> Mask:
    masks = (each.mask(candidates, values) for each in filters)
    return reduce(np.logical_and, masks)


def _shared(filters: tuple[CompiledFilter, ...], candidates: Candidates, values: Values) -> SharedMask:
    table = candidates.table
    held: dict[object, _CachedMask] = table.memo.setdefault("left", {})
    key = (tuple(each.text for each in filters), tuple(sorted(values.items())), candidates.count)
    version, entry = len(table.order), held.get(key)
    if entry is not None and entry.version == version and all(map(operator.is_, entry.filters, filters)):
        return entry.shared
    shared = SharedMask(_mask(filters, candidates, values))
    if len(held) >= max(FEWEST, CACHED_BYTES // shared.nbytes):
        table.memo["left"] = held = {}  # who fills the one thrown away makes a mask for nobody
    held[key] = _CachedMask(filters, version, shared)
    return shared
