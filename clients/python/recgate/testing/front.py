"""The address that a test's clients know: it answers what is declared, fails where it is to, and hands on the rest."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

from recgate.testing.calls import Call, call_of
from recgate.testing.declared import DeclaredAnswer, asked_by, body_of
from recgate.testing.failures import ERRORS, RESET, TIMEOUT, Failure

PER_CONNECTION = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length"))
ANSWER_S = 60.0


class Script:
    """What a test has declared, and the calls that came. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: list[DeclaredAnswer] = []
        self._failures: list[Failure] = []
        self._calls: list[Call] = []

    def add_answer(self, answer: DeclaredAnswer) -> None:
        with self._lock:
            self._answers.insert(0, answer)  # the newest first

    def add_failure(self, failure: Failure) -> None:
        with self._lock:
            self._failures.append(failure)

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()
            self._failures.clear()
            self._calls.clear()

    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def note(self, call: Call) -> Failure | None:
        """Remembers the call; the failure that it meets, if any."""
        with self._lock:
            self._calls.append(call)
            failure = next((each for each in self._failures if each.fits(call.operation)), None)
            if failure is not None:
                failure.use()
            return failure

    def answer(self, call: Call) -> DeclaredAnswer | None:
        """The declared answer to the call: that of a user and an item goes before one of any."""
        asked = asked_by(call)
        with self._lock:
            fitting = [] if asked is None else [each for each in self._answers if each.fits(asked)]
        narrowness = [(each.user is not None) + (each.item is not None) for each in fitting]
        return fitting[narrowness.index(max(narrowness))] if fitting else None


class Front(ThreadingHTTPServer):
    """`origin` is the server's port on this machine."""

    daemon_threads = True

    def __init__(self, script: Script, origin: int) -> None:
        super().__init__(("127.0.0.1", 0), FrontHandler)
        self.script, self.origin = script, origin
        self.ending = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="recgate-testing", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error of the test."""


class FrontHandler(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = call_of(self.command, self.path, self.headers.get("X-Amz-Target", ""), body)
        failure = self.server.script.note(call)
        if failure is not None:
            self._fail(call, failure)
        elif (declared := self.server.script.answer(call)) is not None:
            self._send(call, 200, (), json.dumps(body_of(call, declared.items)).encode())
        else:
            self._hand_on(call, body)

    def _fail(self, call: Call, failure: Failure) -> None:
        if failure.error in (TIMEOUT, RESET):
            if failure.error == TIMEOUT:
                self.server.ending.wait(failure.seconds)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        fault = {"__type": failure.error, "message": f"{failure.error} on demand of a test"}
        self._send(call, ERRORS[failure.error], [("x-amzn-ErrorType", failure.error)], json.dumps(fault).encode())

    def _hand_on(self, call: Call, body: bytes) -> None:
        connection = HTTPConnection("127.0.0.1", self.server.origin, timeout=ANSWER_S)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in PER_CONNECTION}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            passed = [(name, value) for name, value in answer.getheaders() if name.lower() not in PER_CONNECTION]
            self._send(call, answer.status, passed, answer.read())
        finally:
            connection.close()

    def _send(self, call: Call, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        call.status = status
        sent = dict(headers)
        sent.setdefault("Content-Type", "application/json")
        sent.setdefault("x-amzn-RequestId", str(uuid4()))
        self.send_response_only(status)
        for name, value in sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        return


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
    setattr(FrontHandler, f"do_{_method}", FrontHandler.take)


def wait_for(port: int, seconds: float) -> bool:
    """Whether the server on this port is ready within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.005)
    return False
