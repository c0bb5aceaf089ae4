from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.telemetry import (
    FAMILIES,
    MetricsPage,
    MissingExporter,
    Telemetry,
    Tracing,
    forget_numbers,
    telemetry_of,
)
from tests.gateway.serve.world import Clock, SmallEngine, app_over

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


def busy(requests: int) -> Telemetry:
    telemetry = Telemetry()
    for _ in range(requests):
        telemetry.request("recommend-items", 200, 0.002)
    telemetry.lookup("shop", "home", "hit")
    telemetry.watch("recgate_cache_bytes", lambda: [((), [100])])
    telemetry.watch("recgate_event_lag_seconds", lambda: [((), [requests / 10])])
    return telemetry


def page(metrics: MetricsPage) -> dict[str, float]:
    lines = metrics.render()[1].decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


REQUESTS = 'recgate_requests_total{route="recommend-items",status="200"}'


def test_the_page_adds_up_all_workers(tmp_path: Path) -> None:
    clock = Clock()
    first, second = (MetricsPage(tmp_path, name, busy(count), clock) for name, count in (("a", 3), ("b", 4)))
    second.write()
    shown = page(first)
    assert shown[REQUESTS] == 7
    assert shown["recgate_cache_bytes"] == 200
    assert shown["recgate_event_lag_seconds"] == 0.4
    assert shown['recgate_request_seconds_bucket{le="0.001",route="recommend-items"}'] == 0
    assert shown['recgate_request_seconds_bucket{le="0.0025",route="recommend-items"}'] == 7
    assert shown['recgate_request_seconds_count{route="recommend-items"}'] == 7
    assert shown['recgate_request_seconds_sum{route="recommend-items"}'] == pytest.approx(0.014)


def test_a_dead_worker_s_counters_stay_and_its_gauges_go(tmp_path: Path) -> None:
    clock = Clock()
    MetricsPage(tmp_path, "a", busy(3), clock).write()
    again = MetricsPage(tmp_path, "a", busy(1), clock)
    again.write()
    clock.tick(6)
    shown = page(again)
    assert (shown[REQUESTS], shown["recgate_cache_bytes"]) == (4, 100)


def test_forget_starts_anew(tmp_path: Path) -> None:
    MetricsPage(tmp_path, "a", busy(3)).write()
    forget_numbers(tmp_path)
    assert page(MetricsPage(tmp_path, "a", busy(1)))[REQUESTS] == 1


def test_a_running_worker_writes_by_itself(tmp_path: Path) -> None:
    telemetry = busy(3)
    metrics = MetricsPage(tmp_path, "a", telemetry)
    metrics.open(every_s=60)
    telemetry.request("events", 200, 0.1)
    metrics.close()
    assert page(MetricsPage(tmp_path, "b", Telemetry()))['recgate_requests_total{route="events",status="200"}'] == 1


def test_otlp_observes_the_same_numbers() -> None:
    reader = InMemoryMetricReader()
    telemetry = busy(3)
    telemetry.export(reader)
    data = reader.get_metrics_data()
    telemetry.close()
    assert data is not None
    metrics: dict[str, Any] = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    (requests,) = metrics["recgate_requests"].data.data_points
    assert (requests.value, dict(requests.attributes or {})) == (3, {"route": "recommend-items", "status": "200"})
    assert set(metrics) <= set(FAMILIES)


def test_otlp_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)  # as if it were not installed
    with pytest.raises(MissingExporter, match=r"recgate\[otlp\]"):
        telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"})


class Collector(BaseHTTPRequestHandler):
    """Takes what an OTLP exporter posts."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_otlp_sends_the_numbers_to_the_configured_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.taken = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        telemetry = telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        telemetry.request("recommend-items", 200, 0.001)
        telemetry.close()
        server.shutdown()
        thread.join()
    assert [path for path, _ in server.taken] == ["/v1/metrics"]  # type: ignore[attr-defined]
    assert b"recgate_requests" in server.taken[0][1]  # type: ignore[attr-defined]


class Spans:
    def __init__(self, ratio: float = 0.0, chance: float = 0.5) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self._exporter), ratio, lambda: chance)

    def names(self) -> list[str]:
        return [span.name for span in self._exporter.get_finished_spans()]

    def parents(self) -> set[int]:
        return {span.context.trace_id for span in self._exporter.get_finished_spans() if span.context}


@pytest.mark.parametrize(
    ("traceparent", "ratio", "sampled"),
    [
        (SAMPLED, 0.0, True),
        (UNSAMPLED, 1.0, False),
        ("", 0.0, False),
        ("", 0.6, True),
        ("", 0.4, False),
        ("garbage", 0.0, False),
        ("garbage", 0.6, True),
    ],
)
def test_sampling_is_decided_before_any_span(traceparent: str, ratio: float, sampled: bool) -> None:
    spans = Spans(ratio)
    telemetry = Telemetry(spans.tracing)
    with telemetry.trace("recommend-items", {"traceparent": traceparent}), telemetry.span("cache"):
        pass
    with telemetry.span("outside"):
        pass
    assert spans.names() == (["cache", "recommend-items"] if sampled else [])


def test_the_spans_of_a_miss(tmp_path: Path) -> None:
    spans = Spans()
    with TestClient(app_over(SmallEngine(tmp_path), tracing=spans.tracing)) as client:
        client.get("/recommend-items/shop/home/u1", headers={"traceparent": SAMPLED})
        client.get("/recommend-items/shop/home/u2", headers={"traceparent": UNSAMPLED})
    assert sorted(spans.names()) == ["cache", "decorate", "enrich", "recommend-items", "upstream"]
    assert spans.parents() == {int(SAMPLED.split("-")[1], 16)}


def test_metrics_of_a_gateway(tmp_path: Path) -> None:
    with TestClient(app_over(SmallEngine(tmp_path))) as client:
        for _ in range(3):
            client.get("/recommend-items/shop/home/u1")
        client.get("/nowhere")
        client.post("/events/shop", json={"sessionId": "s", "eventList": [{"eventType": "View"}] * 2})
        answer: Any = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        REQUESTS + " 3.0",
        'recgate_requests_total{route="other",status="404"} 1.0',
        'recgate_cache_lookups_total{namespace="shop",outcome="hit",recommender="home"} 2.0',
        'recgate_upstream_seconds_count{upstream="engine"} 1.0',
        'recgate_events_total{namespace="shop"} 2.0',
        "recgate_event_lag_seconds 0.25",
        'recgate_model_age_seconds{campaign="home",model="home/1"} 1000.0',
        "recgate_cache_entries 1.0",
        "recgate_cache_evictions_total 0.0",
    ):
        assert line in answer.text
