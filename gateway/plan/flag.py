"""Experiments and recommenders as flags: a key for each, by which other protocols ask for it.

Flag              an experiment: which of its arms a unit is in
RecommenderFlag   a recommender: which variation answers a unit, whichever of its experiments takes it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.plan.experiment import Experiment, Unit
from gateway.plan.plan import Namespace, Plan


@dataclass(frozen=True)
class Flag:
    """`key` is what the configuration names, or else `namespace.recommender.feature`; with `action/recommender` where
    another action's has the same."""

    key: str
    plan: Plan
    experiment: Experiment

    @property
    def default(self) -> str:
        """The variation that answers a unit in no arm."""
        return default_of(self.plan)

    @property
    def feature(self) -> str:
        return self.experiment.feature

    @property
    def unit(self) -> Unit:
        return self.experiment.unit

    @property
    def rules(self) -> tuple[Flag, ...]:
        return (self,)

    @property
    def document(self) -> Mapping[str, Any]:
        """The experiment as the configuration has it."""
        document: Mapping[str, Any] = self.plan.config["experiments"][self.experiment.feature]
        return document


@dataclass(frozen=True)
class RecommenderFlag:
    """`rules` are its experiments, of which the first that takes a unit answers; all are of the same unit."""

    key: str
    plan: Plan
    rules: tuple[Flag, ...]
    feature: None = None

    @property
    def default(self) -> str:
        return default_of(self.plan)

    @property
    def unit(self) -> Unit:
        return self.rules[0].unit if self.rules else "user"


AnyFlag = Flag | RecommenderFlag


def default_of(plan: Plan) -> str:
    """The variation that answers a unit in no experiment."""
    return next(each.name for each in plan.variations if each.weight > 0)


def value_of(plan: Plan, variation: str) -> Any:
    """The value that clients get for a variation."""
    value = plan.by_name[variation].value
    return variation if value is None else value


def flags(namespaces: Mapping[str, Namespace]) -> dict[str, AnyFlag]:
    """Every flag by its key, those of experiments first."""
    rules = list(_of_experiments(namespaces))
    by_key: dict[str, AnyFlag] = {rule.key: rule for rule in rules}
    for plan in _plans(namespaces):
        if plan.flag is not None and plan.variations:
            own = tuple(each for each in rules if each.plan is plan)
            by_key[plan.flag] = RecommenderFlag(plan.flag, plan, own)
    return by_key


def _of_experiments(namespaces: Mapping[str, Namespace]) -> Iterator[Flag]:
    keys: set[str] = set()
    for plan, experiment in _experiments(namespaces):
        key = experiment.flag or f"{plan.namespace}.{plan.recommender}.{experiment.feature}"
        if key in keys:
            key = f"{plan.namespace}.{plan.path}.{experiment.feature}"
        keys.add(key)
        yield Flag(key, plan, experiment)


def _experiments(namespaces: Mapping[str, Namespace]) -> Iterator[tuple[Plan, Experiment]]:
    """The experiments that choose between variations; one that drafts the lists of all into one chooses none."""
    for plan in _plans(namespaces):
        if len(plan.variations) > 1:
            yield from ((plan, each) for each in plan.experiments.values() if each.arms and not each.rankers)


def _plans(namespaces: Mapping[str, Namespace]) -> Iterator[Plan]:
    for namespace in namespaces.values():
        yield from namespace.plans.values()
