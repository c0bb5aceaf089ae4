"""`python -m loadtests.event_sources`: events out of a topic, and answers meanwhile.

A topic of librdkafka's own cluster is filled, then a server begins to read it. Prints events per second, what an event
costs the process that reads, and how long a list takes meanwhile. With `RECGATE_DATABASE_URL` the log is PostgreSQL's.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from confluent_kafka import Producer
from rich.console import Console

from loadtests import client, processes, world
from loadtests.events import CONFIG, ITEMS
from loadtests.flood import quantile
from loadtests.server import Server, serving

TOPIC = "clicks"
PAUSE_S = 0.02  # between two lists that are asked for
WAITING = 100_000  # messages of the producer's queue


@click.command(help=__doc__)
@click.option("--messages", default=50_000, show_default=True, type=click.IntRange(100, 10_000_000))
@click.option("--batch", default=1, show_default=True, type=click.IntRange(1, 100), help="Events of one message.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
@click.option("--users", default=10_000, show_default=True, type=click.IntRange(100, 50_000))
def main(messages: int, batch: int, workers: int, users: int) -> None:
    console = Console(soft_wrap=True)
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored", "log_level": 0})
    brokers = ",".join(f"{each.host}:{each.port}" for each in cluster.list_topics(timeout=10).brokers.values())
    fill(brokers, bodies(messages, batch, users))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world.prepare(folder, world.Size(ITEMS, users), {"for-you": world.QUICK}, console)
        with serving(folder, workers, config=reading(folder, brokers)) as server:
            tell(console, *asyncio.run(watched(server, messages, users)), messages * batch)


def reading(folder: Path, brokers: str) -> Path:
    """The configuration of a server that reads the topic."""
    path = folder / "sources.yaml"
    source = f"{{type: kafka, bootstrapServers: '{brokers}', topic: {TOPIC}, groupId: loadtests}}"
    path.write_text(f"{CONFIG.read_text()}\n    eventSources: [{source}]\n")
    return path


def bodies(messages: int, batch: int, users: int) -> Iterator[tuple[str, bytes]]:
    for number in range(messages):
        user, first = world.user_name(number % users), 1_700_000_000 + number
        items = [world.item_name((number * 7 + k * 13) % ITEMS) for k in range(batch)]
        events = [{"eventType": "view", "itemId": item, "sentAt": first} for item in items]
        yield user, json.dumps({"sessionId": f"s-{user}", "userId": user, "eventList": events}).encode()


def fill(brokers: str, messages: Iterator[tuple[str, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": brokers, "queue.buffering.max.messages": WAITING, "log_level": 0})
    for number, (key, body) in enumerate(messages, 1):
        producer.produce(TOPIC, body, key)
        if number % (WAITING // 2) == 0:
            producer.flush()
    producer.flush()


async def watched(server: Server, messages: int, users: int) -> tuple[float, float, list[float]]:
    """From the first message taken to the last: seconds, processor time of the reader, and how long lists took, ms."""
    reader = [pid for pid in server.family() if processes.name(pid) == "sources"]
    while not await taken(server):
        await asyncio.sleep(PAUSE_S)
    began, spent, waits = time.perf_counter(), processes.cpu_s(reader), list[float]()
    while await taken(server) < messages:
        for _ in range(10):
            asked, user = time.perf_counter(), world.user_name(len(waits) % users)
            await client.get(server.port, f"/recommend-items/shop/for-you/{user}")
            waits.append((time.perf_counter() - asked) * 1e3)
            await asyncio.sleep(PAUSE_S)
    return time.perf_counter() - began, processes.cpu_s(reader) - spent, sorted(waits)


async def taken(server: Server) -> float:
    """Messages so far."""
    page = (await client.get(server.port, "/metrics")).body.decode()
    rows = [line for line in page.splitlines() if line.startswith("recgate_source_messages_total{")]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


def tell(console: Console, seconds: float, spent_s: float, waits: list[float], events: int) -> None:
    console.print(f"[bold]{events / seconds:,.0f} events/s[/bold] out of the topic, ", end="")
    console.print(f"{spent_s / events * 1e6:.1f} µs of processor time each; lists meanwhile: ", end="")
    console.print(f"p50 {quantile(waits, 0.5):.1f} ms, p99 {quantile(waits, 0.99):.1f} ms")


if __name__ == "__main__":
    main()
