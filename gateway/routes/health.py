"""The API of operators: alive, ready, numbers, and the description of the API."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from functools import lru_cache
from importlib.resources import files

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.caller import Caller
from gateway.config.filter_checks import FilterChecks
from gateway.engine_port import EnginePort
from gateway.routes.openapi import described
from gateway.routes.readiness import OK, can_answer, checked
from gateway.routes.replies import READ, AnyRequest, Front, Sending
from gateway.telemetry import MetricsPage


def health_routes(
    front: Front, engine: EnginePort, threads: Executor, metrics: MetricsPage, filters: FilterChecks
) -> list[HTTPRouteHandler]:
    api = HealthApi(front, engine, threads, metrics, filters)
    works = {
        "health": api.health,
        "ready": api.ready,
        "metrics": api.metrics,
        "openapi.json": api.openapi,
        "docs": api.docs,
    }
    return [front.handler(READ, f"/{name}", name, work, guarded=False) for name, work in works.items()]


class HealthApi:
    def __init__(
        self, front: Front, engine: EnginePort, threads: Executor, metrics: MetricsPage, filters: FilterChecks
    ) -> None:
        self._front, self._engine, self._threads = front, engine, threads
        self._metrics, self._filters = metrics, filters
        self._pages: dict[str, bytes] = {}  # the last, by its configuration

    async def health(self, _: AnyRequest, __: Caller) -> Sending:
        return Sending(b'{"status":"ok"}')

    async def ready(self, _: AnyRequest, __: Caller) -> Sending:
        config, loop = self._front.gateway.config, asyncio.get_running_loop()
        checks = await loop.run_in_executor(self._threads, checked, self._engine, config)
        checks |= await loop.run_in_executor(self._threads, self._filters.report, config)
        ready = can_answer(checks)
        state: dict[str, object] = {"status": "ready" if ready else "not ready", "checks": checks}
        if degraded := [name for name, check in checks.items() if check != OK]:
            state["degraded"] = degraded
        return Sending(msgspec.json.encode(state), 200 if ready else 503)

    async def metrics(self, _: AnyRequest, __: Caller) -> Sending:
        self._front.hot_cache.counters.report_all()
        media_type, page = self._metrics.render()
        return Sending(page, media_type=media_type.encode())

    async def openapi(self, _: AnyRequest, __: Caller) -> Sending:
        config, pages = self._front.gateway.config, self._pages
        if config.fingerprint not in pages:  # it takes a while to make, which must hold up nobody
            page = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: msgspec.json.encode(described(config))
            )
            pages.clear()
            pages[config.fingerprint] = page
        return Sending(pages[config.fingerprint])

    async def docs(self, _: AnyRequest, __: Caller) -> Sending:
        return Sending(docs_page(), media_type=b"text/html; charset=utf-8")


@lru_cache(maxsize=1)
def docs_page() -> bytes:
    return files("gateway.routes").joinpath("docs.html").read_bytes()
