"""How much a shop's recommendations bring in: a metric attribution, events that name their answers, and the figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from engine import Runner
from engine.jobs import runner as jobs
from tests.apart import url_of
from tests.aws.flow import POPULAR, ROLE
from tests.flows.site import Site, eventually, site

START = 1_700_000_000
METRICS = [
    {"eventType": "watch", "metricName": "WATCHES", "expression": "SAMPLECOUNT()"},
    {"eventType": "watch", "metricName": "MINUTES", "expression": "SUM(Interactions.MINUTES)"},
    {"eventType": "buy", "metricName": "REVENUE", "expression": "SUM(Items.PRICE)"},
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(jobs, "COUNT_EVERY_S", 0.1)
    with site(tmp_path) as opened:
        yield opened


@contextmanager
def job_process(shop: Site) -> Iterator[None]:
    runner = Runner(shop.engine)
    thread = threading.Thread(target=runner.run_forever)
    thread.start()
    try:
        yield
    finally:
        runner.stop()
        thread.join()


def figures(shop: Site) -> dict[str, float]:
    """The lines of `/metrics` that are ours, `name{labels}` -> value."""
    page = httpx.get(url_of(shop.personalize.meta.endpoint_url, "/metrics")).text
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith("recgate_attributed")]
    return {name: float(value) for name, _, value in lines}


def name_of(family: str, arn: str, metric: str, event_type: str, source: str) -> str:
    return f'{family}{{attribution="{arn}",event_type="{event_type}",metric="{metric}",source="{source}"}}'


def test_what_recommendations_bring_in(shop: Site, tmp_path: Path):
    personalize = shop.personalize
    group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    interactions = shop.dataset(
        group,
        "Interactions",
        ("USER_ID", "string"),
        ("ITEM_ID", "string"),
        ("TIMESTAMP", "long"),
        ("EVENT_TYPE", "string"),
        ("MINUTES", ["null", "int"]),
    )
    items = shop.dataset(group, "Items", ("ITEM_ID", "string"), ("PRICE", "float"))
    rows = [f"u{user},i{item},{START + user},watch,{item}" for user in range(9) for item in range(1, 5)]
    shop.load(interactions, ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,MINUTES", *rows])
    shop.load(items, ["ITEM_ID,PRICE", *(f"i{item},{item}.5" for item in range(1, 5))])

    # what to count; what came before does not
    attribution = personalize.create_metric_attribution(
        name="impact",
        datasetGroupArn=group,
        metrics=METRICS,
        metricsOutputConfig={"roleArn": ROLE, "s3DataDestination": {"path": f"file://{tmp_path}/reports/"}},
    )["metricAttributionArn"]
    shown = personalize.describe_metric_attribution(metricAttributionArn=attribution)["metricAttribution"]
    assert shown["status"] == "ACTIVE"

    # a campaign recommends, and users do something about it
    solution = personalize.create_solution(
        name="popular", recipeArn=POPULAR, datasetGroupArn=group, performAutoTraining=False
    )["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    campaign = personalize.create_campaign(name="home", solutionVersionArn=version)["campaignArn"]
    answer = shop.runtime.get_recommendations(campaignArn=campaign, userId="u1", numResults=2)
    tracking = personalize.create_event_tracker(name="events", datasetGroupArn=group)["trackingId"]
    now = int(time.time())
    events = [
        {"eventType": "watch", "itemId": "i1", "properties": '{"minutes": 12}'},
        {"eventType": "watch", "itemId": "i2", "properties": '{"minutes": 30}'},
        {"eventType": "buy", "itemId": "i2"},
    ]
    for event in events:
        told = {**event, "sentAt": now, "recommendationId": answer["recommendationId"]}
        shop.events.put_events(trackingId=tracking, userId="u1", sessionId="s1", eventList=[told])
    mail = {"eventType": "buy", "itemId": "i4", "sentAt": now, "metricAttribution": {"eventAttributionSource": "mail"}}
    found = {"eventType": "watch", "itemId": "i3", "sentAt": now}
    shop.events.put_events(trackingId=tracking, userId="u2", sessionId="s2", eventList=[mail, found])

    # the figures, on the Prometheus page
    with job_process(shop):
        check_figures(shop, tmp_path, attribution, campaign, now)

    # other questions, or none
    more = {"eventType": "buy", "metricName": "BUYS", "expression": "SAMPLECOUNT()"}
    personalize.update_metric_attribution(
        metricAttributionArn=attribution, addMetrics=[more], removeMetrics=["WATCHES"]
    )
    listed = personalize.list_metric_attribution_metrics(metricAttributionArn=attribution)["metrics"]
    assert listed == [*METRICS[1:], more]
    personalize.delete_metric_attribution(metricAttributionArn=attribution)
    assert personalize.list_metric_attributions(datasetGroupArn=group)["metricAttributions"] == []
    eventually(lambda: not figures(shop))


def check_figures(shop: Site, folder: Path, attribution: str, campaign: str, now: int) -> None:
    value, count = "recgate_attributed_value", "recgate_attributed_total"
    expected = {
        name_of(value, attribution, "WATCHES", "watch", campaign): 2.0,
        name_of(value, attribution, "MINUTES", "watch", campaign): 42.0,
        name_of(value, attribution, "REVENUE", "buy", campaign): 2.5,
        name_of(count, attribution, "REVENUE", "buy", "mail"): 1.0,
        name_of(value, attribution, "REVENUE", "buy", "mail"): 4.5,
        name_of(value, attribution, "WATCHES", "watch", "SOURCE_NAME_UNDEFINED"): 1.0,
    }
    eventually(lambda: expected.items() <= figures(shop).items())

    # and a quarter of an hour later in a file
    shop.clock.ahead = 900
    eventually(lambda: (folder / "reports").exists() and list((folder / "reports").glob("[!.]*")))
    (path,) = (folder / "reports").iterdir()
    assert path.name.startswith("AggregatedAttributionMetrics - PUT_EVENTS - ")
    header, *lines = path.read_text().splitlines()
    assert header == "METRIC_NAME,EVENT_TYPE,VALUE,MATH_FUNCTION,EVENT_ATTRIBUTION_SOURCE,TIMESTAMP"
    assert f"REVENUE,buy,2.5,sum,{campaign},{now // 900 * 900}" in lines and len(lines) == 6
