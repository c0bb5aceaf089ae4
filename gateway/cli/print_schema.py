"""recgate print-schema: JSON Schemas for editors and checks, and the OpenAPI document for clients."""

from __future__ import annotations

import json

import click
import msgspec

from gateway.config.document import Root


@click.command("print-schema")
@click.argument("file", type=click.Choice(["configuration", "resources", "openapi"]), default="configuration")
def command(file: str) -> None:
    """Print the JSON Schema of the configuration file, or of the file of resources that `recgate apply` takes.

    With openapi: the OpenAPI document of all public routes, as `clients/openapi.json` has it.
    """
    if file == "openapi":
        from gateway.routes.openapi_public import public_text

        click.echo(public_text(), nl=False)
        return
    if file == "resources":
        from gateway.manifest.shapes import manifest_schema

        click.echo(json.dumps(manifest_schema(), indent=2))
        return
    click.echo(schema(), nl=False)


def schema() -> str:
    """The schema as `config/schema.json` has it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "recgate configuration"}
    return json.dumps({**dialect, **msgspec.json.schema(Root)}, indent=2) + "\n"
