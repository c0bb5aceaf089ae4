from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.telemetry import (
    FAMILIES,
    MetricsPage,
    MissingExporter,
    Telemetry,
    forget_numbers,
    telemetry_of,
)
from gateway.telemetry.otlp import metrics_data, resource_of
from gateway.telemetry.tracing import Tracing
from tests.gateway.serve.world import ARN, Clock, SmallEngine, app_over
from tests.services import program

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


def test_otlp_has_the_same_numbers_and_histograms_with_their_sums() -> None:
    resource = resource_of({"OTEL_SERVICE_NAME": "shop"}, "worker 1")
    (sent,) = metrics_data(busy(3).numbers(), resource, 1, 2).resource_metrics
    metrics: dict[str, Any] = {metric.name: metric for metric in sent.scope_metrics[0].metrics}
    (requests,) = metrics["recgate_requests"].data.data_points
    assert (requests.value, dict(requests.attributes or {})) == (3, {"route": "recommend-items", "status": "200"})
    (seconds,) = metrics["recgate_request_seconds"].data.data_points
    assert (seconds.count, seconds.sum, dict(seconds.attributes)) == (3, 0.006, {"route": "recommend-items"})
    assert dict(zip((*seconds.explicit_bounds, None), seconds.bucket_counts, strict=True))[0.0025] == 3
    assert set(metrics) <= set(FAMILIES)
    assert sent.resource.attributes["service.name"] == "shop"
    assert str(sent.resource.attributes["service.instance.id"]).startswith("worker 1-")


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


def test_a_collector_gets_histograms_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.taken = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "shop"}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        telemetry = telemetry_of(environ)
        telemetry.request("recommend-items", 200, 0.001)
        with telemetry.trace("recommend-items", "GET", {"traceparent": SAMPLED}) as span:
            assert span is not None
            span.answer(503)
        telemetry.close()
        server.shutdown()
        thread.join()
    taken = dict(server.taken)  # type: ignore[attr-defined]
    (numbers,) = ExportMetricsServiceRequest.FromString(taken["/v1/metrics"]).resource_metrics
    metrics = {metric.name: metric for metric in numbers.scope_metrics[0].metrics}
    (point,) = metrics["recgate_request_seconds"].histogram.data_points
    assert (point.count, point.sum, sum(point.bucket_counts), point.HasField("min")) == (1, 0.001, 1, False)
    (spans,) = ExportTraceServiceRequest.FromString(taken["/v1/traces"]).resource_spans
    (sent,) = spans.scope_spans[0].spans
    assert (sent.name, sent.kind, sent.status.code) == ("GET recommend-items", sent.SPAN_KIND_SERVER, 2)
    attributes = {each.key: each.value.string_value or each.value.int_value for each in sent.attributes}
    assert attributes == {
        "http.request.method": "GET",
        "http.route": "recommend-items",
        "http.response.status_code": 503,
    }
    for resource in (numbers.resource, spans.resource):
        assert {each.key: each.value.string_value for each in resource.attributes}["service.name"] == "shop"


def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    with TestClient(app_over(SmallEngine(tmp_path))) as client:
        client.get("/recommend-items/shop/home/u1")
        client.post("/recommendations", json={"campaignArn": ARN, "userId": "u1"})
        page = client.get("/metrics").content
    assert b'recgate_aws_request_seconds_sum{operation="GetRecommendations"' in page
    checked = subprocess.run(
        [program("promtool", "prometheus"), "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


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
    with telemetry.trace("recommend-items", "GET", {"traceparent": traceparent}), telemetry.span("cache"):
        pass
    with telemetry.span("outside"):
        pass
    assert spans.names() == (["cache", "GET recommend-items"] if sampled else [])


def test_the_spans_of_a_miss(tmp_path: Path) -> None:
    spans = Spans()
    with TestClient(app_over(SmallEngine(tmp_path), tracing=spans.tracing)) as client:
        client.get("/recommend-items/shop/home/u1", headers={"traceparent": SAMPLED})
        client.get("/recommend-items/shop/home/u2", headers={"traceparent": UNSAMPLED})
    assert sorted(spans.names()) == ["GET recommend-items", "cache", "decorate", "enrich", "upstream"]
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
