"""Merchandising rules of a list, as the document and the tag `recgate:rules` of a campaign spell them."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine import ListRule
from gateway.document.context import AutoField
from gateway.document.values import (
    Factor,
    FilterValue,
    Hours,
    ItemId,
    LocalTime,
    Part,
    PinnedCount,
    Place,
    Placeholder,
    PromotionName,
    Text,
)


class RuleSchedulePart(Part, frozen=True):
    """When a rule holds: from `start` until `end`, on `days`, in `hours` such as `18:00-22:00`; what is left out does
    not limit it. Times without an offset, days and hours are in the time zone. Hours after midnight are of the day
    before."""

    start: LocalTime | None = None
    end: LocalTime | None = None
    days: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = ()
    hours: tuple[Hours, ...] = ()
    time_zone: Text = "UTC"


class ListRulePart(Part, frozen=True, kw_only=True, tag_field="type"):
    """A rule of a list, for the items that a filter includes, by ARN or written in place. Values under `filterValues`
    are fixed; the caller's win over automatic ones."""

    name: PromotionName
    filter_arn: Text | None = None
    expression: Text | None = None
    filter_values: dict[Placeholder, FilterValue] = {}
    auto_dynamic_filter_values: dict[Placeholder, AutoField] = {}
    condition: Literal["user-required"] | None = None
    schedule: RuleSchedulePart | None = None


class PinRule(ListRulePart, frozen=True, kw_only=True, tag="pin"):
    """These `items`, or the best `count` that the filter includes, stand at `place` (from 1) and the places after it;
    not if `filters` drop them, unless `evenIfFiltered`."""

    place: Place
    items: tuple[ItemId, ...] = ()
    count: PinnedCount = 1
    even_if_filtered: bool = False


class BoostRule(ListRulePart, frozen=True, kw_only=True, tag="boost"):
    """What the filter includes is so many times more likely."""

    times: Factor


class BuryRule(ListRulePart, frozen=True, kw_only=True, tag="bury"):
    """What the filter includes is so many times less likely."""

    times: Factor


AnyListRule = PinRule | BoostRule | BuryRule


def list_rule(part: AnyListRule) -> ListRule:
    """The rule in the engine's terms, which are the same but for automatic values."""
    members = msgspec.to_builtins(part)
    del members["autoDynamicFilterValues"]
    rule: ListRule = msgspec.convert(members, ListRule)
    return rule
