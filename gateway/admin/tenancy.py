"""Tenants: what of the engine the recommenders and trackers of some namespaces use."""

from __future__ import annotations

from engine import Engine
from gateway.config import Config
from gateway.plan.plan import Namespace


def groups_of(config: Config, namespaces: frozenset[str] | None, engine: Engine) -> frozenset[str] | None:
    """The ARNs of the dataset groups that these namespaces use; None: all, for an operator of the whole server."""
    if namespaces is None:
        return None
    spaces = [each for key, each in config.namespaces.items() if key in namespaces]
    trackers = {tracker for each in spaces for tracker in each.trackers}
    models = {model for each in spaces for model in models_of(each)}
    return engine.resources.groups_of(models, trackers)


def models_of(namespace: Namespace) -> frozenset[str]:
    """The campaigns and recommenders, by name or ARN, that answer for a namespace."""
    variations = (each for plan in namespace.plans.values() for each in plan.variations)
    return frozenset(each.model for each in variations if each.model and each.origin is None)
