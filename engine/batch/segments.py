"""One line of a batch segment job: an item or attributes of items, and the users for it (specification §7.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from engine.batch.inference import FilterValues, Id
from engine.batch.lines import AnsweredLine
from engine.data.columns import Floats
from engine.data.group import NO_HISTORY, Group
from engine.data.vocab import NOBODY
from engine.errors import InvalidInput
from engine.filters import Candidates, CompiledFilter, Fields, Mask, UserCandidates, items_having
from engine.rank.topk import top_k
from engine.recipe import Query
from engine.serving.deployments import Deployed

Filters = tuple[CompiledFilter, ...]


class ItemSegmentLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    item_id: Id
    filter_values: FilterValues = {}


class AttributesSegmentLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    item_attributes: Annotated[str, Meta(min_length=1)]
    filter_values: FilterValues = {}


class SegmentOutput(msgspec.Struct, frozen=True, rename="camel"):
    """Users, the most likely first: by the name in AWS's guide, and by the one that its jobs write."""

    recommended_users: list[str]
    users_list: list[str]


def with_attributes(answered: AnsweredLine) -> AnsweredLine:
    """The line with the question's attributes beside `input` as well, as AWS's guide has it."""
    line = msgspec.json.decode(answered.input)
    if not isinstance(line, dict) or "itemAttributes" not in line:
        return answered
    attributes = msgspec.Raw(msgspec.json.encode(line["itemAttributes"]))
    return msgspec.structs.replace(answered, item_attributes=attributes)


def by_item(deployed: Deployed, group: Group, filters: Filters, most: int) -> Callable[[bytes], SegmentOutput]:
    """A function that another process can call, too."""
    return partial(_answer_item, deployed, UserCandidates(group, len(group.users), NO_HISTORY), filters, most, group)


def _answer_item(
    deployed: Deployed, users: UserCandidates, filters: Filters, most: int, group: Group, line: bytes
) -> SegmentOutput:
    asked = msgspec.json.decode(line, type=ItemSegmentLine)
    item = group.items.find(asked.item_id)
    if item < 0:
        raise InvalidInput(f"itemId: nothing is known of an item {asked.item_id}.")
    return _segment(deployed.scorer(Query(item=item)), users, filters, asked.filter_values, most)


def by_attributes(
    deployed: Deployed, group: Group, filters: Filters, most: int, fields: Fields, rules: str
) -> Callable[[bytes], SegmentOutput]:
    """A function that another process can call, too."""
    users, items = UserCandidates(group, len(group.users), NO_HISTORY), Candidates(group, len(group.items), NO_HISTORY)
    having = partial(items_having, candidates=items, fields=fields, rules=rules)
    return partial(_answer_attributes, deployed, users, filters, most, having)


def _answer_attributes(
    deployed: Deployed,
    users: UserCandidates,
    filters: Filters,
    most: int,
    having: Callable[[str], Mask],
    line: bytes,
) -> SegmentOutput:
    asked = msgspec.json.decode(line, type=AttributesSegmentLine)
    chosen = having(asked.item_attributes)
    if not chosen.any():
        raise InvalidInput("itemAttributes: no item has them.")
    return _segment(deployed.scorer(Query(attributes=chosen)), users, filters, asked.filter_values, most)


def _segment(
    scores: Floats, users: UserCandidates, filters: Filters, values: Mapping[str, str], most: int
) -> SegmentOutput:
    """The users of the highest scores, of those that the model knows, the filters leave and who are not deleted."""
    count = min(len(scores), users.count)
    scores = np.array(scores[:count])
    for mask in (each.mask(users, values) for each in filters):
        scores[~mask[:count]] = -np.inf
    while True:
        best = top_k(scores, most)
        names = users.names.names(best)
        gone = [index for index, name in zip(best.tolist(), names, strict=True) if name == NOBODY]
        if not gone:
            return SegmentOutput(names, names)
        scores[gone] = -np.inf
