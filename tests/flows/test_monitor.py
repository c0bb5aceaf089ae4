"""The utilisation of campaigns, computed as Amazon's Personalize Monitor does: from CloudWatch's AWS/Personalize."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.exceptions import ClientError

from gateway.aws.cloudwatch import CloudWatchMetrics
from gateway.aws.metering import MOST_RESOURCES, OTHER, WireMeter
from gateway.config.document import CloudWatch
from gateway.outbound import Outbound, Transport
from gateway.outbound.signing import Signer
from gateway.telemetry import Telemetry
from tests.flows.site import Site, eventually, site
from tests.moto_server import moto_server, s3_environ

RECIPE = "arn:aws:personalize:::recipe/aws-popularity-count"
WINDOW = timedelta(minutes=5)
CONFIG = """
namespaces: {{}}
aws:
  cloudWatch:
    endpointUrl: {url}
    period: 1
"""


@pytest.fixture(scope="module")
def cloudwatch() -> Iterator[tuple[str, Any]]:
    with moto_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in s3_environ(url).items():
            patch.setenv(name, value)
        yield url, boto3.client("cloudwatch", "us-east-1", endpoint_url=url)


def campaigns(shop: Site, *names: str) -> list[str]:
    group = shop.shop()
    solution = shop.personalize.create_solution(name="s", datasetGroupArn=group, recipeArn=RECIPE)["solutionArn"]
    version = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    made = [
        shop.personalize.create_campaign(name=name, solutionVersionArn=version, minProvisionedTPS=2) for name in names
    ]
    shop.work()
    return [each["campaignArn"] for each in made]


def window(now: datetime) -> datetime:
    """Returns the start of the five minutes, aligned as the Monitor's are, that a time is in."""
    return now.replace(microsecond=0, second=0, minute=now.minute - now.minute % 5)


def datapoints(cloudwatch: Any, metric: str, dimension: str, arn: str, stat: str = "Sum") -> list[float]:
    """Those since the last window began, as one: a test may take longer than what is left of the current window."""
    start = window(datetime.now(UTC) - WINDOW)
    of = {"Namespace": "AWS/Personalize", "MetricName": metric, "Dimensions": [{"Name": dimension, "Value": arn}]}
    query = {"Id": "m1", "MetricStat": {"Metric": of, "Period": 600, "Stat": stat}, "ReturnData": True}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=start, EndTime=start + 2 * WINDOW, ScanBy="TimestampDescending"
    )
    return [float(value) for value in answer["MetricDataResults"][0]["Values"]]


def utilisation(shop: Site, cloudwatch: Any, campaign: str) -> float:
    described = shop.personalize.describe_campaign(campaignArn=campaign)["campaign"]
    solution = shop.personalize.describe_solution_version(solutionVersionArn=described["solutionVersionArn"])
    assert solution["solutionVersion"]["recipeArn"] == RECIPE  # by which the Monitor picks the metric
    sent = sum(datapoints(cloudwatch, "GetRecommendations", "CampaignArn", campaign))
    return sent / WINDOW.total_seconds() / described["minProvisionedTPS"] * 100


def test_a_busy_campaign_is_utilised_and_an_idle_one_is_not(tmp_path: Path, cloudwatch: tuple[str, Any]) -> None:
    url, client = cloudwatch
    with site(tmp_path, CONFIG.format(url=url)) as shop:
        busy, idle = campaigns(shop, "busy", "idle")
        group = shop.personalize.list_dataset_groups()["datasetGroups"][0]["datasetGroupArn"]
        tracker = shop.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
        for user in range(7):
            shop.runtime.get_recommendations(campaignArn=busy, userId=f"u{user}")
        with pytest.raises(ClientError, match="InvalidInput"):
            shop.runtime.get_recommendations(campaignArn=busy, userId="u1", numResults=501)
        with pytest.raises(ClientError, match="ResourceNotFound"):
            shop.runtime.get_recommendations(campaignArn=busy + "-gone", userId="u1")
        event = {"eventType": "watch", "sentAt": datetime.now(UTC), "itemId": "i1"}
        shop.events.put_events(trackingId=tracker, sessionId="s", userId="u1", eventList=[event])
        eventually(lambda: datapoints(client, "PutEventsRequests", "DatasetGroupArn", group) == [1.0])
        eventually(lambda: utilisation(shop, client, busy) > 0)
        assert utilisation(shop, client, busy) == pytest.approx(7 / 300 / 2 * 100)
        assert utilisation(shop, client, idle) == 0
        assert datapoints(client, "GetRecommendations4xxErrors", "CampaignArn", busy) == [1.0]
        assert datapoints(client, "GetRecommendationsLatency", "CampaignArn", busy, "SampleCount") == [7.0]
        least, mean, most = (
            datapoints(client, "GetRecommendationsLatency", "CampaignArn", busy, stat)[0]
            for stat in ("Minimum", "Average", "Maximum")
        )
        assert 0 < least <= mean <= most < 60_000
        with urllib.request.urlopen(f"{shop.runtime.meta.endpoint_url}/metrics") as response:
            page = response.read().decode()
    for line in (
        f'recgate_aws_requests_total{{operation="GetRecommendations",resource="{busy}",status="200"}} 7.0',
        f'recgate_aws_requests_total{{operation="GetRecommendations",resource="{busy}",status="400"}} 1.0',
        'recgate_aws_requests_total{operation="GetRecommendations",resource="",status="404"} 1.0',
        f'recgate_aws_requests_total{{operation="PutEvents",resource="{group}",status="200"}} 1.0',
        f'recgate_aws_request_seconds_count{{operation="GetRecommendations",resource="{busy}"}} 8.0',
        'recgate_requests_total{route="GetRecommendations",status="200"} 7.0',
        'recgate_aws_requests_total{operation="CreateCampaign",resource="",status="200"} 2.0',
    ):
        assert line in page
    assert "-gone" not in page


class Recovering(BaseHTTPRequestHandler):
    """Refuses the first requests."""

    forms: ClassVar[list[dict[str, list[str]]]] = []
    refused: ClassVar[int] = 0

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_down = Recovering.refused < 3
        if is_down:
            Recovering.refused += 1
        else:
            Recovering.forms.append(form)
        self.send_response(503 if is_down else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.mark.usefixtures("cloudwatch")
def test_what_cloudwatch_did_not_take_is_sent_later() -> None:
    arn = "arn:aws:personalize:eu-west-1:000000000000:recommender/r"

    async def observe(url: str) -> None:
        transport, threads = Transport(), ThreadPoolExecutor(1)
        metrics = CloudWatchMetrics(Outbound(transport), Signer({}, threads), time.time)
        metrics.use(CloudWatch(namespace="Ours", period=1, endpoint_url=url))
        for status in (200, 200, 400, 503):
            metrics.observe("GetRecommendations", arn, status, 0.25)
        async with asyncio.timeout(30):
            while not Recovering.forms:
                await asyncio.sleep(0.05)
        metrics.observe("GetRecommendations", arn, 200, 0.25)
        await metrics.close()
        await transport.aclose()

    with HTTPServer(("127.0.0.1", 0), Recovering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        asyncio.run(observe(f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()
        thread.join()
    first, *_, last = Recovering.forms
    named = {name.removeprefix("MetricData.member."): value for name, (value,) in first.items()}
    assert named["Namespace"] == "Ours" and Recovering.refused == 3
    metrics = {named[f"{place}.MetricName"]: named.get(f"{place}.Value") for place in (1, 2, 3, 4)}
    assert metrics == {
        "GetRecommendations": "2",
        "GetRecommendations4xxErrors": "1",
        "GetRecommendations5xxErrors": "1",
        "GetRecommendationsLatency": None,
    }
    assert (named["4.StatisticValues.Sum"], named["4.StatisticValues.SampleCount"]) == ("500", "2")
    assert (named["1.Dimensions.member.1.Name"], named["1.Dimensions.member.1.Value"]) == ("RecommenderArn", arn)
    assert last["MetricData.member.1.Value"] == ["1"]


def test_callers_make_up_no_labels() -> None:
    telemetry = Telemetry()
    meter = WireMeter(telemetry, lambda name, account: name)
    for number in range(MOST_RESOURCES + 10):
        meter.count("GetRecommendations", "1", b'{"campaignArn": "c%d"}' % number, 200, 0.001)
    meter.count("GetRecommendations", "", b"", 403, 0.001)
    meter.count("GetRecommendations", "1", b"no JSON", 400, 0.001)
    rows = {labels[1]: values for labels, values in telemetry.numbers()["recgate_aws_requests"] if labels[2] == "200"}
    assert (len(rows), rows[OTHER]) == (MOST_RESOURCES + 1, [10])
