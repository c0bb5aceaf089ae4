"""The frozen structs that everything in the gateway speaks: the question of one request, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from engine import ListRule, Promotion, Tired
from gateway.paging import Page

Action = Literal["recommend-items", "related-items", "rerank-items"]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One inference request, as the caller sent it or, after `enrich`, with all that can change the answer in it."""

    action: Action
    namespace: str
    recommender: str
    user_id: str | None = None
    cohort: str | None = None  # whose list it is, in place of a user's
    item_id: str | None = None
    item_ids: tuple[str, ...] | None = None
    num_results: int = 25
    filter: str | None = None  # a filter's name or ARN
    expression: str | None = None  # a filter written in the configuration
    filter_values: Mapping[str, str] = {}
    promotion: Promotion | None = None
    fatigue: Tired | None = None  # what the user is tired of; None: nobody counts what is shown
    rules: tuple[ListRule, ...] | None = None  # in force; None: the campaign's own
    context: Mapping[str, str] = {}
    decorate: bool = True
    synthetic: bool = False
    feature: str | None = None
    session_id: str | None = None  # for experiments between sessions
    history: tuple[str, ...] = ()  # items that the asker has chosen, oldest first, after all that is known of the user
    exclude: frozenset[str] = frozenset()  # items that the caller does not want to see
    page: Page | None = None  # which part of the list of `num_results`
    fields: tuple[str, ...] = ()  # of metadata, that the caller wants; none: all
    locale: str = ""  # of metadata
    shaped: bool = True  # the answer is wanted in the recommender's shape
    parameters: Mapping[str, str] = {}  # of the query string, those that the origin's URL or headers name

    @property
    def list_name(self) -> str:
        """The member of the answer that holds its items."""
        return "personalizedRanking" if self.action == "rerank-items" else "itemList"


class ItemPin(msgspec.Struct, frozen=True):
    """The rule that pins an item, and the place, from 1."""

    rule: str
    place: int


class Item(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    item_id: str
    score: float | None = None
    promotion_name: str | None = None
    pin: ItemPin | None = None
    reason: list[str] | None = None
    metadata: dict[str, Any] | None = None


class Answer(msgspec.Struct, kw_only=True):
    """An upstream's answer. `as_of`, `model`, `seed`, `unknown_history`, `lacking` and `short` are the engine's (see
    engine.Ranked); 0, "" and false elsewhere. `decorated`: its items have the metadata that they should have."""

    items: list[Item]
    decorated: bool = False
    recommendation_id: str | None = None
    model: str = ""
    as_of: int = 0
    seed: str = ""
    unknown_history: int = 0
    lacking: tuple[str, ...] = ()
    short: bool = False
