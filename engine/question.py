"""Questions to the engine and its answers, in names; inside the engine there are only integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.rules.rules import ListRule

MOST_RESULTS = 500  # items of one answer, and items to be ranked by one question


EventType = Annotated[str, Meta(min_length=1, max_length=256)]


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion: `percent` of the answer's places go to items that the filter includes: `filter`, an ARN or a bare
    name, or `expression`, one given in place."""

    name: str
    percent: int
    filter: str | None = None
    expression: str | None = None
    filter_values: Mapping[str, str] = {}

    def places(self, results: int) -> int:
        """The number of promoted places in a list of so many; never none."""
        return max(1, results * self.percent // 100)


class ServingObjective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second goal beside relevance: more, or with a `weight` below 0 less, of a numeric column of Items.

    The weight is by how many logits the item with the most moves away from the one with the least: with 0.7 its odds
    double. It stands in place of the objective that a campaign has by its tag; with 0 there is none.
    """

    column: Annotated[str, Meta(min_length=1, max_length=150)]
    weight: Annotated[float, Meta(ge=-10, le=10)]


class NegativeEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A type of events that say what their user does not want; a later event on the item of a type in `undone_by` takes
    it back."""

    event_type: EventType
    undone_by: tuple[EventType, ...] = ()


Period = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,5}[smhd]\Z")]  # such as 30m, 12h or 7d
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Fatigue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rule of what a user is tired of: items with which the user was shown `shown` lists `within` a time, without
    an event on them since. For the `rest` after the last of these an item's odds are multiplied by `weight`; by 0 it
    comes after all others. With `shown` 0 nobody tires."""

    shown: Annotated[int, Meta(ge=0, le=100)]
    within: Period = "7d"
    rest: Period = "3d"
    weight: Annotated[float, Meta(ge=0, lt=1)] = 0.0

    @property
    def within_s(self) -> int:
        return seconds_in(self.within)

    @property
    def rest_s(self) -> int:
        return seconds_in(self.rest)


def seconds_in(period: str) -> int:
    return int(period[:-1]) * SECONDS[period[-1]]


class Tired(msgspec.Struct, frozen=True):
    """The items that a user is tired of, and what their odds are multiplied by."""

    items: tuple[str, ...] = ()
    weight: float = 0.0


class Cap(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """At most `most` items with one value of a column of Items among the `first` places; without `first` in the whole
    list. An item with several values counts for each; one without a value for none."""

    column: Annotated[str, Meta(min_length=1, max_length=150)]
    most: Annotated[int, Meta(ge=1)]
    first: Annotated[int, Meta(ge=1, le=MOST_RESULTS)] | None = None


Similarity = Literal["columns", "texts", "model"]


class Diversity(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """Unlike items in one list: `caps`, which no list breaks, and maximal marginal relevance of a `strength` from 0
    (relevance alone) to 1. Items are alike by their values in `columns` (none: all categorical ones), by the vectors of
    their texts, or by the model's vectors."""

    strength: Annotated[float, Meta(ge=0, le=1)] = 0.0
    similarity: Similarity = "columns"
    columns: tuple[Annotated[str, Meta(min_length=1, max_length=150)], ...] = ()
    caps: Annotated[tuple[Cap, ...], Meta(max_length=20)] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a deployed model.

    `campaign` is an ARN, or a campaign's bare name in `account`. With `candidates` the answer is those, reordered;
    without, the best `num_results` of the catalogue. `filter` is an ARN or a filter's bare name; `expression` is a
    filter given in place, and both may be set (both apply). With `stable_id` equal answers of one model have one
    recommendation id, so that what replicas cache is equal to the byte; without, every answer has its own.
    Promoted items stand at places that are drawn by the list, and without `stable_id` by the user and the hour as well:
    so equal lists of one user are equal but for their ids.
    `history` are items that the asker has chosen, the oldest first: the answer is as for a user who, after all that is
    known of it, has just chosen these. Nothing of them is kept.
    `fatigue` says what the user is tired of; None: the campaign's own rule does, and the answer counts as shown.
    `rules` are those in force, whatever their schedules say; None: those of the campaign, by their schedules.
    `diversity` counts in place of the campaign's own.
    A question `of` actions is answered with actions in place of items. One for a `cohort` names no user: the answer is
    the list of all of the cohort (see engine.cohorts).
    """

    campaign: str
    of: Literal["items", "actions"] = "items"
    account: str = "000000000000"
    user: str | None = None
    cohort: str | None = None
    item: str | None = None
    candidates: tuple[str, ...] | None = None
    num_results: int = 25
    filter: str | None = None
    expression: str | None = None
    filter_values: Mapping[str, str] = {}
    context: Mapping[str, str] = {}
    promotion: Promotion | None = None
    history: tuple[str, ...] = ()
    objective: ServingObjective | None = None
    rules: tuple[ListRule, ...] | None = None
    diversity: Diversity | None = None
    stable_id: bool = False
    fatigue: Tired | None = None

    @property
    def wanted(self) -> int:
        """The number of items that the answer should have."""
        return self.num_results if self.candidates is None else len(set(self.candidates))


class PinnedPlace(msgspec.Struct, frozen=True):
    """The place, from 1, that a rule pins an item to."""

    rule: str
    place: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """Items best first; `scores` is as long as `items`, None where an item has none (specification §9.2).
    `promotion_names`, `reasons` (§9.4) and `pins` are so, too, or empty where no item has one.

    `propensities` say how likely it was, given the randomness of exploration, that each item would be shown; empty
    where all were certain. `seed` is what that randomness was drawn with; "" where there was none.

    `unknown_history` counts the items of the question's history that nobody has heard of: they are passed over.
    `lacking` names fields, for example `CurrentUser.COUNTRY`, where there are fewer items than were asked for: a filter
    compares with them, and the user (or the current item) has no value in them.
    `short` tells that caps left fewer items than were asked for.

    `as_of` is the log's sequence number that the answer has seen: an event with a greater one is not in it.
    `model` names what answered, for example `for-you/1a2b3c4d`.
    """

    items: tuple[str, ...]
    scores: tuple[float | None, ...]
    recommendation_id: str
    model: str
    as_of: int
    promotion_names: tuple[str | None, ...] = ()
    reasons: tuple[str | None, ...] = ()
    propensities: tuple[float, ...] = ()
    seed: str = ""
    unknown_history: int = 0
    lacking: tuple[str, ...] = ()
    pins: tuple[PinnedPlace | None, ...] = ()
    short: bool = False


class ShownList(msgspec.Struct, frozen=True):
    """The part of an answer that is remembered as shown: see `Ranked`."""

    items: tuple[str, ...]
    propensities: tuple[float, ...] = ()
    model: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One interaction as PutEvents takes it (specification §5.4); `sent_at` is epoch seconds."""

    event_type: str
    sent_at: float
    event_id: str | None = None
    item_id: str | None = None
    event_value: float | None = None
    properties: Mapping[str, object] = {}
    recommendation_id: str | None = None
    impression: tuple[str, ...] = ()
    metric_attribution: Mapping[str, str] = {}


class Change(msgspec.Struct, frozen=True):
    """A change that the log has. `kind` and `key`: event and user (or session); item; user; snapshot and its path;
    deploy and campaign ARN; record and its ARN."""

    seq: int
    group: str  # the dataset group's uid
    kind: str
    key: str
