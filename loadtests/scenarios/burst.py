"""A mailing is sent: somebody asks for one user after the other, each once, so that every answer has to be made.

Each caller asks once a second; 20 of them, as by default, are 20 requests a second.
"""

from __future__ import annotations

import itertools

from locust import constant_throughput, task

from loadtests.scenarios.caller import Caller

NUMBERS = itertools.count()


class Mailer(Caller):
    wait_time = constant_throughput(1)

    @task
    def next_user(self) -> None:
        self.items("recommend-items", "for-you", self.user(next(NUMBERS) % self.options.known_users), "itemList")
