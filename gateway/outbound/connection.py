"""One HTTP/1.1 connection: a request out, an answer in, parsed by httptools as its bytes arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import httpx

from gateway.outbound.message import LARGEST_ANSWER, OutboundResponse, PreparedRequest, ResponseTooLarge, parse_headers

LARGEST_HEAD = 100 * 1024  # as h11 has it
SILENT = "Server disconnected without sending a response."
FRAMED = frozenset({b"content-length", b"transfer-encoding"})


class Stale(httpx.RemoteProtocolError):
    """The origin had closed a connection that it had kept: `unsent` where not a byte of the request has left."""

    def __init__(self, *, unsent: bool) -> None:
        super().__init__(SILENT)
        self.unsent = unsent


class Connection(asyncio.Protocol):
    """A connection to an origin, free again when an answer is whole. `free` and `gone` tell its pool."""

    def __init__(self, free: Callable[[Connection], None], gone: Callable[[Connection], None]) -> None:
        self._free, self._gone = free, gone
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[OutboundResponse] | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._used = False
        self._reset(False)

    def _reset(self, head_only: bool) -> None:
        self._head = b""
        self._body: list[bytes] = []
        self._status = self._head_size = self._size = 0
        self._complete = self._keep_alive = self._head_done = self._excess = False
        self._head_only = head_only

    # ---- asking

    def ask(self, request: PreparedRequest) -> asyncio.Future[OutboundResponse]:
        """The answer to come. It fails with an `httpx.TransportError` or `ResponseTooLarge`."""
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._fail(Stale(unsent=True) if self._used else _read_error(None, SILENT))
            return waiting
        self._reset(request.head_only)
        self._transport.write(request.data)
        return waiting

    def give_up(self, waiting: asyncio.Future[OutboundResponse]) -> None:
        """Close: nobody waits any more, and an answer that still came would be taken for the next one's."""
        if waiting.done() and not waiting.cancelled():
            waiting.exception()  # looked at: nobody else will
        if self._waiting is waiting:
            self._waiting = None
            self.close()

    def expire(self, waiting: asyncio.Future[OutboundResponse]) -> None:
        if self._waiting is waiting:
            self._fail(httpx.ReadTimeout("the origin is too slow"))

    @property
    def lost(self) -> bool:
        return self._transport is None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # ---- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.close()  # nobody has asked
            return
        if not self._head_done:
            self._head = self._head + data if self._head else data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("the origin changes the protocol"))
            return
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(str(error)))
            return
        if self._size > LARGEST_ANSWER:
            self._fail(ResponseTooLarge())
        elif self._complete:
            self._finish()
        elif not self._head_done:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                self._fail(httpx.RemoteProtocolError(f"the answer's head has more than {LARGEST_HEAD} bytes"))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._parser = None  # they hold each other
        waiting = self._waiting
        if waiting is not None and not waiting.done():
            fields = {name.lower() for name, _ in parse_headers(self._head)}
            if self._head_done and error is None and not fields & FRAMED:
                self._finish()  # this body ends with its connection
            else:
                self._fail(self._lost_error(error))
        self._gone(self)

    def _lost_error(self, error: Exception | None) -> Exception:
        if not self._head_size and not self._head_done:
            return Stale(unsent=False) if self._used else _read_error(error, SILENT)
        return _read_error(error, "The connection was closed before the answer was whole.")

    # ---- called by the parser

    def on_message_begin(self) -> None:
        self._excess = self._complete

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        self._status = self._parser.get_status_code()
        self._head_done = self._status >= 200
        if self._head_only:
            self.on_message_complete()

    def on_body(self, body: bytes) -> None:
        if self._complete:
            self._excess = True
            return
        self._size += len(body)
        if self._size <= LARGEST_ANSWER:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._head_done and not self._complete:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()

    # ---- the end

    def _finish(self) -> None:
        waiting, self._waiting = self._waiting, None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        response = OutboundResponse(self._status, body, self._head)
        self._used = True
        transport = self._transport
        if transport is not None:
            if not self._keep_alive or self._excess or transport.is_closing() or transport.get_write_buffer_size():
                transport.abort()
            else:
                if self._head_only:  # the parser waits for the body that the head tells of
                    self._parser = httptools.HttpResponseParser(self)
                self._free(self)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


def _read_error(error: Exception | None, otherwise: str) -> httpx.TransportError:
    if error is None:
        return httpx.RemoteProtocolError(otherwise)
    return httpx.ReadError(str(error) or type(error).__name__)
