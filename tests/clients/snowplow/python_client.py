"""Snowplow's tracker for Python: by POST and by GET, each event twice, and what its callbacks say."""

import json
import os
import time
from urllib.parse import urlsplit

from snowplow_tracker import Emitter, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker

PLAY = SelfDescribingJson("iglu:com.shop/play/jsonschema/1-0-0", {"itemId": "i2", "value": 3, "unitId": "rid-1"})


def told(url, key, events, method="post", patience_s=0.0, batch_size=1):
    """What the callbacks say: events that were sent, and those that were not."""
    place, sent, failed = urlsplit(url), [], []
    emitter = Emitter(
        place.hostname,
        protocol="http",
        port=place.port,
        method=method,
        batch_size=batch_size,
        on_success=lambda events: sent.append(len(events)),
        on_failure=lambda count, events: failed.append(len(events)),
    )
    subject = Subject().set_user_id("u1").set_domain_user_id("d1")
    tracker = Tracker(namespace="t", emitters=emitter, app_id=key, subject=subject, encode_base64=method == "get")
    for each in events():
        tracker.track(each)
    tracker.flush()
    deadline = time.monotonic() + patience_s
    while sum(sent) < len(events()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [sum(sent), sum(failed)]


def stamped(number, event):
    event.true_timestamp = 1_764_583_200_000 + number
    event.context = [SelfDescribingJson("iglu:com.shop/place/jsonschema/1-0-0", {"shelf": "top"})]
    return event


def journey():
    return [
        stamped(0, StructuredEvent(category="video", action="play", label="i1", value=1.5)),
        stamped(1, SelfDescribing(PLAY)),
    ]


def plays(count):
    return [StructuredEvent(category="video", action="play", label=f"i{number}") for number in range(count)]


def two():
    return plays(2)


def more_than_a_payload_may_have():
    return plays(501)


KEY = f"{os.environ['ROW']}-app"
print(
    json.dumps(
        {
            "post": told(os.environ["URL"], KEY, journey),
            "get": told(os.environ["URL"], KEY, journey, method="get"),
            "invalid": told(os.environ["URL"], KEY, more_than_a_payload_may_have, batch_size=501),
            "unknown": told(os.environ["URL"], "nobody", two),
            "limited": told(os.environ["LIMITED_URL"], KEY, two, patience_s=30.0),
        }
    )
)
