"""Next best action: how likely the user takes each action within the optimisation period (specification §3.4).

A regularised logistic regression an action, whose weights are drawn towards what all actions share, on the user's
items, columns and earlier outcomes; calibration on held-out users makes its scores probabilities.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from engine.data.columns import Array, Floats, Ints
from engine.data.snapshot import Snapshot
from engine.errors import InvalidInput
from engine.propensity.calibration import Calibration
from engine.propensity.metrics import action_metrics, action_split
from engine.propensity.outcomes import (
    NOT_TAKEN,
    TAKEN,
    VIEWED,
    ActionOutcomes,
    Episodes,
    OfferMoments,
    OutcomeCounts,
    episodes_of,
    kinds_of,
    outcomes_of,
)
from engine.propensity.training import EpisodeRows, PropensityWeights, learned
from engine.propensity.users import RANK, Visits, item_vectors, user_features
from engine.recipe import Model, Progress, Query, Recipe, Schemas, Scorer, stretch

DAY = 86_400
WINDOW_DAYS = 42
LEAST = 50  # outcomes of either kind in the window
MOST_EPISODES, FEWEST = 500_000, 1_000  # to learn from: of all actions, and at least of each
NARROW = 0.01  # a feature that varies less is as good as constant
FAR = 4.0  # deviations
EVER = np.iinfo(np.int64).max


class NextBestActionParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action_optimization_period: Annotated[int, msgspec.Meta(ge=7, le=28)] = 14


def train(snapshot: Snapshot, params: NextBestActionParams, seed: int, progress: Progress) -> Model:
    """Raises `InvalidInput` where the dataset group has no actions."""
    progress(0.0, "reading what users did with actions")
    actions = snapshot.actions
    if actions is None or not actions.item_count:
        raise InvalidInput("The dataset group has no actions: import them, or put them, first.")
    outcomes, count = outcomes_of(actions), actions.item_count
    able = np.flatnonzero(scored(outcomes, count))
    period = params.action_optimization_period * DAY
    episodes = _settled(episodes_of(outcomes, period), period, able, count)
    vectors = item_vectors(snapshot, seed)
    progress(0.1, f"{len(episodes.taken):,} episodes of {len(able)} actions")
    people = user_features(snapshot.user_columns, snapshot.user_count)
    theirs = np.isin(snapshot.users, episodes.begun.users)
    visits = Visits(snapshot.users[theirs], snapshot.items[theirs], snapshot.times[theirs], vectors)
    features = features_of(episodes.begun, visits, people, OutcomeCounts(outcomes, count))
    middle, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
    if len(features):
        middle, spread = features.mean(axis=0), features.std(axis=0)
        spread[spread < NARROW] = 1.0
    rows = EpisodeRows.of(episodes, _standard(features, middle, spread))
    weights = learned(rows, able, count, seed, stretch(progress, 0.1, 1.0))
    return Model(
        {
            "own": weights.own,
            "able": np.isin(np.arange(count), able),
            "middle": middle.astype(np.float32),
            "spread": spread.astype(np.float32),
            "vectors": vectors,
            "people": people,
            "kinds": kinds_of(actions.event_types),
        },
        _about(weights, episodes, len(able), count),
    )


def scored(outcomes: ActionOutcomes, count: int) -> Array:
    """(actions,) whether there were enough outcomes of both kinds lately (specification §3.4)."""
    lately = outcomes.times > outcomes.times.max(initial=0) - WINDOW_DAYS * DAY
    taken = np.bincount(outcomes.actions[lately & (outcomes.kinds == TAKEN)], minlength=count)
    refused = lately & ((outcomes.kinds == NOT_TAKEN) | (outcomes.kinds == VIEWED))
    return (taken >= LEAST) & (np.bincount(outcomes.actions[refused], minlength=count) >= LEAST)


def _settled(episodes: Episodes, period: int, able: Array, count: int) -> Episodes:
    """The episodes of scored actions whose end is known; all of an action that has too few of those."""
    settled, actions = episodes.settled(period, count, LEAST), episodes.begun.actions
    taken = np.bincount(actions[settled & episodes.taken], minlength=count)
    refused = np.bincount(actions[settled & ~episodes.taken], minlength=count)
    few = (taken < LEAST) | (refused < LEAST)
    wanted = np.isin(actions, able) & (settled | few[actions])
    return _newest(episodes.take(np.flatnonzero(wanted)), max(MOST_EPISODES // max(len(able), 1), FEWEST))


def _newest(episodes: Episodes, most: int) -> Episodes:
    """The newest few of each action."""
    actions, times = episodes.begun.actions, episodes.begun.times
    order = np.lexsort((-times, actions))
    place = np.arange(len(order)) - actions[order].searchsorted(actions[order])
    return episodes.take(np.sort(order[place < most]))


def features_of(moments: OfferMoments, visits: Visits, people: Floats, counts: OutcomeCounts) -> Array:
    """(m, d) what is known of the user, and of the user with the action, before each moment."""
    columns = np.zeros((len(moments.users), people.shape[1]))
    described = (moments.users >= 0) & (moments.users < len(people))
    columns[described] = people[moments.users[described]]
    return np.column_stack((visits.at(moments.users, moments.times), columns, counts.at(moments)))


def _standard(features: Array, middle: Array, spread: Array) -> Array:
    """(m, d + 1) of mean 0 and deviation 1 in training, nothing far beyond; and a last column of ones."""
    scaled = np.clip((features - middle) / spread, -FAR, FAR)
    scaled[features[:, RANK] == 0, :RANK] = 0  # of whom no item is known, nothing is said
    return np.column_stack((scaled, np.ones(len(features))))


def ready(model: Model) -> Scorer:
    own, able, vectors, people, kinds = (model.arrays[name] for name in ("own", "able", "vectors", "people", "kinds"))
    middle, spread = model.arrays["middle"], model.arrays["spread"]
    calibration = Calibration(**model.about["calibration"])
    actions = np.arange(len(own))
    nobody = np.zeros(len(own), np.int64)

    def score(query: Query) -> Floats:
        now = OfferMoments(nobody, actions, np.full(len(own), EVER))
        then = np.zeros(len(query.history), np.int64)  # all of it was before
        visits = Visits(then.astype(np.int32), query.history, then, vectors)
        mine = people[query.user][None] if 0 <= query.user < len(people) else np.zeros((1, people.shape[1]), np.float32)
        features = features_of(now, visits, mine, OutcomeCounts(_outcomes_in(query, kinds, len(own)), len(own)))
        scores = (_standard(features, middle, spread) * own).sum(axis=1)
        return np.where(able, calibration(scores), 0.0).astype(np.float32)

    return score


def _outcomes_in(query: Query, kinds: Ints, count: int) -> ActionOutcomes:
    """The outcomes of actions and event types that the model knows."""
    within = (query.actions < count) & (query.action_types < len(kinds))
    actions, types = query.actions[within], query.action_types[within]
    then = np.zeros(len(actions), np.int64)
    return ActionOutcomes(then.astype(np.int32), actions, then, kinds[types])


def _about(weights: PropensityWeights, episodes: Episodes, able: int, count: int) -> dict[str, object]:
    return {
        "calibration": weights.calibration._asdict(),
        "chosen": {
            "actions_scored": able,
            "actions": count,
            "episodes": len(episodes.taken),
            "taken": round(float(episodes.taken.mean()), 4) if len(episodes.taken) else 0.0,
            "strength": weights.strength,
            "held_out_log_loss": weights.held_out,
            "calibration": f"slope {weights.calibration.slope:.3f}, {len(weights.calibration.knots)} knots",
        },
    }


def lacks(schemas: Schemas) -> str | None:
    return None if "ACTIONS" in schemas else "an Actions dataset"


def measure(
    snapshot: Snapshot, params: NextBestActionParams, seed: int, progress: Progress, model: Model | None = None
) -> dict[str, float]:
    """The metrics of a model trained without a tenth of the users."""
    assert snapshot.actions is not None
    left, cases = action_split(snapshot, snapshot.actions, seed)
    score = ready(train(left, params, seed, stretch(progress, 0.0, 0.9)))
    progress(0.9, f"measuring on {len(cases)} users")
    return action_metrics(score, cases, snapshot.actions.item_count)


RECIPE = Recipe(
    name="aws-next-best-action",
    kind="PERSONALIZED_ACTIONS",
    params=NextBestActionParams,
    train=train,
    ready=ready,
    scores=True,
    description="The actions that a user is likeliest to take within the optimisation period, as probabilities",
    lacks=lacks,
    measure=measure,
)
