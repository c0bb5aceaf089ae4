"""The one place where the gateway's objects are made and opened; the lifespan closes them in reverse."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Protocol

import httpx
from litestar import Litestar, Request, Response
from redis.asyncio import Redis

from engine import Change, EngineError
from gateway.answer.decorate import Decorators
from gateway.answer.make import Maker
from gateway.answer.serve import Gateway
from gateway.auth import Authenticator, RateLimiter
from gateway.aws import (
    Callers,
    ControlPlane,
    Intake,
    Rates,
    Wire,
    aws_routes,
    aws_unrouted,
    below_any_path,
    evidently_routes,
)
from gateway.cache import Cache, Seal, SharedStore
from gateway.cache.forecast import Size, cache_forecast
from gateway.config import Config, Watch, place_of
from gateway.config.filter_checks import FilterChecks
from gateway.config.redis_url import SECRET, URL, connected
from gateway.engine_port import EnginePort, FeedPort, ResourcesPort
from gateway.events.record import Recorder
from gateway.experiments.ledger import Ledger
from gateway.flag_service import Desk
from gateway.hot import HotCache, SecondLevel
from gateway.limits.admission import Admission, admission_of_events
from gateway.metadata import SOURCES
from gateway.outbound import Outbound, Transport
from gateway.outbound.signing import Signer
from gateway.outbox import Outbox
from gateway.routes.admin import admin_routes
from gateway.routes.cohorts import cohort_routes
from gateway.routes.direct import Direct
from gateway.routes.events import events_routes
from gateway.routes.experiments import experiment_routes
from gateway.routes.explain import explain_routes
from gateway.routes.growthbook import growthbook_routes
from gateway.routes.health import health_routes
from gateway.routes.many import many_routes
from gateway.routes.ofrep import ofrep_routes
from gateway.routes.preflight import preflight_routes
from gateway.routes.recommend import recommend_routes
from gateway.routes.replies import Front
from gateway.targets import Means as TargetMeans
from gateway.telemetry import Shelf, Telemetry, Tracing, telemetry_of
from gateway.upstreams import UPSTREAMS, Means
from gateway.upstreams.engine import EngineUpstream, tags_of

REMEMBERED_S = 900.0  # of changes before this process began; shared answers that are older are made anew
log = logging.getLogger(__name__)

THREADS = 4  # for the engine: numpy lets go of the interpreter, so more than one is of use


class ServedFeed(FeedPort, Intake, Protocol):
    pass


class ServedResources(ResourcesPort, ControlPlane, Protocol):
    pass


class ServedEngine(EnginePort, Protocol):
    """The engine of a server, which also speaks to AWS clients."""

    @property
    def feed(self) -> ServedFeed: ...

    @property
    def resources(self) -> ServedResources: ...


def create_app(
    config: Config,
    engine: ServedEngine,
    *,
    name: str = "worker",
    server: str = "server",
    watched: str | None = None,
    cache_bytes: int | None = None,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.time,
    tracing: Tracing | None = None,
    draw: Callable[[], float] = random.random,
    leaving: Callable[[], bool] = lambda: False,
) -> Litestar:
    """The gateway of one worker process over an open engine, which it closes at the end. `server` tells the workers of
    one server from those of another with the same data. `watched` is the place of the configuration: what changes there
    is swapped in. `cache_bytes` counts instead of what the configuration says. `leaving` tells streams to end."""
    telemetry = telemetry_of(environ, tracing)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")
    transport, redis = Transport(), _redis(environ)
    client = httpx.AsyncClient(transport=transport)
    shared = None if redis is None else SharedStore(redis, clock, Seal(environ.get(SECRET, "")))
    cache = Cache(cache_bytes or config.cache_bytes, clock, shared=shared, draw=draw)
    means = Means(engine, threads, Outbound(transport), Signer(environ, threads), telemetry, clock)
    reached = TargetMeans(means.outbound, means.signer, environ.get(URL))
    outbox = Outbox(engine.settings.data_dir / "outbox", name, reached, clock)
    upstreams = {kind: upstream.open(means) for kind, upstream in UPSTREAMS.items()}
    decorators = Decorators({kind: source.open(means) for kind, source in SOURCES.items()}, telemetry)
    maker = Maker(upstreams, decorators, means.outbound, means.signer, telemetry, engine.feed.applied)
    ledger = Ledger(engine.experiments, clock, draw(), keep_s=engine.settings.experiment_days * 86_400)
    admission, taking = Admission(time.monotonic), admission_of_events(time.monotonic)
    answering = EngineUpstream(means)
    gateway = Gateway(
        config=config,
        cache=cache,
        upstreams=upstreams,
        maker=maker,
        decorators=decorators,
        engine=answering,
        ledger=ledger,
        telemetry=telemetry,
        authenticator=Authenticator(client, clock),
        rate_limiter=RateLimiter(redis),
        admission=admission,
        events=Recorder(answering, outbox, ledger, telemetry, taking),
        clock=clock,
    )
    hot_cache = HotCache(config, cache, ledger, telemetry, engine.feed.is_current, clock)
    hot_cache.opens = admission.opens
    if shared is not None:
        hot_cache.second_level = SecondLevel(shared, cache, engine.feed.is_current, engine.feed.applied, clock, draw)

    filters = FilterChecks(engine)

    def use(config: Config) -> None:
        gateway.use(config)
        hot_cache.use(config)
        threads.submit(filters.report, config)

    threads.submit(filters.report, config)

    engine.feed.subscribe(lambda changes: _outdate(cache, changes))
    _remember(cache, engine, clock() - REMEMBERED_S)
    watch = Watch(place_of(watched), config, use, clock, environ, ledger.expect) if watched is not None else None
    _watch(telemetry, cache, engine, clock)
    _watch_outbox(telemetry, outbox)
    if shared is not None:
        _watch_shared(telemetry, shared)
    for kind, each in (("answers", admission), ("events", taking)):
        _watch_admission(telemetry, kind, each)
    telemetry.watch("recgate_exposures", lambda: [(key, [times]) for key, times in ledger.shown.copy().items()])
    telemetry.watch("recgate_experiment_weight", lambda: _weights(ledger, gateway.config, clock()))
    telemetry.watch("recgate_config_faults", lambda: [((), [0 if watch is None else watch.faults])])
    shelf = Shelf(engine.settings.data_dir / "run" / "metrics" / server, name, telemetry, clock)
    front, desk = Front(gateway, telemetry, hot_cache), Desk(gateway, ledger)
    recommending, taking_events = recommend_routes(front), events_routes(front)
    handlers = [
        *recommending,
        *cohort_routes(front),
        *many_routes(front),
        *explain_routes(front),
        *experiment_routes(front, ledger.units, ledger.current, ledger.steps, ledger.arms.readings),
        *taking_events,
        *health_routes(front, engine, threads, shelf, filters),
        *ofrep_routes(front, desk),
        *growthbook_routes(front, desk, leaving),
        *admin_routes(front, gateway.announce, watch),
    ]
    log.info(cache_forecast(config.namespaces, partial(_size, engine)).describe(cache.ceiling))
    callers = Callers(lambda: gateway.config.access_keys, engine.settings, clock, lambda: gateway.config.unsigned)
    on = Wire(callers, gateway.bodies, lambda head: gateway.address(head.headers, head.peer))
    rates = Rates(engine.settings.data_dir / "rates", clock) if engine.settings.quotas == "aws" else None
    personalize = aws_routes(engine, gateway.rank, on, rates)
    wire = [*personalize, *evidently_routes(gateway, desk, on, ledger.units)]
    telemetry.watch("recgate_bodies_bytes", lambda: [((), [gateway.bodies.size])])
    telemetry.watch("recgate_bodies_refused", lambda: [((), [gateway.bodies.refused])])

    own = {path for handler in handlers for path in handler.paths}
    app = Litestar(
        [*preflight_routes(front, sorted(own)), *handlers, *wire],
        lifespan=[partial(_lifespan, engine, threads, telemetry, shelf, client, redis, gateway, hot_cache, watch)],
        exception_handlers={Exception: partial(_unrouted, front)},
        openapi_config=None,
        logging_config=None,
    )
    router = below_any_path(personalize, app)
    app.asgi_handler = app.state.direct = Direct([*recommending, *taking_events], router)
    app.state.hot_cache = hot_cache
    return app


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _redis(environ: Mapping[str, str]) -> Redis | None:
    """What the replicas of a server share, where there is such a thing."""
    url = environ.get(URL)
    return connected(url) if url else None


def _unrouted(front: Front, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Whoever asked gets an answer in its own words."""
    return aws_unrouted(request, error) or front.unrouted(request, error)


@asynccontextmanager
async def _lifespan(
    engine: ServedEngine,
    threads: ThreadPoolExecutor,
    telemetry: Telemetry,
    shelf: Shelf,
    client: httpx.AsyncClient,
    redis: Redis | None,
    gateway: Gateway,
    hot_cache: HotCache,
    watch: Watch | None,
    _: Litestar,
) -> AsyncIterator[None]:
    async with AsyncExitStack() as closing:
        closing.callback(engine.close)
        closing.callback(threads.shutdown)
        closing.callback(telemetry.close)
        closing.callback(shelf.close)
        shelf.open()
        closing.push_async_callback(client.aclose)
        if redis is not None:
            closing.push_async_callback(redis.aclose)
        closing.push_async_callback(gateway.close)
        await gateway.open()
        hot_cache.counters.start(asyncio.get_running_loop())
        closing.push_async_callback(hot_cache.close)
        if watch is not None:
            watching = asyncio.create_task(watch.run())
            closing.push_async_callback(_ended, watching)
        yield


def _size(engine: ServedEngine, model: str) -> Size:
    try:
        return Size(*engine.answers.size_of(model))
    except EngineError:  # nothing is deployed by that name yet
        return Size(0, 0)


def _remember(cache: Cache, engine: ServedEngine, since: float) -> None:
    """What other replicas have made may be older than this process: it must know what has changed meanwhile."""
    began, changes = engine.feed.changes_since(since)
    cache.changes.begin(began)
    _outdate(cache, changes)


def _outdate(cache: Cache, changes: Sequence[Change]) -> None:
    """In the follower's thread, before `catch_up` returns: a caller who waited for that must not see older answers."""
    cache.changed((tag, change.seq) for change in changes for tag in tags_of(change))
    for change in changes:
        if change.kind in ("record", "deploy"):
            cache.changes.doubt(change.seq)


def _watch(telemetry: Telemetry, cache: Cache, engine: ServedEngine, clock: Callable[[], float]) -> None:
    counts = cache.counts
    telemetry.watch("recgate_cache_bytes", lambda: [((), [cache.size])])
    telemetry.watch("recgate_cache_ceiling_bytes", lambda: [((), [cache.ceiling])])
    telemetry.watch("recgate_cache_entries", lambda: [((), [len(cache)])])
    telemetry.watch("recgate_cache_evictions", lambda: [((), [counts.evicted])])
    telemetry.watch("recgate_cache_refused", lambda: [((), [counts.refused])])
    telemetry.watch("recgate_cache_refresh_failures", lambda: [((), [counts.refresh_failed])])
    telemetry.watch("recgate_cache_stale_on_error", lambda: [((), [counts.stale_on_error])])
    telemetry.watch("recgate_event_lag_seconds", lambda: [((), [engine.feed.lag_s()])])
    telemetry.watch("recgate_model_age_seconds", lambda: _model_ages(engine, clock()))
    attributed = engine.resources.attributed
    telemetry.watch("recgate_attributed", lambda: [(each[:4], [each.events]) for each in attributed()])
    telemetry.watch("recgate_attributed_value", lambda: [(each[:4], [each.value]) for each in attributed()])


def _model_ages(engine: ServedEngine, now: float) -> list[tuple[tuple[str, ...], list[float]]]:
    return [((each.campaign.name, each.model), [now - each.trained_at]) for each in engine.answers.deployed_models()]


def _weights(ledger: Ledger, config: Config, now: float) -> list[tuple[tuple[str, ...], list[float]]]:
    known = [(each.id, ledger.in_force(each, now)) for each in config.experiments]
    return [((name, arm.variation), [arm.share]) for name, weighing in known for arm in weighing.arms]


def _watch_admission(telemetry: Telemetry, kind: str, admission: Admission) -> None:
    telemetry.watch(f"recgate_{kind}_refused", lambda: [((), [admission.refused])])
    telemetry.watch(f"recgate_{kind}_running", lambda: [((), [admission.running])])
    telemetry.watch(f"recgate_{kind}_waiting", lambda: [((), [admission.waiting])])


def _watch_shared(telemetry: Telemetry, shared: SharedStore) -> None:
    telemetry.watch("recgate_redis_failures", lambda: [((), [shared.failures])])
    telemetry.watch("recgate_redis_rejected", lambda: [((why,), [n]) for why, n in shared.rejected.copy().items()])


def _watch_outbox(telemetry: Telemetry, outbox: Outbox) -> None:
    telemetry.watch("recgate_outbox_records", outbox.records)
    telemetry.watch("recgate_outbox_oldest_seconds", outbox.oldest)
    telemetry.watch("recgate_outbox_delivered", lambda: outbox.counted(lambda counts: counts.delivered))
    telemetry.watch("recgate_outbox_retried", lambda: outbox.counted(lambda counts: counts.retried))
    telemetry.watch("recgate_outbox_dead", lambda: outbox.counted(lambda counts: counts.dead))
