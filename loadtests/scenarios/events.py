"""A flood of events, ten a request, as fast as they are acknowledged."""

from __future__ import annotations

from locust import constant, task

from loadtests.scenarios.caller import Caller, zipf

BATCH = 10


class Teller(Caller):
    wait_time = constant(0)

    @task
    def batch(self) -> None:
        items = (self.item(zipf(self.options.known_items)) for _ in range(BATCH))
        self.tell(self.some_user(), [{"eventType": self.options.click_type, "itemId": item} for item in items])
