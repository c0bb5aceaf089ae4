"""The configuration while a server runs: a valid change is swapped in whole, a faulty one is told and left alone."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

from gateway.config.history import Author, ConfigurationHistory
from gateway.config.loaded import Config, parse
from gateway.config.place import Place, Text
from gateway.document.report import ConfigError, Fault

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 2.0  # a file from the future counts soon, too


class Watch:
    """`prepare` gets every new configuration in a thread, and then `swap` on the event loop. `faults` counts what is
    wrong with the latest text, `last_faults` says it. `history` keeps every text that was in use."""

    def __init__(
        self,
        place: Place,
        config: Config,
        swap: Callable[[Config], None],
        clock: Callable[[], float],
        environ: Mapping[str, str] = os.environ,
        prepare: Callable[[Config], None] = lambda config: None,
        history: ConfigurationHistory | None = None,
    ) -> None:
        self.faults, self.last_faults = 0, tuple[Fault, ...]()
        self.history, self.loaded_at = history, clock()
        self.place, self._config, self._swap, self._prepare = place, config, swap, prepare
        self._clock, self._environ = clock, environ
        self._seen = ""  # the text that was looked at last, good or bad
        self._told = ""

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self.place.every_s)

    async def look(self, *, at_once: bool = False) -> tuple[Fault, ...]:
        """Take the text that is there now; returns what is wrong with it."""
        try:
            read = await asyncio.to_thread(self.place.read)
            if read.text == self._seen:
                return ()
            config = await asyncio.to_thread(parse, read.text, self.place.name, self._environ)
            if not at_once and await self._changed_again(read):
                return ()
        except ConfigError as error:
            self._tell(error)
            return error.faults
        is_first = not self._seen
        self._seen, self.faults, self.last_faults, self._told = read.text, 0, (), ""
        if self.history is not None:
            author = Author("", "start" if is_first else "file")
            await asyncio.to_thread(self.history.add, read.text, config, author)
        if config.fingerprint != self._config.fingerprint:
            await asyncio.to_thread(self._prepare, config)
            self._take(config)
        return ()

    async def _changed_again(self, read: Text) -> bool:
        """Wait until the text counts; whether there is another one then: it was still being written."""
        wait = min(read.since - self._clock(), LONGEST_WAIT_S)
        if wait <= 0:
            return False
        await asyncio.sleep(wait)
        return (await asyncio.to_thread(self.place.read)).text != read.text

    def _take(self, config: Config) -> None:
        for warning in config.warnings:
            log.warning("%s: %s", config.name, warning)
        for what in changed_settings(self._config, config):
            log.warning("%s: %s has changed; that counts after a restart", config.name, what)
        self._config, self.loaded_at = config, self._clock()
        self._swap(config)
        log.info("%s: version %s is in use", config.name, config.version or config.fingerprint)

    def _tell(self, error: ConfigError) -> None:
        """Once for each fault that is new: a place may be down for long."""
        self.faults, self.last_faults = len(error.faults), error.faults
        if str(error) != self._told:
            log.error("%s\nthe configuration in use stays", error)
            self._told = str(error)


def changed_settings(old: Config, new: Config) -> list[str]:
    """Names of settings that differ and that the engine was opened with."""
    pairs = {
        "aws.quotas": (old.aws.quotas, new.aws.quotas),
        "aws.accountId": (old.aws.account_id, new.aws.account_id),
        "aws.region": (old.aws.region, new.aws.region),
        "aws.allowFileUrls": (old.aws.allow_file_urls, new.aws.allow_file_urls),
        "aws.firstTrainingDelay": (old.aws.first_training_delay, new.aws.first_training_delay),
        "cache.megabytes": (old.cache_bytes, new.cache_bytes),
    }
    changed = [name for name, (before, after) in pairs.items() if before != after]
    return [*changed, "eventSources"] if new.sources and not old.sources else changed  # no process reads them yet
