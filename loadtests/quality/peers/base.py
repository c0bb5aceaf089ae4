"""The contract of a peer: a module of this folder ends with `PEER = Peer(…)` and imports its library in `fit` only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loadtests.quality.tuning import Fit, Settings

PRODUCT = ""  # the environment that this command runs in

Clock = Literal["unknown", "known", "both"]
SECONDS, MINUTES = 0.05, 0.3  # weights of what takes no more


@dataclass(frozen=True)
class Peer:
    """One row of the tables. The first settings of the grid are the defaults, or what is published."""

    name: str
    fit: Fit
    grid: Sequence[Settings] = ({},)
    group: str = PRODUCT  # of dependencies in pyproject.toml, which have an environment of their own
    epochs: bool = False  # whether stages are of one training, which may be ended early
    tunes_itself: bool = False  # whether `fit` chooses its settings inside
    seeded: bool = False  # whether the seed changes anything
    weight: float = 1.0  # of its share of the time; light ones go first and leave what they don't need to others
    clock: Clock = "unknown"  # whether it is told when it is asked; both: a row each, of one training
    repeats_only: bool = False  # whether it can only recommend what the user has had
