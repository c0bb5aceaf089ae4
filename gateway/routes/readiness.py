"""Readiness: each thing that answers need, and whether requests should come here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine import EngineError, InvalidInput, NotFound
from gateway.config import Config
from gateway.engine_port import EnginePort

OK = "ok"
MODEL = "model "
MISSING = "missing: no campaign or recommender of this name is deployed yet; requests for it are answered with 404"
BROKEN = "can't be loaded: the server's log says why; restore its files, or train again"
LATE = "an earlier model answers: the newer one is yet to come from the storage; the server's log says what keeps it"
PENDING = re.compile(r"is not ACTIVE, it is in ([A-Z_ ]+) state")


def checked(engine: EnginePort, config: Config) -> dict[str, str]:
    """Each thing that an answer needs, and what is wrong with it: in words of its own, since what the engine says may
    name files, hosts and users, and anyone may ask."""
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    models = {each.model for plan in plans for each in plan.variations if each.model and not each.origin}
    return {
        "configuration": OK,  # a process without one does not start
        "database": _database(engine),
        **{f"{MODEL}{name}": _model(engine, name) for name in sorted(models)},
    }


def can_answer(checks: Mapping[str, str]) -> bool:
    """Requests should come here: not without a database, nor where models are there and none can be loaded. One that is
    yet to be trained, or is the only one broken, keeps nobody else from being served."""
    models = [check for name, check in checks.items() if name.startswith(MODEL)]
    return checks["database"] == OK and (BROKEN not in models or OK in models or LATE in models)


def _database(engine: EnginePort) -> str:
    try:
        engine.check()
    except EngineError:
        return "the database does not answer"
    return OK


def _model(engine: EnginePort, name: str) -> str:
    try:
        engine.answers.deployed(name)
        return LATE if engine.answers.is_late(name) else OK
    except NotFound as error:
        pending = PENDING.search(error.message)
        return f"not ready: it is in {pending[1]} state" if pending else MISSING
    except InvalidInput:
        return "stopped: start the recommender"
    except EngineError:
        return BROKEN
