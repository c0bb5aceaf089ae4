"""The view of named filters, and which recommenders use each."""

from __future__ import annotations

from engine import Engine, FilterRecord, named_filters
from gateway.admin.view import View
from gateway.config import Config


class NamedFilterView(View, frozen=True, kw_only=True):
    """`used_by`: recommenders of the configuration that name it, as namespace/recommender."""

    name: str
    arn: str
    group: str
    expression: str
    used_by: list[str]


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
