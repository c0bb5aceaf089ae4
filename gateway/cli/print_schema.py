"""recgate print-schema: the JSON Schema of the configuration, for editors and checks."""

from __future__ import annotations

import click

from gateway.config.schema import schema


@click.command("print-schema")
def command() -> None:
    """Print the JSON Schema of the configuration file."""
    click.echo(schema(), nl=False)
