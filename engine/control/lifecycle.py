"""The status that is shown, from the record and the clock alone (specification §1.4).

| stored                            | shown while `pending_s` runs                | then          |
| --------------------------------- | ------------------------------------------- | ------------- |
| a staged record                   | CREATE PENDING, CREATE IN_PROGRESS          | stored status |
| an update of one                  | CREATE PENDING, CREATE IN_PROGRESS          | stored status |
| a record with a time of deletion  | DELETE PENDING, DELETE IN_PROGRESS          | gone (None)   |
| a version that is told to stop    | CREATE STOPPING                             | stored status |
| a recommender stopped or started  | STOP or START PENDING, IN_PROGRESS          | stored status |
| any other (jobs, schemas, …)      | stored status                               | stored status |
"""

from __future__ import annotations

from typing import TypeVar

from engine.records import JsonMap, RecommenderRecord, Record, SolutionVersionRecord

ACTIVE = "ACTIVE"
CREATE_PENDING = "CREATE PENDING"
BUSY = frozenset({CREATE_PENDING, "CREATE IN_PROGRESS", "CREATE STOPPING", "PENDING", "IN_PROGRESS"})
USABLE = frozenset({CREATE_PENDING, "CREATE IN_PROGRESS", ACTIVE})
SETTLED = frozenset({ACTIVE, "CREATE FAILED", "CREATE STOPPED", "INACTIVE"})
END = TypeVar("END")


def shown(record: Record, now: float, pending_s: float) -> str | None:
    if record.deleted_at is not None:
        return stage("DELETE", now - record.deleted_at, pending_s, None)
    if isinstance(record, SolutionVersionRecord) and record.stopped_at is not None:
        return record.status if now - record.stopped_at >= pending_s else "CREATE STOPPING"
    if isinstance(record, RecommenderRecord) and record.turned_at is not None:
        return stage("START" if record.status == ACTIVE else "STOP", now - record.turned_at, pending_s, record.status)
    if record.staged:
        return stage("CREATE", now - record.creation_date_time, pending_s, record.status)
    return record.status


def stated(now: float, status: str = ACTIVE) -> JsonMap:
    """The members by which an update says how far it is, as of its beginning."""
    return {"status": status, "creationDateTime": now, "lastUpdatedDateTime": now}


def shown_update(update: JsonMap, now: float, pending_s: float) -> JsonMap:
    """A resource's latest update, if there was one, which runs through the states of a creation."""
    if update.get("status") != ACTIVE:
        return update
    began = update["creationDateTime"]
    moment = max(update["lastUpdatedDateTime"], _moment(began, now, pending_s))
    return {**update, "status": stage("CREATE", now - began, pending_s, ACTIVE), "lastUpdatedDateTime": moment}


def shown_at(record: Record, now: float, pending_s: float) -> float:
    """The lastUpdatedDateTime that is shown, epoch seconds: a state that came with the time has moved it, too."""
    moments = [record.last_updated_date_time]
    if (began := _began(record)) is not None:
        moments.append(_moment(began, now, pending_s))
    if record.latest_update:
        moments.append(shown_update(record.latest_update, now, pending_s)["lastUpdatedDateTime"])
    return max(moments)


def _began(record: Record) -> float | None:
    """The moment that the record entered the states that it passes through with the time; None: it is in none."""
    if record.deleted_at is not None:
        return record.deleted_at
    if isinstance(record, SolutionVersionRecord):
        return record.stopped_at
    if isinstance(record, RecommenderRecord):
        return record.turned_at
    return record.creation_date_time if record.staged else None


def _moment(began: float, now: float, pending_s: float) -> float:
    """The beginning of the present state, of those that follow each other since `began`."""
    ended = now - began >= pending_s
    halves = 2 if ended else int(now - began >= pending_s / 2)
    return round(began + halves * pending_s / 2, 3)


def stage(verb: str, age: float, pending_s: float, end: END) -> str | END:
    """Half of the time pending, half in progress."""
    if age >= pending_s or pending_s == 0:  # another process's clock may be behind
        return end
    return f"{verb} PENDING" if age < pending_s / 2 else f"{verb} IN_PROGRESS"
