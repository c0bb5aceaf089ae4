"""The lists of several variations as one, each item with its `team`, and their replies as one."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from gateway.answer.decorate import KeepCaps, is_list, most_of
from gateway.answer.reply import Reply, cache_control
from gateway.ask import Ask
from gateway.body import Body, encoded
from gateway.cache import etag_of
from gateway.experiments.draft import team_draft
from gateway.experiments.enrol import Enrolment
from gateway.paging import next_of

OUTCOMES = ("hit", "shared", "stale", "miss")  # the last of them counts for all
CAREFUL = {"no-store": 0, "no-cache": 1, "private": 3}
MAX_AGE = re.compile(r"\bmax-age=(\d+)")


class Mixed(NamedTuple):
    """`name` is the answer's recommendationId, the same whenever the same items have the same teams."""

    reply: Reply
    name: str
    teams: bytes  # the variation of each item, a JSON object


def mixed(
    replies: Sequence[Reply],
    ask: Ask,
    enrolment: Enrolment,
    version: str,
    within_caps: KeepCaps | None = None,
) -> Mixed:
    """One list of those of the replies, each as its variation alone would answer. `version` is the configuration's.
    What the variations' caps refuse in the one list is left out, and others drafted in its place."""
    lists = [Body.open(reply.body, ask.list_name) for reply in replies]
    most, seed = most_of(ask), enrolment.experiment.seed
    every = sum(len(each.names) for each in lists)
    most = every if most is None else most
    if ask.page is not None:
        seed = f"{seed}/{len(ask.page.seen)}"  # every page draws anew who begins
    picks = team_draft([each.names for each in lists], most if within_caps is None else every, seed, enrolment.unit)
    teams = {lists[team].names[place]: replies[team].variation for team, place in picks}
    name = name_of(enrolment.experiment.id, enrolment.unit, teams)
    variation = "+".join(reply.variation for reply in replies)
    rest = {key: value for key, value in lists[0].rest.items() if key not in ("next", "short")}
    rest |= {"recommendationId": name, "variation": variation}
    members = [b',"team":' + encoded(reply.variation) for reply in replies]
    one = Body(ask.list_name, rest, [lists[team].items[place] for team, place in picks], list(teams))
    one = one.with_members(members[team] for team, _ in picks)
    before = 0 if ask.page is None else len(ask.page.seen)
    one = one.repinned(before)
    if within_caps is not None:
        one = one.at(within_caps(one.names, one.pins(before))[:most])
        teams = {name: teams[name] for name in one.names}
    is_short = within_caps is not None or any("short" in each.rest for each in lists)
    short = is_list(ask) and len(teams) < ask.num_results and is_short
    body = one.encode(short=short, next_page=next_page(lists, ask, teams))
    return Mixed(one_reply(replies, body, etag_of(body, version)), name, msgspec.json.encode(teams))


def name_of(experiment: str, unit: str, teams: Mapping[str, str]) -> str:
    digest = hashlib.blake2b(msgspec.json.encode((experiment, unit, teams)), digest_size=16).digest()
    return f"RID-{uuid.UUID(bytes=digest, version=5)}"


def next_page(lists: Sequence[Body], ask: Ask, teams: Mapping[str, str]) -> str | None:
    """The token of the one list's next page, where there is one."""
    is_more = any("next" in each.rest or any(name not in teams for name in each.names) for each in lists)
    if ask.page is None or not is_more or not teams or len(ask.page.seen) + len(teams) >= ask.num_results:
        return None
    return next_of(ask.page, teams)


def one_reply(replies: Sequence[Reply], body: bytes, etag: str) -> Reply:
    """The reply with the one list: its headers promise nowhere more than is true of each of its lists."""
    return Reply(
        body=body,
        variations=tuple(variation for reply in replies for variation in reply.variations),
        variation="+".join(reply.variation for reply in replies),
        model=", ".join(dict.fromkeys(reply.model for reply in replies if reply.model)),
        seed=", ".join(dict.fromkeys(reply.seed for reply in replies if reply.seed)),
        outcome=max((reply.outcome for reply in replies), key=OUTCOMES.index),
        age_s=max(reply.age_s for reply in replies),
        cache_control=most_careful([reply.cache_control for reply in replies]),
        etag=etag if all(reply.etag for reply in replies) else "",
        reads=frozenset[str]().union(*(reply.reads for reply in replies)),
        version=replies[0].version,
        showings=tuple(showing for reply in replies for showing in reply.showings),
        behind=min((reply.behind for reply in replies if reply.behind is not None), default=None),
    )


def most_careful(headers: Sequence[str]) -> str:
    """The header that lets the fewest keep the answer, for the shortest of the times; "" says nothing to anyone."""
    ages = [float(age[1]) if (age := MAX_AGE.search(header)) else inf for header in headers]
    return cache_control(min(headers, key=rank), min(ages))


def rank(header: str) -> int:
    if not header:
        return 2
    return next((number for word, number in CAREFUL.items() if word in header), 4)
