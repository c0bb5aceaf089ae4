"""A partner's server that records what it is sent, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class RecordedRequest(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


PartnerAnswer = tuple[int, dict[str, str], Any]


class RecordingPartner:
    """`answer` says what a request gets; what is not 2xx is recorded among the `refused`."""

    def __init__(self) -> None:
        self.taken: list[RecordedRequest] = []
        self.refused: list[RecordedRequest] = []
        self.answer: Callable[[RecordedRequest], PartnerAnswer] = lambda request: (201, {}, {"message": "success"})
        self.url = ""

    def take(self, request: RecordedRequest) -> PartnerAnswer:
        answer = self.answer(request)
        (self.taken if 200 <= answer[0] < 300 else self.refused).append(request)
        return answer


@contextmanager
def recording_partner() -> Iterator[RecordingPartner]:
    partner = RecordingPartner()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answered(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = partner.take(RecordedRequest(self.command, self.path, headers, body))
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_DELETE = _answered  # noqa: N815 - as the library calls them

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        partner.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield partner
        server.shutdown()
