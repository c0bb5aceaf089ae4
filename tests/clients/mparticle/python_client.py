"""mParticle's client for Python. It speaks of a refusal by an exception, or hands that to its callback."""

import json
import os
import time
from pathlib import Path

import mparticle
from mparticle.rest import ApiException

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
KEY = f"{os.environ['ROW']}-key"


def client(url, key=KEY, secret="secret"):
    configuration = mparticle.Configuration()
    configuration.host = f"{url}/v2"
    configuration.api_key, configuration.api_secret = key, secret
    return mparticle.EventsApi(configuration)


def commerce(name, message, **more):
    action = mparticle.ProductAction(action=name, products=[mparticle.Product(**each) for each in message])
    return mparticle.CommerceEvent(product_action=action, session_uuid="s1", source_message_id=name, **more)


def custom(name, attributes, message_id=None):
    event = mparticle.AppEvent(event_name=name, custom_event_type="other", custom_attributes=attributes)
    event.session_uuid, event.source_message_id = "s1", message_id or name
    return event


def batch(events, attributes=None):
    created = mparticle.Batch(environment="development", user_attributes=attributes)
    created.user_identities = mparticle.UserIdentities(customerid="u1")
    created.events = events  # which the client wraps with their types
    return created


def journey():
    sent = batch(
        [
            commerce("view_detail", [MESSAGES["viewed"]], custom_attributes=MESSAGES["attributes"]),
            commerce("purchase", MESSAGES["bought"]),
            custom("Watch", MESSAGES["watched"]),
            custom("Song Played", MESSAGES["played"]),
        ],
        dict(MESSAGES["user"]),
    )
    sent.source_request_id = "r1"
    return sent


def answer_of(call, body):
    """What the callback is handed: a status, and of an error its body."""
    answers = []
    call(body, callback=answers.append).join()
    if isinstance(answers[0], ApiException):
        return {"status": answers[0].status, "body": answers[0].body}
    return {"status": answers[0][1]}


def limited():
    """Batches one after the other. What is refused is sent again, which the client allows after a while."""
    api, statuses = client(os.environ["LIMITED_URL"]), []
    for name in ("i0", "i1", "i2"):
        while True:
            sent = batch([custom("Watch", {"itemId": name}, name)])
            statuses.append(answer_of(api.upload_events, sent)["status"])
            if statuses[-1] != 429:
                break
            time.sleep(0.3)
    return statuses


URL = os.environ["URL"]
twice = [
    answer_of(client(URL).upload_events, journey()),
    answer_of(client(URL).bulk_upload_events, [journey()]),
]
unknown = answer_of(client(URL, key="nobody").upload_events, journey())
wrong = answer_of(client(URL, secret="other").upload_events, journey())
nameless = {"environment": "development", "events": [{"data": {}}]}
broken = answer_of(client(URL).bulk_upload_events, [journey(), nameless])
print(json.dumps({"stored": twice, "unknown": unknown, "wrong": wrong, "broken": broken, "limited": limited()}))
