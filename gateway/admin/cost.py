"""Cost: what Amazon Personalize would charge for this traffic by the prices of a file, quotas, and idle campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import inf
from pathlib import Path

import msgspec

from engine import Provisioned, QuotaUse
from gateway.admin.traffic import Interval, ListTraffic, lists
from gateway.admin.view import View
from gateway.config import Config
from gateway.errors import NotConfigured

HOUR_S, MONTH_H = 3600.0, 730.0
GIGABYTE = 1 << 30
IDLE_AFTER_S = 3600.0  # a server that has just begun knows of no idle campaign
AVERAGE = "By the average over the whole time: AWS bills by windows of five minutes, so bursts would cost more."
QUOTA_NAMES = {
    "schema": "Schemas",
    "dataset-group": "Active dataset groups",
    "dataset-import-job": "Pending or running import jobs",
    "data-deletion-job": "Pending or running deletion jobs",
    "batch-inference-job": "Pending or running batch inference jobs",
    "batch-segment-job": "Pending or running batch segment jobs",
    "solution-version": "Solution versions in training",
    "solution": "Active solutions",
    "filter": "Active filters",
    "campaign": "Active campaigns",
    "recommender": "Active recommenders",
}


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The price of a TPS-hour within a month, up to a number of them; null: however many."""

    up_to: float | None
    price: float


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The prices of a file; `bytes_per_event` is what an event is taken for where its data is billed."""

    name: str
    region: str
    as_of: str
    source: str
    currency: str
    ingestion_per_gigabyte: float
    training_per_hour: float
    tps_hours: tuple[Tariff, ...]
    bytes_per_event: float = 1024.0


class PriceSource(View, frozen=True, kw_only=True):
    name: str
    region: str
    as_of: str
    source: str
    currency: str


class CostLine(View, frozen=True, kw_only=True):
    what: str
    unit: str
    quantity: float
    price: float
    amount: float
    assumption: str


class QuotaView(View, frozen=True, kw_only=True):
    code: str
    name: str
    used: int
    limit: int
    share: float
    group: str


class ProvisionedView(View, frozen=True, kw_only=True):
    """A campaign or recommender; `used_by` are the recommenders of the configuration that ask it."""

    name: str
    kind: str
    arn: str
    min_provisioned_tps: int = msgspec.field(name="minProvisionedTPS")
    requests: int
    idle: bool
    idle_why: str | None
    used_by: list[str]
    idle_per_month: float


class CostView(View, frozen=True, kw_only=True):
    """`total` is for answers that the cache had not; `if_every_answer_were_asked` without a cache."""

    at: float
    since: float
    prices: PriceSource
    lines: list[CostLine]
    total: float
    per_month: float | None
    answered_from_cache: int
    if_every_answer_were_asked: float
    quotas: list[QuotaView]
    campaigns: list[ProvisionedView]


@dataclass(frozen=True)
class CostParts:
    """The parts that the view is made from: the traffic since the server began, and what the engine has."""

    at: float
    began: float
    interval: Interval
    provisioned: Sequence[Provisioned]
    training_hours: float
    quotas: Sequence[QuotaUse]
    groups: Collection[str] | None = None  # that are shown; None: all


def prices_in(path: str | None) -> Prices:
    """The prices of a file, or those that come with this release. Raises `NotConfigured`."""
    try:
        body = (
            files("gateway.admin").joinpath("aws-prices.json").read_bytes() if path is None else Path(path).read_bytes()
        )
        return msgspec.json.decode(body, type=Prices)
    except (OSError, msgspec.DecodeError) as error:
        raise NotConfigured("PricesNotReadable", f"the prices of ui.prices can't be read: {error}") from error


def cost(parts: CostParts, config: Config, prices: Prices) -> CostView:
    shown = [each for each in parts.provisioned if parts.groups is None or each.group_arn in parts.groups]
    asked, cached = requests_by_model(lists(parts.interval), config)
    hours = max(parts.at - parts.began, 1.0) / HOUR_S
    lines = [
        tps_line(shown, asked, hours, prices),
        training_line(parts.training_hours, prices),
        ingestion_line(parts.interval.count("recgate_events", parts.interval.of_namespace), prices),
    ]
    without = tps_line(shown, asked + cached, hours, prices)
    total = sum(line.amount for line in lines)
    running = total - lines[1].amount  # trainings may be of before the server began
    return CostView(
        at=parts.at,
        since=parts.began,
        prices=PriceSource(
            name=prices.name,
            region=prices.region,
            as_of=prices.as_of,
            source=prices.source,
            currency=prices.currency,
        ),
        lines=lines,
        total=total,
        per_month=running / hours * MONTH_H if hours >= 1 else None,
        answered_from_cache=sum(cached.values()),
        if_every_answer_were_asked=total - lines[0].amount + without.amount,
        quotas=[quota_view(each) for each in parts.quotas if parts.groups is None or each.group in parts.groups],
        campaigns=[provisioned_view(each, parts, asked + cached, config, prices) for each in shown],
    )


def requests_by_model(traffic: Sequence[ListTraffic], config: Config) -> tuple[Counter[str], Counter[str]]:
    """The answers that a model was asked for, and those that the cache had, by the model. A recommender of several
    variations is counted by their weights, and equally where an experiment draws them."""
    asked, cached = Counter[str](), Counter[str]()
    for each in traffic:
        space = config.namespaces.get(each.namespace)
        plans = [] if space is None else [plan for plan in space.plans.values() if plan.recommender == each.recommender]
        variations = [variation for plan in plans for variation in plan.variations if variation.origin is None]
        total = sum(variation.weight for variation in variations) or 1.0
        for variation in variations:
            part = variation.weight / total
            misses = each.tiers.miss + each.tiers.fallback
            asked[variation.model] += round(misses * part)
            cached[variation.model] += round((each.lookups - misses) * part)
    return asked, cached


def tps_line(provisioned: Sequence[Provisioned], requests: Mapping[str, int], hours: float, prices: Prices) -> CostLine:
    """TPS-hours are billed by what is asked, but for no less than what is kept ready."""
    quantity = sum(max(each.least_tps, asked_of(each, requests) / hours / HOUR_S) * hours for each in provisioned)
    amount = by_tariff(quantity, hours, prices.tps_hours)
    price = amount / quantity if quantity else prices.tps_hours[0].price
    return CostLine(
        what="Real-time recommendations",
        unit="TPS-hour",
        quantity=quantity,
        price=price,
        amount=amount,
        assumption=AVERAGE,
    )


def by_tariff(quantity: float, hours: float, tariffs: Sequence[Tariff]) -> float:
    """The price of TPS-hours, whose tariffs are of a month: this time's share of a month has a share of each."""
    share, begun, amount = max(hours / MONTH_H, 1.0), 0.0, 0.0
    for tariff in tariffs:
        end = inf if tariff.up_to is None else tariff.up_to * share
        amount += max(0.0, min(quantity, end) - begun) * tariff.price
        begun = end
    return amount


def training_line(hours: float, prices: Prices) -> CostLine:
    return CostLine(
        what="Training",
        unit="training hour",
        quantity=hours,
        price=prices.training_per_hour,
        amount=hours * prices.training_per_hour,
        assumption="By the hours that trainings took here; AWS counts hours of 4 processors and 8 GiB.",
    )


def ingestion_line(events: int, prices: Prices) -> CostLine:
    gigabytes = events * prices.bytes_per_event / GIGABYTE
    return CostLine(
        what="Events taken in",
        unit="GB",
        quantity=gigabytes,
        price=prices.ingestion_per_gigabyte,
        amount=gigabytes * prices.ingestion_per_gigabyte,
        assumption=f"{prices.bytes_per_event:,.0f} bytes an event; files that were imported are not counted.",
    )


def asked_of(each: Provisioned, requests: Mapping[str, int]) -> int:
    return requests.get(each.name, 0) + requests.get(each.arn, 0)


def quota_view(use: QuotaUse) -> QuotaView:
    return QuotaView(
        code=use.kind,
        name=QUOTA_NAMES.get(use.kind, use.kind) + (" of a dataset group" if use.group else ""),
        used=use.used,
        limit=use.most,
        share=use.used / use.most,
        group=use.group.rpartition("/")[2],
    )


def provisioned_view(
    each: Provisioned, parts: CostParts, requests: Mapping[str, int], config: Config, prices: Prices
) -> ProvisionedView:
    used_by = [
        f"{plan.namespace}/{plan.recommender}"
        for space in config.namespaces.values()
        for plan in space.plans.values()
        if any(variation.model in (each.name, each.arn) for variation in plan.variations)
        and (parts.interval.sees is None or parts.interval.sees(space.key))
    ]
    count = asked_of(each, requests)
    reason = None
    if not used_by:
        reason = "No recommender of the configuration asks it; callers of the AWS wire may."
    elif not count and parts.at - parts.began >= IDLE_AFTER_S:
        reason = "Nobody has asked for it since the server began."
    return ProvisionedView(
        name=each.name,
        kind=each.kind,
        arn=each.arn,
        min_provisioned_tps=each.least_tps,
        requests=count,
        idle=reason is not None,
        idle_why=reason,
        used_by=list(dict.fromkeys(used_by)),
        idle_per_month=each.least_tps * MONTH_H * prices.tps_hours[0].price if reason else 0.0,
    )
