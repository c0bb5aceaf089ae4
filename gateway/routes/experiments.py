"""GET /experiments: an experiment's verdict as of now, for keys of `admin` where there are any, or else for whoever may
ask for recommendations."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast, get_args
from urllib.parse import parse_qs

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.auth import operator_of
from gateway.caller import Caller
from gateway.config import Config
from gateway.errors import Invalid, NotConfigured
from gateway.experiments.analysis.lift import Method
from gateway.experiments.judge import judge, preferred
from gateway.plan.experiment import Experiment
from gateway.routes.admin_gate import peer_of
from gateway.routes.parsing import decoded, segments
from gateway.routes.query import check_names
from gateway.routes.replies import READ, AnyRequest, Front, Sending

QUERY = frozenset({"action", "alpha", "method"})


def experiment_route(front: Front) -> HTTPRouteHandler:
    ledger = front.gateway.ledger

    async def judged(request: AnyRequest, caller: Caller) -> Sending:
        config = front.gateway.config
        operator = None
        if config.admin is not None:
            operator = operator_of(config.admin, caller.headers, peer_of(request), front.gateway.clock())
        else:
            await front.admit(caller)
        namespace, recommender, feature = (decoded(each, "path") for each in segments(request, "experiments", 3))
        if operator is not None:
            operator.check_namespace(namespace)
        query = {name: values[-1] for name, values in parse_qs(request.scope["query_string"].decode("latin-1")).items()}
        check_names(query.keys() - QUERY, QUERY)
        experiment = experiment_named(config, namespace, recommender, feature, query.get("action"))
        method, alpha = method_of(query.get("method", "always")), alpha_of(query.get("alpha", "0.05"))
        return Sending(await asyncio.to_thread(verdict_of, experiment, method, alpha))

    def verdict_of(experiment: Experiment, method: Method, alpha: float) -> bytes:
        if experiment.rankers:
            return msgspec.json.encode(preferred(experiment, ledger.units(experiment), method, alpha))
        now = ledger.current(experiment, front.gateway.clock())
        verdict = judge(now, ledger.units(now), method, alpha, ledger.arms.readings(now))
        return msgspec.json.encode(replace(verdict, steps=ledger.steps(experiment)))

    return front.handler(READ, "/experiments/{rest:path}", "experiments", judged, guarded=False)


def experiment_named(config: Config, namespace: str, recommender: str, feature: str, action: str | None) -> Experiment:
    """Raises `NotConfigured`, and `Invalid` where several actions have a recommender of the name with that feature."""
    if namespace not in config.namespaces:
        raise NotConfigured("NamespaceNotFound", f"no namespace {namespace!r}")
    plans = config.namespaces[namespace].plans.values()
    named = [plan for plan in plans if plan.recommender == recommender and action in (None, plan.action)]
    meant = [plan for plan in named if feature in plan.experiments]
    if not meant:
        configured = ", ".join(f"{plan.recommender}/{name}" for plan in plans for name in plan.experiments) or "none"
        raise NotConfigured("ExperimentNotFound", f"no experiment {recommender}/{feature}; configured: {configured}")
    if len(meant) > 1:
        raise Invalid("ValidationError", f"action: say which of {', '.join(plan.action for plan in meant)}")
    return meant[0].experiments[feature]


def method_of(text: str) -> Method:
    if text not in get_args(Method):
        raise Invalid("ValidationError", f"method: {', '.join(get_args(Method))}; not {text!r}")
    return cast(Method, text)


def alpha_of(text: str) -> float:
    try:
        alpha = float(text)
    except ValueError:
        alpha = 0.0
    if not 0 < alpha < 1:
        raise Invalid("ValidationError", f"alpha: a number between 0 and 1, not {text!r}")
    return alpha
