"""The tables of the database. How older ones become these `engine.storage.migrations` says."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
)

_Sequence = BigInteger().with_variant(Integer, "sqlite")

tables = MetaData()

records = Table(
    "records",
    tables,
    Column("arn", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("parent", String, nullable=False),  # the ARN it is listed by
    Column("uses", String, nullable=False),  # an ARN that can't be deleted before it
    Column("created", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the record, JSON
    Index("records_listed", "account", "kind", "created", "arn"),
    Index("records_parent", "parent"),
    Index("records_uses", "uses"),
)

jobs = Table(
    "jobs",
    tables,
    Column("id", _Sequence, primary_key=True),
    Column("kind", String, nullable=False),  # a module of engine.jobs.kinds
    Column("arn", String, nullable=False),  # what it works on
    Column("state", String, nullable=False, default="queued"),  # queued | running | done | failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String, nullable=False, default=""),  # the runner that holds it
    Column("lease", Integer, nullable=False, default=0, server_default="0"),  # the number of its claim
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("fraction", Float, nullable=False, default=0.0),  # progress, 0..1
    Column("message", String, nullable=False, default="waiting"),
    Column("created", Float, nullable=False),
    Column("started", Float, nullable=False, default=0.0),
    Column("ended", Float, nullable=False, default=0.0),
    Index("jobs_waiting", "state", "id"),
    Index("jobs_arn", "arn"),
    sqlite_autoincrement=True,
)

workers = Table(
    "workers",
    tables,
    Column("name", String, primary_key=True),  # the process, as owners of jobs begin
    Column("host", String, nullable=False),
    Column("kinds", String, nullable=False),  # of jobs, those that it takes; empty: all
    Column("places", Integer, nullable=False),  # the number of jobs that it does at once
    Column("started", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
)

log = Table(
    "log",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("grp", String, nullable=False),  # the dataset group's uid
    Column("kind", String, nullable=False),  # event | item | user | snapshot | deploy
    Column("key", String, nullable=False),  # the user, item, snapshot or campaign
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),  # when the server took it, epoch seconds
    Column("once", LargeBinary),  # what makes it the same record as another; null: never the same
    Index("log_group", "grp", "seq"),
    Index("log_once", "grp", "once", unique=True),
    sqlite_autoincrement=True,
)

source_positions = Table(
    "source_positions",
    tables,
    Column("source", String, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),  # a partition's number
    Column("next", BigInteger, nullable=False),  # the offset of its first message that the log does not have
    Column("at", Float, nullable=False),  # when it last moved, epoch seconds
)

snapshots = Table(
    "snapshots",
    tables,
    Column("grp", String, primary_key=True),
    Column("path", String, nullable=False),  # below the data directory
    Column("seq", _Sequence, nullable=False),  # the last log record that is in it
)

attributions = Table(
    "attributions",
    tables,
    Column("arn", String, primary_key=True),  # of a metric attribution
    Column("seq", _Sequence, nullable=False),  # how far the log is counted
    Column("published", Float, nullable=False),  # when counts were last gathered for a file
)

attributed = Table(
    "attributed",
    tables,
    Column("arn", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("began", BigInteger, primary_key=True),  # the first second of a window
    Column("batch", BigInteger, primary_key=True),  # see engine.attribution.ledger
    Column("events", BigInteger, nullable=False),
    Column("value", Float, nullable=False),
)


exposed = Table(
    "exposed",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("variation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("weighing", String, key="allocation", nullable=False),
    Index("exposed_once", "experiment", "unit", unique=True),
    sqlite_autoincrement=True,
)

showings = Table(
    "showings",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    Column("times", BigInteger, nullable=False),
)

shown_items = Table(
    "shown_items",
    tables,
    Column("grp", String, primary_key=True),
    Column("who", String, primary_key=True),
    Column("source", String, primary_key=True),  # ARN of a campaign or recommender
    Column("until", BigInteger, nullable=False),  # the epoch second from which nobody looks back to it
    Column("body", LargeBinary, nullable=False),  # see engine.impressions.showings
    Index("shown_items_who", "who"),
    Index("shown_items_until", "until"),
)

marked = Table(
    "marked",
    tables,
    Column("experiment", String, primary_key=True),
    Column("scope", String, nullable=False),  # of its units' outcomes
    Column("at", Float, nullable=False),  # when a process last had it in its configuration
)

_SUMS = ("batches", "answers", "errors", "hits", "seconds", "answers2", "errors2", "hits2", "seconds2")

served = Table(
    "served",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    *(Column(name, Float, nullable=False) for name in _SUMS),  # see engine.experiments.readings
    *(Column(f"answers_{name}", Float, nullable=False) for name in ("errors", "hits", "seconds")),
)

listed = Table(
    "listed",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("lists", BigInteger, nullable=False),
    Column("places", LargeBinary, nullable=False),  # numbers of 32 bits
)

answered = Table(
    "answered",
    tables,
    Column("experiment", String, primary_key=True),
    Column("recommendation_id", String, primary_key=True),
    Column("variation", String, primary_key=True),  # several: two arms gave the very same answer
    Column("unit", String, nullable=False),  # that got it first
    Column("at", Float, nullable=False),
    Column("teams", LargeBinary),  # of a list of several variations: whose each item is, JSON
)

weighed = Table(
    "weighed",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("since", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("arms", JSON, nullable=False),  # weight, units, mean, error by variation
    Index("weighed_once", "experiment", "since", unique=True),
    sqlite_autoincrement=True,
)

converted = Table(
    "converted",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("scope", String, nullable=False),  # an experiment, or a namespace
    Column("unit", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("recommendation_id", String),
    Column("once", LargeBinary, unique=True),  # what makes it the same as another; null: never the same
    Column("item", String),
    Index("converted_scope", "scope", "unit"),
    Index("converted_answer", "recommendation_id"),
    sqlite_autoincrement=True,
)

commits = Table(
    "commits",
    tables,
    Column("id", String, primary_key=True),  # of the database: one row
    Column("number", BigInteger, nullable=False),  # of transactions so far, see engine.storage.watermark
)

bells = Table(  # this and the next are of a log that machines share, see engine.data.replicas
    "bells",
    tables,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # the log's last record by then
    Column("prior", BigInteger, nullable=False),  # the bell before: a reader that misses one notices
    Column("buckets", LargeBinary, nullable=False),  # of the doorbell, numbers of 16 bits
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.current_timestamp()),
)

replicas = Table(
    "replicas",
    tables,
    Column("id", String, primary_key=True),  # of a process that answers
    Column("place", String, nullable=False),  # of its doorbell: processes of one place hear each other
    Column("lease_s", Float, nullable=False),  # the longest that it answers without having looked at the bells
    Column("beat", BigInteger, nullable=False),  # grows while it lives
    Column("heard", BigInteger, nullable=False, server_default="0"),  # the last bell that it has heard by looking
)
