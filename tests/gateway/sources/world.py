"""A topic on librdkafka's own cluster, and an engine that reads it: one process's view of a deployment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from engine.data.entries import read_interaction
from gateway.config import Config, parse
from gateway.processes.sources import EventSources
from gateway.telemetry import Telemetry
from tests.engine.shop import T0, Shop

WAIT_S = 30.0  # the cluster waits 3 s before it gives a new group its partitions

CONFIG = """
version: "7"
namespaces:
  shop:
    autoContext:
      device: {type: string, rules: [{type: header-value, header: x-device}]}
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments:
            row: {method: builtin, metrics: {clicks: {eventType: click}, sales: {}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    eventSources: [SOURCE]
"""


@contextmanager
def cluster() -> Iterator[str]:
    """Brokers inside librdkafka, on real sockets: their addresses. Every topic has four partitions."""
    brokers = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored", "log_level": 0})
    found = brokers.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in found)


class Topic:
    _numbers = count()

    def __init__(self, brokers: str) -> None:
        self.brokers, self.name = brokers, f"clicks-{next(self._numbers)}"
        self._producer = Producer({"bootstrap.servers": brokers, "log_level": 0})

    def write(self, *values: bytes | Mapping[str, Any], key: str = "s1") -> None:
        """Each is a message, all of one partition; durable on return."""
        for value in values:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self._producer.produce(self.name, data, key=key)
        assert self._producer.flush(10) == 0

    def source(self, more: str = "") -> str:
        # the group's members are missed soon, and hear soon of each other
        properties = "session.timeout.ms: '6000', heartbeat.interval.ms: '300'"
        said = f"bootstrapServers: '{self.brokers}', topic: {self.name}, groupId: recgate"
        return f"{{type: kafka, {said}, properties: {{{properties}}}{more}}}"


def body(user: str, item: str, **more: Any) -> dict[str, Any]:
    event = {"eventType": "click", "itemId": item, "sentAt": T0}
    return {"sessionId": "s1", "userId": user, "eventList": [{**event, **more}]}


def record(sent: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A record as event targets write it."""
    common = {"id": "r1", "namespace": "shop", "path": "/events/shop", "headers": {}, "queryStringParameters": {}}
    return {**common, "body": sent, **more}


def configured(shop: Shop, topic: Topic, more: str = "", around: str = "") -> Config:
    """`more` is of the source, `around` of the namespace."""
    text = CONFIG.replace("TRACKING", shop.tracking).replace("SOURCE", topic.source(more))
    return parse(f"{text}    {around}\n")


@contextmanager
def reading(shop: Shop, config: Config) -> Iterator[EventSources]:
    sources = EventSources(shop.engine, config)
    sources.use(config)
    try:
        yield sources
    finally:
        sources.close()


def numbers(sources: EventSources, name: str) -> list[float]:
    """A family of numbers, by its labels."""
    telemetry = Telemetry()
    sources.watch_numbers(telemetry)
    return [values[0] for _, values in telemetry.numbers()[name]]


def number(sources: EventSources, name: str) -> float:
    """The sum over labels."""
    return sum(numbers(sources, name))


def until(true: Callable[[], Any], what: str = "") -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


def taken(shop: Shop) -> list[tuple[str | None, str | None]]:
    """The user and item of each event in the log, in its order."""
    events = [read_interaction(each.body) for each in shop.engine.log.read(0) if each.kind == "event"]
    return [(each.user, each.item) for each in events]


def letters(folder: Path) -> list[dict[str, Any]]:
    files = (folder / "data" / "sources").glob("dead-letters/*.jsonl")
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]
