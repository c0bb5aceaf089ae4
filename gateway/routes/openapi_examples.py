"""Examples in the OpenAPI document that work on the running server: /docs fills its forms with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.config import Config
from gateway.plan.plan import Namespace

COHORT = "c0"  # everyone without a history


def with_examples(document: dict[str, Any], config: Config) -> dict[str, Any]:
    """The document with the users and items that namespaces name as `examples`, in its parameters and bodies."""
    paths = {path: dict(methods) for path, methods in document["paths"].items()}
    for path, methods in paths.items():
        namespace = config.namespaces.get((path.split("/") + [""] * 3)[2])
        values = experiment_values(config) if namespace is None else user_and_items(namespace)
        for method, operation in methods.items():
            methods[method] = exemplified(operation, values, body_of(path, namespace, values))
    return {**document, "paths": paths}


def user_and_items(namespace: Namespace) -> dict[str, str]:
    """Examples by the names of parameters."""
    items = namespace.example_items
    values = {"cohort": COHORT}
    values |= {"user_id": namespace.example_user} if namespace.example_user else {}
    values |= {"item_id": items[0], "item_ids": ",".join(items)} if items else {}
    return values


def experiment_values(config: Config) -> dict[str, str]:
    """The first experiment, as the routes that are of no namespace name it."""
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    for plan in plans:
        for feature in plan.experiments:
            names = {"namespace": plan.namespace, "recommender": plan.recommender, "feature": feature}
            return {**names, "key": ".".join(names.values())}
    return {}


def exemplified(operation: Mapping[str, Any], values: Mapping[str, str], body: Any) -> dict[str, Any]:
    parameters = [
        {**each, "example": values[each["name"]]} if each["in"] == "path" and each["name"] in values else each
        for each in operation.get("parameters", ())
    ]
    changed = {**operation, "parameters": parameters} if parameters else {**operation}
    if body is not None and "requestBody" in operation:
        content = {"application/json": {**operation["requestBody"]["content"]["application/json"], "example": body}}
        changed["requestBody"] = {**operation["requestBody"], "content": content}
    return changed


def body_of(path: str, namespace: Namespace | None, values: Mapping[str, str]) -> Any:
    """A body that the route takes as it is; None where nothing is known."""
    user, item = values.get("user_id"), values.get("item_id")
    if namespace is None or user is None or item is None:
        return None
    route = path.split("/")[1]
    if route == "events":
        return {"sessionId": "session-1", "userId": user, "eventList": [{"eventType": "view", "itemId": item}]}
    if route == "rerank-items":
        return values["item_ids"].split(",")
    if route == "pinpoint":
        return {"Endpoints": {"endpoint-1": {"ChannelType": "EMAIL", "User": {"UserId": user}}}}
    if route == "recommend-many":
        lists = [plan.recommender for plan in namespace.plans.values() if plan.action == "recommend-items"]
        return {"userId": user, "requests": [{"recommender": name, "numResults": 3} for name in lists[:2]]}
    return None
