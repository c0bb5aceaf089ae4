"""The one place where the gateway's objects are made and opened; the lifespan closes them in reverse."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler

from engine import Change, Engine, EngineError, delete_user, delete_users_by, hide_item
from gateway import gauges
from gateway.admin.scope import EngineScope
from gateway.answer import hold
from gateway.answer.decorate import Decorators
from gateway.answer.make import Maker
from gateway.answer.rank import Ranker
from gateway.answer.serve import Gateway
from gateway.auth import Authenticator, Gate, RateLimiter
from gateway.aws.callers import AwsCaller, Callers
from gateway.aws.canonical import RawRequest
from gateway.aws.cloudwatch import CloudWatchMetrics
from gateway.aws.events import EventIntake
from gateway.aws.evidently import evidently_route
from gateway.aws.hits import WireHits
from gateway.aws.metering import WireMeter
from gateway.aws.protocol import Wire
from gateway.aws.rates import Rates
from gateway.aws.routes import ControlPlane, aws_routes, aws_unrouted, below_any_path
from gateway.cache import Cache, Seal
from gateway.cache.forecast import Size, cache_forecast
from gateway.config import Config, ConfigurationHistory, Watch, place_of
from gateway.config.filter_checks import FilterChecks
from gateway.config.writing import ConfigurationWriter
from gateway.dependencies import Dependencies
from gateway.document.redis_url import SECRET, URL, connected, disconnect
from gateway.engine_port import EnginePort, FeedPort, ResourcesPort
from gateway.events.exposures import ExposureForwarder
from gateway.events.negative import NegativeEventTypes, is_for_negative_events
from gateway.events.partner_records import OtherRecords, PartnerRecorder
from gateway.events.record import Recorder
from gateway.experiments.ledger import Ledger
from gateway.flag_service import FlagService
from gateway.hot import HitCounters, HotCache, SecondLevel
from gateway.limits.admission import Admission, admission_of_events
from gateway.limits.body_budget import BodyBudget
from gateway.metadata import SOURCES
from gateway.outbound import Outbound, Transport
from gateway.outbound.signing import Signer
from gateway.outbox import Outbox
from gateway.plan.plan import Namespace
from gateway.routes.admin import admin_routes
from gateway.routes.admin_configuration import (
    ConfigurationApi,
    ConfigurationChanges,
    configuration_routes,
    configuration_topic,
)
from gateway.routes.admin_data import data_routes, data_topic
from gateway.routes.admin_experiments import (
    ExperimentApi,
    ExperimentViews,
    admin_experiment_routes,
    experiment_topic,
)
from gateway.routes.admin_filters import filter_routes
from gateway.routes.admin_gate import AdminGate
from gateway.routes.admin_looks import look_routes
from gateway.routes.admin_models import model_routes, model_topic
from gateway.routes.admin_server import ServerApi, ServerParts, ServerViews, server_routes, server_topics
from gateway.routes.admin_stream import Streams, stream_route
from gateway.routes.aliases import AliasRoutes
from gateway.routes.amplitude import amplitude_routes
from gateway.routes.app_proxy import app_proxy_route
from gateway.routes.cohorts import cohort_routes
from gateway.routes.direct import Direct
from gateway.routes.events import events_routes
from gateway.routes.experiments import experiment_route
from gateway.routes.growthbook import growthbook_routes
from gateway.routes.handler import with_one_preflight_a_path
from gateway.routes.health import health_routes
from gateway.routes.intake import PartnerRoutes
from gateway.routes.many import many_route
from gateway.routes.ofrep import ofrep_routes
from gateway.routes.optimizely import optimizely_route
from gateway.routes.personalizer import personalizer_route
from gateway.routes.pinpoint import pinpoint_route
from gateway.routes.recommend import explain_route, recommend_routes
from gateway.routes.replies import Front
from gateway.routes.snippet import snippet_route
from gateway.routes.ui import ui_routes
from gateway.targets.base import TargetDependencies
from gateway.telemetry import MetricsPage, telemetry_of
from gateway.upstreams import UPSTREAMS
from gateway.upstreams.engine import EngineUpstream, tags_of

if TYPE_CHECKING:
    from gateway.cache.shared_store import SharedStore
    from gateway.document.redis_url import RedisClient
    from gateway.telemetry.tracing import Tracing

REMEMBERED_S = 900.0  # of changes before this process began; shared answers that are older are made anew
log = logging.getLogger(__name__)

THREADS = 4  # for the engine: numpy lets go of the interpreter, so more than one is of use


class ServedFeed(FeedPort, EventIntake, Protocol):
    pass


class ServedResources(ResourcesPort, ControlPlane, Protocol):
    """Each method is described at `engine.resources.Resources`."""

    def measured(self, name: str, account: str) -> str: ...


class ServedEngine(EnginePort, Protocol):
    """The engine of a server, which also speaks to AWS clients."""

    @property
    def feed(self) -> ServedFeed: ...

    @property
    def resources(self) -> ServedResources: ...


@dataclass(frozen=True, kw_only=True)
class AppOptions:
    """The process that an app runs in. `server` tells the workers of one server from those of another with the same
    data. `watched` is the place of the configuration: what changes there is swapped in. `cache_bytes` counts instead of
    what the configuration says. `leaving` tells streams to end. `supervisor` is the number of the process that keeps
    the server's processes alive. `for_gateways`: servers without an engine may repeat its answers."""

    name: str = "worker"
    server: str = "server"
    watched: str | None = None
    cache_bytes: int | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Callable[[], float] = time.time
    tracing: Tracing | None = None
    draw: Callable[[], float] = random.random
    leaving: Callable[[], bool] = lambda: False
    supervisor: int | None = None
    for_gateways: bool = False


def create_app(config: Config, engine: ServedEngine, options: AppOptions | None = None) -> Litestar:
    """The gateway of one worker process over an open engine, which it closes at the end."""
    worker = WorkerParts(config, engine, options or AppOptions())
    worker.watch_numbers()
    worker.threads.submit(worker.filters.report, config)
    worker.threads.submit(worker.negative_events.declare, config)
    if log.isEnabledFor(logging.INFO):  # it reads a record for each recommender
        log.info(cache_forecast(config.namespaces, partial(_size, engine)).describe(worker.cache.ceiling))
    frequent, personalize = worker.frequent_routes(), worker.personalize_routes()
    handlers = [*frequent, *worker.routes()]
    app = Litestar(
        [*with_one_preflight_a_path(handlers), *personalize, worker.evidently_route()],
        lifespan=[worker.lifespan],
        exception_handlers={Exception: partial(_unrouted, worker.front)},
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = app.state.direct = Direct(
        frequent, below_any_path(personalize, app), AliasRoutes(worker.front).handler
    )
    app.state.hot_cache, app.state.wire_hits = worker.hot_cache, worker.wire_hits
    worker.add_route = app.register
    return app


class WorkerParts:
    """The objects of one worker process, made in the order in which they need each other."""

    add_route: Callable[[HTTPRouteHandler], object]  # to the app, once it is made

    def __init__(self, config: Config, engine: ServedEngine, options: AppOptions) -> None:
        self.engine, self.options, clock = engine, options, options.clock
        environ, folder = options.environ, engine.settings.data_dir
        self.telemetry = telemetry_of(environ, options.tracing, options.name)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")
        self.transport = Transport()
        self.redis = connected(environ[URL]) if environ.get(URL) else None
        self.shared = None if self.redis is None else _shared_store(self.redis, clock, environ)
        self.cache = Cache(options.cache_bytes or config.cache_bytes, clock, shared=self.shared, draw=options.draw)
        dependencies = Dependencies(
            engine, self.threads, Outbound(self.transport), Signer(environ, self.threads), self.telemetry, clock
        )
        self.cloud_watch = CloudWatchMetrics(dependencies.outbound, dependencies.signer, clock)
        self.meter = WireMeter(self.telemetry, engine.resources.measured, self.cloud_watch)
        targets = TargetDependencies(dependencies.outbound, dependencies.signer, environ.get(URL))
        self.outbox = Outbox(folder / "outbox", options.name, targets, clock)
        self.ledger = Ledger(engine.experiments, clock, options.draw(), keep_s=engine.settings.experiment_days * 86_400)
        self.admission, self.event_admission = Admission(time.monotonic), admission_of_events(time.monotonic)
        self.origin = EngineUpstream(dependencies)
        self.decorators = Decorators(
            {kind: source.open(dependencies) for kind, source in SOURCES.items()}, self.telemetry
        )
        self.gateway = self._gateway(config, dependencies)
        self.ranker = self._ranker()
        self.recorder = Recorder(self.origin, self.outbox, self.ledger, self.telemetry, self.event_admission)
        self.exposures = ExposureForwarder(self.outbox, self.telemetry)
        self.flag_service = FlagService(self.gateway, self.recorder)
        self.hot_cache = self._hot_cache(config)
        self.wire_hits = WireHits(self.hot_cache, self._callers(), self.meter, engine.answers.show_again)
        self.bodies, self.rate_limiter = BodyBudget(config.body_bytes), RateLimiter(self.redis)
        gate = Gate(Authenticator(self.transport, clock), self.rate_limiter)
        self.front = Front(self.gateway, gate, self.bodies, self.hot_cache, self.telemetry)
        records = PartnerRecorder(self.recorder, self.origin, self.telemetry, self._other_records())
        self.partner_routes = PartnerRoutes(self.front, self.recorder, records, self._partner_reads(records))
        self.filters = FilterChecks(engine)
        self.negative_events = NegativeEventTypes(engine)
        self.metrics = MetricsPage(folder / "run" / "metrics" / options.server, options.name, self.telemetry, clock)
        self.watch = self._watch(config)
        engine.feed.subscribe(self._outdate)
        self._catch_up()

    def _gateway(self, config: Config, dependencies: Dependencies) -> Gateway:
        upstreams = {kind: upstream.open(dependencies) for kind, upstream in UPSTREAMS.items()}
        return Gateway(
            config=config,
            cache=self.cache,
            upstreams=upstreams,
            maker=Maker(upstreams, self.decorators, dependencies, self.admission, self.origin),
            decorators=self.decorators,
            engine=self.origin,
            ledger=self.ledger,
            telemetry=self.telemetry,
            clock=self.options.clock,
        )

    def _ranker(self) -> Ranker:
        gateway = self.gateway
        return Ranker(self.origin, self.cache, self.admission, self.telemetry, lambda: gateway.config.aws.max_age)

    def _other_records(self) -> OtherRecords:
        flags = self.flag_service
        deletions = self._erase, self._erase_shop, self._hide
        return OtherRecords(flags.expose, flags.convert, *deletions, lambda: self.gateway.config.viewers)

    def _hot_cache(self, config: Config) -> HotCache:
        clock, feed, draw, second_level = self.options.clock, self.engine.feed, self.options.draw, None
        if self.shared is not None:
            second_level = SecondLevel(self.shared, self.cache, feed.is_current, feed.applied, clock, draw)
        counters = HitCounters(self.telemetry, self.ledger)
        names = (hold.ASKED,) if self.options.for_gateways else ()
        return HotCache(config, self.cache, counters, feed, self.admission.opens, second_level, names)

    def _watch(self, config: Config) -> Watch | None:
        if self.options.watched is None:
            return None
        place = place_of(self.options.watched)
        history = ConfigurationHistory(self.engine.settings.data_dir / "configurations", self.options.clock)
        return Watch(
            place, config, self.use, self.options.clock, self.options.environ, self.ledger.expect, history=history
        )

    def use(self, config: Config) -> None:
        """Answer by this configuration from here on; requests under way end as they began."""
        self.outbox.use(config.targets, config.outbox_bytes)
        self.exposures.use(config)
        self.cloud_watch.use(config.aws.cloud_watch)
        self.gateway.config, self.bodies.most = config, config.body_bytes
        self.decorators.use(config)
        self.hot_cache.use(config)
        self._use_wire_hits(config)
        for handler in with_one_preflight_a_path(self.partner_routes.new_in(config)):
            self.add_route(handler)
        self.threads.submit(self.filters.report, config)
        self.threads.submit(self.negative_events.declare, config)

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        config = self.gateway.config
        async with AsyncExitStack() as closing:
            closing.callback(self.engine.close)
            closing.callback(self.threads.shutdown)
            closing.callback(self.telemetry.close)
            closing.callback(self.metrics.close)
            self.metrics.open()
            closing.push_async_callback(self.transport.aclose)
            if self.redis is not None:
                closing.push_async_callback(disconnect, self.redis)
            closing.push_async_callback(self._close)
            self.cloud_watch.use(config.aws.cloud_watch)
            closing.push_async_callback(self.cloud_watch.close)
            await asyncio.to_thread(self.ledger.prepare, config.experiments)
            await self.outbox.open(config.targets, config.outbox_bytes)
            self.exposures.open(config)
            self.ledger.tell_exposures(self.exposures.forward)
            self.ledger.start()
            self.decorators.use(config)
            await self.decorators.ready()
            self.hot_cache.counters.start(asyncio.get_running_loop())
            closing.push_async_callback(self.hot_cache.close)
            if self.watch is not None:
                closing.push_async_callback(_ended, asyncio.create_task(self.watch.run()))
            yield

    async def _erase(self, namespace: Namespace, user: str) -> None:
        await self._in_groups(namespace, lambda engine, arn: delete_user(engine, arn, user))

    async def _erase_shop(self, namespace: Namespace, shop: str) -> bool:
        counts = await self._in_groups(namespace, lambda engine, arn: delete_users_by(engine, arn, "shop", shop))
        return any(counts)

    async def _hide(self, namespace: Namespace, item: str) -> None:
        await self._in_groups(namespace, lambda engine, arn: hide_item(engine, arn, item, hidden=True))

    async def _in_groups(self, namespace: Namespace, act: Callable[[Engine, str], object]) -> list[object]:
        """Act in the dataset groups that the namespace's events go to."""
        engine, results = self.engine, list[object]()
        if isinstance(engine, Engine):
            trackers = [engine.directory.tracker(each) for each in namespace.trackers]
            for arn in {tracker.dataset_group_arn for tracker in trackers}:
                results.append(await asyncio.get_running_loop().run_in_executor(self.threads, act, engine, arn))
        return results

    async def _close(self) -> None:
        await asyncio.to_thread(self.ledger.close)
        await self.exposures.close()
        await self.outbox.close()
        await self.ranker.close()
        await self.cache.close()
        await self.decorators.close()
        await self.rate_limiter.close()

    # ---- routes

    def frequent_routes(self) -> list[HTTPRouteHandler]:
        """The routes that most requests are for."""
        return [*recommend_routes(self.front), *events_routes(self.front, self.recorder)]

    def _partner_reads(self, records: PartnerRecorder) -> Mapping[str, Callable[[], list[HTTPRouteHandler]]]:
        """The routes that partners' clients read by, by the partners' names."""
        return {
            "amplitude": partial(amplitude_routes, self.front, self.flag_service),
            "personalizer": lambda: [personalizer_route(self.front, records)],
        }

    def routes(self) -> list[HTTPRouteHandler]:
        front = self.front
        return [
            *cohort_routes(front),
            many_route(front),
            pinpoint_route(front),
            explain_route(front),
            experiment_route(front),
            *health_routes(front, self.engine, self.threads, self.metrics, self.filters),
            *ofrep_routes(front, self.flag_service),
            app_proxy_route(front),
            *self.partner_routes.new_in(self.gateway.config),
            *growthbook_routes(front, self.flag_service, self.options.leaving),
            optimizely_route(front, self.flag_service),
            *self.operator_routes(),
        ]

    def operator_routes(self) -> list[HTTPRouteHandler]:
        """The page, and what it shows. What is not a whole engine has no state to look into."""
        front, watch, gate = self.front, self.watch, AdminGate(self.front)
        changing = self._changing()
        configuration, experiments = ConfigurationApi(front, watch, changing), ExperimentViews(front)
        topics = [configuration_topic(configuration), experiment_topic(experiments)]
        handlers = [
            *ui_routes(front),
            snippet_route(front),
            *admin_routes(front, self.origin.announce, watch, self.options.server),
            *configuration_routes(configuration, gate),
            *admin_experiment_routes(ExperimentApi(front, experiments, changing), gate),
        ]
        if isinstance(self.engine, Engine):
            views = ServerViews(self._server_parts(self.engine), experiments)
            topics += server_topics(views)
            scope = EngineScope(self.gateway, self.engine)
            topics += [data_topic(scope), model_topic(scope)]
            handlers += server_routes(ServerApi(views, self.engine), gate)
            handlers += [*data_routes(front, scope, gate), *model_routes(front, scope, gate)]
            handlers += look_routes(front, scope, self.recorder, gate)
            handlers += filter_routes(front, scope, gate, changing)
        return [*handlers, stream_route(gate, Streams(front, topics, self.options.leaving))]

    def _server_parts(self, engine: Engine) -> ServerParts:
        return ServerParts(
            engine=engine,
            front=self.front,
            metrics=self.metrics,
            watch=self.watch,
            server=self.options.server,
            supervisor=self.options.supervisor,
            has_fan_out=self.redis is not None,
            began=self.options.clock(),
        )

    def _changing(self) -> ConfigurationChanges | None:
        watch = self.watch
        if watch is None or watch.history is None:
            return None
        writer = ConfigurationWriter(watch.place, watch.history, self.options.environ)
        return ConfigurationChanges(watch, writer, watch.history)

    def personalize_routes(self) -> list[HTTPRouteHandler]:
        settings = self.engine.settings
        rates = Rates(settings.data_dir / "rates", self.options.clock) if settings.quotas == "aws" else None
        self._use_wire_hits(self.gateway.config)
        return aws_routes(self.engine, self.ranker, self._wire(), rates, self.wire_hits.keep)

    def _use_wire_hits(self, config: Config) -> None:
        """Where calls are counted to limit them, each goes the ordinary way."""
        is_limited = config.rate_limits.are_any or self.engine.settings.quotas == "aws"
        self.wire_hits.use(is_on=not is_limited and self.hot_cache.draws is None)

    def evidently_route(self) -> HTTPRouteHandler:
        return evidently_route(self.gateway, self.flag_service, self._wire())

    def _callers(self) -> Callers:
        gateway, settings = self.gateway, self.engine.settings
        keys, unsigned = (lambda: gateway.config.access_keys), (lambda: gateway.config.unsigned)
        return Callers(keys, settings, self.options.clock, unsigned)

    def _wire(self) -> Wire:
        return Wire(self._callers(), self.bodies, self.meter, self._address, self._limit)

    async def _limit(self, caller: AwsCaller, head: RawRequest, count: int) -> None:
        """Count calls of the AWS wire by the key that has signed them, and by the sender's address."""
        limits = self.gateway.config.rate_limits
        if count and limits.are_any:
            key = f"aws/{caller.access_key}" if caller.access_key else ""
            await self.rate_limiter.check(limits, key, self._address(head), count)

    def _address(self, head: RawRequest) -> str:
        """The sender's address, behind trusted proxies, too."""
        client = None if head.peer is None else (head.peer, 0)
        return self.gateway.config.viewers.headers(head.headers, client).address

    # ---- changes and numbers

    def _catch_up(self) -> None:
        """Hear of what has changed before this process began: answers of other replicas may be older."""
        began, changes = self.engine.feed.changes_since(self.options.clock() - REMEMBERED_S)
        self.cache.changes.begin(began)
        self._outdate(changes)

    def _outdate(self, changes: Sequence[Change]) -> None:
        """Run in the follower's thread, before `catch_up` returns: a caller who waited for that must not see older
        answers."""
        self.cache.changes.note((tag, change.seq) for change in changes for tag in tags_of(change))
        for change in changes:
            if change.kind in ("record", "deploy"):
                self.cache.changes.doubt(change.seq)
        if any(change.kind == "record" and is_for_negative_events(change.key) for change in changes):
            with suppress(RuntimeError):  # the threads have ended: the next start sees to it
                self.threads.submit(self.negative_events.declare, self.gateway.config)

    def watch_numbers(self) -> None:
        telemetry, watch, clock = self.telemetry, self.watch, self.options.clock
        gauges.watch_cache(telemetry, self.cache)
        gauges.watch_engine(telemetry, self.engine, clock)
        gauges.watch_outbox(telemetry, self.outbox)
        if self.shared is not None:
            gauges.watch_shared(telemetry, self.shared)
        gauges.watch_admission(telemetry, "answers", self.admission)
        gauges.watch_admission(telemetry, "events", self.event_admission)
        gauges.watch_experiments(telemetry, self.ledger, lambda: self.gateway.config, clock)
        faults = (lambda: 0) if watch is None else (lambda: watch.faults)
        gauges.watch_configuration(telemetry, lambda: self.gateway.config, faults)
        gauges.watch_bodies(telemetry, self.bodies)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _shared_store(redis: RedisClient, clock: Callable[[], float], environ: Mapping[str, str]) -> SharedStore:
    from gateway.cache.shared_store import SharedStore  # with redis-py, which a server without Redis does not import

    return SharedStore(redis, clock, Seal(environ.get(SECRET, "")))


def _unrouted(front: Front, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer where no route is, in the words of whoever asked."""
    return aws_unrouted(request, error) or front.unrouted(request, error)


def _size(engine: ServedEngine, model: str) -> Size:
    try:
        return Size(*engine.answers.size_of(model))
    except EngineError:  # nothing is deployed by that name yet
        return Size(0, 0)
