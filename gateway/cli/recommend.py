"""recgate recommend: ask a deployed model from the shell."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engine import MOST_RESULTS, Cards, Question, Ranked
from gateway.admin.lists import list_of
from gateway.cli.options import data_option, engine_in, json_option, plain_errors, print_json
from gateway.engine_port import AnswersPort

RESULTS = click.IntRange(1, MOST_RESULTS)


@click.command("recommend")
@click.argument("campaign", metavar="MODEL")
@click.option("--user", help="A user's id.")
@click.option("--item", help="The current item's id, for related items.")
@click.option("--history", help="Item ids that were chosen, oldest first, separated by commas, after the user's own.")
@click.option("--rerank", help="Item ids to bring into the user's order, separated by commas.")
@click.option("-n", "--num-results", default=10, show_default=True, type=RESULTS)
@click.option("--filter", "expression", help="A filter expression.")
@json_option
@data_option
def command(rerank: str | None, history: str | None, as_json: bool, data: Path, **members: Any) -> None:
    """Ask the deployed MODEL, and show its items with their columns, or its actions."""
    console = Console()
    candidates = None if rerank is None else tuple(rerank.split(","))
    question = Question(**members, candidates=candidates, history=tuple(history.split(",")) if history else ())
    with plain_errors(), engine_in(data) as engine:
        deployed = engine.answers.deployed(question.campaign)
        of_actions = deployed.recipe.kind == "PERSONALIZED_ACTIONS"
        asked = msgspec.structs.replace(question, of="actions") if of_actions else uncounted(question, engine.answers)
        began = time.perf_counter()
        ranked, milliseconds = engine.answers.recommend(asked), (time.perf_counter() - began) * 1000
        if as_json:
            cards = Cards.of(engine, deployed.group_arn)
            print_json(list_of(ranked, deployed, Cards(cards.group.actions) if of_actions else cards, milliseconds))
        elif of_actions:
            console.print(table_of(ranked, "action", [None] * len(ranked.items)))
        else:
            console.print(table_of(ranked, "item", engine.answers.metadata(question.campaign, ranked.items)))


def uncounted(question: Question, answers: AnswersPort) -> Question:
    """The question with what its user is tired of: a look from the shell shows the user nothing."""
    rule = answers.deployed(question.campaign).fatigue
    if rule is None or question.user is None:
        return question
    return msgspec.structs.replace(question, fatigue=answers.tired(question.campaign, question.user, rule))


def table_of(ranked: Ranked, what: str, rows: Sequence[Mapping[str, Any] | None]) -> Table:
    columns = list(dict.fromkeys(name for row in rows if row for name in row))[:4]
    table = Table("#", what, "score", *columns, title=ranked.model)
    for place, (item, score, row) in enumerate(zip(ranked.items, ranked.scores, rows, strict=True), 1):
        shown = "" if score is None else f"{score:.4f}"
        table.add_row(str(place), item, shown, *(str((row or {}).get(name, "")) for name in columns))
    return table
