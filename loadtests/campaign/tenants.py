"""The tenants of a campaign: users of the same names, items of others, one server for both."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Set
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from loadtests import client, world

CONFIG = Path(__file__).with_name("gateway.yaml")
SIZE = world.Size(items=1_000, users=500, each=10)
NOBODY = "somebody-without-a-history"
DEPTH = 500  # the most items of an answer: no user gets so far down


class Tenant(NamedTuple):
    """A namespace of the configuration, and a dataset group."""

    name: str
    letter: str  # all its items' names begin with it
    model: str
    tracking_id: str

    def item_name(self, number: int) -> str:
        return f"{self.letter}{number:05}"

    def owns(self, item: str) -> bool:
        return item.startswith(self.letter)

    def path(self, user: str) -> str:
        return f"/recommend-items/{self.name}/for-you/{user}"

    @property
    def events(self) -> str:
        return f"/events/{self.name}"


SHOP = Tenant("shop", "i", "for-shoppers", world.TRACKING_ID)
LIBRARY = Tenant("library", "b", "for-readers", "10000000-0000-4000-8000-000000000002")
TENANTS = (SHOP, LIBRARY)


def prepare(data: Path, console: Console) -> None:
    """A data directory with both tenants' data, an event tracker and a model each."""
    with opened(data, console, allow_file_urls=True) as local:
        for tenant in TENANTS:
            world.import_shop(local, SIZE, data / tenant.name, tenant.name, tenant.item_name)
            local.track(tenant.name, tenant.tracking_id)
            deploy(local, tenant.model, train(local, tenant.name, tenant.model, world.QUICK, {}))


def imported(tenant: Tenant) -> Mapping[str, Set[str]]:
    """What each user has touched before the campaign."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for user, item, *_ in world.interactions(SIZE, tenant.item_name):
        found[str(user)].add(str(item))
    return found


def ranking(tenant: Tenant, port: int) -> list[str]:
    """All items, the best first, as everybody is shown them who has not touched them: the model is the same for all."""
    answer = asyncio.run(client.get(port, f"{tenant.path(NOBODY)}?numResults={DEPTH}"))
    if answer.status != 200:
        raise RuntimeError(f"{tenant.name}: {answer.status} {answer.body.decode()}")
    return answer.items()
