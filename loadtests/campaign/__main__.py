"""`python -m loadtests.campaign`: replicas over PostgreSQL, Valkey and S3 under load, and fault after fault.

It wants Debian's postgresql-17, patroni, python3-etcd, etcd-server, valkey-server, valkey-tools, nodejs and npm. Ends
with status 1 where an acknowledged event is lost or doubled, an answer is from before one, or a fault is not over.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests.campaign.checker import Watched, shopping
from loadtests.campaign.cluster import PROBE, Cluster
from loadtests.campaign.faults import FAULTS, Fault
from loadtests.crash import Verdict, judged, logged

LONGEST_S = 10.0  # that a fault may take to be over
LEAST = 0.999  # share of the requests that are answered


class Over(NamedTuple):
    fault: str
    seconds: float  # from when it was mended until all served


@click.command(help=__doc__)
@click.option("--faults", default=24, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--only", multiple=True, type=click.Choice([fault.__name__ for fault in FAULTS]))
@click.option("--seed", default=1, show_default=True)
def main(faults: int, only: Sequence[str], seed: int) -> None:
    console = Console(soft_wrap=True)
    chosen = [fault for fault in FAULTS if not only or fault.__name__ in only]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder), console)
        try:
            cluster.start()
            chance = random.Random(seed)
            with shopping(cluster.ports, seed) as watched:
                time.sleep(2)
                over = [suffer(cluster, fault, chance, console) for fault in drawn(chosen, faults, chance)]
                time.sleep(2)
            verdict = judged(watched.acknowledged, watched.tried | {PROBE}, logged(cluster.replicas[0].data))
        finally:
            cluster.stop()
    console.print(table(over))
    raise SystemExit(0 if told(console, watched, verdict, over) else 1)


def drawn(faults: Sequence[Fault], count: int, chance: random.Random) -> Iterator[Fault]:
    """Each as often as the others, in random order, after a random time of quiet."""
    order = [faults[turn % len(faults)] for turn in range(count)]
    chance.shuffle(order)
    for fault in order:
        time.sleep(chance.uniform(0.3, 1.5))
        yield fault


def suffer(cluster: Cluster, fault: Fault, chance: random.Random, console: Console) -> Over:
    """It is over when all replicas serve; the next one waits until what lies beneath them is whole, too."""
    try:
        fault(cluster, chance)
        seconds = cluster.wait_until(cluster.serves, f"not over in time: {fault.__doc__}")
    except RuntimeError as error:
        console.print(str(error), markup=False, highlight=False)
        seconds = math.inf
    console.print(f"{fault.__doc__} {seconds:.1f} s", highlight=False)
    cluster.wait_until_whole()
    return Over(fault.__name__, seconds)


def table(over: Sequence[Over]) -> Table:
    shown = Table("fault", "times", "serving again, median s", "most s", box=SIMPLE)
    for name, words in ((fault.__name__, fault.__doc__) for fault in FAULTS):
        seconds = [each.seconds for each in over if each.fault == name]
        if seconds:
            shown.add_row(words, str(len(seconds)), f"{median(seconds):.1f}", f"{max(seconds):.1f}")
    return shown


def told(console: Console, watched: Watched, verdict: Verdict, over: Sequence[Over]) -> bool:
    """True where all is well."""
    answered = 1 - watched.unanswered / max(watched.asked, 1)
    lost = f"[bold]{verdict.lost} lost, {verdict.doubled} doubled[/bold]"
    console.print(f"{len(watched.acknowledged):,} events acknowledged: {lost}")
    console.print(
        f"{watched.asked:,} lists: {answered:.3%} answered, the slowest request after {watched.slowest_s:.1f} s, "
        f"{watched.again:,} by another replica than the first, {watched.behind:,} said that they may be behind"
    )
    console.print(f"[bold]{len(watched.violations)} answers from before an acknowledged event[/bold]")
    for violation in watched.violations[:10]:
        console.print(f"  {violation.what}", highlight=False)
    long = [each for each in over if each.seconds > LONGEST_S]
    return verdict == Verdict(0, 0, 0) and not watched.violations and answered >= LEAST and not long


if __name__ == "__main__":
    main()
