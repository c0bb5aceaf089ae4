"""`make dashboards`: writes deploy/grafana/*.json anew, from the panels that stand here.

A panel is a title and what it shows, each a PromQL expression and a legend. `SERVER` in an expression selects the
servers that were chosen above the panels. What is counted once something goes wrong shows 0 before (`or vector(0)`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
SERVER = 'instance=~"$instance"'
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, COLUMNS = 12, 24  # of Grafana's grid
HEIGHTS = {"timeseries": 8, "stat": 4}


@dataclass(frozen=True)
class Panel:
    title: str
    shows: tuple[tuple[str, str], ...]  # expression, legend
    unit: str = "short"
    says: str = ""
    kind: Literal["timeseries", "stat"] = "timeseries"
    stacked: bool = False
    width: int = WIDTH


def rate(name: str, by: str = "", where: str = "") -> str:
    """The sum of a counter's rates, by these labels."""
    grouped = f"sum by ({by}) " if by else "sum"
    labels = f"{SERVER}, {where}" if where else SERVER
    return f"{grouped}(rate({name}{{{labels}}}[$__rate_interval]))"


def quantile(share: float, name: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{name}_bucket', labels)})"


def gauge(name: str, join: str = "sum", by: str = "") -> str:
    return f"{join} by ({by}) ({name}{{{SERVER}}})" if by else f"{join}({name}{{{SERVER}}})"


def or_zero(expression: str) -> str:
    return f"{expression} or vector(0)"


def one(expression: str, legend: str) -> tuple[tuple[str, str], ...]:
    return ((expression, legend),)


LOOKUPS = "recgate_cache_lookups_total"
SAVED = 'outcome=~"hit|stale|shared"'
ANSWERS = 'route=~"recommend-items|related-items|rerank-items|recommend-many|cohort-items"'
SHARE_SAVED = f"{rate(LOOKUPS, where=SAVED)} / {rate(LOOKUPS)}"
ERRORS = or_zero(rate("recgate_requests_total", where='status=~"5.."'))


def stat(title: str, expression: str, unit: str, says: str) -> Panel:
    return Panel(title, one(expression, title), unit, says, kind="stat", width=6)


OVERVIEW = (
    stat("Servers up", f"count(recgate_cache_entries{{{SERVER}}})", "none", "Servers that are scraped and answer."),
    stat("Requests", rate("recgate_requests_total"), "reqps", "All routes, all servers."),
    stat("From the cache", SHARE_SAVED, "percentunit", "Lists that asked no origin: hits, stale and shared answers."),
    stat("Answered with 5xx", ERRORS, "reqps", "Alarm: RecgateErrors."),
    Panel("Requests by route", one(rate("recgate_requests_total", "route"), "{{route}}"), "reqps", stacked=True),
    Panel("Requests by status", one(rate("recgate_requests_total", "status"), "{{status}}"), "reqps", stacked=True),
    Panel(
        "Time to answer a list",
        tuple(
            (
                f"histogram_quantile({share}, {rate('recgate_request_seconds_bucket', 'le', ANSWERS)})",
                name,
            )
            for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ),
        "s",
        "Cached and uncached lists together. Alarm: RecgateSlow.",
    ),
    Panel("Where lists come from", one(rate(LOOKUPS, "outcome"), "{{outcome}}"), "reqps", stacked=True),
    Panel("Events made durable", one(rate("recgate_events_total", "namespace"), "{{namespace}}"), "ops"),
    Panel(
        "From an event to answers that see it",
        one(gauge("recgate_event_lag_seconds", "max", "instance"), "{{instance}}"),
        "s",
        "Of the last event. Alarm: RecgateEventLag.",
    ),
    Panel(
        "Answers that the engine makes",
        (
            (gauge("recgate_answers_running"), "running"),
            (gauge("recgate_answers_waiting"), "waiting"),
            (or_zero(rate("recgate_answers_refused_total")), "refused per second"),
        ),
        says="Waiting and refused answers mean that more is asked than can be made. Alarm: RecgateOverloaded.",
    ),
    Panel(
        "Memory of cached answers",
        ((gauge("recgate_cache_bytes"), "held"), (gauge("recgate_cache_ceiling_bytes"), "ceiling")),
        "bytes",
    ),
)

CACHE = (
    Panel(
        "Share from the cache, by recommender",
        one(
            f"{rate(LOOKUPS, 'namespace, recommender', SAVED)} / {rate(LOOKUPS, 'namespace, recommender')}",
            "{{namespace}}/{{recommender}}",
        ),
        "percentunit",
        "Hits, stale and shared answers among all lists.",
    ),
    Panel("Where lists come from", one(rate(LOOKUPS, "outcome"), "{{outcome}}"), "reqps", stacked=True),
    Panel("Lists by recommender", one(rate(LOOKUPS, "recommender"), "{{recommender}}"), "reqps", stacked=True),
    Panel(
        "Calls of origins, and calls that the cache saved",
        (
            (rate("recgate_upstream_seconds_count"), "asked"),
            (rate(LOOKUPS, where=SAVED), "saved"),
        ),
        "reqps",
    ),
    Panel(
        "Memory of cached answers",
        ((gauge("recgate_cache_bytes"), "held"), (gauge("recgate_cache_ceiling_bytes"), "ceiling")),
        "bytes",
        "All workers together. At the ceiling the oldest answers go.",
    ),
    Panel("Cached answers", one(gauge("recgate_cache_entries", by="instance"), "{{instance}}")),
    Panel(
        "Answers that left or were not kept",
        (
            (or_zero(rate("recgate_cache_evictions_total")), "pushed out by the ceiling"),
            (or_zero(rate("recgate_cache_refused_total")), "too large to keep"),
        ),
        "ops",
        "Alarm: RecgateCacheTooSmall.",
    ),
    Panel(
        "Stale answers instead of failures",
        (
            (or_zero(rate("recgate_cache_stale_on_error_total")), "served stale"),
            (or_zero(rate("recgate_cache_refresh_failures_total")), "refreshes that failed"),
        ),
        "ops",
        "The cache hides that an origin fails. Alarm: RecgateServingStale.",
    ),
    Panel(
        "Redis that does not answer",
        one(or_zero(rate("recgate_redis_failures_total")), "left alone for a second"),
        "ops",
        "Replicas share no answers meanwhile. Alarm: RecgateRedisFailing.",
    ),
    Panel(
        "Replies of Redis that were not what was asked for",
        one(or_zero(rate("recgate_redis_rejected_total", "reason")), "{{reason}}"),
        "ops",
        "Alarm: RecgateRedisDamaged.",
    ),
)

EVENTS = (
    Panel("Events made durable", one(rate("recgate_events_total", "namespace"), "{{namespace}}"), "ops"),
    Panel(
        "Bodies of events that were refused",
        one(or_zero(rate("recgate_events_rejected_total", "namespace, code")), "{{namespace}} {{code}}"),
        "ops",
        "For a fault in the body, or since nobody knows the sender. Alarm: RecgateEventsRejected.",
    ),
    Panel(
        "From an event to answers that see it",
        one(gauge("recgate_event_lag_seconds", "max", "instance"), "{{instance}}"),
        "s",
    ),
    Panel(
        "Bodies that are taken",
        (
            (gauge("recgate_events_running"), "running"),
            (gauge("recgate_events_waiting"), "waiting"),
            (or_zero(rate("recgate_events_refused_total")), "refused per second"),
        ),
        says="Alarm: RecgateEventsOverloaded.",
    ),
    Panel(
        "Records that a target has not got yet",
        one(or_zero(gauge("recgate_outbox_records", by="target")), "{{target}}"),
    ),
    Panel(
        "Age of the oldest record that a target has not got",
        one(or_zero(gauge("recgate_outbox_oldest_seconds", "max", "target")), "{{target}}"),
        "s",
        "Alarm: RecgateTargetBehind.",
    ),
    Panel(
        "Messages to targets",
        (
            (or_zero(rate("recgate_outbox_delivered_total", "target")), "{{target}} taken"),
            (or_zero(rate("recgate_outbox_retried_total", "target")), "{{target}} sent again"),
            (or_zero(rate("recgate_outbox_dead_total", "target")), "{{target}} refused for good"),
        ),
        "ops",
        "Alarm: RecgateTargetRefuses.",
    ),
    Panel(
        "Messages of event sources that wait",
        one(or_zero(gauge("recgate_source_lag", by="source")), "{{source}}"),
        says="0 where no source is configured. Alarm: RecgateSourceBehind.",
    ),
    Panel(
        "Messages of event sources",
        (
            (or_zero(rate("recgate_source_messages_total", "source")), "{{source}} taken"),
            (or_zero(rate("recgate_source_dead_total", "source")), "{{source}} no events"),
            (or_zero(rate("recgate_source_failures_total", "source")), "{{source}} failures"),
        ),
        "ops",
        "Alarms: RecgateSourceFailing, RecgateSourceDead.",
    ),
    Panel(
        "Request bodies that are held",
        (
            (gauge("recgate_bodies_bytes"), "bytes"),
            (or_zero(rate("recgate_bodies_refused_total")), "refused or cut off per second"),
        ),
    ),
)

ENGINE = (
    Panel(
        "Time of an origin to answer",
        (
            (quantile(0.5, "recgate_upstream_seconds", "upstream"), "{{upstream}} p50"),
            (quantile(0.99, "recgate_upstream_seconds", "upstream"), "{{upstream}} p99"),
        ),
        "s",
    ),
    Panel("Calls of origins", one(rate("recgate_upstream_seconds_count", "upstream"), "{{upstream}}"), "reqps"),
    Panel(
        "Calls of origins that failed",
        one(or_zero(rate("recgate_upstream_failures_total", "upstream")), "{{upstream}}"),
        "reqps",
        "Alarm: RecgateOriginFailing.",
    ),
    Panel(
        "Age of the models that answer",
        one(gauge("recgate_model_age_seconds", "max", "campaign"), "{{campaign}}"),
        "s",
        "Alarm: RecgateModelOld.",
    ),
    Panel(
        "What the job process gets of the processor time that it asks for",
        one(or_zero(gauge("recgate_jobs_processor_share", "min")), "share"),
        "percentunit",
        "1: nobody else wants the processor. 0 until there is a job process. Alarm: RecgateJobsStarve.",
    ),
    Panel(
        "Snapshots and models yet to come from the storage",
        (
            (gauge("recgate_storage_waiting", "max"), "waiting"),
            (or_zero(rate("recgate_storage_failures_total")), "failures per second"),
        ),
        says="Alarm: RecgateStorageBehind.",
    ),
    Panel(
        "Answers without metadata",
        one(or_zero(rate("recgate_undecorated_total", "namespace")), "{{namespace}}"),
        "reqps",
        "The source of metadata failed. Alarm: RecgateUndecorated.",
    ),
    Panel(
        "Files of metadata",
        (
            (or_zero(gauge("recgate_metadata_faults", "max", "namespace")), "{{namespace}} faults"),
            (or_zero(gauge("recgate_metadata_age_seconds", "max", "namespace")), "{{namespace}} age in seconds"),
        ),
        says="Of `localdb`. Alarm: RecgateMetadataFaults.",
    ),
    Panel(
        "Items of histories that nobody has heard of",
        one(or_zero(rate("recgate_history_unknown_total", "namespace")), "{{namespace}}"),
        "ops",
    ),
    Panel(
        "Faults of the latest configuration",
        one(gauge("recgate_config_faults", "max", "instance"), "{{instance}}"),
        says="Above 0 the one before is in use. Alarm: RecgateConfigurationFaults.",
    ),
)

EXPERIMENTS = (
    Panel(
        "Answers that an arm gave",
        one(rate("recgate_exposures_total", "experiment, variation"), "{{experiment}} {{variation}}"),
        "reqps",
    ),
    Panel(
        "An arm's share of who comes new",
        one(gauge("recgate_experiment_weight", "max", "experiment, variation"), "{{experiment}} {{variation}}"),
        "percentunit",
    ),
    Panel(
        "An arm's share of the answers",
        one(
            f"{rate('recgate_exposures_total', 'experiment, variation')} / on (experiment) group_left "
            f"{rate('recgate_exposures_total', 'experiment')}",
            "{{experiment}} {{variation}}",
        ),
        "percentunit",
        "Of answers, not of units: `recgate experiments` has the test of the shares.",
    ),
    Panel(
        "Conversions",
        one(
            or_zero(rate("recgate_conversions_total", "namespace, recommender, feature, metric")),
            "{{namespace}}/{{recommender}} {{feature}} {{metric}}",
        ),
        "ops",
    ),
    Panel(
        "Events counted by metric attributions",
        one(
            or_zero(rate("recgate_attributed_total", "attribution, metric, source")),
            "{{attribution}} {{metric}} {{source}}",
        ),
        "ops",
    ),
    Panel(
        "What metric attributions have added up",
        one(
            or_zero(gauge("recgate_attributed_value", "max", "attribution, metric, source")),
            "{{attribution}} {{metric}} {{source}}",
        ),
    ),
)

DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "overview": ("recgate: overview", OVERVIEW),
    "cache": ("recgate: cache", CACHE),
    "events": ("recgate: events, targets and sources", EVENTS),
    "engine": ("recgate: origins, models and data", ENGINE),
    "experiments": ("recgate: experiments", EXPERIMENTS),
}


def dashboard(name: str) -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"recgate-{name}",
        "title": title,
        "tags": ["recgate"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [
            {"type": "dashboards", "title": "recgate", "tags": ["recgate"], "asDropdown": True, "keepTime": True}
        ],
        "templating": {"list": [*variables()]},
        "panels": [*placed(panels)],
    }


def variables() -> Iterator[dict[str, Any]]:
    yield {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    query = "label_values(recgate_cache_entries, instance)"
    yield {
        "name": "instance",
        "label": "Server",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "servers"},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def placed(panels: tuple[Panel, ...]) -> Iterator[dict[str, Any]]:
    """The panels from left to right, row by row."""
    x = y = 0
    for number, panel in enumerate(panels, 1):
        height = HEIGHTS[panel.kind]
        yield {**drawn(panel), "id": number, "gridPos": {"x": x, "y": y, "w": panel.width, "h": height}}
        x = (x + panel.width) % COLUMNS
        y += 0 if x else height


def drawn(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
        for place, (expression, legend) in enumerate(panel.shows)
    ]
    custom = {"fillOpacity": 15 if panel.stacked else 0, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    drawing = {"custom": {"lineWidth": 1, "showPoints": "never", **custom}} if panel.kind == "timeseries" else {}
    shown: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"]}}
    if panel.kind == "timeseries":
        legend = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
        shown = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **drawing}, "overrides": []},
        "options": shown,
        "targets": targets,
    }


def written(name: str) -> str:
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in DASHBOARDS:
        (FOLDER / f"{each}.json").write_text(written(each), "utf-8")
