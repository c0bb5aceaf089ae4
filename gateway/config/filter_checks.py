"""Configured filters, objectives and diversity that the data does not allow: found before visitors are refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from engine import InvalidInput, NotFound, RuleBook
from gateway.config import Config
from gateway.engine_port import EnginePort
from gateway.plan.plan import FilterChoice, Variation

log = logging.getLogger(__name__)


class FilterChecks:
    """Finds them, and logs each once for as long as it stays."""

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self._logged: dict[str, str] = {}

    def report(self, config: Config) -> dict[str, str]:
        """Log what is new of `filter_faults`, and return them all."""
        faults = filter_faults(self._engine, config)
        for name, reason in faults.items():
            if self._logged.get(name) != reason:
                log.error("%s can't be used, requests for it are refused: %s", name, reason)
        self._logged = faults
        return faults


def filter_faults(engine: EnginePort, config: Config) -> dict[str, str]:
    """Reasons why models can't use filters (those of promotions and rules too), objectives and diversity, by place and
    what names them.

    Models that are not there are passed over.
    """
    faults: dict[str, str] = {}
    for place, model, book in (*_configured_rules(config), *_own_rules(engine)):
        for rule, reason in engine.answers.rule_faults(model, book.rules):
            faults[f"rule {rule.name} of {place}: {rule.filter or rule.expression}"] = reason
    for name, variation, choice in _choices(config):
        try:
            engine.answers.check_filter(variation.model, choice.filter, choice.expression)
        except (InvalidInput, NotFound) as error:
            faults[f"{name}: {choice.filter or choice.expression}"] = error.message
    for place, variation in _variations(config):
        if variation.objective is not None and variation.objective.weight:
            try:
                engine.answers.check_objective(variation.model, variation.objective)
            except InvalidInput as error:
                faults[f"objective of {place}: {variation.objective.column}"] = error.message
        if variation.diversity is not None:
            try:
                engine.answers.check_diversity(variation.model, variation.diversity)
            except InvalidInput as error:
                faults[f"diversity of {place}"] = error.message
    return faults


def _configured_rules(config: Config) -> Iterator[tuple[str, str, RuleBook]]:
    """Places, models and their rules, whether in force or not."""
    for place, variation in _variations(config):
        if variation.rules is not None and variation.rules.rules:
            yield place, variation.model, variation.rules


def _own_rules(engine: EnginePort) -> Iterator[tuple[str, str, RuleBook]]:
    """The rules that campaigns and recommenders have by their tags."""
    for deployed in engine.answers.deployed_models():
        if deployed.rules is not None and deployed.rules.rules:
            yield deployed.campaign.arn, deployed.campaign.arn, deployed.rules


def _choices(config: Config) -> Iterator[tuple[str, Variation, FilterChoice]]:
    for place, variation in _variations(config):
        for choice in variation.filters:
            yield f"filter of {place}", variation, choice
        if variation.promotion is not None:
            yield f"promotion {variation.promotion.name} of {place}", variation, variation.promotion.choice


def _variations(config: Config) -> Iterator[tuple[str, Variation]]:
    """The variations that the built-in engine answers, with their places."""
    for namespace in config.namespaces.values():
        for plan in namespace.plans.values():
            for variation in plan.variations:
                if variation.model and not variation.origin:
                    yield f"/{plan.action}/{plan.namespace}/{plan.recommender} {variation.name}", variation
