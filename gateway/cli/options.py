"""Options that several commands share, and how a command says that it can't go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

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
    except Exception as error:
        if (message := _plain(error)) is None:
            raise
        raise click.ClickException(message) from error


def _plain(error: Exception) -> str | None:
    from engine import EngineError  # loaded by now, or it was not raised; `serve` can't wait for it before it begins
    from gateway.config import ConfigError
    from gateway.config.report import counted

    if isinstance(error, EngineError):
        return error.message
    if isinstance(error, ConfigError):
        return counted(len(error.faults), "error") + "\n" + "\n".join(map(str, error.faults))
    return None
