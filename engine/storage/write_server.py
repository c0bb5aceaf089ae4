"""The write server does the writes that other processes of its machine hand over, in a process that always runs.

It listens at a socket in the data directory, `run/writer-….sock`. A message is its length and then itself; nothing of
it is begun before all of it is there, so whoever stops in the middle of one holds up nobody.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import WriterGone
from engine.storage.writes import perform_call

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

PATTERN = "writer-*.sock"
GREETING = b"recgate"
GREETING_S = 5.0  # after which a writer that does not greet a command counts as gone: its server is stopped
START_S = 60.0  # the same for a job process, which has no other
LONGEST_ADDRESS = 100  # bytes; the kernel takes 107
_length = struct.Struct("!Q")


def sockets_of(data_dir: Path) -> Path:
    return data_dir / "run"


class WriteServer:
    """Listens from `start` on, in threads of its own. `name`: one that no other server of the directory has."""

    def __init__(self, data_dir: Path, name: str) -> None:
        self.path = sockets_of(data_dir) / f"writer-{name}.sock"
        self._socket = socket.socket(socket.AF_UNIX)

    def start(self, engine: Engine) -> None:
        """Raises `OSError` where the data directory's file system has no sockets."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _address(self.path) as address:
            self._socket.bind(address)
        self.path.chmod(0o600)
        self._socket.listen(64)
        threading.Thread(target=self._accept, args=(engine,), name="writer", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _accept(self, engine: Engine) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(engine, peer), name="writer-peer", daemon=True).start()

    def _serve(self, engine: Engine, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.sendall(GREETING)
            while (call := _received(peer)) is not None:
                _send(peer, perform_call(engine, call))


class WriterConnection:
    """A connection to one write server; safe to use from several threads."""

    def __init__(self, path: Path, patience_s: float = GREETING_S) -> None:
        """Raises `OSError` where nobody greets there in time."""
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(patience_s)
            with _address(path) as address:
                self._socket.connect(address)
            if _exactly(self._socket, len(GREETING)) != GREETING:
                raise ConnectionRefusedError
            self._socket.settimeout(None)
        except OSError:
            self._socket.close()
            raise

    def exchange(self, call: bytes) -> bytes:
        """Raises `WriterGone`."""
        with self._lock:
            try:
                _send(self._socket, call)
                outcome = _received(self._socket)
            except OSError:
                outcome = None
        if outcome is None:
            raise WriterGone(
                "the server that writes for this process has ended; whether its last write was done is open"
            )
        return outcome

    def close(self) -> None:
        self._socket.close()


class JobForwarder(WriterConnection):
    """Forwards the writes of a job process to its server, and to nobody else. Without it the process is of no use."""

    def __init__(self, path: Path, gone: Callable[[], None]) -> None:
        """`gone` is called where there is no server any more. Raises `OSError` where there is none now."""
        super().__init__(path, START_S)
        self._gone = gone

    def exchange(self, call: bytes) -> bytes:
        try:
            return super().exchange(call)
        except WriterGone:
            self._gone()
            raise


class CommandForwarder:
    """Forwards the writes of a command to whatever server runs on the data directory, to none where none does."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = sockets_of(data_dir)
        self._connection: WriterConnection | None = None
        self._lock = threading.Lock()

    def exchange(self, call: bytes) -> bytes | None:
        connection = self.connection()
        if connection is None:
            return None
        try:
            return connection.exchange(call)
        except WriterGone:
            with self._lock:
                self._connection = None
            raise

    def connection(self) -> WriterConnection | None:
        with self._lock:
            if self._connection is None:
                self._connection = next(self._greeted(), None)
            return self._connection

    def _greeted(self) -> Iterator[WriterConnection]:
        for path in self._folder.glob(PATTERN):
            try:
                yield WriterConnection(path)
            except ConnectionRefusedError:  # of a server that was killed
                path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("the server at %s does not take this command's writes: %s", path, error)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The address of a socket that may lie deeper than an address can say."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _send(peer: socket.socket, message: bytes) -> None:
    peer.sendall(_length.pack(len(message)) + message)


def _received(peer: socket.socket) -> bytes | None:
    """A whole message; None where the other side has ended."""
    head = _exactly(peer, _length.size)
    return None if head is None else _exactly(peer, _length.unpack(head)[0])


def _exactly(peer: socket.socket, size: int) -> bytes | None:
    body = bytearray()
    while len(body) < size:
        piece = peer.recv(min(size - len(body), 1 << 20))
        if not piece:
            return None
        body += piece
    return bytes(body)
