"""How long an answer stays true for whoever asks the same: what the hot path asks of the ordinary one."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import msgspec

from gateway.ask import Ask
from gateway.cache import CacheEntry, CacheKey, Changes, DecoratedBody, Hit, Tag, Wanted
from gateway.context.autocontext import next_change as next_change_of
from gateway.experiments.enrol import Enrolment, next_change
from gateway.plan.plan import ContextField, Moment, Plan, Variation
from gateway.upstreams import Scope

Own = tuple[str, str]  # a group and a user


class Before(msgspec.Struct, frozen=True):
    """How things were before anything was looked up: what has changed since may not be in the answer. Changes of all
    tags, those without a tag, and experiments' arms that units keep."""

    generation: int
    doubts: int
    moves: int

    @classmethod
    def of(cls, changes: Changes, moves: int) -> Before:
        return cls(changes.generation, changes.doubts, moves)


class Repeat(NamedTuple):
    """An answer that the same question of a like sender has again, until then, as long as none of this changes."""

    key: CacheKey
    entry: CacheEntry
    body: bytes
    tail: bytes  # what it ends in, in place of its last brace; b"": it is whole
    until: float  # epoch seconds
    tags: tuple[Tag, ...]
    seen: int  # the last change of the tags
    own: Own | None  # whose events it must have seen
    version: Callable[[], int] | None  # of the items' metadata; None: the tags tell of it
    mark: int  # that version
    before: Before
    outcome: str  # of the next time
    stands_in_until: float = 0.0  # epoch seconds: old, for want of another
    arm: tuple[str, str] = ("", "")  # the experiment and the variation that it counts for

    @property
    def namespace(self) -> str:
        return self.key.namespace

    @property
    def recommender(self) -> str:
        return self.key.recommender


def is_repeatable(hit: Hit, shown: DecoratedBody, ask: Ask, variation: Variation) -> bool:
    """Whether it depends on nothing but what a `Repeat` names; it is what is kept beside its entry."""
    if hit.outcome not in ("hit", "shared", "miss") or hit.entry.decorated is not shown:
        return False
    return not (ask.exclude or ask.page or variation.hide_seen_s or variation.reads_item)


def repeat_of(
    hit: Hit,
    shown: DecoratedBody,
    wanted: Wanted,
    plan: Plan,
    scope: Scope,
    enrolment: Enrolment | None,
    moment: Moment,
    before: Before,
    changes: Changes,
    source: Callable[[], tuple[tuple[Tag, ...], Callable[[], int] | None]],
) -> Repeat:
    """Of a repeatable answer. `source` tells what its items' metadata hang on."""
    more, version = source()
    tags = (*wanted.tags, *more, *((scope.own,) if scope.own and scope.own not in wanted.tags else ()))
    counted = enrolment is not None and enrolment.counted
    return Repeat(
        key=wanted.key,
        entry=hit.entry,
        body=shown.body,
        tail=enrolment.arm.said if enrolment is not None and counted else b"",
        until=min(_fresh_until(hit.entry, wanted), _same_arms_until(plan, moment)),
        tags=tags,
        seen=changes.latest(tags),
        own=None if scope.own is None else (scope.own[1], scope.own[2]),
        version=version,
        mark=shown.decoration.version,
        before=before,
        outcome="hit" if hit.entry.user == wanted.user else "shared",
        stands_in_until=_stands_in_until(hit.entry, wanted),
        arm=(enrolment.experiment.id, enrolment.arm.variation) if enrolment is not None and counted else ("", ""),
    )


def _fresh_until(entry: CacheEntry, wanted: Wanted) -> float:
    return min(entry.stored_at + wanted.policy.max_age_s * (1 - entry.jitter), entry.until, wanted.until)


def _stands_in_until(entry: CacheEntry, wanted: Wanted) -> float:
    longer = max(wanted.policy.stale_while_revalidate_s, wanted.policy.stale_if_error_s)
    return entry.stored_at + wanted.policy.max_age_s + longer if longer else 0.0


def _same_arms_until(plan: Plan, moment: Moment) -> float:
    """Till when nobody changes arms, and nobody is in an experiment who was not."""
    if not plan.experiments:
        return inf
    now, experiments = moment.now.timestamp(), plan.experiments.values()
    fields: list[ContextField] = [field for each in experiments for field in each.fields]
    change = next_change_of(fields, moment)
    arms = min(next_change(each, now) for each in experiments)
    return arms if change is None else min(arms, change.timestamp())
