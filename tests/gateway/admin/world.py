"""A gateway over a whole engine, of two namespaces with a dataset group each, and its operators."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.engine.shop import Shop
from tests.gateway.asgi import asked

CONFIG = """
# the shop's configuration
version: "7"
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:  # what everybody sees first
          variations: {a: {type: engine, model: popular}, b: {type: engine, model: popular}}
          experiments:
            layout:
              method: builtin
              metrics: {click: {eventType: Click}}
              weights: {a: 1, b: 1}
        plain: {variations: {only: {type: engine, model: popular}}}
  other:
    recommenders:
      recommend-items: {home: {variations: {only: {type: engine, model: elsewhere}}}}
"""
KEYS = {"read": "reading", "operate": "operating", "tenant": "of-other", "tenant reader": "reads-other"}


def admin_of(keys: Mapping[str, str] = KEYS) -> str:
    digests = {name: sha256(key.encode()).hexdigest() for name, key in keys.items()}
    return f"""
admin:
  keys:
    - {{name: read, role: read, sha256: {digests["read"]}}}
    - {{name: operate, sha256: {digests["operate"]}}}
    - {{name: tenant, namespaces: [other], sha256: {digests["tenant"]}}}
    - {{name: tenant reader, role: read, namespaces: [other], sha256: {digests["tenant reader"]}}}
"""


class AdminWorld:
    """`ask` asks as a caller of this machine, unless it says another."""

    def __init__(self, folder: Path, config: str, shop: Shop | None = None, **options: Any) -> None:
        self.shop = shop or Shop(folder)
        self.file = folder / "shop.yaml"
        self.file.write_text(config)
        options = {"watched": str(self.file), "clock": time.time, **options}
        watched = AppOptions(environ={}, **options)
        self.app: Litestar = create_app(parse(config, str(self.file), {}), self.shop.engine, watched)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        peer: str = "127.0.0.1",
    ) -> httpx.Response:
        sent = {"Host": "localhost:8080", **(headers or {})}
        content = b"" if body is None else json.dumps(body).encode()
        return asyncio.run(asked(self.app, method, path, sent, content, peer))

    def get(self, path: str, key: str = "") -> httpx.Response:
        return self.ask("GET", path, headers={"X-Api-Key": KEYS[key]} if key else {})

    def post(self, path: str, body: Any = None, key: str = "", **headers: str) -> httpx.Response:
        return self.ask("POST", path, body, {**({"X-Api-Key": KEYS[key]} if key else {}), **headers})
