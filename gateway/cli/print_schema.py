"""recgate print-schema: the JSON Schema of the configuration, for editors and checks."""

from __future__ import annotations

import json

import click
import msgspec

from gateway.config.document import Root


@click.command("print-schema")
def command() -> None:
    """Print the JSON Schema of the configuration file."""
    click.echo(schema(), nl=False)


def schema() -> str:
    """The schema as `config/schema.json` has it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "recgate configuration"}
    return json.dumps({**dialect, **msgspec.json.schema(Root)}, indent=2) + "\n"
