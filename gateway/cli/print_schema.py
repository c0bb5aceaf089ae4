"""recgate print-schema: the JSON Schema of the configuration or of resources, for editors and checks."""

from __future__ import annotations

import json

import click
import msgspec

from gateway.config.document import Root


@click.command("print-schema")
@click.argument("file", type=click.Choice(["configuration", "resources"]), default="configuration")
def command(file: str) -> None:
    """Print the JSON Schema of the configuration file, or of the file of resources that `recgate apply` takes."""
    if file == "resources":
        from gateway.manifest.shapes import manifest_schema

        click.echo(json.dumps(manifest_schema(), indent=2))
        return
    click.echo(schema(), nl=False)


def schema() -> str:
    """The schema as `config/schema.json` has it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "recgate configuration"}
    return json.dumps({**dialect, **msgspec.json.schema(Root)}, indent=2) + "\n"
