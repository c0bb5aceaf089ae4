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
        """What answers whoever is in no arm."""
        return next(each.name for each in self.plan.variations if each.weight > 0)

    @property
    def document(self) -> Mapping[str, Any]:
        """The experiment as the configuration has it."""
        found: Mapping[str, Any] = self.plan.config["experiments"][self.experiment.feature]
        return found


def flags(namespaces: Mapping[str, Namespace]) -> dict[str, Flag]:
    found: dict[str, Flag] = {}
    for plan, experiment in _experiments(namespaces):
        key = f"{plan.namespace}.{plan.recommender}.{experiment.feature}"
        if key in found:
            key = f"{plan.namespace}.{plan.path}.{experiment.feature}"
        found[key] = Flag(key, plan, experiment)
    return found


def _experiments(namespaces: Mapping[str, Namespace]) -> Iterator[tuple[Plan, Experiment]]:
    """Those that choose between variations; who drafts the lists of all into one chooses none."""
    for namespace in namespaces.values():
        for plan in namespace.plans.values():
            if len(plan.variations) > 1:
                yield from ((plan, each) for each in plan.experiments.values() if each.arms and not each.rankers)
