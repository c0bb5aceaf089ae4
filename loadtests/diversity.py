"""`python -m loadtests.diversity`: what caps and diversity add to choosing 25 of 50,000 scored items, in microseconds.

Scores are drawn; items have one of 2,000 brands, some of 30 genres, and a vector of 64 numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import click
import numpy as np

from engine import Cap, Diversity
from engine.data.columns import Floats, Tags, column_of
from engine.data.schema import Field, Schema
from engine.data.table import LiveTable
from engine.rank.rule import DiversityRule
from engine.rank.topk import top_k
from engine.serving.diversity import Diversifier, ScoreArray
from engine.serving.likeness import ModelVectors

LISTS, COUNT = 200, 25
SCHEMA = Schema(
    "Items",
    "ITEMS",
    (Field(name="BRAND", type="string", categorical=True), Field(name="GENRES", type="string", categorical=True)),
)
TWO_CAPS = Cap(column="BRAND", most=2, first=10), Cap(column="GENRES", most=3)
SETTINGS = {
    "2 of a brand": Diversity(caps=(Cap(column="BRAND", most=2),)),
    "2 of a brand in 10 places, 3 of a genre": Diversity(caps=TWO_CAPS),
    "strength 0.3 by columns": Diversity(strength=0.3),
    "strength 0.3 by the model": Diversity(strength=0.3, similarity="model"),
    "both, by the model": Diversity(strength=0.3, similarity="model", caps=TWO_CAPS),
}


def table_of(items: int, draw: np.random.Generator) -> LiveTable:
    brands = (2_001 ** draw.random(items)).astype(int) - 1  # n about as often as 1 / (n + 1)
    genres = ["|".join(f"g{genre}" for genre in draw.choice(30, draw.integers(1, 4), replace=False)) for _ in brands]
    columns = {"BRAND": [f"b{brand}" for brand in brands], "GENRES": genres}
    return LiveTable({name: column_of(Tags, values) for name, values in columns.items()})


def microseconds(choose: Callable[[Floats], object], lists: list[Floats]) -> float:
    """The median over lists, after each was chosen once."""
    for scores in lists:
        choose(scores)
    times = []
    for scores in lists:
        began = time.perf_counter()
        choose(scores)
        times.append(time.perf_counter() - began)
    return median(times) * 1e6


@click.command(help=__doc__)
@click.option("--items", default=50_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(items: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    table, vectors = table_of(items, draw), ModelVectors(draw.normal(size=(items, 64)).astype(np.float32))
    lists = [draw.normal(size=items).astype(np.float32) for _ in range(LISTS)]
    click.echo(f"{items:,} items, lists of {COUNT}, medians of {LISTS}")
    click.echo(f"{'the best alone':45}{microseconds(lambda scores: top_k(scores, COUNT), lists):8.0f} µs")
    for name, setting in SETTINGS.items():
        rule = DiversityRule.of(setting, SCHEMA)
        assert rule is not None
        by = Diversifier(rule, table, items, lambda: vectors)
        taken = microseconds(lambda scores: by.choose(ScoreArray(scores), COUNT), lists)  # noqa: B023
        click.echo(f"{name:45}{taken:8.0f} µs")


if __name__ == "__main__":
    main()
