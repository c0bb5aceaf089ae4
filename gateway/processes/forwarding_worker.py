"""One worker process of a gateway without an engine, answering on a socket that it was born with."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine import BellWatch
from gateway.config import Config
from gateway.connection.protocol import protocol_of
from gateway.forwarding.app import ForwardingApp
from gateway.forwarding.engines import Engines
from gateway.forwarding.held_answers import HeldAnswers
from gateway.hot import HitCounters
from gateway.outbound.transport import Transport
from gateway.processes.start import configuration, engine_settings, fan_out_of
from gateway.processes.takeover import TakeoverServer, server_config
from gateway.telemetry import MetricsPage, telemetry_of


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/comm").write_text(options.name)  # as ps and top show it
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {options.name} %(levelname)s %(message)s", force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.read(options.gate, 1)
    telemetry = telemetry_of(os.environ, process=options.name)
    metrics = MetricsPage(options.numbers, options.name, telemetry)
    config = configuration(options.config)
    held = HeldAnswers(config, HitCounters(telemetry, None), _bells(options, config))
    engines = Engines(options.engines.split(","), time.monotonic)
    app = ForwardingApp(engines, Transport(), telemetry, metrics, held, options.config)
    own, *others = (socket.socket(fileno=int(fd)) for fd in options.fds.split(","))
    TakeoverServer(server_config(app, protocol_of(held, app)), others).run(sockets=[own])


def _bells(options: argparse.Namespace, config: Config) -> BellWatch | None:
    """Hears what ends answers, where the engines' database and configuration are given."""
    settings = engine_settings(options.data, config)
    if options.config is None or not settings.is_shared:
        return None
    fan_out = partial(fan_out_of, settings, os.environ)
    return BellWatch(settings.database_url, settings.data_dir, settings.lease_s, fan_out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.processes.forwarding_worker", description=__doc__)
    parser.add_argument("--fds", required=True, help="Of its own socket, and of the other workers'.")
    parser.add_argument("--gate", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--numbers", type=Path, required=True)
    parser.add_argument("--engines", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config")
    return parser


if __name__ == "__main__":
    main()
