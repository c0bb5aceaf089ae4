"""`python -m loadtests.campaign`: gateways and engines over PostgreSQL, Valkey and S3, under load, fault after fault.

It wants Debian's postgresql-17, patroni, python3-etcd, etcd-server, valkey-server, faketime, strace,
nodejs, npm. Ends with status 1 where an acknowledged event is lost or doubled, an answer is from before one or of
another user or tenant, more than one request in a thousand is not answered, or a fault is not over within 10 s.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from loadtests.campaign.checker import Sent, Watched, shopping
from loadtests.campaign.cluster import PROBE, SHAPES, Cluster
from loadtests.campaign.faults import FAULTS, Fault, happens
from loadtests.campaign.report import Outcome, Over, markdown, show
from loadtests.campaign.tenants import SHOP
from loadtests.campaign.verdict import judged, logged

QUIET_S = 2.0  # before the first fault and after the last
BETWEEN_S = (0.2, 1.0)


@click.command(help=__doc__)
@click.option("--shape", default=SHAPES[0], show_default=True, type=click.Choice(SHAPES))
@click.option("--faults", default=24, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--only", multiple=True, type=click.Choice([fault.__name__ for fault in FAULTS]))
@click.option("--seed", default=1, show_default=True)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Where its tables go, in Markdown.")
def main(shape: str, faults: int, only: Sequence[str], seed: int, report: Path | None) -> None:
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder), shape, console)
        try:
            cluster.start()
            outcome = suffered(cluster, shape, drawn(only, shape, faults, random.Random(seed)), seed, console)
        finally:
            cluster.stop()
    show(console, outcome)
    if report is not None:
        report.write_text(markdown(outcome))
    raise SystemExit(0 if outcome.is_good() else 1)


def drawn(only: Sequence[str], shape: str, count: int, chance: random.Random) -> list[Fault]:
    """Each as often as the others, in random order."""
    chosen = [fault for fault in FAULTS if happens(fault, shape) and (not only or fault.__name__ in only)]
    if not chosen:
        raise click.UsageError(f"none of --only happens with --shape {shape}")
    order = [chosen[turn % len(chosen)] for turn in range(count)]
    chance.shuffle(order)
    return order


def suffered(cluster: Cluster, shape: str, faults: Sequence[Fault], seed: int, console: Console) -> Outcome:
    began, chance, over = time.monotonic(), random.Random(seed), []
    with shopping(cluster.doors(), seed) as watched:
        time.sleep(QUIET_S)
        for number, fault in enumerate(faults, 1):
            since = time.monotonic()
            seconds = suffer(cluster, fault, watched, chance, console)
            over.append(Over(fault.__name__, seconds))
            told = f"{seconds:4.1f} s, whole after {time.monotonic() - since:4.1f} s"
            console.print(f"{number:4} of {len(faults)}  {told}  {fault.__doc__}", highlight=False)
        time.sleep(QUIET_S)
    sent = {**watched.sent, PROBE: Sent(SHOP.name, "u99999", SHOP.item_name(1))}
    verdict = judged(watched.acknowledged, sent, logged(cluster.engines[0].folder))
    return Outcome(shape, time.monotonic() - began, watched, verdict, over)


def suffer(cluster: Cluster, fault: Fault, watched: Watched, chance: random.Random, console: Console) -> float:
    """It is over when all machines serve: after so many seconds. The next one waits until what lies beneath them is
    whole, too."""
    time.sleep(chance.uniform(*BETWEEN_S))
    watched.fault = fault.__doc__ or ""
    try:
        mended = fault(cluster, chance) or time.monotonic()
        cluster.wait_until(cluster.serves, f"not over in time: {fault.__doc__}")
        seconds = time.monotonic() - mended
        cluster.wait_until_whole()
    except RuntimeError as error:
        console.print(str(error), markup=False, highlight=False)
        seconds = math.inf
    return seconds


if __name__ == "__main__":
    main()
