"""recgate recommend: ask a deployed model from the shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engine import MOST_RESULTS, Question, Ranked
from gateway.cli.options import data_option, engine_in, plain_errors


@dataclass(frozen=True)
class RecommendOptions:
    model: str
    user: str | None
    item: str | None
    rerank: str | None
    num_results: int
    expression: str | None
    data: Path


@click.command("recommend")
@click.argument("model")
@click.option("--user", help="A user's id.")
@click.option("--item", help="The current item's id, for related items.")
@click.option("--rerank", help="Item ids to bring into the user's order, separated by commas.")
@click.option("-n", "--num-results", default=10, show_default=True, type=click.IntRange(1, MOST_RESULTS))
@click.option("--filter", "expression", help="A filter expression.")
@data_option
def command(**values: Any) -> None:
    """Ask the deployed MODEL, and show its items with their columns, or its actions."""
    options = RecommendOptions(**values)
    console = Console()
    question = Question(
        campaign=options.model,
        user=options.user,
        item=options.item,
        candidates=tuple(options.rerank.split(",")) if options.rerank is not None else None,
        num_results=options.num_results,
        expression=options.expression,
    )
    with plain_errors(), engine_in(options.data) as engine:
        if engine.answers.deployed(options.model).recipe.kind == "PERSONALIZED_ACTIONS":
            ranked = engine.answers.recommend(msgspec.structs.replace(question, of="actions"))
            console.print(table_of(ranked, "action", [None] * len(ranked.items)))
        else:
            ranked = engine.answers.recommend(question)
            console.print(table_of(ranked, "item", engine.answers.metadata(options.model, ranked.items)))


def table_of(ranked: Ranked, what: str, rows: Sequence[Mapping[str, Any] | None]) -> Table:
    columns = list(dict.fromkeys(name for row in rows if row for name in row))[:4]
    table = Table("#", what, "score", *columns, title=ranked.model)
    for place, (item, score, row) in enumerate(zip(ranked.items, ranked.scores, rows, strict=True), 1):
        shown = "" if score is None else f"{score:.4f}"
        table.add_row(str(place), item, shown, *(str((row or {}).get(name, "")) for name in columns))
    return table
