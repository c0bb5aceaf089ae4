"""Operations of commands, which work on a data directory without the pending states of the API."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from engine.control.control import Control
from engine.control.operation import perform
from engine.engine import Engine
from engine.storage.writes import write

READS = ("Describe", "List", "Get")


class Here(msgspec.Struct, frozen=True):
    """What a command does otherwise than the process that writes for it would."""

    pending_s: float
    allow_file_urls: bool
    new_id: str
    training_minutes: float | None


def perform_command(control: Control, engine: Engine, operation: str, body: bytes, new_id: str = "") -> bytes:
    """As `perform`; what it changes is written by whoever writes for this process. `new_id` is that of what is made,
    random if empty."""
    if operation.startswith(READS):
        return perform(control, operation, body)
    here = Here(control.settings.pending_s, control.settings.allow_file_urls, new_id, control.training_minutes)
    return perform_here(engine, control.account, control.region, operation, body, here)


@write
def perform_here(
    engine: Engine,
    account: str,
    region: str,
    operation: str,
    body: bytes,
    here: Here,
) -> bytes:
    changes = {"pending_s": here.pending_s, "allow_file_urls": here.allow_file_urls}
    control = engine.resources.control(
        account, region, msgspec.structs.replace(engine.settings, **changes), here.new_id
    )
    return perform(replace(control, training_minutes=here.training_minutes), operation, body)
