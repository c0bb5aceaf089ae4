"""The API of operators for experiments: what they show, and starting, ramping and stopping them, which writes the
configuration."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, TypeVar

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from gateway.admin.configuration import WrittenView
from gateway.admin.experiments import (
    ExperimentDetail,
    ExperimentSummary,
    ExperimentsView,
    experiment_detail,
    judged_experiment,
    summary,
)
from gateway.auth import Operator
from gateway.config import launching
from gateway.config.editing import Edit
from gateway.config.history import Author
from gateway.config.launching import ExperimentPlace
from gateway.errors import Invalid, NotConfigured
from gateway.plan.plan import Plan
from gateway.routes.admin_configuration import Comment, ConfigurationChanges, name_of
from gateway.routes.admin_gate import AdminGate, RouteDoc, answer
from gateway.routes.admin_stream import RESTS, Topic
from gateway.routes.experiments import alpha_of, experiment_named, method_of
from gateway.routes.parsing import decode
from gateway.routes.query import check_names
from gateway.routes.replies import LARGEST_BODY, POST, AnyRequest, Front, Sending

SOON_S = 0.2  # that a view which shows experiments beside other things waits for them
LEAST_S = 5.0  # until an experiment is judged anew for a list
MOST_POINTS = 100
QUERY = frozenset(("action", "method", "alpha", "points"))
B = TypeVar("B")
Share = Annotated[float, Meta(ge=0, le=1)]
Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$")]


class Remark(msgspec.Struct, forbid_unknown_fields=True):
    comment: Comment = ""


class RampBody(msgspec.Struct, forbid_unknown_fields=True):
    traffic: Share | None = None
    weights: dict[str, Annotated[float, Meta(ge=0)]] | None = None
    at: Instant | None = None
    comment: Comment = ""


class NewExperiment(msgspec.Struct, forbid_unknown_fields=True):
    namespace: str
    action: str
    recommender: str
    feature: Annotated[str, Meta(min_length=1, pattern="^[A-Za-z0-9._-]+$")]
    experiment: dict[str, Any]
    comment: Comment = ""


ONE = "/admin/experiments/{namespace}/{recommender}/{feature}"
DOCS = (
    RouteDoc(
        "GET",
        "/admin/experiments",
        "listExperiments",
        "The experiments, each with its verdict and health",
        ExperimentsView,
    ),
    RouteDoc("POST", "/admin/experiments", "createExperiment", "Make an experiment", WrittenView, NewExperiment),
    RouteDoc(
        "GET",
        ONE,
        "getExperiment",
        "An experiment, with its verdict over time",
        ExperimentDetail,
        query=tuple(sorted(QUERY)),
    ),
    RouteDoc("POST", f"{ONE}/start", "startExperiment", "Start an experiment", WrittenView, Remark, ("action",)),
    RouteDoc(
        "POST",
        f"{ONE}/ramp",
        "rampExperiment",
        "Change an experiment's traffic or weights",
        WrittenView,
        RampBody,
        ("action",),
    ),
    RouteDoc("POST", f"{ONE}/stop", "stopExperiment", "Stop an experiment", WrittenView, Remark, ("action",)),
)


class ExperimentViews:
    """Summaries of experiments, each kept for a while: judging one reads all of its units."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._summaries: dict[tuple[str, str, str], tuple[float, ExperimentSummary]] = {}
        self._judge = ThreadPoolExecutor(1, "experiments")
        self._judging: dict[frozenset[str] | None, tuple[Future[ExperimentsView], list[ExperimentSummary]]] = {}

    def soon(self, operator: Operator) -> list[ExperimentSummary]:
        """The summaries as of now or, where judging takes longer than `SOON_S`, as they were before; it goes on."""
        judging, before = self._judging.get(operator.namespaces, (None, []))
        if judging is None or judging.done():
            judging = self._judge.submit(self.all, operator)
        with contextlib.suppress(TimeoutError):
            before = judging.result(SOON_S).experiments
        self._judging[operator.namespaces] = judging, before
        return before

    def all(self, operator: Operator) -> ExperimentsView:
        config = self._front.gateway.config
        plans = [
            plan for space in config.namespaces.values() if operator.sees(space.key) for plan in space.plans.values()
        ]
        return ExperimentsView(
            experiments=[
                self._summary(config.fingerprint, plan, feature) for plan in plans for feature in plan.experiments
            ]
        )

    def _summary(self, fingerprint: str, plan: Plan, feature: str) -> ExperimentSummary:
        key, began = (fingerprint, plan.experiments[feature].id, plan.action), time.monotonic()
        until, view = self._summaries.get(key, (0.0, None))
        if view is None or began >= until:
            now = self._front.gateway.clock()
            view = summary(judged_experiment(plan, feature, self._front.gateway.ledger, now), now)
            took = time.monotonic() - began
            if len(self._summaries) > 1_000:
                self._summaries.clear()
            self._summaries[key] = (time.monotonic() + max(LEAST_S, RESTS * took), view)
        return view


class ExperimentApi:
    def __init__(self, front: Front, views: ExperimentViews, changing: ConfigurationChanges | None) -> None:
        self._front, self._views, self._changing = front, views, changing

    async def all(self, _: AnyRequest, operator: Operator) -> Sending:
        return answer(await asyncio.to_thread(self._views.all, operator))

    async def one(self, request: AnyRequest, operator: Operator) -> Sending:
        query, gateway = dict(request.query_params), self._front.gateway
        check_names(query.keys() - QUERY, QUERY)
        place = self._place(request, operator)
        plan = gateway.config.namespaces[place.namespace].plans[place.action, place.recommender]  # type: ignore[index]
        method, alpha = method_of(query.get("method", "always")), alpha_of(query.get("alpha", "0.05"))
        known = (
            plan,
            place.feature,
            gateway.ledger,
            gateway.clock(),
            method,
            alpha,
            points_of(query.get("points", "20")),
        )
        return answer(await asyncio.to_thread(experiment_detail, *known))

    async def create(self, request: AnyRequest, operator: Operator) -> Sending:
        new = await self._body(request, NewExperiment, "an experiment and its place")
        operator.check_namespace(new.namespace)
        place = ExperimentPlace(new.namespace, new.action, new.recommender, new.feature)
        changing, config = self._changes, self._front.gateway.config
        return await self._write(
            lambda text: launching.created(text, config.name, place, new.experiment),
            operator,
            new.comment,
            201,
            changing,
        )

    async def start(self, request: AnyRequest, operator: Operator) -> Sending:
        place, now = self._place(request, operator), self._front.gateway.clock()
        remark = await self._body(request, Remark, "a comment, or {}")
        return await self._change(place, operator, lambda part: launching.start(part, now), remark.comment)

    async def stop(self, request: AnyRequest, operator: Operator) -> Sending:
        place, now = self._place(request, operator), self._front.gateway.clock()
        remark = await self._body(request, Remark, "a comment, or {}")
        return await self._change(place, operator, lambda part: launching.stop(part, now), remark.comment)

    async def ramp(self, request: AnyRequest, operator: Operator) -> Sending:
        place, now = self._place(request, operator), self._front.gateway.clock()
        body = await self._body(request, RampBody, "traffic or weights")
        if body.traffic is None and body.weights is None:
            raise Invalid("ValidationError", "say traffic, weights or both: the ramp would change nothing")
        at = launching.read(body.at)
        if body.at is not None and (at is None or at <= now):
            reason = "is no time" if at is None else "has passed: leave it out to change it now"
            raise Invalid("ValidationError", f"at: {body.at} {reason}")

        def edits(part: Mapping[str, Any]) -> list[Edit]:
            return launching.ramp(part, now, at, body.traffic, body.weights)

        return await self._change(place, operator, edits, body.comment)

    def _place(self, request: AnyRequest, operator: Operator) -> ExperimentPlace:
        """Raises `Denied` and `NotConfigured`."""
        names = [str(request.path_params[name]) for name in ("namespace", "recommender", "feature")]
        operator.check_namespace(names[0])
        config, action = self._front.gateway.config, request.query_params.get("action")
        experiment = experiment_named(config, *names, action)  # type: ignore[call-arg]
        plans = config.namespaces[names[0]].plans.values()
        plan = next(each for each in plans if each.experiments.get(names[2]) is experiment)
        return ExperimentPlace(plan.namespace, plan.action, plan.recommender, names[2])

    async def _change(
        self, place: ExperimentPlace, operator: Operator, edits: launching.Edits, comment: str
    ) -> Sending:
        name, changing = self._front.gateway.config.name, self._changes
        return await self._write(
            lambda text: launching.changed(text, name, place, edits), operator, comment, 200, changing
        )

    async def _write(
        self, edit: Callable[[str], str], operator: Operator, comment: str, status: int, changing: ConfigurationChanges
    ) -> Sending:
        author = Author(name_of(operator), "experiment", comment)
        return answer(await changing.change(edit, author, self._front.gateway.config), status)

    @property
    def _changes(self) -> ConfigurationChanges:
        """Raises `NotConfigured` without a place to write."""
        if self._changing is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        return self._changing

    async def _body(self, request: AnyRequest, kind: type[B], described: str) -> B:
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            return decode(body or b"{}", kind, described, "ValidationError")


def admin_experiment_routes(api: ExperimentApi, gate: AdminGate) -> list[HTTPRouteHandler]:
    one = "/admin/experiments/{namespace:str}/{recommender:str}/{feature:str}"
    return [
        gate.read("/admin/experiments", api.all),
        gate.write(POST, "/admin/experiments", api.create),
        gate.read(one, api.one),
        gate.write(POST, f"{one}/start", api.start),
        gate.write(POST, f"{one}/ramp", api.ramp),
        gate.write(POST, f"{one}/stop", api.stop),
    ]


def experiment_topic(views: ExperimentViews) -> Topic:
    return Topic("experiments", 5.0, lambda operator: msgspec.json.encode(views.all(operator)))


def points_of(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= MOST_POINTS:
        raise Invalid("ValidationError", f"points: a whole number from 2 to {MOST_POINTS}, not {text[:20]!r}")
    return int(text)
