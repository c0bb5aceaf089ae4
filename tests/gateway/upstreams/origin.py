"""A small origin over HTTP that answers, and misbehaves, as a test tells it; it checks AWS signatures for real."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from gateway.aws.canonical import RawRequest, pairs_of
from gateway.aws.sigv4 import check_signature, check_time, claim_of, payload_of

KEYS = {"AKIDEXAMPLE": "secret"}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    region: str = ""  # of a valid signature

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """`behave` gets the connection instead of a reply."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    behave: Callable[[socket.socket], None] | None = None


def items(*names: str) -> Reply:
    return Reply({"itemList": [{"itemId": name, "score": 0.5} for name in names], "recommendationId": "RID-1"})


def raw(text: bytes) -> Reply:
    def send(connection: socket.socket) -> None:
        connection.sendall(text)

    return Reply(behave=send)


def hang(seconds: float = 3.0) -> Reply:
    return Reply(behave=lambda _: time.sleep(seconds))


TRUNCATED = raw(b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"itemList": [')
GARBAGE = raw(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
CLOSED = raw(b"")


class Origin:
    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.replies: list[Reply] = [items("a", "b", "c")]  # the last one stays
        self.by: Callable[[Asked], Reply] | None = None  # instead of these

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.by is not None:
            return self.by(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def signed(sent: RawRequest) -> str:
    """The region that a request was signed for, by any service of AWS."""
    query = pairs_of(sent.query)
    claim = claim_of(sent, query)
    check_time(claim, time.time())
    check_signature(sent, query, claim, KEYS[claim.key], payload_of(sent))
    return claim.region


@contextlib.contextmanager
def small_origin() -> Iterator[Origin]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            region = ""
            if "authorization" in headers and headers["authorization"].startswith("AWS4"):
                region = signed(RawRequest(self.command, path, query, headers, body))
            asked = Asked(self.command, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body, region)
            self.answer(origin.reply(asked))

        def do_POST(self) -> None:
            self.do_GET()

        def answer(self, reply: Reply) -> None:
            if reply.behave is not None:
                with contextlib.suppress(OSError):
                    reply.behave(self.connection)
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    origin = Origin(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()
