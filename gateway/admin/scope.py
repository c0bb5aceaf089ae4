"""The scope of an operator: the namespaces, groups and models that may be seen; all else is as if it was not."""

from __future__ import annotations

from engine import Engine, NotFound, group_arn_of, model_overview
from gateway.admin.tenancy import groups_of
from gateway.answer.serve import Gateway
from gateway.auth import Operator
from gateway.errors import NotConfigured
from gateway.plan.plan import Namespace


class EngineScope:
    """Methods may read the database: they are for threads."""

    def __init__(self, gateway: Gateway, engine: Engine) -> None:
        self.gateway, self.engine = gateway, engine

    def namespace(self, key: str, operator: Operator) -> Namespace:
        """Raises `Denied` for a namespace that the operator's key is not for, `NotConfigured` for one that is not."""
        operator.check_namespace(key)
        namespace = self.gateway.config.namespaces.get(key)
        if namespace is None:
            raise NotConfigured("NamespaceNotFound", f"no namespace {key!r}")
        return namespace

    def groups(self, operator: Operator) -> frozenset[str] | None:
        """The ARNs of the dataset groups that may be seen; None: all."""
        return groups_of(self.gateway.config, operator.namespaces, self.engine)

    def groups_in(self, namespace: Namespace) -> list[str]:
        """The ARNs of the dataset groups that a namespace uses."""
        return sorted(groups_of(self.gateway.config, frozenset((namespace.key,)), self.engine) or ())

    def group(self, name: str, operator: Operator) -> str:
        """The ARN of a dataset group. Raises `NotFound` for one that there is not, or that may not be seen."""
        visible = self.groups(operator)
        arn = group_arn_of(self.engine, name) if visible is None else None
        if visible is not None:
            arn = next((each for each in visible if name in (each, each.rpartition("/")[2])), None)
        if arn is None:
            raise NotFound(f"There is no dataset group {name}.")
        return arn

    def model(self, name: str, operator: Operator) -> str:
        """The ARN of a campaign, recommender or solution. Raises `NotFound` likewise."""
        return model_overview(self.engine, name, self.groups(operator)).arn
