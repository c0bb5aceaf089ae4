"""Two versions of a model on the same users: what lists have in common, and accuracy beside what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from engine.data.columns import Array
from engine.doctor.filtered import sampled_users
from engine.engine import Engine
from engine.errors import EngineError, InvalidInput
from engine.inspection.cards import Cards, Inspected, ItemCard
from engine.inspection.looks import look_many, looked_up, of_version
from engine.question import Question, Ranked
from engine.records import SolutionVersionRecord
from engine.serving.deployments import Deployed

RESULTS = 25
SHOWN_USERS, SHOWN_ITEMS = 5, 10
FRESH_DAYS = 30.0
MOST_PAIRED = 10  # items of a list whose likeness is looked at


class VersionLists(Inspected, frozen=True, kw_only=True):
    """The lists of one version. `coverage`: the share of the catalogue in any; `diversity`: how unlike the categories
    of two items of a list are on average; `freshness`: the share of items of the last 30 days of data; `popularity`:
    the mean share of items that are chosen less. None where the data tell nothing. `accuracy`: offline metrics."""

    version: str
    coverage: float
    diversity: float | None
    freshness: float
    popularity: float
    accuracy: dict[str, float]


class ListPair(Inspected, frozen=True, kw_only=True):
    user_id: str
    first: list[ItemCard]
    second: list[ItemCard]


class VersionComparison(Inspected, frozen=True, kw_only=True):
    """`overlap` is the mean share of items that both lists of a user have."""

    model: str
    users: int
    num_results: int
    overlap: float
    first: VersionLists
    second: VersionLists
    examples: list[ListPair]


def compared(engine: Engine, model: str, first: str, second: str, users: int = 100) -> VersionComparison:
    """Raises `NotFound` and `InvalidInput`."""
    pair = looked_up(engine, model, first), looked_up(engine, model, second)
    if not pair[0].recipe.ranks_items or pair[0].recipe.kind in ("RELATED_ITEMS", "PERSONALIZED_RANKING"):
        raise InvalidInput(f"{model} gives no lists for users: nothing can be compared.")
    cards = Cards.of(engine, pair[0].group_arn)
    asked = sampled_users(cards.group, users)
    lists = [_lists(engine, deployed, asked) for deployed in pair]
    shared = [len({*one} & {*two}) / max(len(one), len(two), 1) for one, two in zip(*lists, strict=True)]
    shown = [
        ListPair(user_id=user, first=cards.cards(one[:SHOWN_ITEMS]), second=cards.cards(two[:SHOWN_ITEMS]))
        for user, one, two in zip(asked[:SHOWN_USERS], *lists, strict=False)
    ]
    described = [_described(engine, deployed, each, cards) for deployed, each in zip(pair, lists, strict=True)]
    return VersionComparison(
        model=model,
        users=len(asked),
        num_results=RESULTS,
        overlap=round(float(np.mean(shared)), 4) if shared else 0.0,
        first=described[0],
        second=described[1],
        examples=shown,
    )


def _lists(engine: Engine, deployed: Deployed, users: Sequence[str]) -> list[tuple[str, ...]]:
    """Raises what is wrong with the first question that can't be answered."""
    arn = deployed.campaign.arn
    questions = [
        Question(campaign=arn, user=user, num_results=RESULTS, account=deployed.campaign.account) for user in users
    ]
    answers = look_many(engine, questions, deployed)
    for each in answers:
        if isinstance(each, EngineError):
            raise each
    return [each.items for each in answers if isinstance(each, Ranked)]


def _described(engine: Engine, deployed: Deployed, lists: Sequence[tuple[str, ...]], cards: Cards) -> VersionLists:
    group = cards.group
    count = len(group.items)
    shown = np.array([group.items.find(item) for items in lists for item in items], np.int64)
    snapshot = group.stored.snapshot
    chosen = np.bincount(snapshot.items, minlength=count)[:count]
    young = group.exposure.novelty(count, FRESH_DAYS).items > 0
    version = engine.records.find(_arn(deployed), SolutionVersionRecord)
    return VersionLists(
        version=of_version(deployed),
        coverage=round(len(np.unique(shown)) / max(count, 1), 4),
        diversity=_diversity(lists, cards),
        freshness=_share(young, shown),
        popularity=_share(_percentiles(chosen), shown),
        accuracy={} if version is None else version.metrics,
    )


def _arn(deployed: Deployed) -> str:
    """The ARN of the model's own version; "" for a recommender's."""
    prefix = deployed.campaign.arn.rpartition(":")[0]
    return f"{prefix}:solution/{deployed.model}" if "/" in deployed.model else ""


def _share(values: Array, items: Array) -> float:
    return round(float(values[items].mean()), 4) if len(items) else 0.0


def _percentiles(counts: Array) -> Array:
    """(items,) the share of items with less."""
    ordered = np.sort(counts)
    return np.searchsorted(ordered, counts, "left") / max(len(counts) - 1, 1)


def _diversity(lists: Sequence[tuple[str, ...]], cards: Cards) -> float | None:
    names = [each.name for each in cards.fields if each.categorical]
    terms: dict[str, frozenset[str]] = {}
    for item in {item for items in lists for item in items[:MOST_PAIRED]}:
        columns = cards.columns(item)
        terms[item] = frozenset(
            f"{name} {each}" for name in names for each in str(columns.get(name, "")).split("|") if each
        )
    likeness = [
        len(terms[one] & terms[two]) / len(terms[one] | terms[two])
        for items in lists
        for one, two in combinations(items[:MOST_PAIRED], 2)
        if terms[one] and terms[two]
    ]
    return round(1 - float(np.mean(likeness)), 4) if likeness else None
