"""An experiment, once the configuration is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.plan.draw import ends_of, optimizely_share, share

if TYPE_CHECKING:
    from gateway.plan.plan import ContextField

A_WEEK = 7 * 86_400.0
Direction = Literal["increase", "decrease"]
Unit = Literal["user", "session"]
Bucketing = Literal["growthbook", "optimizely"]  # whose SDKs find the same arms by themselves


@dataclass(frozen=True)
class ExperimentMetric:
    """A metric counts what callers report by its name, and events of a type within so many seconds after a unit was
    first shown its arm. Each counts 1, or the number at the `value_key` of the event."""

    event_type: str | None = None
    window_s: float = A_WEEK
    direction: Direction = "increase"
    value_key: str = ""
    guardrail: bool = False


@dataclass(frozen=True)
class FieldCondition:
    """A condition on a field of the resolved context or of metadata; it holds for nothing without the field."""

    field: str
    operator: str
    value: str | int | float


@dataclass(frozen=True)
class Arm:
    """A variation with its share of the units. `annotation` ends an answer's body in place of its last brace, `tag` its
    entity tag in place of the last quote."""

    variation: str
    share: float
    annotation: bytes = b"}"
    tag: str = '"'


@dataclass(frozen=True)
class AllocationStep:
    """The arms with the shares that they have from an epoch second on, till the next step."""

    arms: tuple[Arm, ...]  # in the variations' order
    since: float = -inf

    @cached_property
    def name(self) -> str:
        """A digest of the arms and their shares: while it stays, nobody moves."""
        return digest(*(f"{arm.variation}={arm.share!r}" for arm in self.arms))

    @cached_property
    def shares(self) -> tuple[float, ...]:
        return tuple(arm.share for arm in self.arms)

    @cached_property
    def ends(self) -> tuple[float, ...]:
        return ends_of(self.shares)

    @cached_property
    def by_variation(self) -> Mapping[str, Arm]:
        return {arm.variation: arm for arm in self.arms}


@dataclass(frozen=True)
class Bandit:
    """Weights that follow what the arms earn, anew at every multiple of `period_s` since the epoch."""

    reward: str  # the metric
    period_s: float
    minimum: float  # weight of each arm that gets anybody
    burn_in: int  # units of each arm, until which the weights are those of the configuration


@dataclass(frozen=True)
class Experiment:
    """A test between the variations of one recommender. `id` names it in the experiment store: with another seed it is
    another experiment."""

    method: str
    metrics: Mapping[str, ExperimentMetric] = field(default_factory=dict)
    id: str = ""
    feature: str = ""
    flag: str | None = None  # by which it is asked for, in place of the key that it has by itself
    namespace: str = ""
    seed: str = ""
    unit: Unit = "user"
    bucketing: Bucketing = "growthbook"
    arms: tuple[Arm, ...] = ()  # in the variations' order, with the shares that they have at first
    launch: tuple[AllocationStep, ...] = ()  # steps of other shares, in the order of their times
    bandit: Bandit | None = None
    rankers: tuple[str, ...] = ()  # variations whose lists are drafted into one, for all units of the only arm
    steps: tuple[tuple[float, float], ...] = ((-inf, 1.0),)  # of traffic: from this epoch second on, this share
    start: float = -inf  # epoch seconds
    end: float = inf
    holdout: float = 0.0  # of the units, who are left alone
    global_holdout: float = 0.0  # of the namespace
    group: str = ""  # of experiments of which a unit is in one at most
    range: tuple[float, float] = (0.0, 1.0)  # of the group
    audience: tuple[FieldCondition, ...] = ()  # all of them
    fields: tuple[ContextField, ...] = ()  # that the audience needs
    overrides: Mapping[str, str] = field(default_factory=dict)  # variation by unit
    synthetic: bool = False  # whether synthetic users take part
    # the type of event that makes an answer an exposure; "": any that shows it was seen
    confirmed_by: str | None = None

    def traffic(self, now: float) -> float:
        """The share of the units that takes part."""
        return next((share for at, share in reversed(self.steps) if at <= now), 0.0)

    @property
    def scope(self) -> str:
        """The name under which its units' events are kept, for all experiments of the namespace with such units."""
        return self.namespace if self.unit == "user" else f"{self.namespace}#{self.unit}"

    @cached_property
    def is_for_all(self) -> bool:
        """True if every unit of the audience takes part, always."""
        left_out = self.holdout or self.global_holdout or self.group
        return not left_out and (self.start, self.end, self.steps) == (-inf, inf, ((-inf, 1.0),))

    def place(self, unit: str) -> float:
        """The unit's place among those of the arms."""
        return share(self.seed, unit) if self.bucketing == "growthbook" else optimizely_share(self.number, unit)

    def members(self, now: float) -> tuple[float, float]:
        """The part of its group's units that takes part where Optimizely's buckets decide: there is one draw for
        holdout, traffic and the group's range together."""
        first, last = self.range
        width = last - first
        taken = self.holdout + self.traffic(now) * (1.0 - self.holdout)
        return first + self.holdout * width, last if taken >= 1 else first + taken * width

    @cached_property
    def number(self) -> str:
        """The id at Optimizely's SDKs."""
        return number(self.id)

    @cached_property
    def group_number(self) -> str:
        """The id of the group at Optimizely's SDKs; an experiment without one is a group of its own."""
        return number(f"{self.namespace}/{self.group}" if self.group else f"{self.id}/traffic")

    def scheduled(self, now: float) -> AllocationStep:
        """The shares that the configuration states for now."""
        if not self.launch:
            return self.configured
        return next((each for each in reversed(self.launch) if each.since <= now), self.configured)

    def under(self, allocation: AllocationStep) -> Experiment:
        """The experiment with these shares, as if they were the configured ones."""
        return self if self.is_steady else replace(self, arms=allocation.arms, launch=(), bandit=None)

    @cached_property
    def configured(self) -> AllocationStep:
        return AllocationStep(self.arms)

    @cached_property
    def is_steady(self) -> bool:
        """True if nothing but another configuration changes the shares."""
        return not self.launch and self.bandit is None

    @cached_property
    def shares(self) -> tuple[float, ...]:
        return self.configured.shares

    @cached_property
    def by_variation(self) -> Mapping[str, Arm]:
        alone = {name: Arm(name, 0.0) for name in self.rankers}  # for overrides
        return {**alone, **self.configured.by_variation}

    @cached_property
    def allocation(self) -> str:
        """The name of the configured shares."""
        return self.configured.name


def arm(method: str, feature: str, variation: str, share: float) -> Arm:
    details = {"experiment": feature, "launch": None, "variation": variation}
    matched = msgspec.json.encode({"type": method, "feature": feature, "details": details})
    return Arm(variation, share, b',"matchedExperiment":' + matched + b"}", f'-{digest(method, feature, variation)}"')


def number(name: str) -> str:
    """The decimal number that stands for a name where ids are numbers."""
    return str(int(digest("number", name), 16))


def digest(*texts: str) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=6).hexdigest()
