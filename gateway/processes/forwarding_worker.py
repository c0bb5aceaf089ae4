"""One worker process of a gateway without an engine, answering on a socket that it was born with."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.forwarding.app import ForwardingApp
from gateway.forwarding.engines import Engines
from gateway.outbound.transport import Transport
from gateway.processes.takeover import TakeoverServer, server_config
from gateway.telemetry import MetricsPage, telemetry_of


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/comm").write_text(options.name)  # as ps and top show it
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {options.name} %(levelname)s %(message)s", force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.read(options.gate, 1)
    telemetry = telemetry_of(os.environ)
    metrics = MetricsPage(options.numbers, options.name, telemetry)
    app = ForwardingApp(Engines(options.engines.split(","), time.monotonic), Transport(), telemetry, metrics)
    own, *others = (socket.socket(fileno=int(fd)) for fd in options.fds.split(","))
    TakeoverServer(server_config(app, "httptools"), others).run(sockets=[own])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway.processes.forwarding_worker", description=__doc__)
    parser.add_argument("--fds", required=True, help="Of its own socket, and of the other workers'.")
    parser.add_argument("--gate", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--numbers", type=Path, required=True)
    parser.add_argument("--engines", required=True)
    return parser


if __name__ == "__main__":
    main()
