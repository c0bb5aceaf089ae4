"""A world of actions with known truth: how likely each user takes each action is written down beside the snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Numbers, Tags
from engine.data.snapshot import Snapshot, snapshot_of

START = 1_700_000_000
DAY = 86_400
TYPES = ("Taken", "Not Taken", "Viewed")


@dataclass(frozen=True)
class Errands:
    snapshot: Snapshot
    truth: NDArray[np.float64]  # (users, actions) the probability that an offer is taken
    offered: NDArray[np.bool_]  # (users, actions) in the snapshot


def errands(users: int = 2_000, actions: int = 6, seed: int = 0, share: float = 0.5, bent: bool = False) -> Errands:
    """Users of two tastes (seen in their items), an age and a tier; each is offered a `share` of the actions once.

    A `bent` truth is no logistic function of these.
    """
    draw = np.random.default_rng(seed)
    taste, age = draw.integers(2, size=users), draw.uniform(18, 80, users)
    tier = draw.integers(3, size=users)
    known = np.column_stack((taste - 0.5, (age - 49) / 18, tier == 0, tier == 1))
    logit = known @ draw.normal(0, 1, (4, actions)) + draw.normal(-0.7, 0.7, actions)
    if bent:
        logit = np.where(np.abs(known[:, [1]]) > 0.8, logit + 1.5, logit - 1.0) + np.sin(3 * logit)
    truth = 1 / (1 + np.exp(-logit))
    offered = draw.random((users, actions)) < share
    who, what = np.nonzero(offered)
    taken = draw.random(len(who)) < truth[who, what]
    types = np.where(taken, 0, draw.integers(1, 3, len(who)))
    deeds = snapshot_of(
        who.astype(np.int32),
        what.astype(np.int32),
        START + draw.integers(20 * DAY, 50 * DAY, len(who)),
        item_names=[f"action-{n}" for n in range(actions)],
        user_names=[f"user-{n}" for n in range(users)],
        types=types.astype(np.int32),
        event_types=TYPES,
    )
    return Errands(replace(_visits(taste, age, tier, draw), actions=deeds), truth, offered)


def _visits(
    taste: NDArray[np.int64], age: NDArray[np.float64], tier: NDArray[np.int64], draw: np.random.Generator
) -> Snapshot:
    """Eight items of forty each: of a user's own half, but for one in eight."""
    users = len(taste)
    who = np.repeat(np.arange(users), 8)
    half = np.where(draw.random(len(who)) < 0.125, 1 - taste[who], taste[who])
    return snapshot_of(
        who.astype(np.int32),
        (half + 2 * draw.integers(20, size=len(who))).astype(np.int32),
        START + draw.integers(0, 20 * DAY, len(who)),
        item_names=[f"item-{n}" for n in range(40)],
        user_names=[f"user-{n}" for n in range(users)],
        user_columns={
            "AGE": Numbers(age),
            "TIER": Tags(np.arange(users + 1, dtype=np.int64), tier.astype(np.int32), ["gold", "tin", "none"]),
        },
    )
