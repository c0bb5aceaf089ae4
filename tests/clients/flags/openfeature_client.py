"""OpenFeature for Python, with its OFREP provider."""

import json
import os

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

ROW = os.environ["ROW"]
UNITS = [f"u{number}" for number in range(60)]


def client_of(url, key):
    api.set_provider(OFREPProvider(url, headers_factory=lambda: {"X-API-Key": key}), domain=f"{url} {key}")
    return api.get_client(f"{url} {key}")


def error_of(client):
    details = client.get_object_details(f"{ROW}-look", {}, EvaluationContext("u1"))
    return f"{details.error_code}: {details.error_message}" if details.error_code else None


client = client_of(os.environ["URL"], "any")
arms = {}
for _ in range(2):
    for unit in UNITS:
        details = client.get_object_details(f"{ROW}-look", {}, EvaluationContext(unit))
        arms[unit] = [details.variant, details.value, details.reason, details.error_code]
about = EvaluationContext("tester")
types = {
    "dark": [client.get_boolean_value(f"{ROW}-dark", None, EvaluationContext(unit)) for unit in UNITS[:20]],
    "boost": [client.get_float_value(f"{ROW}-boost", None, EvaluationContext(unit)) for unit in UNITS[:20]],
    "places": [client.get_integer_value(f"{ROW}-places", None, EvaluationContext(unit)) for unit in UNITS[:20]],
    "title": [client.get_string_value(f"{ROW}-title", None, EvaluationContext(unit)) for unit in UNITS[:20]],
    "list": client.get_object_value(f"{ROW}-list", {}, about),
}
missing = client.get_object_details("nobody-knows", {}, about)
wrong = client.get_object_details(f"{ROW}-look", {}, EvaluationContext("u" * 257))
limited = client_of(os.environ["LIMITED_URL"], f"{ROW}-key")
print(
    json.dumps(
        {
            "arms": arms,
            "types": types,
            "missing": missing.error_code,
            "invalid": wrong.error_code,
            "unknown": error_of(client_of(os.environ["LIMITED_URL"], "nobody")),
            "limited": [error_of(limited) for _ in range(3)],
        }
    )
)
