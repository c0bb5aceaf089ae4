"""`python -m loadtests.targets`: how much longer does POST /events take when there is a target beside the engine?

Two namespaces of one server, one with the engine's tracker alone, one with an HTTP target besides; events go to both
in turn, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests import client, world
from loadtests.client import Connection
from loadtests.server import free_port, serving

CONFIG = """
namespaces:
  alone: {{eventTargets: [{tracker}]}}
  both: {{eventTargets: [{tracker}, {{type: http, url: "http://127.0.0.1:{port}/", batchSize: 100}}]}}
"""
TRACKER = f"{{type: personalize-event-tracker, trackingId: {world.TRACKING_ID}}}"
NAMESPACES = ("alone", "both")
WARM = 50


class Sink:
    """Takes every POST."""

    def __init__(self) -> None:
        self.calls = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
                self.calls += 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        except (EOFError, OSError, asyncio.CancelledError):
            writer.close()


@click.command(help=__doc__)
@click.option(
    "--events",
    default=1_000,
    show_default=True,
    type=click.IntRange(10, 100_000),
    help="To each namespace, by all senders.",
)
@click.option("--senders", default=(1, 16), show_default=True, multiple=True, type=click.IntRange(1, 256))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
def main(events: int, senders: tuple[int, ...], workers: int) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        data, port = Path(folder), free_port()
        world.prepare(data, world.Size(50, 50), {}, console)
        config = data / "targets.yaml"
        config.write_text(CONFIG.format(tracker=TRACKER, port=port))
        with serving(data, workers, config=config) as server:
            rows, calls = asyncio.run(measure(server.port, port, events, senders))
    shown = Table("senders", "namespace", "median ms", "p95 ms", "p99 ms", box=SIMPLE)
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
    console.print(f"{calls} calls to the target")


async def measure(port: int, sink_port: int, events: int, senders: tuple[int, ...]) -> tuple[list[list[str]], int]:
    sink = Sink()
    listening = await asyncio.start_server(sink.answer, client.HOST, sink_port)
    rows: list[list[str]] = []
    for count in senders:
        each = max(10, events // count)
        took = await asyncio.gather(*(send(port, number, each) for number in range(count)))
        for name in NAMESPACES:
            milliseconds = [second * 1000 for one in took for second in one[name]]
            cuts = quantiles(milliseconds, n=100)
            rows.append([str(count), name, *(f"{cuts[place]:.2f}" for place in (49, 94, 98))])
    listening.close()
    return rows, sink.calls


async def send(port: int, number: int, events: int) -> dict[str, list[float]]:
    connection = await Connection.open(port)
    took: dict[str, list[float]] = {name: [] for name in NAMESPACES}
    for turn in range(events + WARM):
        for name in NAMESPACES if turn % 2 else reversed(NAMESPACES):
            began = time.perf_counter()
            answer = await connection.post(
                f"/events/{name}", client.event(world.user_name(number), world.item_name(turn % 50))
            )
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}: {answer.body!r}")
            if turn >= WARM:
                took[name].append(time.perf_counter() - began)
    connection.close()
    return took


if __name__ == "__main__":
    main()
