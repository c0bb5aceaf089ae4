"""A front end's users: rows of a home page, item pages, searches put in order, clicks."""

from __future__ import annotations

import random

from locust import between, task

from loadtests.scenarios.caller import Caller, zipf

HOME = ("for-you", "popular", "trending")
SEARCHED = 10  # items that a search finds


class Visitor(Caller):
    wait_time = between(0.05, 0.5)

    def on_start(self) -> None:
        super().on_start()
        self.seen: list[str] = []  # items of the last answers, best first
        self.arrive()

    @task(1)
    def arrive(self) -> None:
        """Somebody else sits down here."""
        self.visitor = self.some_user()
        self.home()

    @task(5)
    def home(self) -> None:
        for row in HOME:
            self.seen = self.items("recommend-items", row, self.visitor, "itemList") or self.seen

    @task(5)
    def item_page(self) -> None:
        if item := self.choose():
            self.items("related-items", "more-like-this", f"{item}?userId={self.visitor}", "itemList", "[item]")

    @task(2)
    def search(self) -> None:
        """A short list in the path, a long one in the body."""
        if not self.seen:
            return
        found = random.sample(self.seen, min(SEARCHED, len(self.seen)))
        rest = f"{self.visitor}/{','.join(found)}"
        self.items("rerank-items", "search", rest, "personalizedRanking", "[user]/[items]")
        self.items("rerank-items", "search", self.visitor, "personalizedRanking", json=found)

    @task(3)
    def click(self) -> None:
        if item := self.choose():
            self.tell(self.visitor, [{"eventType": self.options.click_type, "itemId": item}])
            self.home()

    def choose(self) -> str | None:
        return self.seen[zipf(len(self.seen))] if self.seen else None
