"""No panel without data: a Prometheus scrapes a server, and is asked what Grafana would ask."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.telemetry import FAMILIES
from tests.deploy.test_prometheus import panels
from tests.server.world import CONFIG, TRACKING_ID, Server, running
from tests.services import RedisServer, free_port, program, redis_server

PATHS = (
    *("recommend-items/shop/for-you/u1", "recommend-items/shop/popular/u1", "recommend-items/shop/tested/u1"),
    *("related-items/shop/near/i1", "rerank-items/shop/search/u1/i1,i2"),
)
EXPERIMENT = "          experiments: {row: {method: builtin, metrics: {clicks: {eventType: click}}}}\n"
QUIET = {  # families that a server counts once it has such a source, or once something has gone wrong
    *("recgate_upstream_failures", "recgate_events_rejected", "recgate_history_unknown", "recgate_undecorated"),
    *("recgate_metadata_faults", "recgate_metadata_age_seconds", "recgate_redis_rejected"),
    *("recgate_attributed", "recgate_attributed_value", "recgate_conversions"),  # those that callers report themselves
    "recgate_requests",  # of the status 5xx
    *("recgate_source_lag", "recgate_source_messages", "recgate_source_dead", "recgate_source_failures"),
}
WAIT_S = 30.0
SCRAPE = """
global: {scrape_interval: 500ms}
scrape_configs: [{job_name: recgate, static_configs: [{targets: ["127.0.0.1:PORT"]}]}]
"""


class Prometheus:
    def __init__(self, port: int) -> None:
        self._asked = HTTPConnection("127.0.0.1", port, timeout=10)

    def has_data(self, expression: str) -> bool:
        """A value that is a number; Grafana draws nothing for NaN."""
        self._asked.request("GET", f"/api/v1/query?query={quote(expression)}")
        answer = json.load(self._asked.getresponse())
        assert answer["status"] == "success", answer
        return any(row["value"][1] != "NaN" for row in answer["data"]["result"])

    def kind(self, family: str) -> str:
        """The kind that the page has declared a family to be."""
        self._asked.request("GET", f"/api/v1/targets/metadata?metric={family}")
        (declared,) = json.load(self._asked.getresponse())["data"]
        return str(declared["type"])

    def close(self) -> None:
        self._asked.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def watched(trained: Path, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an experiment, Redis, and an event target beside the tracker."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(trained, folder / "data")
    text = CONFIG.replace("      related-items:", f"{EXPERIMENT}      related-items:")
    stream = f"{{type: redis-stream, url: '{redis.url}', stream: clicks}}"
    text = text.replace(f"{TRACKING_ID}}}]", f"{TRACKING_ID}}}, {stream}]")
    (folder / "shop.yaml").write_text(text)
    with running(Server(folder / "data", folder / "shop.yaml", 1, environ={"RECGATE_REDIS_URL": redis.url})) as server:
        yield server


@pytest.fixture(scope="module")
def prometheus(watched: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yml").write_text(SCRAPE.replace("PORT", str(watched.port)))
    options = {"config.file": folder / "prometheus.yml", "storage.tsdb.path": folder / "data"}
    options |= {"web.listen-address": f"127.0.0.1:{port}", "log.level": "error"}
    argv = [program("prometheus", "prometheus"), *(f"--{name}={value}" for name, value in options.items())]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + WAIT_S
        while not is_ready(port):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        with contextlib.closing(Prometheus(port)) as opened:
            yield opened
    finally:
        process.terminate()
        process.wait(20)


def is_ready(port: int) -> bool:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asked, contextlib.suppress(OSError):
        asked.request("GET", "/-/ready")
        return asked.getresponse().status == 200
    return False


def shop(client: httpx.Client) -> None:
    """What customers do in a moment."""
    for path in PATHS:
        assert client.get(f"/{path}").status_code == 200
    for item in ("i1", "i2"):
        event = {"eventType": "click", "itemId": item, "sentAt": int(time.time())}
        sent = {"sessionId": "s1", "userId": "u1", "eventList": [event]}
        assert client.post("/events/shop", json=sent).status_code == 200


def asked(expression: str) -> str:
    """The expression as Grafana sends it, but for a shorter interval."""
    return expression.replace("$__rate_interval", "3s").replace("$instance", ".*")


def test_every_panel_has_data(watched: Server, prometheus: Prometheus) -> None:
    waiting = [(title, asked(expression)) for title, expression in panels()]
    counted = {asked(expression.removesuffix(" or vector(0)")) for _, expression in panels()}
    deadline = time.monotonic() + WAIT_S
    with httpx.Client(base_url=watched.url, timeout=10) as client:
        while waiting and time.monotonic() < deadline:
            shop(client)
            time.sleep(0.3)
            waiting = [(title, expression) for title, expression in waiting if not prometheus.has_data(expression)]
            counted = {expression for expression in counted if not prometheus.has_data(expression)}
    assert waiting == []
    silent = {name for expression in counted for name in re.findall(r"recgate_\w+?(?=_total|[{[])", expression)}
    assert silent <= QUIET  # all others have values of their own, beside the 0 of what was never counted


def test_histograms_are_read_as_such(watched: Server, prometheus: Prometheus) -> None:
    with httpx.Client(base_url=watched.url, timeout=10) as client:
        shop(client)
    median = "histogram_quantile(0.5, sum by (le) (recgate_request_seconds_bucket)) < 10"
    deadline = time.monotonic() + WAIT_S
    while not prometheus.has_data(median):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert prometheus.has_data("recgate_request_seconds_sum / recgate_request_seconds_count > 0")
    assert {prometheus.kind(name) for name, family in FAMILIES.items() if family.kind == "histogram"} == {"histogram"}
