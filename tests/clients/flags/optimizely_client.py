"""Optimizely's SDK for Python, told where the datafile is, with a dispatcher that posts its events to us."""

import json
import logging
import os
import time

import requests
from optimizely import optimizely
from optimizely.config_manager import PollingConfigManager
from optimizely.decision.optimizely_decide_option import OptimizelyDecideOption
from optimizely.event.event_processor import BatchEventProcessor
from optimizely.helpers.enums import NotificationTypes
from optimizely.notification_center import NotificationCenter

ROW, OPEN, LIMITED = (os.environ[name] for name in ("ROW", "URL", "LIMITED_URL"))
UNITS = [f"unit-{number}" for number in range(1000)]
QUIET = [OptimizelyDecideOption.DISABLE_DECISION_EVENT]


class Listener(logging.Handler):
    def __init__(self, name):
        super().__init__()
        self.said = []
        self.logger = logging.getLogger(name)
        self.logger.setLevel(logging.DEBUG)
        self.logger.addHandler(self)

    def emit(self, record):
        self.said.append(record.getMessage())


class Dispatcher:
    """Posts to us, twice, and comes again when it is told to."""

    def __init__(self, url):
        self.url, self.statuses = url, []

    def dispatch_event(self, event):
        for _ in range(2):
            self.post(event)

    def post(self, event):
        answer = requests.post(f"{self.url}/v1/events", json=event.params, headers=event.headers, timeout=10)
        self.statuses.append(answer.status_code)
        if answer.status_code == 429:
            time.sleep(float(answer.headers["Retry-After"]))
            self.post(event)


class Client:
    def __init__(self, url, key, interval=1):
        self.listener, self.dispatcher = Listener(f"{url} {key}"), Dispatcher(url)
        logger = self.listener.logger
        notifications, self.sent = NotificationCenter(logger), []
        manager = PollingConfigManager(
            sdk_key=key,
            url_template=f"{url}/datafiles/{{sdk_key}}.json",
            update_interval=interval,
            blocking_timeout=5,
            logger=logger,
            notification_center=notifications,
        )
        processor = BatchEventProcessor(
            self.dispatcher,
            logger=logger,
            start_on_init=True,
            batch_size=200,
            flush_interval=60,
            notification_center=notifications,
        )
        notifications.add_notification_listener(NotificationTypes.LOG_EVENT, self.sent.append)
        self.sdk = optimizely.Optimizely(
            config_manager=manager,
            event_processor=processor,
            notification_center=notifications,
            logger=logger,
        )


client = Client(OPEN, f"{ROW}-key")
arms = {}
for unit in UNITS:
    decision = client.sdk.create_user_context(unit).decide(f"{ROW}-look", QUIET)
    arms[unit] = [decision.variation_key, decision.variables, decision.rule_key]
for unit in UNITS[:60]:
    user = client.sdk.create_user_context(unit, {"sessionId": f"s-{unit}"})
    user.decide(f"{ROW}-look")
    if unit == UNITS[0]:
        user.track_event("clicks", {"value": 2.0})
        user.track_event("buy", {"itemId": "i1", "revenue": 1250, "SHELF": "top"})
tester = client.sdk.create_user_context("tester")
types = {name: tester.decide(f"{ROW}-{name}", QUIET).variables for name in ("dark", "boost", "places", "title", "list")}
time.sleep(3.5)  # some polls
client.sdk.close()
polls = [each for each in client.listener.said if "Not updating config" in each]
unknown = Client(LIMITED, "nobody")
unknown.sdk.close()
slow = Client(LIMITED, f"{ROW}-key", 60)
time.sleep(2.2)
slow.sdk.create_user_context("u1").track_event("buy", {"itemId": "i1"})
slow.sdk.close()
print(
    json.dumps(
        {
            "arms": arms,
            "types": types,
            "polls": len(polls),
            "sent": len(client.sent),
            "statuses": client.dispatcher.statuses,
            "unknown": [each for each in unknown.listener.said if "401" in each],
            "limited": slow.dispatcher.statuses,
        }
    )
)
