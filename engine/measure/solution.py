"""The metrics of a solution version: nine users of ten train, the tenth tests (specification §6)."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

from engine.data.snapshot import Snapshot
from engine.measure.metrics import LONGEST, METRICS, Outcome, event_weight_metrics, mid_ranks, reward_metrics
from engine.measure.split import EvaluationCase, user_split
from engine.rank.topk import top_k
from engine.recipe import Model, Progress, Recipe, Scorer, stretch

P = TypeVar("P", bound=msgspec.Struct)
MOST_CASES = 2_000
SCORES = 2_000_000_000  # cases × items, of a catalogue of more than a million


def solution_metrics(
    recipe: Recipe[P], params: P, snapshot: Snapshot, seed: int, progress: Progress, model: Model | None = None
) -> dict[str, float]:
    """Every metric by its AWS name. Seen items stay in the lists, as they do when no filter is asked for.

    Given the `model` that the recipe trained on the whole snapshot, training on nine tenths of the users keeps its
    choices instead of choosing again, where the recipe can.
    """
    if recipe.measure is not None:
        return recipe.measure(snapshot, params, seed, progress, model)
    split = user_split(snapshot, seed)
    training = stretch(progress, 0.0, 0.9)
    if model is not None and recipe.again is not None:
        tested = recipe.again(model, split.train, params, seed, training)
    else:
        tested = recipe.train(split.train, params, seed, training)
    outcome = outcome_of(recipe.ready(tested), _sample(split.cases, snapshot.item_count, seed), snapshot)
    count = len(outcome.ranks)
    progress(1.0, f"measured on {count} users" if count else "nobody to measure with: the metrics say nothing")
    always = {name: function(outcome) for name, function in METRICS.items()}
    return always | event_weight_metrics(outcome) | reward_metrics(outcome)


def outcome_of(score: Scorer, cases: list[EvaluationCase], snapshot: Snapshot) -> Outcome:
    """The full ranking of every case; the current item of a related-items recipe is the history's last."""
    ranks, lists = [], []
    for case in cases:
        scores = score(case.query)
        ranks.append(mid_ranks(scores, case.truth))
        lists.append(top_k(scores, LONGEST))
    rewards = None if snapshot.objective is None else snapshot.objective.gained()
    return Outcome(ranks, lists, snapshot.item_count, cases, rewards)


def most_cases(items: int) -> int:
    """The most users that a model of so many items is measured on."""
    return min(MOST_CASES, SCORES // max(items, 1))


def _sample(cases: list[EvaluationCase], items: int, seed: int) -> list[EvaluationCase]:
    most = most_cases(items)
    if len(cases) <= most:
        return cases
    return [cases[at] for at in np.random.default_rng(seed).choice(len(cases), most, replace=False)]
