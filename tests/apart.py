"""With RECGATE_TEST_STATE=apart, a gateway without an engine before each server that a test asks. With `apart,shared`
one of processes has the engine's configuration and database, and keeps answers.

Its numbers, its health and its readiness are its own: a test of an engine's asks the server `behind` it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.config import parse
from gateway.forwarding.app import ForwardingApp
from gateway.forwarding.engines import Engines
from gateway.forwarding.held_answers import HeldAnswers
from gateway.hot import HitCounters
from gateway.outbound.transport import Transport
from gateway.telemetry import MetricsPage, telemetry_of
from tests.server.world import Server, running

OWN = ("/health", "/ready", "/metrics")
_BEHIND: dict[str, str] = {}  # engines, by their gateways


def is_apart() -> bool:
    return "apart" in os.environ.get("RECGATE_TEST_STATE", "").split(",")


def role() -> dict[str, str]:
    """The part of an engine's environment that says what it is."""
    return {"RECGATE_ROLE": "engine"} if is_apart() else {}


def behind(url: str) -> str:
    """The server that has the engine: the one of this URL, or the one that it asks."""
    return _BEHIND.get(url, url)


def let_in(document: str) -> str:
    """A configuration that takes a gateway for a proxy on this machine, and answers unsigned callers behind it."""
    read = msgspec.yaml.decode(document) if is_apart() else {}
    if not is_apart() or "accessKeys" in read.get("aws", {}):
        return document
    read.setdefault("trustedProxies", ["127.0.0.1"])
    read.setdefault("aws", {}).setdefault("unsignedCallers", "anyone")
    return msgspec.yaml.encode(read).decode()


def url_of(base: str, path: str) -> str:
    """The URL of a path of the server that tests ask at `base`."""
    return f"{behind(base) if path in OWN else base}{path}"


@contextmanager
def asked_through_gateway(engine: Server) -> Iterator[str]:
    """The URL by which tests ask a server of processes."""
    if not is_apart():
        yield engine.url
        return
    folder = engine.data / "gateway"
    folder.mkdir()
    environ = {**engine.environ, "RECGATE_ROLE": "gateway", "RECGATE_ENGINES": engine.url}
    with running(Server(folder, engine.config, workers=1, environ=environ)) as gateway:
        _BEHIND[gateway.url] = engine.url
        yield gateway.url


@contextmanager
def served_apart(url: str, serve: Callable[[Any], Any]) -> Iterator[str]:
    """The URL by which tests ask a server in their own process; `serve` serves an app."""
    if not is_apart():
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        telemetry = telemetry_of({})
        metrics = MetricsPage(Path(folder), "gateway", telemetry)
        held = HeldAnswers(parse("namespaces: {}"), HitCounters(telemetry, None), None)
        app = ForwardingApp(Engines([url], time.monotonic), Transport(), telemetry, metrics, held)
        with serve(app) as gateway:
            _BEHIND[gateway] = url
            yield gateway
