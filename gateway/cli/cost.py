"""recgate cost: what Amazon Personalize would charge for a server's traffic, quotas and idle campaigns."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec
from rich.console import Console, Group
from rich.table import Table

from gateway.admin.cost import CostParts, CostView, cost, prices_in
from gateway.admin.samples import NumbersSample
from gateway.admin.traffic import between
from gateway.cli.options import data_option, engine_in, plain_errors
from gateway.config import load
from gateway.errors import NotConfigured
from gateway.telemetry import merged, numbers_in


@click.command("cost")
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="Of the server."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /admin/cost has it.")
@data_option
def command(config: Path, as_json: bool, data: Path) -> None:
    """Count what Amazon Personalize would charge for what the servers of a data directory have answered since they
    began, by the prices of a file."""
    with plain_errors(), engine_in(data) as engine:
        configured = load(config)
        now = time.time()
        processes = [each for folder in (data / "run" / "metrics").glob("*") for each in numbers_in(folder, now)]
        began = min((each.began for each in processes if each.began), default=now)
        totals = merged((each.is_alive, each.numbers) for each in processes)
        resources = engine.resources
        parts = CostParts(
            now,
            began,
            between(NumbersSample(now, totals), None, began, None),
            resources.provisioned(),
            sum(hours for _, hours in resources.training_hours()),
            resources.quota_uses(),
        )
        try:
            view = cost(parts, configured, prices_in(configured.ui.prices))
        except NotConfigured as error:
            raise click.ClickException(error.message) from error
    if as_json:
        click.echo(msgspec.json.encode(view).decode())
    else:
        Console().print(picture(view))


def picture(view: CostView) -> Group:
    currency = view.prices.currency
    lines = Table("what", "quantity", "unit", "price", currency, title=f"{view.prices.name}, {view.prices.as_of}")
    for each in view.lines:
        lines.add_row(each.what, f"{each.quantity:,.3f}", each.unit, f"{each.price:.4f}", f"{each.amount:,.2f}")
    lines.add_row("all", "", "", "", f"{view.total:,.2f}")
    lines.add_row("if no answer were cached", "", "", "", f"{view.if_every_answer_were_asked:,.2f}")
    quotas = Table("quota", "of", "used", "limit", title="quotas")
    for use in view.quotas:
        quotas.add_row(use.name, use.group, str(use.used), str(use.limit))
    idle = Table("idle", "why", f"{currency} a month", title="idle campaigns")
    for campaign in view.campaigns:
        if campaign.idle:
            idle.add_row(campaign.name, campaign.idle_why or "", f"{campaign.idle_per_month:,.2f}")
    return Group(*(table for table in (lines, quotas, idle) if table.row_count))
