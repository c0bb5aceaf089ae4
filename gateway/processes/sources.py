"""The process of a server that reads its event sources, beside the workers, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine import Engine, EngineError
from gateway.config import Config, ConfigError, Watch, place_of
from gateway.events.consumer import Consumer, ConsumerContext, ConsumerCounts
from gateway.plan.plan import EventSource
from gateway.processes.start import configuration, engine_settings
from gateway.routes.events import batch_of
from gateway.telemetry import MetricsPage, MissingExporter, Rows, Telemetry, telemetry_of

NAME = "sources"
PAUSE_S = 1.0  # before another try to open the database

log = logging.getLogger("recgate.sources")


class EventSources:
    """The consumers of a configuration. `use` takes the next one."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._config = config
        self._context = ConsumerContext(
            engine.sourcing,
            engine.settings.data_dir / "sources",
            lambda key: self._config.namespaces.get(key),
            batch_of,
            engine.clock,
            random.random,
        )
        self._consumers: dict[str, Consumer] = {}
        self._counts: dict[str, tuple[EventSource, ConsumerCounts]] = {}  # of sources that are gone, too

    def use(self, config: Config) -> None:
        self._config = config
        sources = {each.key: each for each in config.sources}
        self._end([each for each in self._consumers.values() if sources.get(each.source.key) != each.source])
        for key, source in sources.items():
            if key not in self._consumers:
                _, counts = self._counts.setdefault(key, (source, ConsumerCounts()))
                self._consumers[key] = Consumer(source, self._context, counts)
                self._consumers[key].start()

    def close(self) -> None:
        self._end(list(self._consumers.values()))

    def _end(self, consumers: Sequence[Consumer]) -> None:
        for each in consumers:
            each.stop()
        for each in consumers:
            each.join()
            each.counts.lag = {}
            del self._consumers[each.source.key]

    # ---- numbers

    def watch_numbers(self, telemetry: Telemetry) -> None:
        telemetry.watch("recgate_source_messages", lambda: self._rows("messages"))
        telemetry.watch("recgate_source_dead", lambda: self._rows("dead"))
        telemetry.watch("recgate_source_failures", lambda: self._rows("failures"))
        telemetry.watch("recgate_source_lag", self._lags)
        telemetry.watch("recgate_events", self._events)
        telemetry.watch("recgate_conversions", self._conversions)

    def _rows(self, name: str) -> Rows:
        return [((key,), [getattr(counts, name)]) for key, (_, counts) in list(self._counts.items())]

    def _lags(self) -> Rows:
        lags = [(key, counts.lag) for key, (_, counts) in list(self._counts.items())]
        return [((key, str(part)), [lag]) for key, by_part in lags for part, lag in by_part.items()]

    def _events(self) -> Rows:
        events = Counter[str]()
        for source, counts in list(self._counts.values()):
            events[source.namespace] += counts.events
        return [((namespace,), [count]) for namespace, count in events.items()]

    def _conversions(self) -> Rows:
        conversions = Counter[tuple[str, ...]]()
        for source, counts in list(self._counts.values()):
            for of, count in counts.conversions.copy().items():
                conversions[source.namespace, *of] += count
        return [(labels, [count]) for labels, count in conversions.items()]


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/comm").write_text(NAME)  # as ps and top show it
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {NAME} %(levelname)s %(message)s", force=True)
    os.read(options.gate, 1)  # until the supervisor, which checks what all processes need, has closed it
    try:
        config = configuration(options.config)
        telemetry = telemetry_of(os.environ, process=NAME)
    except (ConfigError, MissingExporter) as error:
        log.error("the event sources can't be read: %s", error)
        raise SystemExit(1) from None
    asyncio.run(_serve(options, config, telemetry, os.environ))


async def _serve(options: argparse.Namespace, config: Config, telemetry: Telemetry, environ: Mapping[str, str]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    engine = await _opened(options, config, stopped)
    if engine is None:
        return
    engine.sourcing.start()
    sources = EventSources(engine, config)
    sources.watch_numbers(telemetry)
    metrics = MetricsPage(engine.settings.data_dir / "run" / "metrics" / options.server, NAME, telemetry)
    metrics.open()
    watch = Watch(place_of(options.config), config, sources.use, engine.clock, environ)
    watching = asyncio.create_task(watch.run())
    try:
        sources.use(config)
        await stopped.wait()
    finally:
        watching.cancel()
        await asyncio.to_thread(sources.close)
        metrics.close()
        telemetry.close()
        engine.close()


async def _opened(options: argparse.Namespace, config: Config, stopped: asyncio.Event) -> Engine | None:
    """The engine, which is waited for: the server's database was there when it began. None: told to stop meanwhile."""
    settings, has_said = engine_settings(options.data, config), False
    while not stopped.is_set():
        try:
            return await asyncio.to_thread(Engine.open, settings, follow=False)
        except EngineError as error:
            if not has_said:
                log.error("the event sources can't be read, tried again until they can: %s", error.message)
            has_said = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), PAUSE_S)
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.processes.sources", description=__doc__)
    parser.add_argument("--gate", type=int, required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", required=True)
    return parser


if __name__ == "__main__":
    main()
