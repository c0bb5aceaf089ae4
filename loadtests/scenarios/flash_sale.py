"""A sale begins: everybody asks for the same few lists, and buys from them."""

from __future__ import annotations

import random

from locust import between, task

from loadtests.scenarios.caller import Caller

HOT = 3  # items on the sale's page


class Bargainer(Caller):
    wait_time = between(0.02, 0.2)

    @task(6)
    def sale(self) -> None:
        """One list for all, as a page that nobody has logged in to shows it."""
        self.items("recommend-items", "popular", "sale?syntheticUser=true", "itemList", "sale")

    @task(3)
    def hot_item(self) -> None:
        item = self.item(random.randrange(HOT))
        self.items("related-items", "more-like-this", item, "itemList", "[hot item]")

    @task(3)
    def buy(self) -> None:
        item = self.item(random.randrange(HOT))
        self.tell(self.some_user(), [{"eventType": self.options.click_type, "itemId": item}])
