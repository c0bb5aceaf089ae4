"""The API of operators for the running state: overview, processes, jobs and cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import Engine, InUse, Job, cancel, has_failed, retry
from gateway.admin.cost import CostParts, CostView, cost, prices_in
from gateway.admin.jobs import JobDetail, JobsView, JobView, is_in, job_detail, job_view, jobs
from gateway.admin.overview import OverviewParts, OverviewView, overview, recent_sample
from gateway.admin.partners import PartnersView, partners
from gateway.admin.processes import (
    ProcessesView,
    ProcessParts,
    memory_limit,
    processes,
    resident_bytes,
    silent,
    system_processes,
)
from gateway.admin.samples import NumbersSample, Samples
from gateway.admin.tenancy import groups_of, models_of
from gateway.admin.traffic import Sees, TrafficPoint, between
from gateway.admin.wrong import ServerState
from gateway.auth import Operator
from gateway.config import Config, Watch
from gateway.errors import Conflict, Invalid, NotConfigured
from gateway.routes.admin_experiments import ExperimentViews
from gateway.routes.admin_gate import AdminGate, RouteDoc, answer
from gateway.routes.admin_stream import Topic
from gateway.routes.query import check_names
from gateway.routes.readiness import can_answer, checked
from gateway.routes.replies import POST, AnyRequest, Front, Sending
from gateway.telemetry import MetricsPage

A_DAY_S = 86_400.0
LOOKED_AT = 100  # the newest jobs, of which those that failed are told
JOB_QUERY = frozenset(("limit", "state", "kind"))


class RetriedJob(msgspec.Struct, frozen=True):
    job: JobView


DOCS = (
    RouteDoc("GET", "/admin/overview", "getOverview", "How the server does, and what is wrong now", OverviewView),
    RouteDoc("GET", "/admin/processes", "listProcesses", "Processes, replicas and workers", ProcessesView),
    RouteDoc(
        "GET",
        "/admin/partners",
        "listPartners",
        "Partners' messages: what is stored, and what is not, by name",
        PartnersView,
    ),
    RouteDoc("GET", "/admin/cost", "getCost", "What Amazon Personalize would charge, quotas, idle campaigns", CostView),
    RouteDoc(
        "GET", "/admin/jobs", "listJobs", "The newest jobs, and schedules", JobsView, query=("limit", "state", "kind")
    ),
    RouteDoc("GET", "/admin/jobs/{number}", "getJob", "One job, with its import's bad rows", JobDetail),
    RouteDoc("POST", "/admin/jobs/{number}/cancel", "cancelJob", "Take a job back", JobView),
    RouteDoc(
        "POST", "/admin/jobs/{number}/retry", "retryJob", "Do a job that has failed again", RetriedJob, status=202
    ),
)


@dataclass(frozen=True)
class ServerParts:
    """The parts of a worker that operators look into. `began` is when the worker did."""

    engine: Engine
    front: Front
    metrics: MetricsPage
    watch: Watch | None
    server: str
    supervisor: int | None
    has_fan_out: bool
    began: float


class ServerViews:
    """The views, each made from what is there now; to be called in a thread."""

    def __init__(self, parts: ServerParts, experiments: ExperimentViews) -> None:
        self._parts, self._engine, self._experiments = parts, parts.engine, experiments
        self._samples = Samples(parts.metrics.total, parts.engine.clock)
        self._points: dict[frozenset[str] | None, dict[float, TrafficPoint]] = {}

    @property
    def config(self) -> Config:
        return self._parts.front.gateway.config

    def overview(self, operator: Operator) -> OverviewView:
        latest, samples = self._samples.take()
        system = system_processes(self._parts.supervisor)
        checks = checked(self._engine, self.config)
        parts = OverviewParts(
            latest,
            samples,
            self._began(),
            self._state(latest, recent_sample(samples, latest.at), checks, operator),
            can_answer(checks),
            resident_bytes(system),
            memory_limit(),
            self._models(operator),
            self._points.setdefault(operator.namespaces, {}),
        )
        return overview(parts, sees_of(operator))

    def processes(self) -> ProcessesView:
        engine, parts = self._engine, self._parts
        replicas = engine.replicas
        unfinished = engine.jobs.unfinished_jobs()
        return processes(
            ProcessParts(
                at=engine.clock(),
                server=parts.server,
                supervisor=parts.supervisor,
                fingerprint=self.config.fingerprint,
                system=system_processes(parts.supervisor),
                numbers=parts.metrics.processes(),
                replicas=[] if replicas is None else replicas.entries(),
                place="" if replicas is None else replicas.place,
                has_fan_out=parts.has_fan_out,
                workers=engine.workers.all(),
                running=[job for job in unfinished if job.state == "running"],
                log_last=engine.log.last(),
                log_applied=engine.feed.applied(),
                lag_s=engine.feed.lag_s(),
            )
        )

    def jobs(self, operator: Operator, limit: int = 50, state: str | None = None, kind: str | None = None) -> JobsView:
        return jobs(self._engine, self.groups(operator), limit=limit, state=state, kind=kind)

    def cost(self, operator: Operator) -> CostView:
        latest, _ = self._samples.take()
        groups, resources = self.groups(operator), self._engine.resources
        hours = [hours for group, hours in resources.training_hours() if groups is None or group in groups]
        parts = CostParts(
            latest.at,
            self._began(),
            between(latest, None, self._began(), sees_of(operator)),
            resources.provisioned(),
            sum(hours),
            resources.quota_uses(),
            groups,
        )
        return cost(parts, self.config, prices_in(self.config.ui.prices))

    def partners(self, operator: Operator) -> PartnersView:
        return partners(self.config, self._parts.metrics.total(), operator.sees)

    def job(self, operator: Operator, number: int) -> Job:
        """Raises `NotConfigured`, for a job of another tenant as well."""
        job = self._engine.jobs.get(number)
        if job is None or not is_in(self._engine, job, self.groups(operator)):
            raise NotConfigured("JobNotFound", f"there is no job {number}")
        return job

    def groups(self, operator: Operator) -> frozenset[str] | None:
        return groups_of(self.config, operator.namespaces, self._engine)

    def _began(self) -> float:
        """When the server began: its numbers count from there."""
        supervisor = self._parts.supervisor
        known = system_processes(supervisor) if supervisor is not None else []
        return known[0].started_at if known else self._parts.began

    def _models(self, operator: Operator) -> frozenset[str] | None:
        if operator.namespaces is None:
            return None
        spaces = (each for key, each in self.config.namespaces.items() if key in operator.namespaces)
        return frozenset[str]().union(*map(models_of, spaces))

    def _state(
        self, latest: NumbersSample, earlier: NumbersSample | None, checks: dict[str, str], operator: Operator
    ) -> ServerState:
        jobs, now, watch = self._engine.jobs, self._engine.clock(), self._parts.watch
        failed = [
            job
            for job in jobs.newest(LOOKED_AT)
            if has_failed(job) and job.message != "cancelled" and job.ended >= now - A_DAY_S
        ]
        last = [job for job in failed if (newest := jobs.newest_of(job.kind, job.arn)) and newest.id == job.id]
        return ServerState(
            totals=latest.totals,
            recent=None if earlier is None else between(latest, earlier, 0.0, None),
            checks=checks,
            faults=() if watch is None else watch.last_faults,
            failed=last,
            silent_workers=silent(self._parts.metrics.processes()),
            experiments=self._experiments.soon(operator),
        )


class ServerApi:
    def __init__(self, views: ServerViews, engine: Engine) -> None:
        self._views, self._engine = views, engine

    async def overview(self, _: AnyRequest, operator: Operator) -> Sending:
        return answer(await asyncio.to_thread(self._views.overview, operator))

    async def processes(self, _: AnyRequest, __: Operator) -> Sending:
        return answer(await asyncio.to_thread(self._views.processes))

    async def partners(self, _: AnyRequest, operator: Operator) -> Sending:
        return answer(await asyncio.to_thread(self._views.partners, operator))

    async def cost(self, _: AnyRequest, operator: Operator) -> Sending:
        return answer(await asyncio.to_thread(self._views.cost, operator))

    async def jobs(self, request: AnyRequest, operator: Operator) -> Sending:
        query = dict(request.query_params)
        check_names(query.keys() - JOB_QUERY, JOB_QUERY)
        limit = limit_of(query.get("limit", "50"))
        chosen = (operator, limit, query.get("state"), query.get("kind"))
        return answer(await asyncio.to_thread(self._views.jobs, *chosen))

    async def job(self, request: AnyRequest, operator: Operator) -> Sending:
        def detail() -> Sending:
            return answer(job_detail(self._engine, self._views.job(operator, number_of(request))))

        return await asyncio.to_thread(detail)

    async def cancel(self, request: AnyRequest, operator: Operator) -> Sending:
        def cancelled() -> Sending:
            job = self._views.job(operator, number_of(request))
            try:
                cancel(self._engine, job.id)
            except InUse as error:
                raise Conflict("Jobs", "JobEnded", error.message) from error
            return answer(job_view(self._engine, self._views.job(operator, job.id)))

        return await asyncio.to_thread(cancelled)

    async def retry(self, request: AnyRequest, operator: Operator) -> Sending:
        def again() -> Sending:
            job = self._views.job(operator, number_of(request))
            try:
                new = retry(self._engine, job.id)
            except InUse as error:
                raise Conflict("Jobs", "NotRetryable", error.message) from error
            return answer(RetriedJob(job_view(self._engine, new)), 202)

        return await asyncio.to_thread(again)


def server_routes(api: ServerApi, gate: AdminGate) -> list[HTTPRouteHandler]:
    return [
        gate.read("/admin/overview", api.overview),
        gate.read("/admin/processes", api.processes, server_only=True),
        gate.read("/admin/partners", api.partners),
        gate.read("/admin/cost", api.cost),
        gate.read("/admin/jobs", api.jobs),
        gate.read("/admin/jobs/{number:int}", api.job),
        gate.write(POST, "/admin/jobs/{number:int}/cancel", api.cancel),
        gate.write(POST, "/admin/jobs/{number:int}/retry", api.retry),
    ]


def server_topics(views: ServerViews) -> list[Topic]:
    encode = msgspec.json.encode
    return [
        Topic("overview", 1.0, lambda operator: encode(views.overview(operator))),
        Topic("jobs", 1.0, lambda operator: encode(views.jobs(operator))),
        Topic("processes", 2.0, lambda _: encode(views.processes()), server_only=True),
        Topic("cost", 10.0, lambda operator: encode(views.cost(operator))),
    ]


def sees_of(operator: Operator) -> Sees | None:
    return None if operator.namespaces is None else operator.sees


def number_of(request: AnyRequest) -> int:
    return int(request.path_params["number"])


def limit_of(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 200:
        raise Invalid("ValidationError", f"limit: a whole number from 1 to 200, not {text[:20]!r}")
    return int(text)
