"""CloudWatch Evidently, as far as a client that evaluates and reports needs it: the data plane, and reading what the
configuration has. Writes are refused: the configuration is the only place where an experiment is made or changed.

Paths are split before they are decoded, since a project may be named by its ARN, `%2F` and all (ecosystem §0.1).
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import parse_qs, unquote

import msgspec
from litestar import Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

import engine
from gateway.answer.serve import Gateway
from gateway.aws.callers import Plane
from gateway.aws.canonical import RawRequest
from gateway.aws.protocol import (
    FAILURE,
    JSON,
    LARGE_BODY,
    PREFIX,
    Wire,
    allowing,
    at_root_and_prefix,
    head_of,
    refused,
    request_id,
    unknown,
)
from gateway.caller import Caller
from gateway.errors import Problem
from gateway.experiments.flags import UnitReport
from gateway.experiments.judge import judge
from gateway.experiments.wires import evidently as wire
from gateway.flag_service import FlagService
from gateway.limits.body_budget import BudgetedBody
from gateway.plan.flag import AnyFlag, Flag
from gateway.routes.handler import Handler
from gateway.routes.replies import AnyRequest

log = logging.getLogger(__name__)

SERVICE = "evidently"
PATHS = ("/projects", "/projects/{rest:path}", "/events/projects/{rest:path}")
METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PATCH, HttpMethod.DELETE]
PAGE = 50
REASONS = {
    "split": "EXPERIMENT_RULE_MATCH",
    "targeted": "EXPERIMENT_RULE_MATCH",
    "override": "ENTITY_OVERRIDES_MATCH",
    "default": "DEFAULT",
    "stopped": "DEFAULT",
    "static": "DEFAULT",
}

Entity = Annotated[str, Meta(min_length=1, max_length=512)]
Stat = Literal["BaseStat", "TreatmentEffect", "ConfidenceInterval", "PValue"]
NUMBER = re.compile(r"[0-9]{1,9}")
T = TypeVar("T")


class Evaluate(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    entity_id: Entity
    evaluation_context: str = "{}"


class EvaluateOne(Evaluate, frozen=True, rename="camel", kw_only=True):
    feature: str


class EvaluateMany(msgspec.Struct, frozen=True, kw_only=True):
    requests: Annotated[list[EvaluateOne], Meta(min_length=1, max_length=20)]


class EvidentlyEvent(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    timestamp: float
    data: str


class PutEvidentlyEvents(msgspec.Struct, frozen=True, kw_only=True):
    events: Annotated[list[EvidentlyEvent], Meta(max_length=50)]


class GetResults(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    metric_names: Annotated[list[str], Meta(min_length=1)]
    treatment_names: Annotated[list[str], Meta(min_length=1)]
    result_stats: tuple[Stat, ...] = get_args(Stat)
    report_names: Annotated[list[Literal["BayesianInference"]], Meta(max_length=5)] = []


def evidently_route(gateway: Gateway, flag_service: FlagService, on: Wire) -> HTTPRouteHandler:
    """A handler at the root, and below a prefix as the other AWS services have."""
    calls = EvidentlyCalls(gateway, flag_service, on)

    @Handler([place for path in PATHS for place in at_root_and_prefix(path)], METHODS, allowing(METHODS))
    async def handle(request: AnyRequest) -> Response[bytes]:
        try:
            head = head_of(request)
            on.callers.check(head, SERVICE, plane_of(head))
            async with (held := on.bodies.of(request, on.share(head), LARGE_BODY, inflate=False)) as sent:
                body = msgspec.json.encode(await calls.answer(head._replace(body=sent), held))
        except (engine.EngineError, Problem) as error:
            return refused(error, JSON)
        except Exception:
            log.exception("%s failed", request.scope["path"])
            return refused(FAILURE, JSON)
        return Response(body, media_type=JSON, headers=request_id())

    return handle


class EvidentlyCalls:
    def __init__(self, gateway: Gateway, flag_service: FlagService, on: Wire) -> None:
        self._gateway, self._flag_service, self._on = gateway, flag_service, on
        self._rows = gateway.ledger.units  # which may take its time

    async def answer(self, sent: RawRequest, held: BudgetedBody) -> Any:
        """Raises `Problem`."""
        who = self._on.callers.who(sent, SERVICE, plane_of(sent))
        await self._on.limit(who, sent, 1)
        sent = sent._replace(body=held.inflated(sent.headers))  # the signature is of what came over the wire
        home = who.account == self._gateway.config.aws.account_id
        projects = wire.projects(self._gateway.config.flags.values()) if home else {}
        arn = f"arn:aws:evidently:{who.region}:{who.account}:project/"
        path = [unquote(part) for part in sent.path.removeprefix(PREFIX).strip("/").split("/")]
        is_events = path[0] == "events"
        if is_events:
            path = path[1:]
        if len(path) == 1:
            return self._projects(sent, projects, arn)
        name = path[1].rpartition(":project/")[2]
        if name not in projects:
            raise missing("project", path[1])
        project, arn = projects[name], arn + name
        match sent.method, path[2:]:
            case "POST", [] if is_events:
                return await self._put_events(sent, project)
            case _ if is_events:
                raise unknown("of that path and method")
            case "POST", ["evaluations"]:
                requests = decoded(sent, EvaluateMany).requests
                await self._on.limit(who, sent, len(requests) - 1)  # the first was counted on the way in
                return self._evaluate_many(requests, project, arn)
            case "POST", ["experiments", experiment, "results"]:
                return await self._results(decoded(sent, GetResults), experiment_flag(project, experiment))
            case "POST", ["evaluations", feature]:
                return self._evaluated(decoded(sent, Evaluate), feature, project)
            case "GET", rest:
                return self._read(sent, rest, name, project, arn)
            case _:
                raise refusal(name)

    # --- the data plane

    def _evaluated(self, asked: Evaluate, feature: str, project: wire.Project) -> wire.Body:
        flag = flag_of(project, feature)
        context = json_object(asked.evaluation_context, "evaluationContext")
        result = self._flag_service.evaluate(flag, asked.entity_id, context, Caller({}), exposes=True)
        reason, experiment = REASONS[result.reason], result.experiment
        details = {}
        if experiment is None:
            reason = "DEFAULT"
        elif reason == "EXPERIMENT_RULE_MATCH":
            details = {"experiment": feature if isinstance(flag, Flag) else experiment.flag or experiment.feature}
        return {
            "variation": result.variation,
            "value": wire.value(flag, result.variation),
            "reason": reason,
            "details": msgspec.json.encode(details).decode(),
        }

    def _evaluate_many(self, requests: Sequence[EvaluateOne], project: wire.Project, arn: str) -> wire.Body:
        results = [
            {
                "entityId": each.entity_id,
                "feature": each.feature,
                "project": arn,
                **self._evaluated(each, each.feature, project),
            }
            for each in requests
        ]
        return {"results": results}

    async def _put_events(self, sent: RawRequest, project: wire.Project) -> wire.Body:
        results = await asyncio.gather(
            *(self._put(event, project) for event in decoded(sent, PutEvidentlyEvents).events)
        )
        return {"failedEventCount": sum("errorCode" in each for each in results), "eventResults": results}

    async def _put(self, event: EvidentlyEvent, project: wire.Project) -> dict[str, str]:
        """One bad event is no reason to lose the others."""
        try:
            if event.timestamp < 0:
                raise ValueError(f"timestamp is in epoch seconds, not {event.timestamp:g}")
            for each in seen(event, project):
                await self._flag_service.report(each, Caller({}), event.timestamp)
        except ValueError as error:
            return {"errorCode": "ValidationException", "errorMessage": str(error)}
        except Problem as problem:
            return {"errorCode": problem.code, "errorMessage": problem.message}
        return {"eventId": str(uuid.uuid4())}

    # --- the control plane

    async def _results(self, asked: GetResults, flag: Flag) -> wire.Body:
        """One value each, of all that has happened till now."""
        experiment = self._flag_service.current_rule(flag, self._gateway.clock()).experiment
        for metric in asked.metric_names:
            if metric not in experiment.metrics:
                raise missing("metric", metric)
        for treatment in asked.treatment_names:
            if treatment not in experiment.by_variation:
                raise missing("treatment", treatment)
        verdict = await asyncio.to_thread(lambda: judge(experiment, self._rows(experiment)))
        if not any(row.lift and row.lift.enough for row in verdict.rows if row.metric in asked.metric_names):
            return {"details": "Not enough events to generate results"}
        results = wire.results_of(verdict, asked.metric_names, asked.treatment_names, asked.result_stats)
        reports = []
        if asked.report_names:
            bayesian = await asyncio.to_thread(lambda: judge(experiment, self._rows(experiment), "bayesian"))
            reports = wire.reports_of(bayesian, asked.metric_names, asked.treatment_names)
        return {"resultsData": results, "timestamps": [self._gateway.clock()], "reports": reports}

    def _projects(self, sent: RawRequest, projects: dict[str, dict[str, AnyFlag]], arn: str) -> wire.Body:
        if sent.method != "GET":
            raise refusal("")
        now = self._gateway.clock()
        return page("projects", [wire.project_of(arn + name, name, each, now) for name, each in projects.items()], sent)

    def _read(self, sent: RawRequest, rest: Sequence[str], name: str, project: wire.Project, arn: str) -> wire.Body:
        now = self._gateway.clock()
        project = {name: self._flag_service.current(flag, now) for name, flag in project.items()}
        match rest:
            case []:
                return {"project": wire.project_of(arn, name, project, now)}
            case ["features"]:
                return page("features", [wire.feature_summary(arn, *each) for each in project.items()], sent)
            case ["features", feature]:
                return {"feature": wire.feature_of(arn, feature, flag_of(project, feature))}
            case ["experiments"]:
                every = [wire.experiment_of(arn, *each, now) for each in wire.experiments_in(project).items()]
                wanted = parse_qs(sent.query).get("status")
                return page("experiments", [each for each in every if not wanted or each["status"] in wanted], sent)
            case ["experiments", experiment]:
                return {"experiment": wire.experiment_of(arn, experiment, experiment_flag(project, experiment), now)}
            case ["launches"]:
                return page("launches", [], sent)
            case ["launches", launch]:
                raise missing("launch", launch)
            case _:
                raise unknown("of that path and method")


def plane_of(sent: RawRequest) -> Plane:
    """Applications evaluate and report events; results and configuration are for those who run them."""
    parts = sent.path.removeprefix(PREFIX).strip("/").split("/")
    is_data = sent.method == "POST" and (parts[0] == "events" or "evaluations" in parts[2:3])
    return "data" if is_data else "control"


def seen(event: EvidentlyEvent, project: wire.Project) -> list[UnitReport]:
    """Raises `ValueError` and `Problem`."""
    data = json_object(event.data, "data")
    match event.type:
        case "aws.evidently.evaluation":
            return [wire.report_of_evaluation(project, data)]
        case "aws.evidently.custom":
            return list(wire.reports_of_custom(project, data))
        case _:
            raise ValueError(f"type is aws.evidently.evaluation or aws.evidently.custom, not {event.type!r}")


def page(name: str, every: Sequence[wire.Body], sent: RawRequest) -> wire.Body:
    """The page that begins where `nextToken` says, of `maxResults` at most."""
    query = parse_qs(sent.query)
    start, most = (query.get(key, [default])[0] for key, default in (("nextToken", "0"), ("maxResults", str(PAGE))))
    if not NUMBER.fullmatch(start) or not NUMBER.fullmatch(most) or not 1 <= int(most) <= 100:
        raise invalid("maxResults is a number from 1 to 100, nextToken what the page before told")
    end = int(start) + int(most)
    more = {"nextToken": str(end)} if end < len(every) else {}
    return {name: list(every[int(start) : end]), **more}


def decoded(sent: RawRequest, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(sent.body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(engine.in_words(error)) from error


def json_object(text: str, member: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid(f"{member} must be the text of a JSON object: {engine.in_words(error)}") from error


def flag_of(project: wire.Project, name: str) -> AnyFlag:
    if name not in project:
        raise missing("feature", name)
    return project[name]


def experiment_flag(project: wire.Project, name: str) -> Flag:
    flag = project.get(name)
    if not isinstance(flag, Flag):
        raise missing("experiment", name)
    return flag


def missing(kind: str, name: str) -> Problem:
    message = f"There is no {kind} {name} in the configuration."
    return Problem(message, status=404, type="Configuration", code="ResourceNotFoundException")


def invalid(message: str) -> Problem:
    return Problem(message, status=400, type="Validation", code="ValidationException")


def refusal(project: str) -> Problem:
    where = f" of project {project}" if project else ""
    message = f"Features and experiments{where} are in the server's configuration: make and change them there."
    return Problem(message, status=403, type="Authorization", code="AccessDeniedException")
