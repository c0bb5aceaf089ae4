"""The session of an operator: who asks, what that lets them do, and which recommenders they may choose from."""

from __future__ import annotations

from importlib.metadata import version

from gateway.admin.view import ListName, View
from gateway.auth import Operator
from gateway.config import Config
from gateway.plan.plan import Role


class ListChoice(ListName, frozen=True, kw_only=True):
    """A recommender to choose, and what can be chosen of it."""

    variations: list[str]
    models: list[str]
    experiments: list[str]


class SessionView(View, frozen=True, kw_only=True):
    """`namespaces`: null is the whole server."""

    name: str
    role: Role
    namespaces: list[str] | None
    keyless: bool
    release: str
    server: str
    config_writable: bool
    namespaces_configured: list[str]
    recommenders: list[ListChoice]


def session(operator: Operator, config: Config, server: str, *, is_writable: bool) -> SessionView:
    """`is_writable`: the configuration is a file that this process may write."""
    namespaces = [each for each in config.namespaces.values() if operator.sees(each.key)]
    return SessionView(
        name=operator.name,
        role=operator.role,
        namespaces=None if operator.namespaces is None else sorted(operator.namespaces),
        keyless=operator.is_keyless,
        release=version("recgate"),
        server=server,
        config_writable=is_writable and operator.namespaces is None,
        namespaces_configured=[each.key for each in namespaces],
        recommenders=[
            ListChoice(
                namespace=plan.namespace,
                action=plan.action,
                recommender=plan.recommender,
                variations=[each.name for each in plan.variations],
                models=sorted({each.model for each in plan.variations if each.model and each.origin is None}),
                experiments=list(plan.experiments),
            )
            for each in namespaces
            for plan in each.plans.values()
        ],
    )
