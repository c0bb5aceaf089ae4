"""A server that answers with the very bytes that a test gives it, in the test's own loop; and certificates for it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[["Caller"], Awaitable[None]]


@dataclass
class Caller:
    """One request on one connection: `number` counts the connections, `turn` the requests on it."""

    number: int
    turn: int
    head: str
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)


@dataclass
class Wire:
    port: int = 0
    scheme: str = "http"
    asked: list[Caller] = field(default_factory=list)
    connections: int = 0
    left: int = 0  # connections that have ended

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def wire(answer: Answer | bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """`answer` is called for every request until it closes the connection; bytes: the answer to all."""
    found = Wire(scheme="http" if context is None else "https")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        number, turn = found.connections, 0
        with contextlib.suppress(EOFError, OSError, asyncio.CancelledError):
            while not writer.is_closing():
                turn += 1
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                size = head.lower().partition("content-length:")[2].split()
                body = await reader.readexactly(int(size[0])) if size else b""
                caller = Caller(number, turn, head, body, reader, writer)
                found.asked.append(caller)
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(caller)
        found.left += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, limit=2**20)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In the loop that a worker runs in."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def plain(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n%s\r\n%s" % (status, len(body), more, body)


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's, that trust one self-made authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signed = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "all.pem").write_bytes(signed + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "all.pem")
    return server, ssl.create_default_context(cadata=signed.decode())
