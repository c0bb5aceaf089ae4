"""Lists as operators see them: items with titles and pictures, and where each list came from."""

from __future__ import annotations

import msgspec

from engine import Cards, Deployed, EngineError, ItemCard, Ranked, of_version
from gateway.admin.view import View


class ListedItem(View, frozen=True, kw_only=True):
    """`place` counts from 1."""

    place: int
    item: ItemCard
    score: float | None = None
    reason: str | None = None
    promotion_name: str | None = None
    pin: str | None = None  # the rule that put it there


class ListExperiment(View, frozen=True, kw_only=True):
    """The experiment and arm that the user is in. `counted`: its requests count; this look does not."""

    id: str
    feature: str
    arm: str
    counted: bool


class ListError(View, frozen=True, kw_only=True):
    type: str
    code: str
    message: str


class ListView(View, frozen=True, kw_only=True):
    """One list. `recommender` is "" where a model was asked past the configuration. `cache`: hit, stale, miss or
    shared; none where nothing is cached."""

    recommender: str = ""
    action: str = "recommend-items"
    variation: str = ""
    origin: str = "engine"
    model: str = ""
    version: str = ""
    experiment: ListExperiment | None = None
    cohort: str | None = None
    cache: str = "none"
    recommendation_id: str | None = None
    as_of: int | None = None
    short: bool = False
    lacking: list[str] = msgspec.field(default_factory=list)
    unknown_history: int = 0
    milliseconds: float = 0.0
    items: list[ListedItem] = msgspec.field(default_factory=list)
    error: ListError | None = None


def list_of(ranked: Ranked, deployed: Deployed, cards: Cards, milliseconds: float) -> ListView:
    """The list that a model answers a look with."""
    nothing = (None,) * len(ranked.items)
    columns = (ranked.scores, ranked.reasons or nothing, ranked.promotion_names or nothing, ranked.pins or nothing)
    rows = zip(ranked.items, *columns, strict=True)
    return ListView(
        model=deployed.campaign.name,
        version=of_version(deployed),
        as_of=ranked.as_of,
        short=ranked.short,
        lacking=list(ranked.lacking),
        unknown_history=ranked.unknown_history,
        milliseconds=round(milliseconds, 2),
        items=[
            ListedItem(
                place=place,
                item=cards.card(item),
                score=score,
                reason=reason,
                promotion_name=promotion,
                pin=None if pin is None else pin.rule,
            )
            for place, (item, score, reason, promotion, pin) in enumerate(rows, 1)
        ],
    )


def failed_list(model: str, error: EngineError) -> ListView:
    """The place of a list that can't be made, with the reason."""
    return ListView(model=model, error=ListError(type="Personalize", code=error.code, message=error.message))
