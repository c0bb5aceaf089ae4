"""The lists of several variations as one, each item with its `team`, and their replies as one."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

import msgspec

from gateway.answer.decorate import is_list, most_of
from gateway.answer.reply import Reply, cache_control
from gateway.ask import Ask
from gateway.body import encoded
from gateway.cache import etag_of
from gateway.experiments.draft import team_draft
from gateway.paging import next_of

OUTCOMES = ("hit", "shared", "stale", "miss")  # the last of them counts for all
CAREFUL = {"no-store": 0, "no-cache": 1, "private": 3}
MAX_AGE = re.compile(r"\bmax-age=(\d+)")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


class _Named(msgspec.Struct, rename="camel"):
    item_id: str


_named = msgspec.json.Decoder(list[_Named])


class Mixed(NamedTuple):
    """`name` is the answer's recommendationId, the same whenever the same items have the same teams."""

    reply: Reply
    name: str
    teams: bytes  # the variation of each item, a JSON object


class Opened(NamedTuple):
    rest: dict[str, msgspec.Raw]
    names: list[str]
    items: list[msgspec.Raw]


def mixed(replies: Sequence[Reply], ask: Ask, experiment: str, seed: str, unit: str, version: str) -> Mixed:
    """One list of those of the replies, each as its variation alone would answer. `experiment` and `unit` say whose the
    list is; `version` is of the configuration."""
    lists = [opened(reply.body, ask) for reply in replies]
    most = most_of(ask)
    if most is None:
        most = sum(len(each.names) for each in lists)
    if ask.page is not None:
        seed = f"{seed}/{len(ask.page.seen)}"  # every page draws anew who begins
    picks = team_draft([each.names for each in lists], most, seed, unit)
    teams = {lists[team].names[place]: replies[team].variation for team, place in picks}
    name = named(experiment, unit, teams)
    endings = [b',"team":' + encoded(reply.variation) + b"}" for reply in replies]
    items = [msgspec.Raw(bytes(lists[team].items[place]).rstrip()[:-1] + endings[team]) for team, place in picks]
    members = {**lists[0].rest, "recommendationId": name, "variation": "+".join(reply.variation for reply in replies)}
    body = encoded({ask.list_name: items, **told(members, lists, ask, teams)})
    return Mixed(whole(replies, body, etag_of(body, version)), name, msgspec.json.encode(teams))


def opened(body: bytes, ask: Ask) -> Opened:
    rest = _members.decode(body)
    items = rest.pop(ask.list_name)
    return Opened(rest, [each.item_id for each in _named.decode(items)], _items.decode(items))


def named(experiment: str, unit: str, teams: Mapping[str, str]) -> str:
    digest = hashlib.blake2b(msgspec.json.encode((experiment, unit, teams)), digest_size=16).digest()
    return f"RID-{uuid.UUID(bytes=digest, version=5)}"


def told(members: dict[str, Any], lists: Sequence[Opened], ask: Ask, shown: Mapping[str, str]) -> dict[str, Any]:
    """The members beside the list; `short` and `next` are of the one list."""
    any_next, any_short = (any(name in each.rest for each in lists) for name in ("next", "short"))
    left = any_next or any(name not in shown for each in lists for name in each.names)
    found = {name: value for name, value in members.items() if name not in ("next", "short")}
    if any_short and is_list(ask) and len(shown) < ask.num_results:
        found["short"] = True
    if ask.page is not None and left and shown and len(ask.page.seen) + len(shown) < ask.num_results:
        found["next"] = next_of(ask.page, shown)
    return found


def whole(replies: Sequence[Reply], body: bytes, etag: str) -> Reply:
    """What HTTP says of the one answer: nowhere more than is true of each of its lists."""
    return Reply(
        body=body,
        variation="+".join(reply.variation for reply in replies),
        model=", ".join(dict.fromkeys(reply.model for reply in replies if reply.model)),
        seed=", ".join(dict.fromkeys(reply.seed for reply in replies if reply.seed)),
        outcome=max((reply.outcome for reply in replies), key=OUTCOMES.index),
        age_s=max(reply.age_s for reply in replies),
        cache_control=most_careful([reply.cache_control for reply in replies]),
        etag=etag if all(reply.etag for reply in replies) else "",
        reads=frozenset[str]().union(*(reply.reads for reply in replies)),
        version=replies[0].version,
    )


def most_careful(headers: Sequence[str]) -> str:
    """The header that lets the fewest keep the answer, for the shortest of the times; "" says nothing to anyone."""
    ages = [float(found[1]) if (found := MAX_AGE.search(header)) else inf for header in headers]
    return cache_control(min(headers, key=rank), min(ages))


def rank(header: str) -> int:
    if not header:
        return 2
    return next((number for word, number in CAREFUL.items() if word in header), 4)
