"""recgate export-config: what there is, as a file that recgate apply takes."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from gateway.cli.apply import plain_refusals
from gateway.cli.options import data_option, plain_errors
from gateway.cli.resource_clients import region_option, resource_client, url_option
from gateway.manifest import Inventory, as_yaml, exported


@click.command("export-config")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--groups", default="all", show_default=True, metavar="A,B|all", help="Dataset groups to write.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@url_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON in place of YAML.")
@data_option
def command(file: Path | None, groups: str, force: bool, as_json: bool, data: Path, **endpoint: str | None) -> None:
    """Write the dataset groups there are, with all in them, as `recgate apply` takes them, into FILE or on the screen.

    The configuration of the gateway is another file: `recgate import-config` writes it.
    """
    if file is not None and file.exists() and not force:
        raise click.ClickException(f"{file} is there already; --force overwrites it")
    where = (data, endpoint["url"], endpoint["region"])
    with plain_errors(), plain_refusals(), resource_client(*where, Console(stderr=True)) as client:
        inventory = Inventory(client.call)
        document = exported(inventory, wanted_groups(inventory, groups))
    text = f"{json.dumps(document, indent=2)}\n" if as_json else as_yaml(document)
    if file is None:
        click.echo(text, nl=False)
        return
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, "utf-8")
    beside.replace(file)


def wanted_groups(inventory: Inventory, groups: str) -> list[str]:
    """Raises `ClickException` for a group that is not there."""
    names = [name.strip() for name in groups.split(",") if name.strip()]
    if names == ["all"]:
        return inventory.groups
    for name in names:
        if name not in inventory.groups:
            there = ", ".join(sorted(inventory.groups)) or "none"
            raise click.ClickException(f"no dataset group {name!r}; there are: {there}")
    return names
