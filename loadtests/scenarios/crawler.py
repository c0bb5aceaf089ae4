"""A crawler: what is related to each item, every item once, as fast as answers come. It ends when it has them all."""

from __future__ import annotations

import itertools

from locust import constant, task
from locust.exception import StopUser

from loadtests.scenarios.caller import Caller

NUMBERS = itertools.count()


class Crawler(Caller):
    wait_time = constant(0)

    @task
    def next_item(self) -> None:
        number = next(NUMBERS)
        if number >= self.options.known_items:
            self.leave()
        self.items("related-items", "more-like-this", self.item(number), "itemList", "[every item]")

    def leave(self) -> None:
        runner = self.environment.runner
        if runner is not None and len(self.environment.user_classes) == 1:
            runner.quit()
        raise StopUser
