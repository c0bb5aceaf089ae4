"""The metrics of calls as Amazon Personalize has them in CloudWatch, sent to any endpoint that takes PutMetricData.

Each worker sends its own part: CloudWatch adds up what it is sent of one metric.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from gateway.config.document import CloudWatch
from gateway.errors import UpstreamProblem
from gateway.outbound import Outbound, OutboundRequest, Peer
from gateway.outbound.signing import Signer
from gateway.plan.plan import Limits

log = logging.getLogger(__name__)

SERVICE, VERSION = "cloudwatch", "2010-08-01"
MOST_CALLS = 200  # of one request, each of four metrics at most; CloudWatch takes 1000
MOST_WAITING = 60  # periods that could not be sent yet; beyond these the oldest are lost
PEER = Peer(SERVICE, "Metrics", Limits(timeout_s=10.0))
DIMENSIONS = {"campaign": "CampaignArn", "recommender": "RecommenderArn", "dataset-group": "DatasetGroupArn"}
LATENCIES = {"PutEvents": "PutEventLatency"}  # as AWS spells it; of all others it is the operation's name with it


class CallTotals:
    """Calls of one operation about one resource in one period; latencies are of those that were answered."""

    __slots__ = ("calls", "client_errors", "greatest", "least", "server_errors", "total")

    def __init__(self) -> None:
        self.calls = self.client_errors = self.server_errors = 0
        self.total, self.least, self.greatest = 0.0, 0.0, 0.0

    def add(self, status: int, milliseconds: float) -> None:
        if status >= 500:
            self.server_errors += 1
        elif status >= 400:
            self.client_errors += 1
        else:
            self.least = min(self.least, milliseconds) if self.calls else milliseconds
            self.greatest = max(self.greatest, milliseconds)
            self.calls += 1
            self.total += milliseconds


Calls = dict[tuple[str, str], CallTotals]  # by operation and resource


class CallPeriod(NamedTuple):
    """A period's calls. `began` is in epoch seconds."""

    began: float
    calls: Calls


class CloudWatchMetrics:
    """One worker's calls, sent at the end of each period, the first again where that fails."""

    def __init__(self, outbound: Outbound, signer: Signer, clock: Callable[[], float]) -> None:
        self._outbound, self._signer, self._clock = outbound, signer, clock
        self._settings: CloudWatch | None = None
        self._calls: defaultdict[tuple[str, str], CallTotals] = defaultdict(CallTotals)
        self._began = 0.0
        self._waiting: deque[CallPeriod] = deque(maxlen=MOST_WAITING)
        self._sending: asyncio.Task[None] | None = None

    def use(self, settings: CloudWatch | None) -> None:
        """Send by these settings from here on; None: nothing is sent."""
        if settings == self._settings:
            return
        self._settings = settings
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        if settings is not None:
            self._began = self._clock()
            self._sending = asyncio.get_running_loop().create_task(self._send_on(settings))

    def observe(self, operation: str, resource: str, status: int, seconds: float) -> None:
        if self._settings is not None:
            self._calls[operation, resource].add(status, seconds * 1000)

    async def close(self) -> None:
        """Send what has been counted till now."""
        settings = self._settings
        self.use(None)
        if settings is not None:
            self._end_period()
            await self._send(settings)

    async def _send_on(self, settings: CloudWatch) -> None:
        while True:
            # to the clock's whole periods, so that readers who ask for five minutes have all of them
            await asyncio.sleep(settings.period - self._clock() % settings.period)
            self._end_period()
            await self._send(settings)

    def _end_period(self) -> None:
        if self._calls:
            self._waiting.append(CallPeriod(self._began, dict(self._calls)))
            self._calls.clear()
        self._began = self._clock()

    async def _send(self, settings: CloudWatch) -> None:
        while self._waiting:
            try:
                await self._send_period(settings, self._waiting[0])
            except UpstreamProblem as problem:
                log.warning("metrics of calls are not sent to CloudWatch yet: %s", problem.message)
                return
            self._waiting.popleft()

    async def _send_period(self, settings: CloudWatch, period: CallPeriod) -> None:
        """Send the calls of a period; what has been taken is not sent again where a later part fails."""
        by_region: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for operation, resource in period.calls:
            by_region[settings.region or resource.split(":")[3]].append((operation, resource))
        for region, keys in by_region.items():
            for place in range(0, len(keys), MOST_CALLS):
                part = keys[place : place + MOST_CALLS]
                data = [datum for key in part for datum in data_of(*key, period.calls[key])]
                await self._put(settings, region, urlencode(form_of(settings.namespace, period.began, data)).encode())
                for key in part:
                    del period.calls[key]

    async def _put(self, settings: CloudWatch, region: str, form: bytes) -> None:
        url = self._signer.endpoint(SERVICE, region, settings.endpoint_url) + "/"
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = OutboundRequest("POST", url, headers, form)

        async def signed() -> OutboundRequest:
            return await self._signer.signed(PEER, request, SERVICE, region)

        await self._outbound.ask(PEER, signed)


class MetricDatum(NamedTuple):
    """One metric of one resource: its name, its unit and its values as PutMetricData names them."""

    name: str
    unit: str
    dimension: tuple[str, str]
    values: Mapping[str, float]


def data_of(operation: str, resource: str, totals: CallTotals) -> Iterator[MetricDatum]:
    """The metrics that have anything to say."""
    kind = resource.rpartition(":")[2].partition("/")[0]
    dimension = (DIMENSIONS[kind], resource)
    requests = operation if operation.startswith("Get") else f"{operation}Requests"
    counts = ((requests, totals.calls), (f"{operation}4xxErrors", totals.client_errors))
    for name, count in (*counts, (f"{operation}5xxErrors", totals.server_errors)):
        if count:
            yield MetricDatum(name, "Count", dimension, {"Value": count})
    if totals.calls:
        latency = {"SampleCount": totals.calls, "Sum": totals.total}
        latency |= {"Minimum": totals.least, "Maximum": totals.greatest}
        values = {f"StatisticValues.{name}": value for name, value in latency.items()}
        yield MetricDatum(LATENCIES.get(operation, f"{operation}Latency"), "Milliseconds", dimension, values)


def form_of(namespace: str, began: float, data: Sequence[MetricDatum]) -> dict[str, str]:
    """The members of PutMetricData, as forms have them."""
    form = {"Action": "PutMetricData", "Version": VERSION, "Namespace": namespace}
    timestamp = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for place, datum in enumerate(data, 1):
        member = f"MetricData.member.{place}"
        form[f"{member}.MetricName"], form[f"{member}.Unit"] = datum.name, datum.unit
        form[f"{member}.Timestamp"] = timestamp
        form[f"{member}.Dimensions.member.1.Name"], form[f"{member}.Dimensions.member.1.Value"] = datum.dimension
        form |= {f"{member}.{name}": f"{value:.12g}" for name, value in datum.values.items()}
    return form
