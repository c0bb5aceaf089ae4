"""GrowthBook's SDK for Python: features that it evaluates, features that the server evaluates, and what it tracks."""

import json
import logging
import os
import time

import growthbook
from growthbook.growthbook import feature_repo
from growthbook.plugins import growthbook_tracking_plugin

ROW, OPEN, LIMITED = (os.environ[name] for name in ("ROW", "URL", "LIMITED_URL"))
UNITS = [f"u{number}" for number in range(60)]
LOGGED = []


class Listener(logging.Handler):
    def emit(self, record):
        LOGGED.append(record.getMessage())


logging.getLogger("growthbook").addHandler(Listener())


def client_of(url, key, **options):
    feature_repo.clear_cache()
    LOGGED.clear()
    sdk = growthbook.GrowthBook(api_host=url, client_key=key, **options)
    sdk.load_features()
    return sdk


def refused(url, key):
    """What it logs, what a feature is then, and the seconds that it took."""
    began = time.monotonic()
    sdk = client_of(url, key)
    return [*LOGGED, sdk.eval_feature(f"{ROW}-look").source, time.monotonic() - began]


arms, viewed = {}, []
for turn in range(2):
    plugin = growthbook_tracking_plugin(ingestor_host=OPEN, track_feature_evaluated=False, batch_size=100)
    sdk = client_of(
        OPEN,
        "any",
        plugins=[plugin],
        on_experiment_viewed=lambda experiment, result, **_: viewed.append((experiment.key, result.key)),
    )
    for unit in UNITS:
        sdk.set_attributes({"id": unit})
        shown = sdk.eval_feature(f"{ROW}-look")
        arms[unit] = [shown.experimentResult.key, shown.value, shown.source]
    if turn == 0:
        sdk.set_attributes({"id": "u1"})
        sdk.log_event(f"{ROW}-clicks", {"value": 2.0})
    sdk.destroy()
remote = {}
for unit in UNITS[:10]:
    sdk = client_of(OPEN, "any", remote_eval=True, attributes={"id": unit})
    remote[unit] = [sdk.eval_feature(f"{ROW}-{name}").value for name in ("look", "dark", "boost", "places", "title")]
    sdk.destroy()
types = {
    name: [client.eval_feature(f"{ROW}-{name}").value]
    for client in [client_of(OPEN, "any", attributes={"id": "tester"})]
    for name in ("dark", "boost", "places", "title", "list")
}
client_of(OPEN, "any", remote_eval=True, attributes={"id": "u1"}, forced_variations={f"{ROW}-look": "b"})
invalid = list(LOGGED)  # an arm is a number
unknown = refused(LIMITED, "nobody")
limited = [refused(LIMITED, f"{ROW}-key") for _ in range(2)]
print(
    json.dumps(
        {
            "arms": arms,
            "viewed": len(viewed),
            "remote": remote,
            "types": types,
            "invalid": invalid,
            "unknown": unknown,
            "limited": limited,
        }
    )
)
