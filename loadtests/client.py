"""HTTP/1.1 over one connection: all that measuring needs, at a small part of a client library's processor time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import NamedTuple

HOST = "127.0.0.1"
PATIENCE_S = 10.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # lower-cased names
    body: bytes

    def items(self) -> list[str]:
        return [item["itemId"] for item in json.loads(self.body)["itemList"]]


class Connection:
    """Every failure, a late answer included, is a `ConnectionError`; the connection is of no use after one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience_s: float) -> None:
        self._reader, self._writer, self._patience_s = reader, writer, patience_s
        self.port: int = writer.get_extra_info("sockname")[1]

    @classmethod
    async def open(cls, port: int, patience_s: float = PATIENCE_S) -> Connection:
        """`patience_s`: for each answer."""
        return cls(*await asyncio.open_connection(HOST, port), patience_s)

    @property
    def is_open(self) -> bool:
        return not (self._reader.at_eof() or self._writer.is_closing())

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        return await self._ask(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{more}\r\n".encode())

    async def post(self, path: str, body: object) -> Answer:
        told = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        return await self._ask(f"{head}content-length: {len(told)}\r\n\r\n".encode() + told)

    def close(self) -> None:
        self._writer.close()

    async def _ask(self, request: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._patience_s):
                self._writer.write(request)
                return await self._read()
        except (EOFError, OSError) as error:  # a timeout is an OSError too
            self.close()
            raise ConnectionError(f"no answer: {error!r}") from error

    async def _read(self) -> Answer:
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)


async def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Over a connection of its own."""
    connection = await Connection.open(port)
    try:
        return await connection.get(path, headers)
    finally:
        connection.close()


def listens(port: int) -> bool:
    """True where somebody takes connections."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


async def post(port: int, path: str, body: object) -> Answer:
    connection = await Connection.open(port)
    try:
        return await connection.post(path, body)
    finally:
        connection.close()


def event(user: str, item: str, **more: object) -> dict[str, object]:
    """The body of POST /events with one event."""
    return {"sessionId": f"s-{user}", "userId": user, "eventList": [{"eventType": "view", "itemId": item, **more}]}
