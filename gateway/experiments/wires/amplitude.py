"""Amplitude's experiments: a flag's variation as its clients have it, and the user that they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.experiments.flags import Evaluation
from gateway.plan.experiment import Unit
from gateway.plan.flag import AnyFlag, value_of

UNITS: Mapping[Unit, str] = {"user": "user_id", "session": "device_id"}
Variant = dict[str, Any]


def unit_of(flag: AnyFlag, user: Mapping[str, Any]) -> str | None:
    unit = user.get(UNITS[flag.unit])
    return unit if isinstance(unit, str) and unit else None


def context_of(user: Mapping[str, Any]) -> dict[str, Any]:
    """All that the client says of the user, its own properties before those that all clients have."""
    own = user.get("user_properties")
    return {**user, **(own if isinstance(own, dict) else {})}


def variant(flag: AnyFlag, evaluation: Evaluation | None) -> Variant:
    """The `value` is a text: the variation's own, or its name; a value of any other type is the payload. Clients know
    by `default` that the unit takes part in no experiment; None: there is no unit."""
    name = flag.default if evaluation is None else evaluation.variation
    value = value_of(flag.plan, name)
    metadata: dict[str, Any] = {"deployed": True, "default": evaluation is None or evaluation.experiment is None}
    if evaluation is not None and evaluation.experiment is not None:
        metadata |= {"experimentKey": evaluation.experiment.feature, "flagType": "experiment"}
    if isinstance(value, str):
        return {"key": name, "value": value, "metadata": metadata}
    return {"key": name, "value": name, "payload": value, "metadata": metadata}
