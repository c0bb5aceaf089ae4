"""Experiments as flags: a key for each, by which other protocols ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.plan.experiment import Experiment
from gateway.plan.plan import Namespace, Plan


@dataclass(frozen=True)
class Flag:
    """`key` is `namespace.recommender.feature`; with `action/recommender` where another action's has the same."""

    key: str
    plan: Plan
    experiment: Experiment

    @property
    def default(self) -> str:
        """The variation that answers a unit in no arm."""
        return next(each.name for each in self.plan.variations if each.weight > 0)

    @property
    def document(self) -> Mapping[str, Any]:
        """The experiment as the configuration has it."""
        document: Mapping[str, Any] = self.plan.config["experiments"][self.experiment.feature]
        return document


def flags(namespaces: Mapping[str, Namespace]) -> dict[str, Flag]:
    by_key: dict[str, Flag] = {}
    for plan, experiment in _experiments(namespaces):
        key = f"{plan.namespace}.{plan.recommender}.{experiment.feature}"
        if key in by_key:
            key = f"{plan.namespace}.{plan.path}.{experiment.feature}"
        by_key[key] = Flag(key, plan, experiment)
    return by_key


def _experiments(namespaces: Mapping[str, Namespace]) -> Iterator[tuple[Plan, Experiment]]:
    """The experiments that choose between variations; one that drafts the lists of all into one chooses none."""
    for namespace in namespaces.values():
        for plan in namespace.plans.values():
            if len(plan.variations) > 1:
                yield from ((plan, each) for each in plan.experiments.values() if each.arms and not each.rankers)
