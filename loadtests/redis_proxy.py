"""`python -m loadtests.redis_proxy`: a Redis that lies, before an honest one, until told to stop.

It lets commands through and does something to a share of the replies; at its end it prints what it did, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter, deque
from collections.abc import Callable

import click

from loadtests.client import HOST

KEPT = 200  # replies that may come again
LONGEST_DELAY_S = 0.3
LINE = b"\r\n"
FAULTS = (
    "doubled",
    "held back",
    "another's",
    "an old one",
    "cut",
    "stopped",
    "delayed",
    "bit flipped",
    "bytes changed",
)


def whole(data: bytes, start: int = 0) -> int:
    """Where the reply that begins at `start` ends; -1 where more of it is to come."""
    end = data.find(LINE, start)
    if end < 0:
        return -1
    kind, after = data[start : start + 1], end + 2
    if kind not in b"$*%~>" or data[start + 1 : start + 2] == b"-":
        return after
    count = int(data[start + 1 : end])
    if kind == b"$":
        return after + count + 2 if len(data) >= after + count + 2 else -1
    for _ in range(2 * count if kind == b"%" else count):
        after = whole(data, after)
        if after < 0:
            return -1
    return after


class Liar:
    """What happens to the replies of all connections, with the chance `share` each."""

    def __init__(self, share: float, chance: random.Random) -> None:
        self.share, self.chance = share, chance
        self.done: Counter[str] = Counter()
        self._seen: deque[bytes] = deque(maxlen=KEPT)

    def fault(self) -> str:
        return self.chance.choice(FAULTS) if self.chance.random() < self.share else ""

    def changed(self, fault: str, reply: bytes) -> bytes:
        """The bytes that go out instead."""
        chance, seen = self.chance, self._seen
        place = chance.randrange(len(reply))
        if fault == "doubled":
            return reply + reply
        if fault in ("another's", "an old one") and seen:
            like = [each for each in seen if len(each) == len(reply) and each != reply] or list(seen)
            return chance.choice(like if fault == "another's" else list(seen))
        if fault == "bit flipped":
            return reply[:place] + bytes([reply[place] ^ 1 << chance.randrange(8)]) + reply[place + 1 :]
        if fault == "bytes changed":
            return reply[:place] + chance.randbytes(min(8, len(reply) - place)) + reply[place + 8 :]
        return reply[:place] if fault in ("cut", "stopped") else reply

    def saw(self, reply: bytes) -> None:
        if len(reply) > 100:
            self._seen.append(reply)


async def lie(liar: Liar, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection's replies, until it is cut."""
    held = data = b""
    while more := await reader.read(65536):
        data += more
        start, end = 0, whole(data)
        while end >= 0:
            reply, start = data[start:end], end
            end = whole(data, start)
            fault = liar.fault()
            liar.done[fault or "honest"] += 1
            if fault == "delayed":
                await asyncio.sleep(liar.chance.random() * LONGEST_DELAY_S)
            if fault == "held back" and not held:
                held = reply
                continue
            writer.write(liar.changed(fault, reply) + held)
            held = b""
            liar.saw(reply)
            if fault == "cut":
                return
        data = data[start:]
        await writer.drain()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while more := await reader.read(65536):
        writer.write(more)
        await writer.drain()


async def serve(port: int, redis_port: int, liar: Liar, until: asyncio.Event) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_connection(HOST, redis_port)
        ways = [
            asyncio.ensure_future(pass_on(reader, redis_writer)),
            asyncio.ensure_future(lie(liar, redis_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for each in (writer, redis_writer):
            each.close()

    server = await asyncio.start_server(one, HOST, port)
    await until.wait()
    server.close()


@click.command(help=__doc__)
@click.option("--port", required=True, type=int)
@click.option("--redis", "redis_port", required=True, type=int)
@click.option("--share", default=0.02, show_default=True, help="Of the replies that something happens to.")
@click.option("--seed", default=1, show_default=True)
def main(port: int, redis_port: int, share: float, seed: int) -> None:
    liar = Liar(share, random.Random(seed))

    async def run() -> None:
        until, loop = asyncio.Event(), asyncio.get_running_loop()
        stop: Callable[[], None] = until.set
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await serve(port, redis_port, liar, until)

    asyncio.run(run())
    print(json.dumps(liar.done), flush=True)


if __name__ == "__main__":
    main()
