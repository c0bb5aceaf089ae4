"""Appends to a log that machines share (PostgreSQL): their order is held, and each leaves a bell.

A sequence's numbers do not commit in order, so a reader by position would skip who commits late. Therefore appenders
hold one advisory lock from before their first number until their commit: numbers become visible in order. The bell is a
row of the same transaction, with the buckets of the doorbell that it rings for: readers elsewhere hear by it whose
events are new, without reading the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from engine.storage.sql import turn_statement

TURN = 7231  # the advisory lock's number
LOCK = turn_statement(TURN)
# One statement, after the lock: it sees all that was committed before. Arrays travel in binary form.
APPEND = """
WITH added AS (
    INSERT INTO log (grp, kind, key, body, at, once)
    SELECT grp, kind, key, body, %s, once
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::bytea[], %b::bytea[]) AS new (grp, kind, key, body, once)
    ON CONFLICT DO NOTHING RETURNING seq
), newest AS (
    SELECT COALESCE((SELECT max(seq) FROM added), (SELECT max(seq) FROM log), 0) AS seq
), bell AS (
    INSERT INTO bells (seq, prior, buckets)
    SELECT seq, COALESCE((SELECT max(seq) FROM bells), 0), %b FROM newest
    ON CONFLICT DO NOTHING
)
SELECT seq, (SELECT array_agg(id || ' ' || lease_s) FROM replicas WHERE place <> %s) FROM newest
"""


class Columns(NamedTuple):
    """Entries by column."""

    groups: list[str]
    kinds: list[str]
    keys: list[str]
    bodies: list[bytes]
    onces: list[bytes | None]


class Appended(NamedTuple):
    """A transaction's last sequence number, the buckets that it rings for, and the processes of other places that might
    answer without having heard of it: their leases, seconds, by id."""

    seq: int
    buckets: list[int]
    others: dict[str, float]


def append(connection: sa.Connection, new: Columns, at: float, buckets: list[int], place: str) -> Appended:
    connection.exec_driver_sql(LOCK)
    rung = np.array(buckets, "<u2").tobytes()
    seq, others = connection.exec_driver_sql(APPEND, (at, *new, rung, place)).one()
    return Appended(seq, buckets, _leases(others or ()))


def buckets_in(rung: bytes) -> list[int]:
    """The buckets of a bell."""
    return [int(bucket) for bucket in np.frombuffer(rung, "<u2")]


def _leases(others: Sequence[str]) -> dict[str, float]:
    pairs = (each.split(" ") for each in others)
    return {name: float(lease_s) for name, lease_s in pairs}
