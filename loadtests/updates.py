"""`python -m loadtests.updates`: does trainingMode UPDATE reach FULL, and in what time?

MovieLens-100K but for every user's last event goes to a running server by boto3, in two parts: what had happened some
days before the end, and what came then, new items included. A version is trained in full on the first part. Then all
data are there, and two more are trained, one by UPDATE and one in FULL. The evaluator ranks every user's last item by
each, seen items removed. Processor time is that of the server's job process, from the request to the ACTIVE version.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine.recipes import RECIPES
from engine.records import DatasetGroupRecord
from engine.serving import artifacts
from engine.serving.deployments import model_path
from gateway.cli.local import opened
from gateway.cli.movielens import PARTS
from gateway.cli.train import pairs
from loadtests import processes
from loadtests.account import ENVIRON, Account, Row
from loadtests.parity import CONFIG, DAY, NAME, RECIPE, WIDTH, Evaluator, Films, Gains, films, gain, with_interval
from loadtests.server import Server, serving

BEFORE, UPDATE, FULL = "FULL, before", "UPDATE", "FULL"


@dataclass(frozen=True)
class Halves:
    """The rows of Interactions and Items before a moment, and from then on."""

    before: tuple[list[Row], list[Row]]
    after: tuple[list[Row], list[Row]]

    @classmethod
    def of(cls, data: Films, moment: float) -> Halves:
        interactions, items = data.parts[0][1], data.parts[1][1]
        early = [row for row in interactions if int(row[2]) < moment]
        late = [row for row in interactions if int(row[2]) >= moment]
        chosen = {row[1] for row in early}
        return cls(
            (early, [row for row in items if row[0] in chosen]), (late, [row for row in items if row[0] not in chosen])
        )


class TrainedVersion(NamedTuple):
    mode: str
    arn: str
    cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Rehearsal:
    """A server whose data grow, and the versions trained on them."""

    server: Server
    account: Account
    folder: Path

    def versions(
        self, halves: Halves, users: Sequence[Row], settings: Mapping[str, str]
    ) -> tuple[str, list[TrainedVersion]]:
        """The ARN of the dataset group, and its versions in the order of their training."""
        account = self.account
        group = account.films(NAME, zip(PARTS, (*halves.before, users), strict=True), self.folder)
        first = self._timed(BEFORE, lambda: account.train(group, NAME, RECIPE, settings))
        for part, rows in zip(PARTS, halves.after, strict=False):
            account.later_films(group, part, rows, self.folder)
        solution = first.arn.rpartition("/")[0]
        update = self._timed(UPDATE, lambda: account.version(solution, "UPDATE"))
        return group, [first, update, self._timed(FULL, lambda: account.version(solution))]

    def _timed(self, mode: str, train: Callable[[], str]) -> TrainedVersion:
        began, spent = time.monotonic(), self._job_cpu_s()
        arn = train()
        return TrainedVersion(mode, arn, self._job_cpu_s() - spent, time.monotonic() - began)

    def _job_cpu_s(self) -> float:
        return processes.cpu_s(self.server.job_pids())


def evaluators(data: Path, group: str, versions: Sequence[TrainedVersion]) -> list[Evaluator]:
    """One for each version, on all that the data directory knows."""
    with opened(data, Console(quiet=True)) as local:
        uid = local.engine.records.get(group, DatasetGroupRecord).uid
        snapshot = local.engine.resources.learnable(group)
        models = [artifacts.load(local.engine.store.fetch(model_path(each.arn, uid))) for each in versions]
    return [Evaluator(snapshot, RECIPES[RECIPE].ready(model)) for model in models]


def gains_of(evaluator: Evaluator, last: Mapping[str, str]) -> Gains:
    """(users,) NDCG@10 of each user's last item."""
    return np.array([gain(evaluator.items(user, 0.0, remove_seen=True), item) for user, item in last.items()])


@click.command(help=__doc__)
@click.option("--days", default=7.0, show_default=True, help="Of events that come after the first version.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyperparameter of the recipe.")
def main(days: float, settings: tuple[str, ...]) -> None:
    console = Console(soft_wrap=True, width=WIDTH)
    ended = time.time() - 60 * DAY  # so that everybody is in a visit
    data = films(ended)
    halves = Halves.of(data, ended - days * DAY)
    rows, items = halves.after
    console.print(f"the last {days:g} days: {len(rows):,} interactions, {len(items)} new items")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        place.mkdir()
        with serving(place, 1, environ=ENVIRON, config=CONFIG) as server:
            rehearsal = Rehearsal(server, Account(server.port), Path(folder))
            group, versions = rehearsal.versions(halves, data.parts[2][1], pairs(settings))
        gains = [gains_of(each, data.last) for each in evaluators(place, group, versions)]
    active = {row[0] for row in rows}
    console.print(table(versions, gains, np.array([user in active for user in data.last])))


def table(versions: Sequence[TrainedVersion], gains: Sequence[Gains], active: NDArray[np.bool_]) -> Table:
    """Each version beside the last, which was trained in full on all data."""
    columns = ("version", "NDCG@10", "behind FULL, paired", f"the same of {active.sum()} users who came back")
    shown = Table(*columns, "processor time", "time", box=SIMPLE)
    for version, own in zip(versions, gains, strict=True):
        behind = gains[-1] - own
        shown.add_row(
            version.mode,
            with_interval(own),
            with_interval(behind),
            with_interval(behind[active]) if active.any() else "",
            f"{version.cpu_s:.1f} s",
            f"{version.wall_s:.0f} s",
        )
    return shown


if __name__ == "__main__":
    main()
