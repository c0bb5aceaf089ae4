"""The API of operators: alive, ready, numbers, and the description of the API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import lru_cache
from importlib.resources import files

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import EngineError, InvalidInput, NotFound
from gateway.caller import Caller
from gateway.config import Config
from gateway.config.filter_checks import FilterChecks
from gateway.engine_port import EnginePort
from gateway.routes.openapi import described
from gateway.routes.replies import READ, AnyRequest, Front, Sending
from gateway.telemetry import MetricsPage

OK = "ok"
MODEL = "model "
MISSING = "missing: no campaign or recommender of this name is deployed yet; requests for it are answered with 404"
BROKEN = "can't be loaded: the server's log says why; restore its files, or train again"
LATE = "an earlier model answers: the newer one is yet to come from the storage; the server's log says what keeps it"
PENDING = re.compile(r"is not ACTIVE, it is in ([A-Z_ ]+) state")


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


def checked(engine: EnginePort, config: Config) -> dict[str, str]:
    """Each thing that an answer needs, and what is wrong with it: in words of its own, since what the engine says may
    name files, hosts and users, and anyone may ask."""
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    models = {each.model for plan in plans for each in plan.variations if each.model and not each.origin}
    return {
        "configuration": OK,  # a process without one does not start
        "database": _database(engine),
        **{f"{MODEL}{name}": _model(engine, name) for name in sorted(models)},
    }


def can_answer(checks: Mapping[str, str]) -> bool:
    """Requests should come here: not without a database, nor where models are there and none can be loaded. One that is
    yet to be trained, or is the only one broken, keeps nobody else from being served."""
    models = [check for name, check in checks.items() if name.startswith(MODEL)]
    return checks["database"] == OK and (BROKEN not in models or OK in models or LATE in models)


def _database(engine: EnginePort) -> str:
    try:
        engine.check()
    except EngineError:
        return "the database does not answer"
    return OK


def _model(engine: EnginePort, name: str) -> str:
    try:
        engine.answers.deployed(name)
        return LATE if engine.answers.is_late(name) else OK
    except NotFound as error:
        pending = PENDING.search(error.message)
        return f"not ready: it is in {pending[1]} state" if pending else MISSING
    except InvalidInput:
        return "stopped: start the recommender"
    except EngineError:
        return BROKEN


@lru_cache(maxsize=1)
def docs_page() -> bytes:
    return files("gateway.routes").joinpath("docs.html").read_bytes()
