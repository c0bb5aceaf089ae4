"""Amplitude's client for Python: each event is called back for, with a status and a message."""

import json
import logging
import os
import time
from pathlib import Path

from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
KEY = f"{os.environ['ROW']}-key"
OPEN, LIMITED = os.environ["URL"], os.environ["LIMITED_URL"]


class Heard(logging.Handler):
    """The texts of a client's logger."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def delivered(url, send, count, key=KEY, **options):
    """The calls back of so many events: insert_id, status and message; or the log, of a key that nobody has."""
    calls, handler, logger = [], Heard(), logging.Logger("client")
    logger.addHandler(handler)
    client = Amplitude(key, Config(server_url=url, flush_interval_millis=200, logger=logger, **options))
    client.configuration.callback = lambda event, code, message: calls.append([event.insert_id, code, message])
    send(client)
    deadline = time.monotonic() + 60
    while len(calls) < count and "Invalid API Key" not in handler.texts and time.monotonic() < deadline:
        time.sleep(0.05)
    client.shutdown()
    return {"calls": calls, "log": handler.texts}


def event(name, properties, insert_id, user="u1", kind=BaseEvent):
    return kind(name, user_id=user, device_id="d1", insert_id=insert_id, event_properties=properties)


def journey(client):
    for _ in range(2):
        for place, (name, properties) in enumerate(MESSAGES["events"]):
            client.track(event(name, properties, f"m{place}"))
        identify = Identify()
        for name, value in MESSAGES["user"].items():
            identify.set(name, value)
        identify.add("age", MESSAGES["age"])
        client.identify(identify, EventOptions(user_id="u1", device_id="d1", insert_id="m9"))


class Nameless(BaseEvent):
    """An event that the client lets pass, and that has no name where it is sent."""

    def get_event_body(self):
        return {**super().get_event_body(), "event_type": None}


def partial(client):
    for place in range(3):
        kind = Nameless if place == 1 else BaseEvent
        client.track(event("Product Viewed", {"product_id": f"i{place}"}, f"p{place}", "u2", kind))


def large(client):
    for place in range(4):
        client.track(event("Product Viewed", {"product_id": f"i{place}", "text": "x" * 1000 * 400}, f"l{place}", "u3"))


def two(client):
    for place in range(2):
        client.track(event("Product Viewed", {"product_id": f"i{place}"}, f"m{place}"))


print(
    json.dumps(
        {
            "stored": delivered(f"{OPEN}/2/httpapi", journey, 10),
            "partial": delivered(f"{OPEN}/2/httpapi", partial, 3),
            "large": delivered(f"{OPEN}/2/httpapi", large, 4),
            "unknown": delivered(f"{OPEN}/2/httpapi", two, 2, key="nobody"),
            "limited": delivered(f"{LIMITED}/batch", two, 2, flush_queue_size=1),
        }
    )
)
