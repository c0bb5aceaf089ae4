"""One worker process: the gateway and the engine behind it, answering on a socket that it was born with."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway import needless

with needless.hidden():
    from litestar import Litestar

    from engine import Engine, EngineError
    from gateway.app import AppOptions, create_app
    from gateway.config import ConfigError
    from gateway.connection.protocol import protocol_of
    from gateway.processes.start import configuration, engine_settings, fan_out_of
    from gateway.processes.supervisor import MISCONFIGURED
    from gateway.processes.takeover import TakeoverServer, server_config
    from gateway.telemetry import MissingExporter

log = logging.getLogger("recgate.worker")

COLLECT_AFTER = 50_000  # new objects that live


def main(arguments: Sequence[str] | None = None) -> None:
    started = time.monotonic()
    gc.disable()  # what is made from here on stays
    options = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/comm").write_text(options.name)  # as ps and top show it
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {options.name} %(levelname)s %(message)s", force=True)
    for chatty in ("httpx", "botocore"):  # a line a request, with URLs that may hold secrets
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.read(options.gate, 1)  # until the supervisor, which checks meanwhile what all workers need, has closed it
    with needless.hidden():
        app = _app(options, leaving=lambda: server.should_exit)
    own, *others = (socket.socket(fileno=int(fd)) for fd in options.fds.split(","))
    server = TakeoverServer(
        server_config(app, protocol_of(app.state.hot_cache, app.state.direct, app.state.wire_hits)), others
    )
    _spare_the_collector()
    log.info("ready in %.2f s", time.monotonic() - started)
    server.run(sockets=[own])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.processes.worker", description=__doc__)
    parser.add_argument("--fds", required=True, help="Of its own socket, and of the other workers'.")
    parser.add_argument("--gate", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config")
    parser.add_argument("--for-gateways", action="store_true")
    return parser


def _app(options: argparse.Namespace, leaving: Callable[[], bool]) -> Litestar:
    """The worker's application, its engine opened. Ends the process where either can't be made."""
    try:
        config = configuration(options.config)
        settings = engine_settings(options.data, config)
        engine = Engine.open(settings, fan_out=fan_out_of(settings, os.environ))
        process = AppOptions(
            name=options.name,
            server=options.server,
            watched=options.config,
            leaving=leaving,
            supervisor=os.getppid(),
            for_gateways=options.for_gateways,
        )
        return create_app(config, engine, process)
    except EngineError as error:
        log.error("the worker can't start: %s", error.message)
        raise SystemExit(1) from None
    except (ConfigError, MissingExporter) as error:
        log.error("the worker can't start: %s", error)
        raise SystemExit(MISCONFIGURED) from None


def _spare_the_collector() -> None:
    """Makes the collector look for circles seldom: objects that are loaded by now stay, and a request frees its own as
    it ends. Looking after every 700 objects, as is usual, took half of the time of taking an event. It is not asked to
    look now either: a hundredth of what was loaded is garbage, and finding it took an eighth of the start."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


if __name__ == "__main__":
    main()
