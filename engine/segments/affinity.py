"""The affinity of users to items: shrunken factors of who touched what, and how active a user is anyway.

How much to shrink and how much activity counts is chosen on the newest fifth of every user's interactions.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.measure.metrics import mid_ranks, ndcg, without
from engine.measure.split import newest_split
from engine.recipe import Model, Progress, Query, Scorer, stretch
from engine.segments.cases import Cases, SegmentCase, known_before
from engine.segments.factors import Factors, factors

SHRINKS = (0.01, 0.03, 0.1, 0.3)  # of the largest strength, squared
ACTIVITIES = (0.0, 0.02, 0.1)  # what being the most active user is worth
CASES = 200  # that the choice is made on


class AffinityChoice(NamedTuple):
    shrink: float
    activity: float


def train(snapshot: Snapshot, dimension: int, cases: Cases, seed: int, progress: Progress) -> Model:
    choice = _choose(snapshot, dimension, cases, seed, stretch(progress, 0.0, 0.5))
    return refit(choice, snapshot, dimension, seed, stretch(progress, 0.5, 1.0))


def refit(choice: AffinityChoice, snapshot: Snapshot, dimension: int, seed: int, progress: Progress) -> Model:
    """The model of a choice that was made before."""
    space = factors(snapshot, dimension, seed, progress)
    progress(1.0, f"{len(space.strength)} factors of {snapshot.user_count:,} users")
    about = {**choice._asdict(), "factors": len(space.strength)}
    return Model(_arrays(snapshot, space, choice), {"activity": choice.activity, "chosen": about})


def choice_of(model: Model) -> AffinityChoice:
    chosen = model.about["chosen"]
    return AffinityChoice(chosen["shrink"], chosen["activity"])


def ready(model: Model) -> Scorer:
    """(users,) scores for `Query.item`, or the mean of those for the items of `Query.attributes`.

    Where there is no item that the model knows, the most active users come first. Users without interactions are in
    no segment: -inf.
    """
    users, items, active = (model.arrays[name] for name in ("users", "items", "active"))
    weight = np.float32(model.about["activity"])

    def score(query: Query) -> Floats:
        wanted = _target_vector(query, items)
        if wanted is None:
            return np.array(active)
        affinity = np.asarray(users @ wanted, np.float32)
        return np.where(active > 0, affinity + weight * np.maximum(active, 0), active)

    return score


def _target_vector(query: Query, items: Floats) -> Floats | None:
    """(d,) the vector that users should be near to; None where no item is asked for."""
    if query.attributes is not None:
        mask = query.attributes[: len(items)]
        return np.asarray(items[: len(mask)][mask].mean(axis=0), np.float32) if mask.any() else None
    return items[query.item] if 0 <= query.item < len(items) else None


def _arrays(snapshot: Snapshot, space: Factors, choice: AffinityChoice) -> dict[str, np.ndarray]:
    power = space.strength**2
    damped = space.strength * power / np.maximum(power + choice.shrink * power.max(initial=0), 1e-9)
    lengths = np.diff(snapshot.indptr)
    active = np.where(lengths > 0, lengths / max(lengths.max(initial=0), 1), -np.inf)
    users = (space.users * damped).astype(np.float32)
    return {"users": users, "items": space.items, "active": active.astype(np.float32)}


def _choose(snapshot: Snapshot, dimension: int, cases: Cases, seed: int, progress: Progress) -> AffinityChoice:
    """The choice that ranks users best; a cautious one where nothing can be hidden."""
    progress(0.0, "hiding the newest of every user")
    split = newest_split(snapshot)
    asked = cases(split.hidden, CASES, seed)
    if not asked:
        return AffinityChoice(SHRINKS[-1], ACTIVITIES[1])
    space = factors(split.train, dimension, seed, stretch(progress, 0.0, 0.8))
    passed = known_before(split.train, asked)
    choices = [AffinityChoice(*each) for each in product(SHRINKS, ACTIVITIES)]
    gains = []
    for place, choice in enumerate(choices):
        progress(0.8 + 0.2 * place / len(choices), f"trying {choice.shrink:g} and {choice.activity:g}")
        score = ready(Model(_arrays(split.train, space, choice), {"activity": choice.activity}))
        gains.append(np.mean([_gain(score, case, users) for case, users in zip(asked, passed, strict=True)]))
    return choices[int(np.argmax(gains))]


def _gain(score: Scorer, case: SegmentCase, passed: np.ndarray) -> float:
    """The discounted gain of the case's users in the whole ranking, without those passed over."""
    scores = without(score(case.query), passed)
    return ndcg(mid_ranks(scores, case.truth), len(scores))
