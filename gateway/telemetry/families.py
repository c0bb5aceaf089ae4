"""Families of numbers that are counted, each with its labels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

Labels = tuple[str, ...]
Rows = list[tuple[Labels, list[float]]]
Numbers = dict[str, Rows]  # by a family's name

EDGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Family(NamedTuple):
    """`sum` and `max` are gauges, and say how the workers' values become one; `shared`: a counter that all read."""

    kind: Literal["counter", "histogram", "sum", "max", "shared"]
    help: str
    labels: Labels = ()


ATTRIBUTED = ("attribution", "metric", "event_type", "source")

FAMILIES = {
    "recgate_requests": Family("counter", "Requests answered.", ("route", "status")),
    "recgate_request_seconds": Family("histogram", "Seconds to answer a request.", ("route",)),
    "recgate_aws_requests": Family(
        "counter",
        "Calls of the Personalize wire API; `resource`: the campaign, recommender or dataset group's ARN.",
        ("operation", "resource", "status"),
    ),
    "recgate_aws_request_seconds": Family(
        "histogram", "Seconds to answer a call of the Personalize wire API.", ("operation", "resource")
    ),
    "recgate_cache_lookups": Family("counter", "Cache lookups by outcome.", ("namespace", "recommender", "outcome")),
    "recgate_upstream_seconds": Family("histogram", "Seconds an upstream took to answer.", ("upstream",)),
    "recgate_upstream_failures": Family("counter", "Upstream calls that failed.", ("upstream",)),
    "recgate_events": Family("counter", "Events accepted and durable.", ("namespace",)),
    "recgate_events_rejected": Family(
        "counter", "Bodies of events with a fault, or of nobody known.", ("namespace", "code")
    ),
    "recgate_intake_records": Family(
        "counter", "Records of partners' messages accepted and durable.", ("namespace", "partner", "kind")
    ),
    "recgate_intake_dropped": Family(
        "counter", "Parts of partners' messages not stored, by name.", ("namespace", "partner", "reason", "name")
    ),
    "recgate_conversions": Family(
        "counter", "Experiment conversions accepted.", ("namespace", "recommender", "feature", "metric")
    ),
    "recgate_exposures_lost": Family(
        "counter", "Exposures that the outbox could not keep for their targets.", ("namespace",)
    ),
    "recgate_exposures": Family("counter", "Answers that an experiment's arm gave.", ("experiment", "variation")),
    "recgate_experiment_weight": Family("max", "An arm's share of who comes new.", ("experiment", "variation")),
    "recgate_event_lag_seconds": Family("max", "From an event's receipt to answers that see it, of the last one."),
    "recgate_model_age_seconds": Family("max", "Since the answering model was trained.", ("campaign", "model")),
    "recgate_config_faults": Family("max", "What is wrong with the latest configuration; the one before is in use."),
    "recgate_config_in_use": Family("sum", "Workers that answer by this configuration.", ("version", "fingerprint")),
    "recgate_log_applied": Family("max", "The last record of the event log that answers have seen."),
    "recgate_history_unknown": Family(
        "counter", "Items of histories in requests that nobody has heard of, of answers made.", ("namespace",)
    ),
    "recgate_undecorated": Family("counter", "Answers without metadata, since its source failed.", ("namespace",)),
    "recgate_metadata_faults": Family("max", "Whether metadata's files can't be used; the old stays.", ("namespace",)),
    "recgate_metadata_age_seconds": Family("max", "Since metadata was known to be what its files say.", ("namespace",)),
    "recgate_attributed": Family("shared", "Events counted by metric attributions.", ATTRIBUTED),
    "recgate_attributed_value": Family("max", "What metric attributions have added up.", ATTRIBUTED),
    "recgate_answers_refused": Family("counter", "Answers refused: more were asked for than can be made in time."),
    "recgate_answers_running": Family("sum", "Answers that the engine makes."),
    "recgate_answers_waiting": Family("sum", "Answers that wait to be made."),
    "recgate_events_refused": Family("counter", "Bodies of events refused: more came than can be written in time."),
    "recgate_events_running": Family("sum", "Bodies of events that are being taken."),
    "recgate_events_waiting": Family("sum", "Bodies of events that wait to be taken."),
    "recgate_jobs_processor_share": Family(
        "max", "Of the processor time that the job process asks for, what it gets; below 0.05 it starves."
    ),
    "recgate_bodies_bytes": Family("sum", "Bytes of request bodies that are held."),
    "recgate_bodies_refused": Family("counter", "Bodies refused or cut off: there was no room for them."),
    "recgate_outbox_records": Family("sum", "Records that a target has not got yet.", ("target",)),
    "recgate_outbox_oldest_seconds": Family("max", "Age of the oldest record that a target has not got.", ("target",)),
    "recgate_outbox_delivered": Family("counter", "Messages taken by a target.", ("target",)),
    "recgate_outbox_retried": Family("counter", "Messages that had to be sent again.", ("target",)),
    "recgate_outbox_dead": Family("counter", "Messages that a target refused for good.", ("target",)),
    "recgate_source_lag": Family(
        "sum", "Messages of a partition that an event source has not taken yet.", ("source", "partition")
    ),
    "recgate_source_messages": Family("counter", "Messages taken from an event source.", ("source",)),
    "recgate_source_dead": Family("counter", "Messages of an event source that are no events.", ("source",)),
    "recgate_source_failures": Family(
        "counter", "Times that a source could not be read or its events not stored.", ("source",)
    ),
    "recgate_cache_bytes": Family("sum", "Bytes held by cached answers."),
    "recgate_cache_ceiling_bytes": Family("sum", "Bytes that cached answers may hold."),
    "recgate_cache_entries": Family("sum", "Cached answers."),
    "recgate_cache_evictions": Family("counter", "Answers pushed out by the ceiling."),
    "recgate_cache_refused": Family("counter", "Answers too large to keep."),
    "recgate_cache_refresh_failures": Family("counter", "Refreshes behind a stale answer that failed."),
    "recgate_storage_failures": Family("counter", "Snapshots and models that could not be fetched, each time tried."),
    "recgate_storage_waiting": Family("max", "Snapshots and models that are yet to come from the storage."),
    "recgate_redis_failures": Family("counter", "Times that Redis did not answer, and was left alone for a second."),
    "recgate_redis_rejected": Family("counter", "Replies of Redis that were not what was asked for.", ("reason",)),
    "recgate_cache_stale_on_error": Family("counter", "Stale answers served because the upstream failed."),
}


class Histogram:
    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(EDGES) + 1)
        self.total = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        self.counts[bisect_left(EDGES, seconds)] += count
        self.total += seconds * count

    def values(self) -> list[float]:
        return [*self.counts, self.total]


def buckets(counts: Sequence[float]) -> list[tuple[str, float]]:
    edges = [*map(str, EDGES), "+Inf"]
    return [(edge, sum(counts[: place + 1])) for place, edge in enumerate(edges)]
