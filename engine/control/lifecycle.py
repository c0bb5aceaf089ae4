"""The status that is shown, from the record and the clock alone (specification §1.4).

| stored                            | shown while `pending_s` runs                | then          |
| --------------------------------- | ------------------------------------------- | ------------- |
| a staged record                   | CREATE PENDING, CREATE IN_PROGRESS          | stored status |
| a record with a time of deletion  | DELETE PENDING, DELETE IN_PROGRESS          | gone (None)   |
| a version that is told to stop    | CREATE STOPPING                             | stored status |
| a recommender stopped or started  | STOP or START PENDING, IN_PROGRESS          | stored status |
| any other (jobs, schemas)         | stored status                               | stored status |
"""

from __future__ import annotations

from typing import TypeVar

from engine.records import JsonMap, Recommender, Record, SolutionVersion

ACTIVE = "ACTIVE"
CREATE_PENDING = "CREATE PENDING"
BUSY = frozenset({CREATE_PENDING, "CREATE IN_PROGRESS", "CREATE STOPPING", "PENDING", "IN_PROGRESS"})
SETTLED = frozenset({ACTIVE, "CREATE FAILED", "CREATE STOPPED", "INACTIVE"})
END = TypeVar("END")


def shown(record: Record, now: float, pending_s: float) -> str | None:
    if record.deleted_at is not None:
        return stage("DELETE", now - record.deleted_at, pending_s, None)
    if isinstance(record, SolutionVersion) and record.stopped_at is not None:
        return record.status if now - record.stopped_at >= pending_s else "CREATE STOPPING"
    if isinstance(record, Recommender) and record.turned_at is not None:
        return stage("START" if record.status == ACTIVE else "STOP", now - record.turned_at, pending_s, record.status)
    if record.staged:
        return stage("CREATE", now - record.creation_date_time, pending_s, record.status)
    return record.status


def shown_update(update: JsonMap, now: float, pending_s: float) -> JsonMap:
    """A resource's latest update, if there was one, which runs through the states of a creation."""
    if update.get("status") != ACTIVE:
        return update
    return {**update, "status": stage("CREATE", now - update["creationDateTime"], pending_s, ACTIVE)}


def stage(verb: str, age: float, pending_s: float, end: END) -> str | END:
    """Half of the time pending, half in progress."""
    if age >= pending_s or pending_s == 0:  # another process's clock may be behind
        return end
    return f"{verb} PENDING" if age < pending_s / 2 else f"{verb} IN_PROGRESS"
