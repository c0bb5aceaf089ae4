"""A small OpenID Connect issuer over HTTP: its discovery document, its keys, and the tokens it signs."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey


@cache
def first_key() -> Key:
    """Made once: a key of RSA takes a tenth of a second."""
    return RSAKey.generate_key(2048, {"kid": "first"})


class SmallIssuer:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.claimed = self.url  # what its discovery document calls itself
        self.keys: list[Key] = [first_key()]
        self.fetched = 0
        self.broken = False

    def rotate(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": f"key-{self.fetched}"})]

    def token(self, claims: dict[str, Any], key: Key | None = None, **header: str) -> str:
        key = key or self.keys[-1]
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        return jwt.encode({"alg": algorithm, "kid": key.kid or "", **header}, {"iss": self.url, **claims}, key)

    def page(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.claimed, "jwks_uri": f"{self.url}/keys"}
        self.fetched += 1
        return KeySet(self.keys).as_dict(private=False)


@contextlib.contextmanager
def small_issuer() -> Iterator[SmallIssuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"oops" if issuer.broken else json.dumps(issuer.page(self.path)).encode()
            self.send_response(500 if issuer.broken else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = SmallIssuer(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
