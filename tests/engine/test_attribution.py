"""Metric attribution counts every event once, whoever counts and wherever it is killed; and says so in files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.attribution import ledger
from engine.attribution.tally import MOST_SOURCES, UNDEFINED, Sources
from engine.impressions.ids import named
from engine.jobs import attribution as clerk
from engine.jobs.attribution import AttributionWorker
from tests.engine.shop import HOME, T0, Shop

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = f"{HOME}metric-attribution/impact"
CAMPAIGN = f"{HOME}campaign/home"
METRICS = [
    {"eventType": "Click", "metricName": "CLICKS", "expression": "SAMPLECOUNT()"},
    {"eventType": "click", "metricName": "PRICES", "expression": "SUM(Items.PRICE)"},
    {"eventType": "click", "metricName": "VALUES", "expression": "SUM(Interactions.EVENT_VALUE)"},
]
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEPTH,RECOMMENDATION_ID,EVENT_ATTRIBUTION_SOURCE"
FIELDS: list[dict[str, Any]] = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "EVENT_VALUE", "type": ["null", "float"]},
    {"name": "DEPTH", "type": ["null", "int"]},
    {"name": "RECOMMENDATION_ID", "type": ["null", "string"]},
    {"name": "EVENT_ATTRIBUTION_SOURCE", "type": ["null", "string"]},
]
COLUMNS = "METRIC_NAME,EVENT_TYPE,VALUE,MATH_FUNCTION,EVENT_ATTRIBUTION_SOURCE,TIMESTAMP"
W0 = T0 // 900 * 900 + 900  # the first window that starts after the shop was furnished
WEB = {"eventAttributionSource": "web"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path).furnish(interactions=FIELDS)
    yield shop
    shop.close()


def attribute(shop: Shop, metrics: list[dict[str, str]] = METRICS, path: str | None = "") -> None:
    config: dict[str, Any] = {"roleArn": ROLE}
    if path is not None:
        config["s3DataDestination"] = {"path": path or f"file://{shop.folder}/reports/"}
    made = {"name": "impact", "datasetGroupArn": shop.group, "metrics": metrics, "metricsOutputConfig": config}
    assert shop.do("CreateMetricAttribution", **made)["metricAttributionArn"] == ARN


def figures(shop: Shop) -> dict[tuple[str, str], tuple[int, float]]:
    """(events, value) by metric and source, as any process shows them."""
    shop.clock.now += 5
    return {
        (each.metric, each.source): (each.events, round(each.value, 3)) for each in shop.engine.resources.attributed()
    }


def reports(shop: Shop, method: str) -> list[list[str]]:
    """The rows of every file of that method, oldest first."""
    paths = sorted((shop.folder / "reports").glob(f"AggregatedAttributionMetrics - {method} - *.csv"))
    texts = [path.read_text().splitlines() for path in paths]
    assert all(lines[0] == COLUMNS for lines in texts)
    return [lines[1:] for lines in texts]


# ---- streamed


def test_events_count_by_source_and_window(shop: Shop):
    shop.clock.now = float(W0 + 10)
    shop.put("a", price=2.5)
    shop.click("u", "a", 0)  # before the attribution
    attribute(shop)
    shop.load("INTERACTIONS", [HEADER, f"u,b,{T0},view,,,,"])
    shop.deploy(shop.train())
    rid = named(CAMPAIGN, "00000000-0000-4000-8000-000000000007")
    second = W0 - T0
    shop.click("u", "a", second + 1, event_value=0.5, metric_attribution=WEB)
    shop.click("u", "a", second + 2, recommendation_id=rid)
    shop.click("u", "a", second + 3, recommendation_id=rid, metric_attribution=WEB)
    shop.click("u", "b", second + 4, recommendation_id="RID-of-nobody")
    shop.click("u", "a", second + 901, event_type="CLICK", metric_attribution=WEB)
    shop.click("u", None, second + 5, metric_attribution=WEB)  # no interaction
    shop.click("u", "a", second + 6, event_type="view", metric_attribution=WEB)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {
        ("CLICKS", "web"): (3, 3.0),
        ("CLICKS", CAMPAIGN): (1, 1.0),
        ("CLICKS", UNDEFINED): (1, 1.0),
        ("PRICES", "web"): (3, 7.5),
        ("PRICES", CAMPAIGN): (1, 2.5),
        ("PRICES", UNDEFINED): (1, 0.0),
        ("VALUES", "web"): (3, 0.5),
        ("VALUES", CAMPAIGN): (1, 0.0),
        ("VALUES", UNDEFINED): (1, 0.0),
    }
    assert reports(shop, "PUT_EVENTS") == []
    shop.clock.now = float(W0 + 900)
    AttributionWorker(shop.engine).work()
    (rows,) = reports(shop, "PUT_EVENTS")
    assert len(set(rows)) == 12
    assert f"CLICKS,Click,2.0,samplecount,web,{W0}" in rows and f"CLICKS,Click,1.0,samplecount,web,{W0 + 900}" in rows
    assert f"PRICES,click,2.5,sum,{CAMPAIGN},{W0}" in rows


def test_an_event_counts_with_its_item_as_it_was_then(shop: Shop):
    attribute(shop, METRICS[1:2])
    worker = AttributionWorker(shop.engine)
    for price in (1.0, 10.0, 100.0):
        shop.put("a", price=price)
        shop.click("u", "a", price)
        worker.work()
        if price == 10.0:
            shop.fold()
    assert figures(shop) == {("PRICES", UNDEFINED): (3, 111.0)}
    shop.put("a", price=5.0)
    shop.click("u", "a", 200)
    shop.put("a", price=7.0)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("PRICES", UNDEFINED): (4, 116.0)}


def test_a_column_of_the_interactions(shop: Shop):
    attribute(shop, [{"eventType": "click", "metricName": "DEPTH", "expression": "SUM( interactions.DEPTH )"}])
    shop.click("u", "a", 1, properties={"depth": 4})
    shop.click("u", "a", 2, properties={"depth": None})
    shop.click("u", "a", 3)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("DEPTH", UNDEFINED): (3, 4.0)}


def test_a_metric_counts_from_when_it_was_added_and_is_forgotten_when_removed(shop: Shop):
    attribute(shop, METRICS[:1])
    shop.click("u", "a", 1)
    shop.do("UpdateMetricAttribution", metricAttributionArn=ARN, addMetrics=METRICS[1:2])
    shop.click("u", "a", 2)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", UNDEFINED): (2, 2.0), ("PRICES", UNDEFINED): (1, 0.0)}
    shop.do("UpdateMetricAttribution", metricAttributionArn=ARN, removeMetrics=["CLICKS"])
    shop.click("u", "a", 3)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("PRICES", UNDEFINED): (2, 0.0)}
    shop.do("DeleteMetricAttribution", metricAttributionArn=ARN)
    assert figures(shop) == {}
    AttributionWorker(shop.engine).work()
    attribute(shop, METRICS[:1])
    shop.click("u", "a", 4)
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", UNDEFINED): (1, 1.0)}


def test_the_hundred_and_first_source_has_no_name(shop: Shop):
    attribute(shop, METRICS[:1])
    for number in range(MOST_SOURCES + 3):
        shop.click("u", "a", number, metric_attribution={"eventAttributionSource": f"s{number}"})
        if number == 50:
            AttributionWorker(shop.engine).work()
    AttributionWorker(shop.engine).work()
    shop.click("u", "a", 200, metric_attribution={"eventAttributionSource": "s1"})
    AttributionWorker(shop.engine).work()
    counted = {source: events for (_, source), (events, _) in figures(shop).items()}
    assert len(counted) == MOST_SOURCES + 1 and counted[UNDEFINED] == 3 and counted["s1"] == 2 and "s100" not in counted
    assert sum(counted.values()) == MOST_SOURCES + 4


def test_answers_of_other_accounts_have_no_name():
    assert Sources({}, ()).of(None, named(CAMPAIGN, "00000000-0000-4000-8000-000000000007")) == UNDEFINED


# ---- nothing lost, nothing twice


class Killed(BaseException):
    pass


def kill_once(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool) -> None:
    """The next call dies before or after it has done its work, as a process does that is killed there."""
    function: Callable[..., Any] = getattr(place, name)

    def dying(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(place, name, function)
        if after:
            function(*given, **named)
        raise Killed

    monkeypatch.setattr(place, name, dying)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "place", ["ledger.advance", "ledger.add", "ledger.gather", "clerk.write_report", "ledger.settle"]
)
def test_a_counter_that_is_killed_anywhere(shop: Shop, monkeypatch: pytest.MonkeyPatch, place: str, after: bool):
    monkeypatch.setattr(clerk, "PAGE", 3)
    shop.clock.now = float(W0 + 10)
    attribute(shop, METRICS[:1])
    for number in range(8):
        shop.click("u", "a", W0 - T0 + number, metric_attribution=WEB)
    module, _, name = place.partition(".")
    kill_once(monkeypatch, {"ledger": ledger, "clerk": clerk}[module], name, after=after)
    with pytest.raises(Killed):
        for _ in range(2):
            AttributionWorker(shop.engine).work()
            shop.clock.now = float(W0 + 900)
    shop.click("u", "a", W0 - T0 + 9, metric_attribution=WEB)
    for minute in range(1, 40):
        shop.clock.now = float(W0 + 900 + minute * 60)
        AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", "web"): (9, 9.0)}
    written = [float(row.split(",")[2]) for rows in reports(shop, "PUT_EVENTS") for row in rows]
    assert sum(written) == 9.0


def test_two_processes_count_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """The second counts between the first one's reading and writing."""
    attribute(shop, METRICS[:1])
    shop.click("u", "a", 1)
    other = Shop(shop.folder, start=1000, follow=False)
    store = clerk.store

    def late(*given: Any) -> bool:
        monkeypatch.setattr(clerk, "store", store)
        AttributionWorker(other.engine).work()
        return store(*given)

    monkeypatch.setattr(clerk, "store", late)
    AttributionWorker(shop.engine).work()
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", UNDEFINED): (1, 1.0)}
    other.close()


def test_files_add_up_and_a_late_event_is_in_the_next(shop: Shop):
    shop.clock.now = float(W0 + 10)
    attribute(shop, METRICS[:1])
    worker = AttributionWorker(shop.engine)
    for start, seconds in ((0, (1, 2, 3)), (900, (4, 901)), (1800, ()), (2700, (5,))):
        shop.clock.now = float(W0 + start + 20)
        for second in seconds:
            shop.click("u", "a", W0 - T0 + second, event_id=f"e{second}")
        worker.work()
        shop.clock.now = float(W0 + start + 899)
        worker.work()
    shop.clock.now = float(W0 + 3601)
    worker.work()
    total: Counter[str] = Counter()
    for rows in reports(shop, "PUT_EVENTS"):
        for row in rows:
            total[row.split(",")[-1]] += int(float(row.split(",")[2]))
    assert len(reports(shop, "PUT_EVENTS")) == 3
    assert total == {str(W0): 5, str(W0 + 900): 1}


def test_a_file_that_cant_be_written_is_said_and_written_later(shop: Shop):
    blocked = shop.folder / "reports"
    blocked.touch()
    shop.clock.now = float(W0 + 10)
    attribute(shop, METRICS[:1])
    shop.click("u", "a", W0 - T0)
    AttributionWorker(shop.engine).work()
    shop.clock.now = float(W0 + 900)
    AttributionWorker(shop.engine).work()
    shown = shop.do("DescribeMetricAttribution", metricAttributionArn=ARN)["metricAttribution"]
    assert shown["status"] == "ACTIVE" and shown["failureReason"].startswith("Invalid S3 output path file://")
    blocked.unlink()
    AttributionWorker(shop.engine).work()
    shown = shop.do("DescribeMetricAttribution", metricAttributionArn=ARN)["metricAttribution"]
    assert "failureReason" not in shown
    assert reports(shop, "PUT_EVENTS") == [[f"CLICKS,Click,1.0,samplecount,{UNDEFINED},{W0}"]]


def test_without_an_output_it_counts_and_writes_nothing(shop: Shop):
    shop.clock.now = float(W0 + 10)
    attribute(shop, METRICS[:1], path=None)
    shop.click("u", "a", 1)
    for minute in range(1, 40):
        shop.clock.now = float(W0 + minute * 60)
        AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", UNDEFINED): (1, 1.0)} and not (shop.folder / "reports").exists()


# ---- imported


def load(shop: Shop, mode: str, *rows: str, publish: bool = True) -> None:
    path = shop.folder / "rows.csv"
    path.write_text("\n".join((HEADER, *rows)))
    shop.clock.now += 1
    job = {
        "jobName": f"job-{shop.clock.now:.0f}",
        "datasetArn": shop.dataset("INTERACTIONS"),
        "dataSource": {"dataLocation": f"file://{path}"},
        "roleArn": ROLE,
        "importMode": mode,
        "publishAttributionMetricsToS3": publish,
    }
    arn = shop.do("CreateDatasetImportJob", **job)["datasetImportJobArn"]
    shop.work()
    made = shop.do("DescribeDatasetImportJob", datasetImportJobArn=arn)["datasetImportJob"]
    assert made["status"] == "ACTIVE", made


def test_an_import_reports_its_rows(shop: Shop):
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", "a,x,2000,2.5", "b,x,2000,4"])
    load(shop, "FULL", f"u,a,{W0},click,,,,old")  # before the attribution
    attribute(shop)
    rid = named(CAMPAIGN, "00000000-0000-4000-8000-000000000007")
    shop.deploy(shop.train())
    shop.click("u", "a", W0 - T0 + 5, metric_attribution=WEB)  # imported again, and counts once
    rows = [
        f"u,a,{W0 + 1},click,0.5,,,web",
        f"v,b,{W0 + 2},CLICK,,,{rid},web",
        f"v,b,{W0 + 3},click,,,{rid},",
        f"v,c,{W0 + 901},click,,,,",
        f"v,b,{W0 + 4},view,,,,web",
        f"u,a,{W0 + 5},click,,,,web",
    ]
    load(shop, "FULL", *rows)
    assert figures(shop) == {}
    (report,) = reports(shop, "FULL")
    assert report == sorted(
        [
            f"CLICKS,Click,2.0,samplecount,web,{W0}",
            f"CLICKS,Click,1.0,samplecount,{CAMPAIGN},{W0}",
            f"CLICKS,Click,1.0,samplecount,{UNDEFINED},{W0 + 900}",
            f"PRICES,click,6.5,sum,web,{W0}",
            f"PRICES,click,4.0,sum,{CAMPAIGN},{W0}",
            f"PRICES,click,0.0,sum,{UNDEFINED},{W0 + 900}",
            f"VALUES,click,0.5,sum,web,{W0}",
            f"VALUES,click,0.0,sum,{CAMPAIGN},{W0}",
            f"VALUES,click,0.0,sum,{UNDEFINED},{W0 + 900}",
        ]
    )
    load(shop, "INCREMENTAL", *rows, f"w,a,{W0 + 6},click,,,,web", publish=False)
    load(shop, "INCREMENTAL", f"w,a,{W0 + 7},click,,,,web")
    assert reports(shop, "INCREMENTAL") == [
        [f"CLICKS,Click,1.0,samplecount,web,{W0}", f"PRICES,click,2.5,sum,web,{W0}", f"VALUES,click,0.0,sum,web,{W0}"]
    ]
    AttributionWorker(shop.engine).work()
    assert figures(shop) == {("CLICKS", "web"): (3, 3.0), ("PRICES", "web"): (3, 7.5), ("VALUES", "web"): (3, 0.0)}
