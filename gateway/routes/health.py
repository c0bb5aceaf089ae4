"""For operators: alive, ready, numbers, and the description of the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import lru_cache, partial
from importlib.resources import files

import msgspec
from litestar import route
from litestar.handlers import HTTPRouteHandler

from engine import Engine, EngineError, NotFound
from gateway.caller import Caller
from gateway.config import Config
from gateway.routes.openapi import described
from gateway.routes.recommend import READ
from gateway.routes.replies import AnyRequest, Front, Sending, Sent, Work
from gateway.telemetry import Shelf

OK = "ok"


def health_routes(front: Front, engine: Engine, threads: Executor, shelf: Shelf) -> list[HTTPRouteHandler]:
    def at(path: str, work: Work) -> HTTPRouteHandler:
        @route(path, http_method=READ)
        async def handler(request: AnyRequest) -> Sent:
            return await front.answer(path.strip("/"), request, work)

        return handler

    pages: dict[str, bytes] = {}

    async def health(_: AnyRequest, __: Caller) -> Sending:
        return Sending(b'{"status":"ok"}')

    async def ready(_: AnyRequest, __: Caller) -> Sending:
        checks = await asyncio.get_running_loop().run_in_executor(threads, checked, engine, front.gateway.config)
        ready = all(found == OK for found in checks.values())
        body = msgspec.json.encode({"status": "ready" if ready else "not ready", "checks": checks})
        return Sending(body, 200 if ready else 503)

    async def metrics(_: AnyRequest, __: Caller) -> Sending:
        front.memos.settle()
        media_type, page = shelf.page()
        return Sending(page, media_type=media_type.encode())

    async def openapi(_: AnyRequest, __: Caller) -> Sending:
        config = front.gateway.config
        if config.fingerprint not in pages:  # it takes a while to make, which must hold up nobody
            page = await asyncio.get_running_loop().run_in_executor(threads, openapi_page, config)
            pages.clear()
            pages[config.fingerprint] = page
        return Sending(pages[config.fingerprint])

    async def docs(_: AnyRequest, __: Caller) -> Sending:
        return Sending(docs_page(), media_type=b"text/html; charset=utf-8")

    works = {"health": health, "ready": ready, "metrics": metrics, "openapi.json": openapi, "docs": docs}
    return [at(f"/{name}", work) for name, work in works.items()]


def openapi_page(config: Config) -> bytes:
    return msgspec.json.encode(described(config))


def checked(engine: Engine, config: Config) -> dict[str, str]:
    """Each thing that an answer needs, and what is wrong with it."""
    return {
        "configuration": OK,  # a process without one does not start
        "database": _fault(engine.check),
        **{f"model {model}": _fault(partial(engine.deployed, model)) for model in sorted(_models(config))},
    }


def _fault(check: Callable[[], object]) -> str:
    try:
        check()
    except NotFound:
        return OK  # a campaign that is yet to be made keeps nobody else from being served
    except EngineError as error:
        return error.message
    return OK


def _models(config: Config) -> set[str]:
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    return {
        variation.model for plan in plans for variation in plan.variations if variation.model and not variation.origin
    }


@lru_cache(maxsize=1)
def docs_page() -> bytes:
    return files("gateway.routes").joinpath("docs.html").read_bytes()
