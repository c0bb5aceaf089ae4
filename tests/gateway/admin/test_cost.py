"""What Amazon Personalize would charge, by the prices of a file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine import Provisioned, QuotaUse
from gateway.admin.cost import CostParts, Prices, Tariff, by_tariff, cost, prices_in
from gateway.admin.samples import NumbersSample
from gateway.admin.traffic import between
from gateway.config import parse
from gateway.errors import NotConfigured
from tests.gateway.admin.world import CONFIG

GROUP = "arn:aws:personalize:us-east-1:000000000000:dataset-group/shop"
PRICES = Prices(
    name="test",
    region="here",
    as_of="2026",
    source="none",
    currency="USD",
    ingestion_per_gigabyte=1.0,
    training_per_hour=2.0,
    tps_hours=(Tariff(100, 1.0), Tariff(None, 0.5)),
    bytes_per_event=1 << 20,
)
LOOKUPS = {
    ("shop", "home", "hit"): [90_000.0],
    ("shop", "home", "miss"): [18_000.0],
    ("other", "home", "miss"): [10.0],
}


def parts(hours: float = 10.0) -> CostParts:
    totals = {"recgate_cache_lookups": LOOKUPS, "recgate_events": {("shop",): [1024.0]}}
    now = hours * 3600
    used = [Provisioned("arn:a", "popular", "campaign", GROUP, 1), Provisioned("arn:b", "idle", "campaign", GROUP, 2)]
    interval = between(NumbersSample(now, totals), None, 0.0, None)
    return CostParts(now, 0.0, interval, used, 3.0, [QuotaUse("campaign", 2, 5, False, GROUP)])


def test_traffic_trainings_and_events_are_priced() -> None:
    view = cost(parts(), parse(CONFIG, "shop.yaml", {}), PRICES)
    # 18,000 answers in ten hours are half a request a second: what is kept ready counts, of both campaigns
    assert [(line.quantity, line.amount) for line in view.lines] == [(30.0, 30.0), (3.0, 6.0), (1.0, 1.0)]
    # without a cache popular would have had three a second
    assert view.if_every_answer_were_asked == pytest.approx(50.0 + 6.0 + 1.0)
    assert (view.total, view.answered_from_cache) == (pytest.approx(37.0), 90_000)
    assert view.per_month == pytest.approx(31.0 / 10 * 730)


def test_idle_campaigns_and_quotas() -> None:
    view = cost(parts(), parse(CONFIG, "shop.yaml", {}), PRICES)
    assert [(each.name, each.idle, each.idle_per_month, each.used_by) for each in view.campaigns] == [
        ("popular", False, 0.0, ["shop/home", "shop/plain"]),
        ("idle", True, 2 * 730.0, []),
    ]
    assert [(each.name, each.used, each.limit, each.share, each.group) for each in view.quotas] == [
        ("Active campaigns of a dataset group", 2, 5, 0.4, "shop")
    ]
    assert msgspec.json.decode(msgspec.json.encode(view))["campaigns"][0]["minProvisionedTPS"] == 1


TARIFFS = [(50, 1, 50.0), (150, 1, 125.0), (150, 1460, 150.0), (0, 1, 0.0)]


@pytest.mark.parametrize(("quantity", "hours", "wanted"), TARIFFS)
def test_more_of_it_costs_less(quantity: float, hours: float, wanted: float) -> None:
    assert by_tariff(quantity, hours, PRICES.tps_hours) == pytest.approx(wanted)


def test_the_prices_are_a_file(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_bytes(msgspec.json.encode(PRICES))
    assert prices_in(str(own)) == PRICES
    assert prices_in(None).source.startswith("https://aws.amazon.com/personalize/pricing")
    own.write_text('{"name": 7}')
    with pytest.raises(NotConfigured, match=r"ui\.prices"):
        prices_in(str(own))
