"""Configured filters that the data can't be filtered by: found before visitors are refused for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from engine import Engine, InvalidInput, NotFound
from gateway.config import Config
from gateway.plan import FilterChoice, Variation

log = logging.getLogger(__name__)


class FilterChecks:
    """Finds them, and logs each once for as long as it stays."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._logged: dict[str, str] = {}

    def report(self, config: Config) -> dict[str, str]:
        """As `filter_faults`."""
        faults = filter_faults(self._engine, config)
        for name, reason in faults.items():
            if self._logged.get(name) != reason:
                log.error("%s can't be used, requests for it are refused: %s", name, reason)
        self._logged = faults
        return faults


def filter_faults(engine: Engine, config: Config) -> dict[str, str]:
    """Why each filter that a model can't use is none, by the place of the filter and its name or expression.

    Models that are not there are passed over.
    """
    faults: dict[str, str] = {}
    for path, variation, choice in _choices(config):
        try:
            engine.check_filter(variation.model, choice.filter, choice.expression)
        except (InvalidInput, NotFound) as error:
            what = choice.filter or choice.expression
            faults[f"filter of {path} {variation.name}: {what}"] = error.message
    return faults


def _choices(config: Config) -> Iterator[tuple[str, Variation, FilterChoice]]:
    for namespace in config.namespaces.values():
        for plan in namespace.plans.values():
            for variation in plan.variations:
                if variation.model and not variation.origin:
                    for choice in variation.filters:
                        yield f"/{plan.action}/{plan.namespace}/{plan.recommender}", variation, choice
