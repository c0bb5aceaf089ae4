"""Traffic between two moments, as the numbers of all workers tell it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.admin.samples import NumbersSample, Samples
from gateway.admin.traffic import between, lists, points, quantile, routes, traffic
from gateway.telemetry import EDGES


def histogram(**counts: int) -> list[float]:
    """Requests by the upper edge of their bucket, in milliseconds: `ms5=3`."""
    values = [0.0] * (len(EDGES) + 2)
    for name, count in counts.items():
        values[EDGES.index(float(name[2:].replace("_", ".")) / 1000)] = count
    return values


BEFORE = {
    "recgate_requests": {("recommend-items", "200"): [10.0]},
    "recgate_cache_lookups": {("shop", "home", "hit"): [4.0], ("shop", "home", "miss"): [6.0]},
}
AFTER = {
    "recgate_requests": {
        ("recommend-items", "200"): [110.0],
        ("recommend-items", "503"): [2.0],
        ("health", "200"): [5.0],
    },
    "recgate_request_seconds": {("recommend-items",): histogram(ms1=98, ms50=2), ("health",): histogram(ms1=5)},
    "recgate_cache_lookups": {
        ("shop", "home", "hit"): [84.0],
        ("shop", "home", "stale"): [5.0],
        ("shop", "home", "miss"): [11.0],
        ("other", "home", "miss"): [10.0],
        ("other", "home", "shared"): [1.0],
    },
    "recgate_events": {("shop",): [7.0], ("other",): [3.0]},
    "recgate_event_lag_seconds": {(): [0.25]},
}


def sample(at: float, totals: Any) -> NumbersSample:
    return NumbersSample(at, totals)


def test_what_happened_between_two_samples() -> None:
    counted = traffic(between(sample(60.0, AFTER), sample(10.0, BEFORE), 0.0, None))
    assert (counted.seconds, counted.requests, counted.errors) == (50.0, 107, 2)
    assert (counted.answers, counted.hits, counted.origin_calls) == (101, 86, 15)
    assert (counted.tiers.hot, counted.tiers.shared, counted.tiers.stale, counted.tiers.miss) == (80, 1, 5, 15)
    assert counted.hit_rate == pytest.approx(86 / 101)
    assert counted.per_second == pytest.approx(107 / 50)
    assert counted.p50_ms is not None and 0.5 < counted.p50_ms < 1.0
    assert counted.p99_ms is not None and 25 < counted.p99_ms < 50
    assert counted.events == 10


def test_a_tenant_sees_its_namespaces_alone() -> None:
    interval = between(sample(60.0, AFTER), None, 0.0, lambda namespace: namespace == "other")
    counted = traffic(interval)
    assert (counted.requests, counted.answers, counted.hits, counted.events) == (11, 11, 1, 3)
    assert (counted.p50_ms, counted.errors) == (None, 0)
    assert [(row.namespace, row.lookups) for row in lists(interval)] == [("other", 11)]


def test_recommenders_and_routes() -> None:
    interval = between(sample(60.0, AFTER), None, 0.0, None)
    assert [(row.namespace, row.recommender, row.lookups, row.hit_rate) for row in lists(interval)] == [
        ("shop", "home", 100, 0.89),
        ("other", "home", 11, pytest.approx(1 / 11)),
    ]
    assert [(row.route, row.requests, row.errors) for row in routes(interval)] == [
        ("recommend-items", 112, 2),
        ("health", 5, 0),
    ]


def test_a_series_has_no_point_over_a_gap() -> None:
    series = points([sample(1.0, {}), sample(2.0, BEFORE), sample(40.0, AFTER), sample(41.0, AFTER)], None, 10.0)
    assert [(each.at, each.requests_per_second) for each in series] == [(2.0, 10.0), (41.0, 0.0)]


QUANTILES = [
    ([0.0] * 15, 0.5, None),
    ([10.0, *[0.0] * 14], 0.5, 0.25),  # in the middle of the first bucket
    ([0.0] * 14 + [1.0], 0.5, 10_000.0),  # beyond the last edge nothing is known
]


@pytest.mark.parametrize(("counts", "part", "wanted"), QUANTILES)
def test_quantiles(counts: list[float], part: float, wanted: float | None) -> None:
    assert quantile(counts, part) == (wanted if wanted is None else pytest.approx(wanted))


def test_many_who_look_take_one_sample_a_second() -> None:
    now, taken = [10.0], list[float]()
    samples = Samples(lambda: taken.append(now[0]) or AFTER, lambda: now[0])  # type: ignore[func-returns-value]
    for at in (10.0, 10.5, 11.0, 11.2, 13.0):
        now[0] = at
        latest, _ = samples.take()
    assert taken == [10.0, 11.0, 13.0]
    assert latest.at == 13.0
