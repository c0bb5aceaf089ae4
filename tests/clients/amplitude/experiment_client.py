"""Amplitude's client of experiments for Python, and that of analytics, which tells what the users saw and did."""

import json
import logging
import os
import time

from amplitude import Amplitude, BaseEvent, Config
from amplitude_experiment import RemoteEvaluationClient, RemoteEvaluationConfig, User

KEY = f"{os.environ['ROW']}-key"
OPEN, LIMITED = os.environ["URL"], os.environ["LIMITED_URL"]
USERS = [f"u{number}" for number in range(50)]


class Heard(logging.Handler):
    """The texts of a client's logger."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def client(url, key=KEY, heard=None, **options):
    logger = logging.Logger("experiment")
    logger.addHandler(heard or logging.NullHandler())
    config = RemoteEvaluationConfig(server_url=url, logger=logger, fetch_timeout_millis=20_000, **options)
    return RemoteEvaluationClient(key, config)


def variants():
    with client(OPEN) as remote:
        fetched = {user: remote.fetch_v2(User(user_id=user)) for user in USERS}
    return {
        user: {flag: {"key": variant.key, "value": variant.value} for flag, variant in flags.items()}
        for user, flags in fetched.items()
    }


def reported(seen):
    """What each user saw, and a purchase of each, told twice."""
    calls = []
    amplitude = Amplitude(KEY, Config(server_url=f"{OPEN}/2/httpapi", flush_interval_millis=200))
    amplitude.configuration.callback = lambda event, code, message: calls.append([event.insert_id, code, message])
    for _ in range(2):
        for user, flags in seen.items():
            for flag, variant in flags.items():
                properties = {"flag_key": flag, "variant": variant["key"]}
                amplitude.track(
                    BaseEvent("$exposure", user_id=user, insert_id=f"x-{user}", event_properties=properties)
                )
            bought = {"product_id": "i1"}
            amplitude.track(BaseEvent("Order Completed", user_id=user, insert_id=f"o-{user}", event_properties=bought))
    while len(calls) < 4 * len(seen):
        time.sleep(0.05)
    amplitude.shutdown()
    return calls


def unknown():
    heard = Heard()
    try:
        client(OPEN, key="nobody", heard=heard, fetch_retries=0).fetch_v2(User(user_id="u1"))
    except Exception as error:
        heard.texts.append(repr(error))
    return " ".join(heard.texts)


def limited():
    heard = Heard()
    retries = {"fetch_retries": 20, "fetch_retry_backoff_min_millis": 300, "fetch_retry_backoff_scalar": 1}
    with client(LIMITED, heard=heard, **retries) as remote:
        fetched = [bool(remote.fetch_v2(User(user_id="u1"))) for _ in range(3)]
    return fetched, " ".join(heard.texts)


seen = variants()
calls, (fetched, heard) = reported(seen), limited()
print(json.dumps({"variants": seen, "calls": calls, "unknown": unknown(), "limited": fetched, "heard": heard}))
