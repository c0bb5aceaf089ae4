"""The time that an answer stays true for a caller who asks the same: what the hot path needs of the ordinary one."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from gateway.answer.decorate import Decorators
from gateway.answer.request import ChangeCounters, Fetched, RequestContext
from gateway.cache import CacheEntry, CacheKey, Changes, Tag
from gateway.context.autocontext import next_change as next_change_of
from gateway.experiments.enrol import next_change
from gateway.plan.plan import ContextField, Moment, Plan

Own = tuple[str, str]  # a group and a user


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
    before: ChangeCounters
    outcome: str  # of the next time
    stands_in_until: float = 0.0  # epoch seconds: old, for want of another
    arm: tuple[str, str] = ("", "")  # the experiment and the variation that it counts for
    is_of_experiments: bool = False  # its recommender has some, whether it counts for one or not
    coding: str = ""  # of the body, which is the first part then, and the tail the second

    @property
    def opening(self) -> bytes | memoryview:
        """The part of the body before the tail."""
        return memoryview(self.body)[:-1] if self.tail and not self.coding else self.body

    @property
    def coded_body(self) -> bytes:
        """The body of an answer that no experiment ends."""
        return self.body + self.tail if self.coding else self.body


def is_repeatable(request: RequestContext, fetched: Fetched) -> bool:
    """The answer depends on nothing but what a `Repeat` names, and its body is what is kept beside its entry."""
    hit, variation, ask = fetched.hit, request.variation, request.ask
    if not fetched.wanted.policy.storable or hit.outcome not in ("hit", "shared", "miss"):
        return False
    if hit.entry.decorated is not fetched.body:
        return False
    if request.behind is not None:
        return False
    if request.fatigue is not None:  # what was shown so often ends it
        return False
    return not (ask.exclude or ask.page or variation.hide_seen_s or variation.reads_item)


def repeat_of(request: RequestContext, fetched: Fetched, decorators: Decorators, changes: Changes) -> Repeat:
    """Describe a repeatable answer."""
    wanted, entry, scope, enrolment = fetched.wanted, fetched.hit.entry, request.scope, request.enrolment
    own_tags = (scope.own,) if scope.own and scope.own not in wanted.tags else ()
    metadata_tags, version = decorators.dependencies(request.variation, request.ask)
    tags = (*wanted.tags, *metadata_tags, *own_tags)
    counted = enrolment if enrolment is not None and enrolment.counted else None
    policy = wanted.policy
    fresh_until = min(entry.stored_at + policy.max_age_s * (1 - entry.jitter), entry.until, wanted.until)
    longer = max(policy.stale_while_revalidate_s, policy.stale_if_error_s)
    return Repeat(
        key=wanted.key,
        entry=entry,
        body=fetched.body.body,
        tail=b"" if counted is None or request.shape is not None else counted.arm.annotation,
        until=min(fresh_until, _same_arms_until(request.plan, request.moment)),
        tags=tags,
        seen=changes.latest(tags),
        own=None if scope.own is None else (scope.own[1], scope.own[2]),
        version=version,
        mark=fetched.body.decoration.version,
        before=request.before,
        outcome="hit" if entry.user == wanted.user else "shared",
        stands_in_until=entry.stored_at + policy.max_age_s + longer if longer else 0.0,
        arm=("", "") if counted is None else (counted.experiment.id, counted.arm.variation),
        is_of_experiments=bool(request.plan.experiments),
    )


def _same_arms_until(plan: Plan, moment: Moment) -> float:
    """The epoch second until which nobody changes arms or enters an experiment."""
    if not plan.experiments:
        return inf
    now, experiments = moment.now.timestamp(), plan.experiments.values()
    fields: list[ContextField] = [field for each in experiments for field in each.fields]
    change = next_change_of(fields, moment)
    arms = min(next_change(each, now) for each in experiments)
    return arms if change is None else min(arms, change.timestamp())
