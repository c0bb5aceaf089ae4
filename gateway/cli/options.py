"""Options that several commands share, and how a command says that it can't go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import engine
from gateway.config import ConfigError

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    envvar="RECGATE_DATA_DIR",
    help="Data directory: records, event log, snapshots, models.",
)

group_option = click.option(
    "--group", default="main", show_default=True, help="The dataset group: data that is trained on together."
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Errors that a person can mend, without a traceback."""
    try:
        yield
    except engine.EngineError as error:
        raise click.ClickException(error.message) from error
    except ConfigError as error:
        raise click.ClickException(f"{len(error.faults)} errors\n" + "\n".join(map(str, error.faults))) from error
