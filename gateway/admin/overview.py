"""The overview: how a server does, lately and since it began, and what is wrong now."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from gateway.admin.samples import NumbersSample
from gateway.admin.traffic import (
    ListTraffic,
    RouteTraffic,
    Sees,
    TrafficCounts,
    TrafficPoint,
    between,
    gauge,
    lists,
    points,
    routes,
    traffic,
)
from gateway.admin.view import View
from gateway.admin.wrong import OpenProblem, ServerState, problems
from gateway.telemetry import Totals

RECENT_S = 60.0
LONGEST_S = 10.0  # between two samples of a series
MACHINE = "all workers of this machine"


class OutboxState(View, frozen=True, kw_only=True):
    """An event target, and what it has not got yet."""

    target: str
    records: int
    oldest_s: float
    dead: int


class EventsState(View, frozen=True, kw_only=True):
    accepted: int
    rejected: int
    lag_s: float
    waiting: int
    outbox: list[OutboxState]


class MemoryState(View, frozen=True, kw_only=True):
    """`limit_bytes`: of the container or the machine; null where the system does not tell."""

    cache_bytes: int
    cache_ceiling_bytes: int
    cache_entries: int
    evictions: int
    bodies_bytes: int
    resident_bytes: int | None
    limit_bytes: int | None


class ModelAge(View, frozen=True, kw_only=True):
    name: str
    version: str
    age_s: float


class OverviewView(View, frozen=True, kw_only=True):
    """`recent` is null until two samples were taken; `memory` is null of a part of the server."""

    at: float
    since: float
    machine: str
    ready: bool
    total: TrafficCounts
    recent: TrafficCounts | None
    series: list[TrafficPoint]
    routes: list[RouteTraffic]
    recommenders: list[ListTraffic]
    events: EventsState
    memory: MemoryState | None
    models: list[ModelAge]
    wrong: list[OpenProblem]


@dataclass(frozen=True)
class OverviewParts:
    """The parts that an overview is made from. `began` is when the server did; `resident_bytes` are of its workers.
    `names` are the models that are shown, None for all."""

    latest: NumbersSample
    samples: Sequence[NumbersSample]
    began: float
    state: ServerState
    is_ready: bool
    resident_bytes: int | None
    limit_bytes: int | None
    names: frozenset[str] | None = None
    points: MutableMapping[float, TrafficPoint] = field(default_factory=dict)  # of the look before


def overview(parts: OverviewParts, sees: Sees | None) -> OverviewView:
    """`sees` says which namespaces are shown; None: the whole server."""
    latest = parts.latest
    whole = between(latest, None, parts.began, sees)
    earlier = recent_sample(parts.samples, latest.at)
    return OverviewView(
        at=latest.at,
        since=parts.began,
        machine=MACHINE,
        ready=parts.is_ready,
        total=traffic(whole),
        recent=None if earlier is None else traffic(between(latest, earlier, parts.began, sees)),
        series=points(parts.samples, sees, LONGEST_S, parts.points),
        routes=routes(whole) if sees is None else [],
        recommenders=lists(whole),
        events=events(latest.totals, traffic(whole), sees),
        memory=memory(parts) if sees is None else None,
        models=models(latest.totals, parts.names),
        wrong=[each for each in problems(parts.state) if sees is None or is_theirs(each, parts.names)],
    )


def recent_sample(samples: Sequence[NumbersSample], now: float) -> NumbersSample | None:
    """The sample that is nearest to a minute ago, of those that are not older."""
    return next((each for each in samples if 0 < now - each.at <= RECENT_S), None)


def is_theirs(problem: OpenProblem, names: frozenset[str] | None) -> bool:
    """True of a problem that a tenant may hear of: one of its models, or one of answers and events in general."""
    if problem.code in ("ModelMissing", "ModelLate"):
        return names is None or any(f"The model {name} " in problem.what for name in names)
    if problem.view == "experiments":
        return True  # those of other namespaces were left out before
    return problem.code in ("DatabaseDown", "Overloaded", "EventsLate")


def events(totals: Totals, counted: TrafficCounts, sees: Sees | None) -> EventsState:
    dead = by_label(totals, "recgate_outbox_dead")
    oldest = by_label(totals, "recgate_outbox_oldest_seconds")
    records = by_label(totals, "recgate_outbox_records")
    keys = [key for key in records if sees is None or sees(key.partition("/")[0])]  # a key begins with its namespace
    return EventsState(
        accepted=counted.events,
        rejected=counted.events_rejected,
        lag_s=gauge(totals, "recgate_event_lag_seconds"),
        waiting=round(gauge(totals, "recgate_events_waiting")),
        outbox=[
            OutboxState(
                target=key, records=round(records[key]), oldest_s=oldest.get(key, 0.0), dead=round(dead.get(key, 0.0))
            )
            for key in keys
        ],
    )


def by_label(totals: Totals, name: str) -> Mapping[str, float]:
    """The values of a family by its only label."""
    return {labels[0]: float(values[0]) for labels, values in totals.get(name, {}).items()}


def memory(parts: OverviewParts) -> MemoryState:
    def number(name: str) -> int:
        return round(gauge(parts.latest.totals, f"recgate_{name}"))

    return MemoryState(
        cache_bytes=number("cache_bytes"),
        cache_ceiling_bytes=number("cache_ceiling_bytes"),
        cache_entries=number("cache_entries"),
        evictions=number("cache_evictions"),
        bodies_bytes=number("bodies_bytes"),
        resident_bytes=parts.resident_bytes,
        limit_bytes=parts.limit_bytes,
    )


def models(totals: Totals, names: frozenset[str] | None) -> list[ModelAge]:
    ages = totals.get("recgate_model_age_seconds", {})
    return [
        ModelAge(name=labels[0], version=labels[1], age_s=float(values[0]))
        for labels, values in sorted(ages.items())
        if names is None or labels[0] in names
    ]
