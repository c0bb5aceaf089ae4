"""The request context: what the stages of an answer hand on to each other."""

from __future__ import annotations

import msgspec

from engine import Fatigue
from gateway.ask import Ask
from gateway.cache import Changes, DecoratedBody, Hit, Wanted
from gateway.caller import Caller
from gateway.config import Config
from gateway.experiments.enrol import Enrolment
from gateway.plan.plan import CachePolicy, Moment, Plan, Variation
from gateway.plan.shape import Shape
from gateway.upstreams import Scope

UNASSIGNED = Variation(name="", weight=0, upstream="", model="")


class ChangeCounters(msgspec.Struct, frozen=True):
    """Counters of changes before anything was looked up: what has changed since may not be in the answer. They count
    changes of all tags, those without a tag, and experiments' arms that units keep."""

    generation: int = 0
    doubts: int = 0
    moves: int = 0

    @classmethod
    def of(cls, changes: Changes, moves: int) -> ChangeCounters:
        return cls(changes.generation, changes.doubts, moves)


class RequestContext(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what the stages of its answer have added so far. A stage takes a context and returns one."""

    ask: Ask
    plan: Plan
    config: Config
    moment: Moment
    began: float  # by the timer
    policy: CachePolicy | None = None  # in place of the configured one
    variation: Variation = UNASSIGNED
    enrolment: Enrolment | None = None
    fatigue: Fatigue | None = None  # the rule, where the answer counts as shown
    scope: Scope = Scope(None)
    before: ChangeCounters = ChangeCounters()
    behind: int | None = None  # the position that the answer has seen, where that may be too early

    @property
    def caller(self) -> Caller:
        return self.moment.caller

    @property
    def shape(self) -> Shape | None:
        """The form that the answer is to have; None: recgate's own."""
        return self.plan.shape if self.ask.shaped else None


class Fetched(msgspec.Struct, frozen=True):
    """The cache's answer to what a request wanted of it, and its body for this caller."""

    hit: Hit
    wanted: Wanted
    body: DecoratedBody
