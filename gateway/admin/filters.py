"""The view of named filters, and which recommenders use each."""

from __future__ import annotations

import time

from engine import Engine, FilterRecord, NotFound, filter_status, named_filters
from gateway.admin.view import ListName, View
from gateway.config import Config
from gateway.config.filtering import FilterPlace, FilterUse
from gateway.errors import Conflict, NotConfigured

PATIENCE_S = 10.0  # for a filter that was made just now
LOOK_S = 0.1


class FilterUseView(ListName, frozen=True, kw_only=True):
    """The place where a filter is configured; `variation` null is the recommender itself."""

    variation: str | None


class NamedFilterView(View, frozen=True, kw_only=True):
    """`used_by`: recommenders of the configuration that name it, as namespace/recommender. `uses`: where it can be
    removed; a recommender that inherits it is in `used_by` alone."""

    name: str
    arn: str
    group: str
    expression: str
    used_by: list[str]
    uses: list[FilterUseView]


class FiltersView(View, frozen=True, kw_only=True):
    filters: list[NamedFilterView]


def filters_view(engine: Engine, config: Config, groups: frozenset[str] | None) -> FiltersView:
    """`groups` are the ARNs that may be seen; None: all."""
    shown = [each for each in named_filters(engine) if groups is None or each.dataset_group_arn in groups]
    return FiltersView(
        filters=[
            NamedFilterView(
                name=each.name,
                arn=each.arn,
                group=each.dataset_group_arn.rpartition("/")[2],
                expression=each.filter_expression,
                used_by=_users_of(each, config),
                uses=_uses_of(each, config),
            )
            for each in shown
        ]
    )


def _users_of(record: FilterRecord, config: Config) -> list[str]:
    plans = (plan for namespace in config.namespaces.values() for plan in namespace.plans.values())
    names = {
        f"{plan.namespace}/{plan.recommender}"
        for plan in plans
        for variation in plan.variations
        for choice in variation.filters
        if choice.filter is not None and choice.filter in (record.arn, record.name)
    }
    return sorted(names)


def _uses_of(record: FilterRecord, config: Config) -> list[FilterUseView]:
    uses = []
    for namespace in config.namespaces.values():
        for plan in namespace.plans.values():
            parts = [(None, plan.config), *((each.name, each.config) for each in plan.variations)]
            uses += [
                FilterUseView(
                    namespace=plan.namespace, action=plan.action, recommender=plan.recommender, variation=variation
                )
                for variation, part in parts
                if any(each.get("arn") in (record.arn, record.name) for each in part.get("filters") or ())
            ]
    return uses


def filter_arn(engine: Engine, name: str, groups: frozenset[str] | None) -> str:
    """The ARN of a filter by its name or ARN. Raises `NotFound` for one that there is not, or may not be seen."""
    for each in named_filters(engine):
        if name in (each.name, each.arn) and (groups is None or each.dataset_group_arn in groups):
            return each.arn
    raise NotFound(f"There is no filter {name}.")


def check_use(engine: Engine, config: Config, place: FilterPlace, use: FilterUse) -> None:
    """Check a filter against the data of the models that answer at a place, and wait for one that was made just now.
    Raises `NotConfigured`, `NotFound`, `InvalidInput` and `Conflict`."""
    namespace = config.namespaces.get(place.namespace)
    plans = () if namespace is None else namespace.plans.values()
    plan = next((each for each in plans if (each.action, each.recommender) == (place.action, place.recommender)), None)
    if plan is None:
        where = f"{place.action}/{place.recommender} in the namespace {place.namespace!r}"
        raise NotConfigured("RecommenderNotConfigured", f"there is no recommender {where}")
    names = [each.name for each in plan.variations]
    if place.variation is not None and place.variation not in names:
        message = f"{place.recommender} has no variation {place.variation!r}; there are: {', '.join(names)}"
        raise NotConfigured("VariationNotConfigured", message)
    for variation in plan.variations:
        if place.variation in (None, variation.name) and variation.model and variation.origin is None:
            engine.answers.check_filter(variation.model, use.arn, use.expression)
    if use.arn is not None:
        wait_until_active(engine, use.arn)


def wait_until_active(engine: Engine, arn: str) -> None:
    """Wait for a filter until lists may use it: before that they would be refused. Raises `Conflict`."""
    deadline = time.monotonic() + PATIENCE_S
    while (status := filter_status(engine, arn)) != "ACTIVE":
        if time.monotonic() >= deadline:
            raise Conflict("Filter", "FilterNotActive", f"the filter {arn} is {status}: use it once it is ACTIVE")
        time.sleep(LOOK_S)
