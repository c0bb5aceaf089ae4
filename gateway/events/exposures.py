"""The story of exposures: what is in the ledger goes on to the targets that take exposures, by the outbox."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from engine import Exposure
from gateway.config import Config
from gateway.errors import Problem
from gateway.outbox import Outbox
from gateway.plan.flag import Flag
from gateway.targets.entry import Entry, OutgoingExposure
from gateway.telemetry import Telemetry

log = logging.getLogger(__name__)

MOST = 100  # exposures of an entry


class ExposureForwarder:
    """Takes units' first exposures from the ledger's thread. A process that is killed in the milliseconds between the
    ledger and the outbox loses them for the targets."""

    def __init__(self, outbox: Outbox, telemetry: Telemetry) -> None:
        self._outbox, self._telemetry = outbox, telemetry
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flags: Mapping[str, Flag] = {}  # of namespaces with such targets, by the experiments' ids
        self._targets: Mapping[str, tuple[str, ...]] = {}  # by namespace
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, config: Config) -> None:
        self._loop = asyncio.get_running_loop()
        self.use(config)

    def use(self, config: Config) -> None:
        self._targets = {
            namespace.key: tuple(target.key for target in namespace.exposure_targets)
            for namespace in config.namespaces.values()
            if namespace.exposure_targets
        }
        own = [each for each in config.flags.values() if each.plan.namespace in self._targets] if self._targets else []
        self._flags = {each.experiment.id: each for each in own if isinstance(each, Flag)}

    def forward(self, exposures: Sequence[Exposure]) -> None:
        """Called by any thread."""
        flags = self._flags
        by_namespace: dict[str, list[OutgoingExposure]] = defaultdict(list)
        for each in exposures:
            flag = flags.get(each.experiment)
            if flag is not None:
                by_namespace[flag.plan.namespace].append(_outgoing(each, flag))
        if by_namespace and self._loop is not None:
            self._loop.call_soon_threadsafe(self._keep, by_namespace)

    async def close(self) -> None:
        """Return once all is in the outbox."""
        await asyncio.gather(*self._tasks)

    def _keep(self, by_namespace: Mapping[str, Sequence[OutgoingExposure]]) -> None:
        for namespace, exposures in by_namespace.items():
            for first in range(0, len(exposures), MOST):
                task = asyncio.create_task(self._append(namespace, exposures[first : first + MOST]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _append(self, namespace: str, exposures: Sequence[OutgoingExposure]) -> None:
        targets = self._targets.get(namespace)
        if not targets:  # a moment ago there were
            return
        try:
            await self._outbox.append(self._outbox.ready(_entry(namespace, exposures, targets)))
        except Problem as problem:
            self._telemetry.exposures_lost(namespace, len(exposures))
            log.warning("%d exposures are not sent to %s: %s", len(exposures), ", ".join(targets), problem)


def _outgoing(exposure: Exposure, flag: Flag) -> OutgoingExposure:
    digest = hashlib.blake2b(f"{exposure.experiment}\n{exposure.unit}".encode(), digest_size=16)
    return OutgoingExposure(digest.hexdigest(), flag.key, exposure.variation, exposure.unit, flag.unit, exposure.at)


def _entry(namespace: str, exposures: Sequence[OutgoingExposure], targets: tuple[str, ...]) -> Entry:
    return Entry(
        id=uuid.uuid4().hex,
        at=min(each.at for each in exposures),
        targets=targets,
        namespace=namespace,
        session="",
        path="",
        body=msgspec.Raw(msgspec.json.encode(exposures)),
    )
