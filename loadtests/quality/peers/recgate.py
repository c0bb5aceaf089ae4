"""recgate: aws-user-personalization-v2 with its defaults, as a job process trains it, on interactions alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from loadtests.quality.peers.base import Peer
from loadtests.quality.ranking import Scorer
from loadtests.quality.task import Array, Log
from loadtests.quality.tuning import Settings, Stage, Watch

if TYPE_CHECKING:
    import engine.recipe

RECIPE = "aws-user-personalization-v2"


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from engine.data.snapshot import snapshot_of
    from engine.forecast.training import Countdown, forecast, this_machine
    from engine.recipes import RECIPES

    recipe = RECIPES[RECIPE]
    names = [[str(number) for number in range(count)] for count in (log.user_count, log.item_count)]
    snapshot = snapshot_of(log.users, log.items, log.times, user_names=names[0], item_names=names[1])
    ahead = forecast(
        recipe, recipe.parse(dict(settings)), snapshot, this_machine(), minutes=round(watch.limit_s / 60, 1)
    )
    countdown = Countdown(lambda _, words: watch.say(words), ahead.seconds, time.monotonic, ahead.budget_s)
    model = recipe.train(snapshot, ahead.params, watch.seed, countdown)
    yield _words(model.about, ahead.within), _scorer(log, recipe.ready(model))


def _words(about: Mapping[str, Any], within: str) -> str:
    """The blend for users in a visit, and what was left out for want of time."""
    weights = about.get("chosen", {}).get("blends", {}).get("active", {}).get("weights", {})
    blend = " + ".join(f"{weight:.2g} {name}" for name, weight in weights.items())
    return "; ".join(part for part in (blend, within) if part)


def _scorer(log: Log, score: engine.recipe.Scorer) -> Scorer:
    from engine.recipe import Query, scored

    def scores(users: Array, now: Array) -> Array:
        histories = [(log.history(user), log.history_times(user)) for user in users.tolist()]
        queries = [
            Query(items, times, item=int(items[-1]) if len(items) else -1, now=float(moment), user=int(user))
            for (items, times), user, moment in zip(histories, users, now, strict=True)
        ]
        return np.stack(scored(score, queries))

    return scores


PEER = Peer(RECIPE, fit, tunes_itself=True, seeded=True, clock="both")
