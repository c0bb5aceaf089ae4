"""A front end's users in locust: rows of a home page, item pages, searches put in order, clicks.

    recgate demo                                        # in another terminal
    python -m locust -f loadtests/browsing.py --headless -u 50 -t 20s --host http://127.0.0.1:8080

adds `--html loadtests/out/browsing.html` for a report. Ends with status 1 where an answer was wrong. Users and items
are chosen as crowds do: the n-th about as often as 1/n.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser

OUT = Path(__file__).with_name("out")
HOME = ("for-you", "popular", "trending")
TIMEOUT_S = 10.0
SEARCHED = 10  # items that a search finds


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--namespace", default="movies", help="Whose lists are asked for.")
    parser.add_argument("--known-users", type=int, default=943, help="Visitors are so many; the demo's by default.")
    parser.add_argument("--user-format", default="{}", help="A visitor's id, from a number that starts at 1.")
    parser.add_argument("--click-type", default="watch", help="The type of the events sent.")


@events.init.add_listener
def make_room(**_: Any) -> None:
    """For the report."""
    OUT.mkdir(exist_ok=True)


class Visitor(FastHttpUser):
    wait_time = between(0.05, 0.5)
    connection_timeout = network_timeout = TIMEOUT_S

    def on_start(self) -> None:
        self.options: Any = self.environment.parsed_options
        self.seen: list[str] = []  # items of the last answers, best first
        self.arrive()

    @task(1)
    def arrive(self) -> None:
        """Somebody else sits down here."""
        self.visitor = self.options.user_format.format(zipf(self.options.known_users) + 1)
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
            event = {"eventType": self.options.click_type, "itemId": item}
            told = {"sessionId": f"session-{self.visitor}", "userId": self.visitor, "eventList": [event]}
            with self.client.post(f"/events/{self.options.namespace}", json=told, catch_response=True) as answer:
                judge(answer)
            self.home()

    def choose(self) -> str | None:
        return self.seen[zipf(len(self.seen))] if self.seen else None

    def items(
        self, action: str, recommender: str, rest: str, key: str, shown: str = "[user]", json: Any = None
    ) -> list[str]:
        """The ids of one answer; with `json` it is asked for by POST."""
        place = f"/{action}/{self.options.namespace}/{recommender}"
        method = "GET" if json is None else "POST"
        arguments: dict[str, Any] = {} if json is None else {"json": json}
        asking = self.client.request(
            method, f"{place}/{rest}", name=f"{place}/{shown}", catch_response=True, **arguments
        )
        with asking as answer:
            if not judge(answer):
                return []
            items = [item["itemId"] for item in answer.json()[key]]
            if not items:
                answer.failure("no items")
            return items


def judge(answer: Any) -> bool:
    if answer.status_code != 200:
        answer.failure(f"status {answer.status_code}: {answer.text[:200] if answer.text else 'no body'}")
    return bool(answer.status_code == 200)


def zipf(count: int) -> int:
    """A number below `count`; n about as often as 1/(n+1)."""
    return min(count, int((count + 1) ** random.random())) - 1
