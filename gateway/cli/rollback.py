"""recgate rollback: a campaign answers with an earlier version of its model again."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from engine import model_overview, version_arn
from gateway.cli.local import opened
from gateway.cli.options import data_option, json_option, plain_errors, print_json


@click.command("rollback")
@click.argument("model", metavar="MODEL")
@click.option("--version", help="The version to answer with; by default the one before.")
@json_option
@data_option
def command(model: str, version: str | None, as_json: bool, data: Path) -> None:
    """Let MODEL answer with the version before, or with another. The newer one stays: `--version` brings it back."""
    with plain_errors(), opened(data, Console()) as local:
        campaign, arn = version_arn(local.engine, model, version or "")
        local.call("UpdateCampaign", campaignArn=campaign, solutionVersionArn=arn)
        shown = model_overview(local.engine, model)
    if as_json:
        print_json(shown)
    else:
        click.echo(f"{model} answers with {shown.version}")
