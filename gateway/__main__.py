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

COMMANDS = {  # the module of each in `gateway.cli`, and its line in `recgate --help`
    "serve": ("serve", "Serve the gateway and the Personalize API."),
    "demo": ("demo", "Serve MovieLens-100K, or a shop, from download to answers."),
    "import": ("import_data", "Import files, or a query's rows, into a dataset."),
    "train": ("train", "Train a solution and deploy it as a campaign."),
    "evaluate": ("evaluate", "Measure recipes beside baselines tuned as carefully."),
    "off-policy": ("off_policy", "Estimate what a model's answers would have earned."),
    "experiments": ("experiments", "Judge an experiment by its figures."),
    "experiment": ("experiment", "Make, start, ramp or stop an experiment."),
    "plan-experiment": ("plan_experiment", "Say how many units and days an experiment needs."),
    "recommend": ("recommend", "Ask a model, and show its items or actions."),
    "worker": ("worker", "Do the jobs of servers on other machines."),
    "status": ("status", "Show jobs, deployed models and the next trainings."),
    "cost": ("cost", "Count what Amazon Personalize would charge."),
    "jobs": ("jobs", "List the newest jobs, take some back, do some again."),
    "backup": ("backup", "Add a backup to a folder or a bucket."),
    "restore": ("restore", "Restore the newest backup."),
    "migrate": ("migrate", "Move to another database, or files to a bucket."),
    "check": ("check", "Check a data directory for what is missing or broken."),
    "doctor": ("doctor", "Examine data before they are trained on."),
    "user": ("user", "Show a user's properties, history and lists."),
    "item": ("item", "Show an item's columns, neighbours and filters."),
    "models": ("models", "Show all models, or the versions of one."),
    "rollback": ("rollback", "Let a model answer with another version."),
    "filter": ("filter", "Try filter expressions, and use one in the configuration."),
    "delete": ("delete", "Delete what is not needed any more."),
    "apply": ("apply", "Make the resources that a file declares."),
    "export-config": ("export_config", "Write the resources there are as such a file."),
    "check-config": ("check_config", "Check a configuration without starting anything."),
    "sync": ("sync", "Send users or items that changed to a destination."),
    "import-config": ("import_config", "Write a configuration for the campaigns there are."),
    "print-schema": ("print_schema", "Print the JSON Schema of the configuration."),
}


class Commands(click.Group):
    """Neither a command nor `--help` costs the imports of other commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        ctx.call_on_close(raise_on_signals())  # before the command is loaded, which may take a second
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"gateway.cli.{COMMANDS[cmd_name][0]}"
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
