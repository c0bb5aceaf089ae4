"""The command line: one file a command in `gateway/cli`, loaded when it is called."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module

import click

from gateway import needless
from gateway.cli.interrupts import raise_on_signals

# One thread a BLAS call, before anything loads numpy: several processes that each take every core slow each other, and
# products of the sizes that an answer needs gain nothing. Training uses torch's threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "import": "import_data",
    "train": "train",
    "evaluate": "evaluate",
    "off-policy": "off_policy",
    "experiments": "experiments",
    "experiment": "experiment",
    "plan-experiment": "plan_experiment",
    "recommend": "recommend",
    "worker": "worker",
    "status": "status",
    "cost": "cost",
    "jobs": "jobs",
    "backup": "backup",
    "restore": "restore",
    "migrate": "migrate",
    "check": "check",
    "doctor": "doctor",
    "user": "user",
    "item": "item",
    "models": "models",
    "rollback": "rollback",
    "filter": "filter",
    "delete": "delete",
    "apply": "apply",
    "export-config": "export_config",
    "check-config": "check_config",
    "sync": "sync",
    "import-config": "import_config",
    "print-schema": "print_schema",
}


class Commands(click.Group):
    """Starting must not cost the imports of commands that are not called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> object:
        ctx.call_on_close(raise_on_signals())  # before the command is loaded, which may take a second
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"gateway.cli.{COMMANDS[cmd_name]}"
        with needless.hidden(), no_collecting() if module not in sys.modules else nullcontext():
            command: click.Command = import_module(module).command
        return command


@contextmanager
def no_collecting() -> Iterator[None]:
    """What is loaded stays: to look for garbage among it takes a sixth of loading."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="recgate")
def main() -> None:
    """A caching recommendation gateway with a built-in recommendation engine."""


if __name__ == "__main__":
    main()
