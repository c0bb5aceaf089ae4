"""Requests to a partner, sent until they are taken: 429 is waited for as long as it says, failures are tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx
import msgspec

TIMEOUT_S = 30.0
TRIES = 5  # of a request that fails
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 3_600.0
SHOWN = 300  # characters of a refusal


class SyncRefused(Exception):
    """The partner does not take this, now or ever. What it has taken before is noted: the next run goes on."""


class SyncRequest(NamedTuple):
    """A request about these records. `rejected` reads from the answer which places were not taken."""

    method: str
    path: str
    body: Any
    ids: Sequence[str]
    rejected: Callable[[bytes], set[int]] = lambda body: set()


class SyncSender:
    """Sends one request after the other."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S)
        self._url, self._clock, self._wait = url.rstrip("/"), clock, wait
        self.requests = 0
        self.waited_s = 0.0

    def send(self, request: SyncRequest) -> bytes:
        """The body of the answer of a partner that has taken the request. Raises `SyncRefused`."""
        failures = 0
        while True:
            answer, fault = self._try(request)
            if answer is not None and answer.is_success:
                return answer.content
            if answer is not None and answer.status_code == 429:
                self._pause(waiting_of(answer, self._clock()))
                continue
            failures += 1
            if failures == TRIES or (answer is not None and answer.status_code < 500):
                raise SyncRefused(f"{request.method} {self._url}{request.path}: {fault}")
            self._pause(FIRST_WAIT_S * 2 ** (failures - 1))

    def close(self) -> None:
        self._client.close()

    def _try(self, request: SyncRequest) -> tuple[httpx.Response | None, str]:
        content = msgspec.json.encode(request.body)
        self.requests += 1
        try:
            answer = self._client.request(
                request.method, request.path, content=content, headers={"content-type": "application/json"}
            )
        except httpx.HTTPError as error:
            return None, str(error) or type(error).__name__
        return answer, f"answers with status {answer.status_code}: {answer.text[:SHOWN]}"

    def _pause(self, seconds: float) -> None:
        self.waited_s += seconds
        self._wait(seconds)


def waiting_of(answer: httpx.Response, now: float) -> float:
    """Seconds to wait after a 429, as Retry-After or a limit's reset say."""
    text = answer.headers.get("retry-after", "")
    if text.replace(".", "", 1).isdigit():
        return min(float(text), LONGEST_WAIT_S)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - now), LONGEST_WAIT_S)
    except (TypeError, ValueError):
        reset = answer.headers.get("x-ratelimit-reset", "")
        return min(max(FIRST_WAIT_S, float(reset) - now), LONGEST_WAIT_S) if reset.isdigit() else FIRST_WAIT_S
