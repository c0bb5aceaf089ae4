"""Segment's and RudderStack's clients for Python, which are of one origin."""

import json
import os
from pathlib import Path

if os.environ["CLIENT"].startswith("rudder"):
    from rudderstack.analytics.client import Client
else:
    from segment.analytics.client import Client

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
KEY = f"{os.environ['ROW']}-key"


def errors_of(url, key, send, **options):
    """What the client says by its own callback: the errors, in words."""
    errors = []
    client = Client(key, host=url, on_error=lambda error, _: errors.append(str(error)), upload_interval=0.1, **options)
    send(client)
    client.flush()
    client.join()
    return errors


def journey(client):
    for _ in range(2):
        for place, each in enumerate(MESSAGES["tracks"]):
            client.track("u1", each["event"], each["properties"], anonymous_id="a1", message_id=f"m{place}")
        client.identify("u1", dict(MESSAGES["traits"]), anonymous_id="a1", message_id="m9")


def two(client):
    for place in range(2):
        client.track("u1", "Product Viewed", {"product_id": f"i{place}"}, message_id=f"m{place}")


def unreadable(client):
    """A number that JSON has not, and the client writes."""
    client.track("u1", "Product Viewed", {"product_id": "i9", "price": float("nan")})


print(
    json.dumps(
        {
            "stored": errors_of(os.environ["URL"], KEY, journey, gzip=True),
            "invalid": errors_of(os.environ["URL"], KEY, unreadable),
            "unknown": errors_of(os.environ["URL"], "nobody", two),
            "limited": errors_of(os.environ["LIMITED_URL"], KEY, two, upload_size=1),
        }
    )
)
