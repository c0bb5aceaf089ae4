"""`python -m loadtests.connected_content`: does a campaign's burst of e-mails get its lists in time?

Braze asks by a connection of its own for each recipient, and gives up after about 2 s. Each user asks once, at a moment
of its own, and the time is counted from that moment on, so nothing is hidden by waiting.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from loadtests import client, world
from loadtests.server import serving

LIMIT_S = 2.0
CONFIG = """
version: loadtests-1
inferenceItemMetadata: {type: engine, itemColumns: [TITLE]}
namespaces:
  shop:
    cacheControl: {userSpecified: {maxAge: 300, directives: private}}
    recommenders:
      recommend-items:
        mail:
          aliases: [{path: /recommendations, query: {userId: userID}}]
          shape: "itemList[].{product: {id: itemId, name: metadata.title}}"
          filters: [{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'}]
          variations: {main: {type: engine, model: for-you}}
"""


async def burst(port: int, users: int, seconds: float) -> list[float | None]:
    """Seconds of each answer; None: it was no list of four products."""
    began = time.monotonic()
    return await asyncio.gather(*(_ask(port, place, began + place * seconds / users) for place in range(users)))


async def _ask(port: int, user: int, at: float) -> float | None:
    await asyncio.sleep(at - time.monotonic())
    target = f"/recommendations?userID={world.user_name(user)}&fullyQualifyImageUrls=1&numResults=4"
    try:
        answer = await client.get(port, target)
    except OSError:
        return None
    seconds = time.monotonic() - at
    is_list = answer.status == 200 and answer.body.count(b'"product"') == 4
    return seconds if is_list else None


@click.command(help=__doc__)
@click.option("--users", default=2_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(min=0.1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--recipe", default="aws-user-personalization-v2", show_default=True)
def main(users: int, seconds: float, workers: int, recipe: str) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        data, config = Path(folder) / "data", Path(folder) / "config.yaml"
        config.write_text(CONFIG)
        settings = {"sequence_epochs": "0"} if recipe == "aws-user-personalization-v2" else {}
        world.prepare(data, world.Size(users=users), {"for-you": recipe}, console, {"for-you": settings})
        with serving(data, workers, config=config) as server:
            answers = asyncio.run(burst(server.port, users, seconds))
    times = np.array([each for each in answers if each is not None])
    failed = len(answers) - len(times)
    if not len(times):
        raise click.ClickException(f"all {failed} failed")
    middle, late = np.quantile(times, [0.5, 0.99]) * 1000
    console.print(
        f"{users} users in {seconds:g} s, {failed} failed: median {middle:.1f} ms, p99 {late:.1f} ms, "
        f"slowest {times.max() * 1000:.1f} ms"
    )
    if failed or late >= LIMIT_S * 1000:
        raise click.ClickException(f"not every list came, or p99 is not below {LIMIT_S:g} s")


if __name__ == "__main__":
    main()
