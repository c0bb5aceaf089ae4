"""recgate off-policy: what another model would have earned, from the answers that this one gave."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engine import Estimate, Estimates
from gateway.cli.options import data_option, engine_in, plain_errors


@click.command("off-policy")
@click.argument("model")
@click.option("--instead", required=True, help="The deployed model that might have answered.")
@click.option("--event-type", help="Only events of this type count; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_option
def command(model: str, instead: str, event_type: str | None, as_json: bool, data: Path) -> None:
    """Estimate what the answers of MODEL would have earned, had another deployed model given them.

    Counted are events that name an answer by its recommendationId, per answer. Without exploration only what both
    models show can be judged: a warning says where that is too little, and there is no gain then.
    """
    console = Console(soft_wrap=True)
    with plain_errors(), engine_in(data) as engine:
        estimates = engine.answers.off_policy(model, instead, event_type)
    if as_json:
        click.echo(msgspec.json.encode({**estimates._asdict(), "trusted": estimates.trusted}).decode())
        return
    console.print(table_of(estimates, model, instead))
    for warning in estimates.warnings:
        console.print(f"[bold red]Not to be relied on:[/] {warning}", highlight=False)


def table_of(estimates: Estimates, model: str, instead: str) -> Table:
    title = f"{instead} instead of {model}: {estimates.answers:,} answers, {estimates.covered:.0%} covered"
    table = Table("estimate", "events an answer", "standard error", "95 % interval", title=title)
    for name in ("logged", "ips", "snips", "doubly_robust", "gain"):
        estimate: Estimate | None = getattr(estimates, name)
        if estimate is None:
            table.add_row(name, "none", "", "")
            continue
        low, high = estimate.interval
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.error:.4f}", f"{low:.4f} to {high:.4f}")
    return table
