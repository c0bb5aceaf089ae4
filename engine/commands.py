"""Operations of commands, which work on a data directory without the pending states of the API."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from engine.control.control import Control, TrainingBudget
from engine.control.operation import perform
from engine.engine import Engine
from engine.storage.writes import write

READS = ("Describe", "List", "Get")


class CommandSettings(msgspec.Struct, frozen=True):
    """The settings of a command that differ from those of the process that writes for it."""

    pending_s: float
    allow_file_urls: bool
    new_id: str
    budget: TrainingBudget


def perform_command(control: Control, engine: Engine, operation: str, body: bytes, new_id: str = "") -> bytes:
    """Performs an operation as `perform` does; the process that writes for this one writes its changes. `new_id` is the
    id of what is made, random if empty."""
    if operation.startswith(READS):
        return perform(control, operation, body)
    settings = CommandSettings(control.settings.pending_s, control.settings.allow_file_urls, new_id, control.budget)
    return perform_forwarded(engine, control.account, control.region, operation, body, settings)


@write
def perform_forwarded(
    engine: Engine,
    account: str,
    region: str,
    operation: str,
    body: bytes,
    command: CommandSettings,
) -> bytes:
    changes = {"pending_s": command.pending_s, "allow_file_urls": command.allow_file_urls}
    control = engine.resources.control(
        account, region, msgspec.structs.replace(engine.settings, **changes), command.new_id
    )
    return perform(replace(control, budget=command.budget), operation, body)
