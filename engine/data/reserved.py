"""The dataset types, and the fields that each asks for or reserves, a row each (specification §2.1, §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

DATASET_TYPES: Mapping[str, str] = {  # plain spelling -> the name a schema of that type bears
    "INTERACTIONS": "Interactions",
    "ITEMS": "Items",
    "USERS": "Users",
    "ACTIONS": "Actions",
    "ACTION_INTERACTIONS": "ActionInteractions",
}
KEYS = {"ITEMS": "ITEM_ID", "USERS": "USER_ID", "ACTIONS": "ACTION_ID"}


class ReservedField(NamedTuple):
    """A reserved field: its type and flag where it occurs, and whether it must occur."""

    name: str
    type: str
    flag: str = ""  # "": a string is plain | categorical | textual
    required: bool = False
    nullable: bool = True


def _key(name: str, type_: str = "string") -> ReservedField:
    return ReservedField(name, type_, required=True, nullable=False)


def _categorical(*names: str) -> tuple[ReservedField, ...]:
    return tuple(ReservedField(name, "string", "categorical") for name in names)


RULES: Mapping[tuple[str, str | None], tuple[ReservedField, ...]] = {
    ("INTERACTIONS", None): (
        _key("USER_ID"),
        _key("ITEM_ID"),
        _key("TIMESTAMP", "long"),
        ReservedField("EVENT_TYPE", "string"),
        ReservedField("EVENT_VALUE", "float"),
        ReservedField("IMPRESSION", "string"),
        ReservedField("RECOMMENDATION_ID", "string"),
        ReservedField("EVENT_ATTRIBUTION_SOURCE", "string"),
    ),
    ("USERS", None): (_key("USER_ID"),),
    ("ITEMS", None): (_key("ITEM_ID"), ReservedField("CREATION_TIMESTAMP", "long")),
    ("ACTIONS", None): (
        _key("ACTION_ID"),
        ReservedField("CREATION_TIMESTAMP", "long"),
        ReservedField("VALUE", "long"),
        ReservedField("TYPE", "string"),
        ReservedField("EXPIRATION_TIMESTAMP", "long"),
        ReservedField("ACTION_EXPIRATION_TIMESTAMP", "long"),
        ReservedField("REPEAT_FREQUENCY", "long"),
    ),
    ("ACTION_INTERACTIONS", None): (
        _key("USER_ID"),
        _key("ACTION_ID"),
        _key("EVENT_TYPE"),
        _key("TIMESTAMP", "long"),
        ReservedField("IMPRESSION", "string"),
        ReservedField("RECOMMENDATION_ID", "string"),
    ),
    ("INTERACTIONS", "ECOMMERCE"): (_key("EVENT_TYPE"),),
    ("INTERACTIONS", "VIDEO_ON_DEMAND"): (_key("EVENT_TYPE"),),
    ("ITEMS", "ECOMMERCE"): (
        ReservedField("PRICE", "float", required=True),
        ReservedField("CATEGORY_L1", "string", "categorical", required=True),
        *_categorical("CATEGORY_L2", "CATEGORY_L3", "AGE_GROUP", "ADULT", "GENDER"),
        ReservedField("PRODUCT_DESCRIPTION", "string", "textual"),
    ),
    ("ITEMS", "VIDEO_ON_DEMAND"): (
        _key("CREATION_TIMESTAMP", "long"),
        ReservedField("GENRES", "string", "categorical", required=True),
        ReservedField("PRICE", "float"),
        ReservedField("DURATION", "float"),
        ReservedField("AVERAGE_RATING", "float"),
        *_categorical("GENRE_L2", "GENRE_L3", "CONTENT_OWNER", "CONTENT_CLASSIFICATION"),
        ReservedField("PRODUCT_DESCRIPTION", "string", "textual"),
    ),
    ("USERS", "VIDEO_ON_DEMAND"): _categorical("SUBSCRIPTION_MODEL"),
}


def rules_for(dataset_type: str, domain: str | None) -> dict[str, ReservedField]:
    rules = RULES[dataset_type, None] + (RULES.get((dataset_type, domain), ()) if domain else ())
    return {rule.name: rule for rule in rules}
