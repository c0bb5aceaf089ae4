"""Traffic between two moments: requests, answers by the tier that had them, latency and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from gateway.admin.samples import NumbersSample
from gateway.admin.view import View
from gateway.telemetry import EDGES, Labels, Totals

ANSWERS = frozenset(  # routes
    ("recommend-items", "related-items", "rerank-items", "recommend-many", "cohort-items", "pinpoint")
)
TIERS = {"hit": "hot", "shared": "shared", "stale": "stale", "miss": "miss", "fallback": "fallback"}  # by outcome
CACHED = ("hot", "shared", "stale")
Sees = Callable[[str], bool]  # whether a namespace is shown


class Tiers(View, frozen=True, kw_only=True):
    """Answers by where they came from: of a worker's memory, made for somebody else, outdated, or made."""

    hot: int = 0
    shared: int = 0
    stale: int = 0
    miss: int = 0
    fallback: int = 0


class TrafficCounts(View, frozen=True, kw_only=True):
    """`errors` are answers of status 500 and more. Latencies are null of a part of the server, and without requests."""

    seconds: float
    requests: int
    answers: int
    hits: int
    hit_rate: float | None
    origin_calls: int
    origin_calls_saved: int
    errors: int
    tiers: Tiers
    p50_ms: float | None
    p99_ms: float | None
    events: int
    events_rejected: int
    per_second: float | None


class TrafficPoint(View, frozen=True, kw_only=True):
    """The traffic between two samples."""

    at: float
    requests_per_second: float
    hit_rate: float | None
    p50_ms: float | None
    p99_ms: float | None
    events_per_second: float
    origin_calls_per_second: float
    event_lag_s: float


class RouteTraffic(View, frozen=True, kw_only=True):
    route: str
    requests: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None


class ListTraffic(View, frozen=True, kw_only=True):
    """The lookups of a recommender; actions that share its name count together."""

    namespace: str
    recommender: str
    lookups: int
    hit_rate: float | None
    tiers: Tiers


@dataclass(frozen=True)
class Interval:
    """The counts between two samples; `before` is empty for all since the server began."""

    after: Totals
    before: Totals
    seconds: float
    sees: Sees | None = None  # None: the whole server

    def rows(self, name: str) -> Iterable[tuple[Labels, list[float]]]:
        earlier = self.before.get(name, {})
        for labels, values in self.after.get(name, {}).items():
            old = earlier.get(labels)
            yield labels, [*values] if old is None else [a - b for a, b in zip(values, old, strict=True)]

    def count(self, name: str, keep: Callable[[Labels], bool] = lambda labels: True) -> int:
        return round(sum(values[0] for labels, values in self.rows(name) if keep(labels)))

    def of_namespace(self, labels: Labels) -> bool:
        return self.sees is None or self.sees(labels[0])


def between(after: NumbersSample, before: NumbersSample | None, began: float, sees: Sees | None) -> Interval:
    """The interval since an earlier sample, or since the server began."""
    since = began if before is None else before.at
    return Interval(after.totals, {} if before is None else before.totals, max(after.at - since, 0.0), sees)


def traffic(interval: Interval) -> TrafficCounts:
    tiers = tiers_of(interval, interval.of_namespace)
    answers, hits = sum(tiers.values()), sum(tiers[name] for name in CACHED)
    whole = interval.sees is None
    requests = interval.count("recgate_requests") if whole else answers
    latency = latencies(interval, ANSWERS) if whole else (None, None)
    return TrafficCounts(
        seconds=interval.seconds,
        requests=requests,
        answers=answers,
        hits=hits,
        hit_rate=share(hits, answers),
        origin_calls=answers - hits,
        origin_calls_saved=hits,
        errors=interval.count("recgate_requests", is_error) if whole else 0,
        tiers=Tiers(**tiers),
        p50_ms=latency[0],
        p99_ms=latency[1],
        events=interval.count("recgate_events", interval.of_namespace),
        events_rejected=interval.count("recgate_events_rejected", interval.of_namespace),
        per_second=requests / interval.seconds if interval.seconds else None,
    )


def points(
    samples: Sequence[NumbersSample],
    sees: Sees | None,
    longest_s: float,
    known: MutableMapping[float, TrafficPoint] | None = None,
) -> list[TrafficPoint]:
    """A point for each two samples that are no further apart. `known` keeps them, by their times, for the next look."""
    cached = {} if known is None else known
    series = []
    for before, after in pairwise(samples):
        if not 0 < after.at - before.at <= longest_s:
            continue
        if after.at not in cached:
            cached[after.at] = point(before, after, sees)
        series.append(cached[after.at])
    for at in cached.keys() - {each.at for each in series}:
        del cached[at]
    return series


def point(before: NumbersSample, after: NumbersSample, sees: Sees | None) -> TrafficPoint:
    counted = traffic(between(after, before, 0.0, sees))
    return TrafficPoint(
        at=after.at,
        requests_per_second=counted.requests / counted.seconds,
        hit_rate=counted.hit_rate,
        p50_ms=counted.p50_ms,
        p99_ms=counted.p99_ms,
        events_per_second=counted.events / counted.seconds,
        origin_calls_per_second=counted.origin_calls / counted.seconds,
        event_lag_s=gauge(after.totals, "recgate_event_lag_seconds"),
    )


def routes(interval: Interval) -> list[RouteTraffic]:
    """The routes, that with most requests first."""
    requests, errors = Counter[str](), Counter[str]()
    for labels, values in interval.rows("recgate_requests"):
        requests[labels[0]] += round(values[0])
        errors[labels[0]] += round(values[0]) if is_error(labels) else 0
    rows = []
    for route, count in requests.most_common():
        p50, p99 = latencies(interval, frozenset((route,)))
        rows.append(RouteTraffic(route=route, requests=count, errors=errors[route], p50_ms=p50, p99_ms=p99))
    return rows


def lists(interval: Interval) -> list[ListTraffic]:
    """The recommenders that were asked for, that with most lookups first."""
    names = dict.fromkeys(labels[:2] for labels, _ in interval.rows("recgate_cache_lookups"))
    rows = []
    for name in (each for each in names if interval.of_namespace(each)):
        tiers = tiers_of(interval, partial(begins, name))
        lookups, hits = sum(tiers.values()), sum(tiers[each] for each in CACHED)
        rate = share(hits, lookups)
        rows.append(
            ListTraffic(namespace=name[0], recommender=name[1], lookups=lookups, hit_rate=rate, tiers=Tiers(**tiers))
        )
    return sorted(rows, key=lambda row: -row.lookups)


def tiers_of(interval: Interval, keep: Callable[[Labels], bool]) -> dict[str, int]:
    tiers = dict.fromkeys(TIERS.values(), 0)
    for labels, values in interval.rows("recgate_cache_lookups"):
        if keep(labels) and labels[2] in TIERS:
            tiers[TIERS[labels[2]]] += round(values[0])
    return tiers


def latencies(interval: Interval, wanted: frozenset[str]) -> tuple[float | None, float | None]:
    """The median and the 99th percentile of routes, in milliseconds."""
    counts = [0.0] * (len(EDGES) + 1)
    for labels, values in interval.rows("recgate_request_seconds"):
        if labels[0] in wanted:
            counts = [a + b for a, b in zip(counts, values, strict=False)]  # the last value is the sum of seconds
    return quantile(counts, 0.5), quantile(counts, 0.99)


def quantile(counts: Sequence[float], part: float) -> float | None:
    """The milliseconds below which this part of a histogram lies, evenly spread within a bucket."""
    total = sum(counts)
    if total <= 0:
        return None
    rank, below = part * total, 0.0
    for count, low, high in zip(counts, (0.0, *EDGES), (*EDGES, EDGES[-1]), strict=True):
        if count and below + count >= rank:
            return (low + (high - low) * (rank - below) / count) * 1000
        below += count
    return EDGES[-1] * 1000


def begins(name: Labels, labels: Labels) -> bool:
    return labels[: len(name)] == name


def is_error(labels: Labels) -> bool:
    return labels[1] >= "500"


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def gauge(totals: Totals, name: str) -> float:
    """A number without labels; 0 where there is none."""
    rows: Mapping[Labels, Sequence[float]] = totals.get(name, {})
    return float(rows[()][0]) if () in rows else 0.0
