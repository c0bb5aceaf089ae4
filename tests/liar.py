"""A server that greets as Redis does, and answers each further command as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Event, Thread

import hiredis

Answer = Callable[[Sequence[bytes]], bytes]
GREETING = (b"CLIENT", b"SELECT", b"HELLO", b"AUTH")


def bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)


def array(*values: bytes | None) -> bytes:
    return b"*%d\r\n%b" % (len(values), b"".join(map(bulk, values)))


@asynccontextmanager
async def liar(answer: Answer) -> AsyncIterator[str]:
    """Its URL."""
    writers: list[asyncio.StreamWriter] = []
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        commands = hiredis.Reader()
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                commands.feed(data)
                while (command := commands.gets()) is not False:
                    writer.write(b"+OK\r\n" if command[0] in GREETING else answer(command))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0?protocol=2"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()
        await asyncio.gather(*serving)


@contextmanager
def lying(answer: Answer) -> Iterator[str]:
    """The same, in a thread of its own."""
    ready, stop = Future[str](), Event()

    async def serve() -> None:
        async with liar(answer) as url:
            ready.set_result(url)
            await asyncio.to_thread(stop.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield ready.result(10)
    finally:
        stop.set()
        thread.join()
