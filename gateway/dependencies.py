"""Dependencies of origins and sources of metadata."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the configuration loads kinds, and needs none of these
    from gateway.engine_port import EnginePort
    from gateway.outbound import Outbound
    from gateway.outbound.signing import Signer
    from gateway.telemetry import Telemetry


@dataclass(frozen=True)
class Dependencies:
    """`threads` are for what would hold up the event loop."""

    engine: EnginePort
    threads: Executor
    outbound: Outbound
    signer: Signer
    telemetry: Telemetry
    clock: Callable[[], float]
