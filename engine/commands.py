"""Operations of commands, which work on a data directory without the pending states of the API."""

from __future__ import annotations

import msgspec

from engine.control.control import Control
from engine.control.operation import perform
from engine.engine import Engine
from engine.writes import write

READS = ("Describe", "List", "Get")


def perform_command(control: Control, engine: Engine, operation: str, body: bytes, new_id: str = "") -> bytes:
    """As `perform`; what it changes is written by whoever writes for this process. `new_id` is that of what is made,
    random if empty."""
    if operation.startswith(READS):
        return perform(control, operation, body)
    settings = control.settings
    return perform_here(
        engine, control.account, control.region, operation, body, settings.pending_s, settings.allow_file_urls, new_id
    )


@write
def perform_here(
    engine: Engine,
    account: str,
    region: str,
    operation: str,
    body: bytes,
    pending_s: float,
    allow_file_urls: bool,
    new_id: str,
) -> bytes:
    settings = msgspec.structs.replace(engine.settings, pending_s=pending_s, allow_file_urls=allow_file_urls)
    control = engine.control(account, region, settings, new_id)
    return perform(control, operation, body)
