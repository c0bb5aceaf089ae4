"""`python -m loadtests.amazon_shape`: the blend beside its own columns and EASE + Markov, on worlds of Amazon's shape.

Each world is drawn anew: sparse, ordered, with many rare items (`loadtests/quality/datasets/amazon_shape.py`). Every
user's last event is hidden. The whole catalogue is ranked, seen items are removed. EASE + Markov is of the engine's own
members, with settings that suit such worlds. Processor time is that of the training, memory the most of the process.

--seeds trains the blend again and again in the first world instead, and prints how much its trainings differ: their
standard deviation beside the one of the same mean over as many users drawn by chance, where each training had its own.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from typing import NamedTuple

import click
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from engine.ensemble.fits import Fits, fitted, reader, unpacked
from engine.ensemble.member import Score, ScorerColumn
from engine.ensemble.plan import Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import plan_of, train
from engine.evaluation.evaluate import CUT, ranked_by
from engine.measure.metrics import mid_ranks, ndcg
from engine.measure.split import EvaluationCase, Split, drawn, leave_last_out
from engine.recipe import Model, silent
from loadtests.parity import WIDTH, Gains, with_interval
from loadtests.quality.datasets.amazon_shape import Shape, world

EASE = ScorerColumn("ease", {"ridge": 300.0}, {"power": 1.0})
MARKOV = ScorerColumn("markov", {"decay": 0.65}, {"damp": 0.0, "fade": 0.65, "shrink": 20.0})
SHARE = 0.65  # of EASE


class Outcome(NamedTuple):
    blend: Gains
    usual: Gains  # of EASE + Markov
    columns: dict[str, Gains]  # of those in the blend of users in a visit
    cpu_s: float
    peak_bytes: int


def measured(seed: int, shape: Shape, options: Options, users: int) -> Outcome:
    """The outcome in a drawn world, by so many of its users."""
    split = leave_last_out(world(seed, shape))
    cases = [split.cases[place] for place in drawn(np.arange(len(split.cases)), users, 1)]
    began = time.process_time()
    model = train(split.train, options, 0, silent)
    cpu_s, peak = time.process_time() - began, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plan, fits = plan_of(model), fits_of(model, split)
    used = [column for column, weight in zip(plan.columns, plan.active.weights, strict=True) if weight]
    items = split.train.item_count
    ease, markov = (reader(column, fits[column.fit], items) for column in (EASE, MARKOV))
    return Outcome(
        gains(Ensemble(model), cases),
        gains(lambda query: np.float32(SHARE) * ease(query) + np.float32(1 - SHARE) * markov(query), cases),
        {str(column): gains(reader(column, fits[column.fit], items), cases) for column in used},
        cpu_s,
        peak,
    )


def fits_of(model: Model, split: Split) -> Fits:
    """The model's own, and those of EASE + Markov that it lacks."""
    fits = dict(unpacked(model.arrays, plan_of(model).columns))
    return fits | fitted([each for each in (EASE, MARKOV) if each.fit not in fits], split.train, 0, silent)


def gains(score: Score, cases: Sequence[EvaluationCase]) -> Gains:
    """(cases,) NDCG@10."""
    ranks = (mid_ranks(ranked_by(score, case, True), case.truth) for case in cases)
    return np.array([ndcg(each, CUT) for each in ranks])


@click.command(help=__doc__)
@click.option("--worlds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--users", default=4_000, show_default=True, type=click.IntRange(100), help="Who ask, of each world.")
@click.option("--seeds", type=click.IntRange(2, 20), help="Trainings of the first world.")
@click.option("--small", is_flag=True, help="A twentieth of the size, without the sequence model.")
def main(worlds: int, users: int, seeds: int | None, small: bool) -> None:
    console = Console(soft_wrap=True, width=WIDTH)
    shape = Shape(users=1_000, items=600, clusters=45) if small else Shape()
    options = Options(epochs=0) if small else Options()
    if seeds is not None:
        console.print(spread(shape, options, users, seeds))
        return
    found = [
        measured(seed, shape, options, users)
        for seed in track(range(worlds), "worlds", console=console, transient=True)
    ]
    console.print(table(found))


def spread(shape: Shape, options: Options, users: int, seeds: int) -> str:
    """The NDCG@10 of trainings that differ by their seed alone, and how much they differ."""
    split = leave_last_out(world(0, shape))
    cases = [split.cases[place] for place in drawn(np.arange(len(split.cases)), users, 1)]
    trainings = range(seeds)
    each = np.stack([gains(Ensemble(train(split.train, options, seed, silent)), cases) for seed in trainings])
    means = each.mean(axis=1)  # (seeds,)
    by_chance = np.sqrt(each.var(axis=0, ddof=1).mean() / each.shape[1])
    listed = ", ".join(f"{mean:.4f}" for mean in means)
    return (
        f"NDCG@10 {listed}: standard deviation {means.std(ddof=1) / means.mean():.1%}, "
        f"range {np.ptp(means) / means.mean():.1%}; of independent users {by_chance / means.mean():.1%}"
    )


def table(outcomes: Sequence[Outcome]) -> Table:
    names = ("world", "NDCG@10", "EASE + Markov", "ahead of it, paired", "ahead of its best column", "processor time")
    shown = Table(*names, "memory", box=SIMPLE)
    for seed, each in enumerate(outcomes):
        best = max(each.columns.values(), key=lambda own: float(own.mean()))
        paired = [with_interval(own) for own in (each.blend, each.usual, each.blend - each.usual, each.blend - best)]
        shown.add_row(str(seed), *paired, f"{each.cpu_s:.0f} s", f"{each.peak_bytes / 1e9:.2f} GB")
    whole, usual = (np.concatenate(own) for own in zip(*((each.blend, each.usual) for each in outcomes), strict=True))
    shown.add_row("all", *(with_interval(own) for own in (whole, usual, whole - usual)))
    return shown


if __name__ == "__main__":
    main()
