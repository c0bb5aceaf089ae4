"""Numbers that are read when they are exported: each part of a worker counts its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gateway.cache import Cache
from gateway.config import Config
from gateway.engine_port import EnginePort
from gateway.experiments.ledger import Ledger
from gateway.limits.admission import Admission
from gateway.limits.body_budget import BodyBudget
from gateway.outbox import Outbox
from gateway.telemetry import Rows, Telemetry

if TYPE_CHECKING:
    from gateway.cache.shared_store import SharedStore


def watch_numbers(telemetry: Telemetry, numbers: dict[str, Callable[[], float]]) -> None:
    """Watch families of one number each, without labels."""
    for name, read in numbers.items():
        telemetry.watch(name, partial(_one_row, read))


def _one_row(read: Callable[[], float]) -> Rows:
    return [((), [read()])]


def watch_cache(telemetry: Telemetry, cache: Cache) -> None:
    counts = cache.counts
    watch_numbers(
        telemetry,
        {
            "recgate_cache_bytes": lambda: cache.size,
            "recgate_cache_ceiling_bytes": lambda: cache.ceiling,
            "recgate_cache_entries": lambda: len(cache),
            "recgate_cache_evictions": lambda: counts.evicted,
            "recgate_cache_refused": lambda: counts.refused,
            "recgate_cache_refresh_failures": lambda: counts.refresh_failed,
            "recgate_cache_stale_on_error": lambda: counts.stale_on_error,
        },
    )


def watch_engine(telemetry: Telemetry, engine: EnginePort, clock: Callable[[], float]) -> None:
    def model_ages() -> Rows:
        models, now = engine.answers.deployed_models(), clock()
        return [((each.campaign.name, each.model), [now - each.trained_at]) for each in models]

    attributed = engine.resources.attributed
    fetcher = engine.fetcher
    watch_numbers(
        telemetry,
        {
            "recgate_event_lag_seconds": engine.feed.lag_s,
            "recgate_log_applied": engine.feed.applied,
            "recgate_storage_waiting": fetcher.waiting,
            "recgate_storage_failures": lambda: fetcher.failures,
        },
    )
    telemetry.watch("recgate_model_age_seconds", model_ages)
    telemetry.watch("recgate_attributed", lambda: [(each[:4], [each.events]) for each in attributed()])
    telemetry.watch("recgate_attributed_value", lambda: [(each[:4], [each.value]) for each in attributed()])


def watch_configuration(telemetry: Telemetry, config: Callable[[], Config], faults: Callable[[], float]) -> None:
    watch_numbers(telemetry, {"recgate_config_faults": faults})
    telemetry.watch("recgate_config_in_use", lambda: [((config().version, config().fingerprint), [1.0])])


def watch_experiments(
    telemetry: Telemetry, ledger: Ledger, config: Callable[[], Config], clock: Callable[[], float]
) -> None:
    def weights() -> Rows:
        now = clock()
        in_force = [(each.id, ledger.in_force(each, now)) for each in config().experiments]
        return [((name, arm.variation), [arm.share]) for name, allocation in in_force for arm in allocation.arms]

    telemetry.watch("recgate_exposures", lambda: [(key, [times]) for key, times in ledger.answer_counts.copy().items()])
    telemetry.watch("recgate_experiment_weight", weights)


def watch_admission(telemetry: Telemetry, kind: str, admission: Admission) -> None:
    watch_numbers(
        telemetry,
        {
            f"recgate_{kind}_refused": lambda: admission.refused,
            f"recgate_{kind}_running": lambda: admission.running,
            f"recgate_{kind}_waiting": lambda: admission.waiting,
        },
    )


def watch_bodies(telemetry: Telemetry, bodies: BodyBudget) -> None:
    watch_numbers(
        telemetry, {"recgate_bodies_bytes": lambda: bodies.size, "recgate_bodies_refused": lambda: bodies.refused}
    )


def watch_shared(telemetry: Telemetry, shared: SharedStore) -> None:
    watch_numbers(telemetry, {"recgate_redis_failures": lambda: shared.failures})
    telemetry.watch("recgate_redis_rejected", lambda: [((why,), [n]) for why, n in shared.rejected.copy().items()])


def watch_outbox(telemetry: Telemetry, outbox: Outbox) -> None:
    telemetry.watch("recgate_outbox_records", outbox.records)
    telemetry.watch("recgate_outbox_oldest_seconds", outbox.oldest)
    telemetry.watch("recgate_outbox_delivered", lambda: outbox.counted(lambda counts: counts.delivered))
    telemetry.watch("recgate_outbox_retried", lambda: outbox.counted(lambda counts: counts.retried))
    telemetry.watch("recgate_outbox_dead", lambda: outbox.counted(lambda counts: counts.dead))
