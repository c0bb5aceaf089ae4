"""`python -m loadtests.aws_wire`: what GetRecommendations costs, by the very bytes that boto3 sends, signed.

boto3 asks for each user's list once and is recorded; wrk then sends those requests again and again. recgate verifies
each signature and answers each with a recommendationId of its own. nginx before it answers the same requests from its
own cache, by path and body, and verifies nothing. One core serves and another asks; the contestants take turns. Prints
a row of Markdown for each: bytes of an answer, requests a second, processor time of a request, both ratios to nginx's.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import click
from botocore.config import Config
from rich.console import Console

from loadtests import processes, world, wrk
from loadtests.compressed import ratios
from loadtests.peers.caching_nginx import caching_nginx
from loadtests.server import Server

KEY, SECRET = "AKIDLOADTESTS0000000", "a-secret-of-the-load-tests"
CAMPAIGN = "arn:aws:personalize:us-east-1:000000000000:campaign/for-you"
CONFIG = """
cache: {{megabytes: 256}}
namespaces: {{}}
aws: {{accessKeys: [{{accessKeyId: {key}, secretAccessKey: {secret}, accountId: "000000000000"}}]}}
"""
SCRIPT = Path(__file__).parent / "peers" / "raw.lua"
WARMING = 8  # connections: more that all miss are refused some
ANSWER = b'{"itemList":[],"recommendationId":"RID-0"}'
KEPT_BY = "proxy_set_header Host $proxy_host; proxy_cache_methods POST; proxy_cache_key $uri$request_body;"


@dataclass
class WireContestant:
    name: str
    port: int
    pids: Sequence[int]
    rates: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)
    bytes: float = 0.0

    def play(self, recorded: Recorded, seconds: float, cores: Sequence[int], connections: int) -> None:
        load = wrk.Recording(self.port, SCRIPT, recorded.bytes, recorded.lengths)
        before = processes.cpu_s(self.pids)
        report = wrk.drive(load, seconds, cores, connections)
        if report.failed:
            raise RuntimeError(f"{self.name}: {report.failed} requests failed")
        self.microseconds.append((processes.cpu_s(self.pids) - before) / report.requests * 1e6)
        self.rates.append(report.rate)
        self.bytes = report.bytes / report.requests


@dataclass(frozen=True)
class Recorded:
    """The file of requests, one after another, and the file of their lengths."""

    bytes: Path
    lengths: Path


def record(port: int, users: int, folder: Path) -> Recorded:
    """What boto3 sends to that port, where nobody serves yet, for the list of each user."""
    requests: list[bytes] = []
    with listening(port, requests):
        client = boto3.client(
            "personalize-runtime",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )
        for number in range(users):
            client.get_recommendations(campaignArn=CAMPAIGN, userId=world.user_name(number), numResults=25)
        client.close()
    recorded = Recorded(folder / "requests", folder / "lengths")
    recorded.bytes.write_bytes(b"".join(requests))
    recorded.lengths.write_text("".join(f"{len(each)}\n" for each in requests))
    return recorded


@contextmanager
def listening(port: int, requests: list[bytes]) -> Iterator[None]:
    """A server of one connection at a time that notes each request and answers with an empty list."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while request := whole(connection):
                    requests.append(request)
                    connection.sendall(head + ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join()


def whole(connection: socket.socket) -> bytes:
    """The next request, whose body has a length; empty at the connection's end."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
        head, end, body = received.partition(b"\r\n\r\n")
        lines = (line.lower().partition(b":") for line in head.split(b"\r\n"))
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        if end and len(body) >= length:
            return received
    return b""


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 10))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1, 10), help="Of each turn.")
@click.option("--users", default=1_000, show_default=True, type=click.IntRange(10, 10_000))
@click.option("--connections", default=wrk.CONNECTIONS, show_default=True, type=click.IntRange(1, 1000))
@click.option("--recipe", default=world.QUICK, show_default=True, help="What computes recgate's answers.")
def main(rounds: int, seconds: float, users: int, connections: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    mine, other = processes.cores()
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        folder = Path(place)
        world.prepare(folder / "data", world.Size(), {"for-you": recipe}, console)
        (folder / "shop.yaml").write_text(CONFIG.format(key=KEY, secret=SECRET))
        server = Server(folder / "data", 1, mine, folder / "shop.yaml")
        recorded = record(server.port, users, folder)
        server.start()
        running.callback(server.stop)
        port, pids = running.enter_context(caching_nginx(folder / "nginx", server.port, KEPT_BY, mine))
        contestants = [
            WireContestant("recgate", server.port, server.worker_pids()),
            WireContestant("nginx", port, pids),
        ]
        for each in contestants:
            for count in (WARMING, WARMING, connections):
                each.play(recorded, seconds, other, count)
            each.rates.clear()
            each.microseconds.clear()
        for _ in range(rounds):
            for each in contestants:
                each.play(recorded, seconds, other, connections)
        for each in contestants:
            console.print(row_of(each, contestants[-1]), markup=False)


def row_of(each: WireContestant, base: WireContestant) -> str:
    rates, times = ratios(each.rates, base.rates), ratios(each.microseconds, base.microseconds)
    numbers = f"{statistics.median(each.rates):,.0f} | {statistics.median(each.microseconds):.1f}"
    return f"| {each.name} | {each.bytes:,.0f} | {numbers} | {rates} | {times} |"


if __name__ == "__main__":
    main()
