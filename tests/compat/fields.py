"""What a request says by automatic fields: a module of little, for processes that ask nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.caller import Caller
from gateway.config import parse
from gateway.context.autocontext import context_of
from gateway.plan.plan import Moment

MONDAY = datetime(2024, 3, 25, 0, 10, tzinfo=UTC)  # in spring, in the first hour


def context(fields: str, now: datetime = MONDAY, **headers: str) -> dict[str, str]:
    """What a request says by these automatic fields."""
    config = parse(f"autoContext: {fields}\nnamespaces: {{shop: {{eventTargets: []}}}}")
    caller = Caller({name.replace("_", "-"): value for name, value in headers.items()})
    return context_of(config.namespaces["shop"].event_context, Moment(caller, now))
