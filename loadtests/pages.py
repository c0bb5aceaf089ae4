"""`python -m loadtests.pages`: what open pages of operators cost the data plane, in processor time of a hit.

One worker, asked for kept answers by wrk, in turn with no stream and with streams open as pages have them. All threads
of the worker are counted, those that make the views among them.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from loadtests import processes, world, wrk
from loadtests.server import Server

CONFIG = Path(__file__).with_name("roles.yaml")
PATH, USERS = "/recommend-items/shop/kept/u%05d", 200
MODELS = {"for-you": "aws-popularity-count"}
CONNECTIONS = 16
WARM_S = 2.0
MOST = 1.05  # times the cost without pages


@click.command(help=__doc__)
@click.option("--pages", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--topics", default="overview", show_default=True, help="The views that each page shows.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(1, 60), help="Of each part.")
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1, 50))
def main(pages: int, topics: str, seconds: float, rounds: int) -> None:
    console = Console(soft_wrap=True)
    core, load_core = processes.cores()
    without, with_pages = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        world.prepare(Path(folder) / "data", world.Size(5_000, 2_000), MODELS, console)
        server = Server(Path(folder) / "data", 1, core, CONFIG)
        server.start()
        try:
            wrk.drive(wrk.Load(server.port, PATH, USERS), WARM_S, load_core, CONNECTIONS)
            for _ in range(rounds):
                without.append(cost_us(server, seconds, load_core))
                with open_pages(server.port, pages, topics):
                    with_pages.append(cost_us(server, seconds, load_core))
                console.print(f"a hit: {without[-1]:.2f} µs, with {pages} pages open {with_pages[-1]:.2f} µs")
        finally:
            server.stop()
    one, other = min(without), min(with_pages)  # whatever else runs on the machine only adds
    console.print(f"a hit: {one:.2f} µs, with {pages} pages {other:.2f}: [bold]{other / one:.3f}[/bold] times")
    raise SystemExit(other > MOST * one)


def cost_us(server: Server, seconds: float, load_core: tuple[int]) -> float:
    """Microseconds of the worker's processor time for each answer."""
    time.sleep(1.0)
    before = processes.cpu_s(server.worker_pids())
    report = wrk.drive(wrk.Load(server.port, PATH, USERS), seconds, load_core, CONNECTIONS)
    if report.failed:
        raise RuntimeError(f"{report.failed} of {report.requests} requests failed")
    return (processes.cpu_s(server.worker_pids()) - before) * 1e6 / report.requests


@contextlib.contextmanager
def open_pages(port: int, count: int, topics: str) -> Iterator[None]:
    """Streams of these topics, read as they come."""
    head = f"GET /admin/stream?topics={topics} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
    streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    closing = threading.Event()
    reader = threading.Thread(target=read_on, args=(streams, closing))
    try:
        for each in streams:
            each.sendall(head.encode())
            if b" 200 " not in each.recv(65_536).partition(b"\r\n")[0]:
                raise RuntimeError("a stream is refused")
            each.setblocking(False)
        reader.start()
        yield
    finally:
        closing.set()
        if reader.is_alive():
            reader.join()
        for each in streams:
            each.close()


def read_on(streams: list[socket.socket], closing: threading.Event) -> None:
    while not closing.wait(0.2):
        for each in streams:
            with contextlib.suppress(BlockingIOError):
                each.recv(1 << 20)


if __name__ == "__main__":
    main()
