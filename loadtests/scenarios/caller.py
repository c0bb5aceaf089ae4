"""What all scenarios share: their options, a caller who judges every answer, and the tally of where answers came from.

Users and items are chosen as crowds do: the n-th about as often as 1/n.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events
from locust.argument_parser import LocustArgumentParser

OUT = Path(__file__).parents[1] / "out"
TIMEOUT_S = 10.0
BACK_PRESSURE = (429, 503)
OUTCOMES: Counter[str] = Counter()  # answers by their X-Cache


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--namespace", default="movies", help="Whose lists are asked for.")
    parser.add_argument("--known-users", type=int, default=943, help="Users are so many; the demo's by default.")
    parser.add_argument("--known-items", type=int, default=1682, help="Items are so many; the demo's by default.")
    parser.add_argument("--user-format", default="{}", help="A user's id, from a number that starts at 1.")
    parser.add_argument("--item-format", default="{}", help="An item's id, from a number that starts at 1.")
    parser.add_argument("--click-type", default="watch", help="The type of the events sent.")


@events.init.add_listener
def make_room(**_: Any) -> None:
    """For the report."""
    OUT.mkdir(exist_ok=True)


@events.quitting.add_listener
def tell(**_: Any) -> None:
    total = sum(OUTCOMES.values())
    shares = ", ".join(f"{name} {number / total:.1%}" for name, number in OUTCOMES.most_common())
    print(f"{total:,} answers of lists{': ' if total else ''}{shares}")


class Caller(FastHttpUser):
    abstract = True
    connection_timeout = network_timeout = TIMEOUT_S

    def on_start(self) -> None:
        self.options: Any = self.environment.parsed_options

    def user(self, number: int) -> str:
        return str(self.options.user_format.format(number + 1))

    def some_user(self) -> str:
        return self.user(zipf(self.options.known_users))

    def item(self, number: int) -> str:
        return str(self.options.item_format.format(number + 1))

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
            OUTCOMES[answer.headers.get("x-cache", "none")] += 1
            items = [item["itemId"] for item in answer.json()[key]]
            if not items:
                answer.failure("no items")
            return items

    def tell(self, user: str, told: list[dict[str, Any]]) -> None:
        """Events of one session. Whoever is asked to wait does so, and sends them again."""
        body = {"sessionId": f"session-{user}", "userId": user, "eventList": told}
        path = f"/events/{self.options.namespace}"
        while True:
            with self.client.post(path, json=body, catch_response=True) as answer:
                wait = answer.headers.get("retry-after") if answer.headers else None
                if answer.status_code not in BACK_PRESSURE or wait is None:
                    judge(answer)
                    return
                answer.success()
            OUTCOMES["told to wait"] += 1
            gevent.sleep(float(wait))


def judge(answer: Any) -> bool:
    if answer.status_code != 200:
        answer.failure(f"status {answer.status_code}: {answer.text[:200] if answer.text else 'no body'}")
    return bool(answer.status_code == 200)


def zipf(count: int) -> int:
    """A number below `count`; n about as often as 1/(n+1)."""
    return min(count, int((count + 1) ** random.random())) - 1
