"""rectools' HSTU as its authors have it: attention to times, that of asking among them."""

from __future__ import annotations

from functools import partial

from loadtests.quality.peers._rectools import GROUP
from loadtests.quality.peers.base import Peer
from loadtests.quality.peers.rectools_hstu import GRID, fit

PEER = Peer(
    "rectools HSTU with times", partial(fit, times=True), GRID, group=GROUP, epochs=True, seeded=True, clock="known"
)
