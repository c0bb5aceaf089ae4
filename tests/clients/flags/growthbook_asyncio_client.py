"""GrowthBook's SDK for asyncio: one client for all users, evaluating here or letting the server evaluate."""

import asyncio
import json
import logging
import os

from growthbook import GrowthBookClient
from growthbook.common_types import Options, UserContext
from growthbook.plugins import growthbook_tracking_plugin

ROW, OPEN, LIMITED = (os.environ[name] for name in ("ROW", "URL", "LIMITED_URL"))
UNITS = [f"u{number}" for number in range(60)]
LOGGED = []


class Listener(logging.Handler):
    def emit(self, record):
        LOGGED.append(record.getMessage())


logging.getLogger("growthbook").addHandler(Listener())


def user(unit, **more):
    return UserContext(attributes={"id": unit}, **more)


async def journey(viewed):
    """The arms, each asked for twice by clients of their own, and a conversion."""
    arms = {}
    for turn in range(2):
        plugin = growthbook_tracking_plugin(ingestor_host=OPEN, track_feature_evaluated=False, batch_size=100)
        options = Options(
            api_host=OPEN,
            client_key="any",
            tracking_plugins=[plugin],
            on_experiment_viewed=lambda experiment, result, **_: viewed.append((experiment.key, result.key)),
        )
        async with GrowthBookClient(options) as sdk:
            for unit in UNITS:
                shown = await sdk.eval_feature(f"{ROW}-look", user(unit))
                arms[unit] = [shown.experimentResult.key, shown.value, shown.source]
            if turn == 0:
                await sdk.log_event(f"{ROW}-clicks", {"value": 2.0}, user("u1"))
    return arms


async def values(sdk, who, *names):
    return [(await sdk.eval_feature(f"{ROW}-{name}", who)).value for name in names]


async def said(url, key):
    """What the client logs where it can't load the features; None where it can."""
    LOGGED.clear()
    sdk = GrowthBookClient(Options(api_host=url, client_key=key, cache_ttl=0))
    loaded = await sdk.initialize()
    await sdk.close()
    return None if loaded else " ".join(LOGGED)


async def limited():
    """Before, while and after the server says that it is asked too often."""
    key = f"{ROW}-key"
    before, between = await said(LIMITED, key), None
    while between is None:
        between = await said(LIMITED, key)
    await asyncio.sleep(2.2)
    return [before, between, await said(LIMITED, key)]


async def main():
    viewed, names = [], ("look", "dark", "boost", "places", "title")
    arms = await journey(viewed)
    async with GrowthBookClient(Options(api_host=OPEN, client_key="any")) as sdk:
        tester = user("tester")
        types = {name: await values(sdk, tester, name) for name in (*names[1:], "list")}
    evaluated = Options(api_host=OPEN, client_key="any", remote_eval=True, refresh_strategy=None)
    async with GrowthBookClient(evaluated) as sdk:
        remote = {unit: await values(sdk, user(unit), *names) for unit in UNITS[:10]}
        LOGGED.clear()
        await values(sdk, user("u1", forced_variations={f"{ROW}-look": "b"}), "look")  # an arm is a number
        invalid = list(LOGGED)
    return {
        "arms": arms,
        "viewed": len(viewed),
        "remote": remote,
        "types": types,
        "invalid": invalid,
        "unknown": await said(LIMITED, "nobody"),
        "limited": await limited(),
    }


print(json.dumps(asyncio.run(main())))
