"""Negative events of the configuration, told to the dataset groups that the built-in engine learns from."""

from __future__ import annotations

import logging

from engine import EngineError, NegativeDeclaration
from gateway.config import Config
from gateway.engine_port import EnginePort
from gateway.plan.plan import Namespace

log = logging.getLogger(__name__)


class NegativeEventTypes:
    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine

    def declare(self, config: Config) -> None:
        """Tell the engine what each namespace says; those that say nothing leave it as it is."""
        declared = [declaration(space) for space in config.namespaces.values() if space.negative_events is not None]
        if not declared:
            return
        try:
            self._engine.resources.declare_negative(declared)
        except EngineError as error:
            log.error("the negative events of the configuration are not in force: %s", error.message)


def is_for_negative_events(arn: str) -> bool:
    """True for a resource by which a namespace may name a dataset group."""
    return any(f":{kind}/" in arn for kind in ("event-tracker", "campaign", "recommender"))


def declaration(space: Namespace) -> NegativeDeclaration:
    variations = (variation for plan in space.plans.values() for variation in plan.variations)
    models = frozenset(each.model for each in variations if each.model and each.origin is None)
    return NegativeDeclaration(space.negative_events or (), frozenset(space.trackers), models)
