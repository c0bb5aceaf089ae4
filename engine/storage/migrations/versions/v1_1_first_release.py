"""The tables of release 0.1.0.

A database that has no version is older than versions: it gets what it lacks of them, be it everything, or the columns
and indexes that builds of before 0.1.0 did not make.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "1.1", None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

tables = sa.MetaData()

sa.Table(
    "records",
    tables,
    sa.Column("arn", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("parent", sa.String, nullable=False),
    sa.Column("uses", sa.String, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("records_listed", "account", "kind", "created", "arn"),
    sa.Index("records_parent", "parent"),
    sa.Index("records_uses", "uses"),
)

sa.Table(
    "jobs",
    tables,
    sa.Column("id", SEQUENCE, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("arn", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
    sa.Column("fraction", sa.Float, nullable=False),
    sa.Column("message", sa.String, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("ended", sa.Float, nullable=False),
    sa.Index("jobs_waiting", "state", "id"),
    sa.Index("jobs_arn", "arn"),
    sqlite_autoincrement=True,
)

sa.Table(
    "log",
    tables,
    sa.Column("seq", SEQUENCE, primary_key=True),
    sa.Column("grp", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("once", sa.LargeBinary),
    sa.Index("log_group", "grp", "seq"),
    sa.Index("log_once", "grp", "once", unique=True),
    sqlite_autoincrement=True,
)

sa.Table(
    "snapshots",
    tables,
    sa.Column("grp", sa.String, primary_key=True),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("seq", SEQUENCE, nullable=False),
)

sa.Table(
    "attributions",
    tables,
    sa.Column("arn", sa.String, primary_key=True),
    sa.Column("seq", SEQUENCE, nullable=False),
    sa.Column("published", sa.Float, nullable=False),
)

sa.Table(
    "attributed",
    tables,
    sa.Column("arn", sa.String, primary_key=True),
    sa.Column("metric", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("began", sa.BigInteger, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
)


sa.Table(
    "exposed",
    tables,
    sa.Column("seq", SEQUENCE, primary_key=True),
    sa.Column("experiment", sa.String, nullable=False),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("variation", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("propensity", sa.Float, nullable=False),
    sa.Column("weighing", sa.String, nullable=False),
    sa.Index("exposed_once", "experiment", "unit", unique=True),
    sqlite_autoincrement=True,
)

sa.Table(
    "showings",
    tables,
    sa.Column("experiment", sa.String, primary_key=True),
    sa.Column("variation", sa.String, primary_key=True),
    sa.Column("times", sa.BigInteger, nullable=False),
)

sa.Table(
    "marked",
    tables,
    sa.Column("experiment", sa.String, primary_key=True),
    sa.Column("scope", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)

_SUMS = ("batches", "answers", "errors", "hits", "seconds", "answers2", "errors2", "hits2", "seconds2")

sa.Table(
    "served",
    tables,
    sa.Column("experiment", sa.String, primary_key=True),
    sa.Column("variation", sa.String, primary_key=True),
    *(sa.Column(name, sa.Float, nullable=False) for name in _SUMS),
    *(sa.Column(f"answers_{name}", sa.Float, nullable=False) for name in ("errors", "hits", "seconds")),
)

sa.Table(
    "listed",
    tables,
    sa.Column("experiment", sa.String, primary_key=True),
    sa.Column("variation", sa.String, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("lists", sa.BigInteger, nullable=False),
    sa.Column("places", sa.LargeBinary, nullable=False),
)

sa.Table(
    "answered",
    tables,
    sa.Column("experiment", sa.String, primary_key=True),
    sa.Column("recommendation_id", sa.String, primary_key=True),
    sa.Column("variation", sa.String, primary_key=True),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("teams", sa.LargeBinary),
)

sa.Table(
    "weighed",
    tables,
    sa.Column("seq", SEQUENCE, primary_key=True),
    sa.Column("experiment", sa.String, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("arms", sa.JSON, nullable=False),
    sa.Index("weighed_once", "experiment", "since", unique=True),
    sqlite_autoincrement=True,
)

sa.Table(
    "converted",
    tables,
    sa.Column("seq", SEQUENCE, primary_key=True),
    sa.Column("scope", sa.String, nullable=False),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("metric", sa.String, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("recommendation_id", sa.String),
    sa.Column("once", sa.LargeBinary, unique=True),
    sa.Column("item", sa.String),
    sa.Index("converted_scope", "scope", "unit"),
    sa.Index("converted_answer", "recommendation_id"),
    sqlite_autoincrement=True,
)

sa.Table(
    "commits",
    tables,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)


def upgrade() -> None:
    connection = op.get_bind()
    existing = sa.inspect(connection)
    for table in tables.sorted_tables:
        if not existing.has_table(table.name):
            table.create(connection)
            continue
        columns = {column["name"] for column in existing.get_columns(table.name)}
        for column in table.columns:
            if column.name not in columns:
                op.add_column(table.name, column)
        indexes = {index["name"] for index in existing.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)
