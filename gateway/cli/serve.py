"""recgate serve: the workers and the job process, until told to stop."""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.options import data_option, plain_errors
from gateway.supervisor import Child, Supervisor, bind_each, python

if TYPE_CHECKING:
    from engine import Settings
    from gateway.config import Config


@click.command("serve")
@click.option("--config", help="Configuration, YAML or JSON: a file, an http(s) URL, or redis://HOST/0#KEY. Watched.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: one a core]")
@click.option("--instant", is_flag=True, help="Resources skip their pending states, for tests; or RECGATE_INSTANT=1.")
@data_option
def command(config: str | None, host: str, port: int, workers: int | None, instant: bool, data: Path) -> None:
    """Serve the gateway and the Personalize API."""
    if instant:
        os.environ["RECGATE_INSTANT"] = "1"  # for all of the server's processes
    logging.basicConfig(level=logging.INFO, format="%(asctime)s recgate %(levelname)s %(message)s")
    count = workers or os.cpu_count() or 1
    try:
        sockets = bind_each(host, port, count)
    except OSError as error:
        reason = f"{host}:{port} can't be listened on: {error.strerror}; choose another port by --port"
        raise click.ClickException(reason) from error
    port = sockets[0].getsockname()[1]
    server = f"{socket.gethostname()}-{port}"
    supervisor = Supervisor()
    supervisor.start(worker_children(sockets, config, data.resolve(), server, supervisor.gate))
    try:
        with plain_errors():
            loaded, settings = checked(config, data.resolve(), server)  # while the workers load their modules
    except BaseException:
        supervisor.end()
        raise
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    where = f"http://{host}:{port}"
    click.echo(f"recgate serves on {where} with {count} workers, data in {data}, docs at {where}/docs")
    supervisor.start([job_child(settings)])
    raise SystemExit(supervisor.run())


def checked(config: str | None, data: Path, server: str) -> tuple[Config, Settings]:
    """What every worker needs: a fault in it is told once, and here. Raises what `plain_errors` tells."""
    gc.disable()  # what is loaded stays
    from engine import Engine  # these take half a second, in which the workers have begun
    from gateway.start import configuration, engine_settings
    from gateway.telemetry import forget

    loaded = configuration(config)
    settings = engine_settings(data, loaded)
    Engine.open(settings, follow=False).close()
    forget(settings.data_dir / "run" / "metrics" / server)
    gc.freeze()
    gc.enable()
    return loaded, settings


def worker_children(
    sockets: Sequence[socket.socket], config: str | None, data: Path, server: str, gate: int
) -> list[Child]:
    """Each answers on a socket of its own, and holds the others' for when one of them does not."""
    given = ["--gate", str(gate), "--server", server, "--data", str(data)]
    given += ["--config", config] if config is not None else []
    found = []
    for number, own in enumerate(sockets, 1):
        fds = [sock.fileno() for sock in dict.fromkeys([own, *sockets])]
        argv = python("gateway.worker", "--name", f"worker-{number}", "--fds", ",".join(map(str, fds)), *given)
        found.append(Child(f"worker-{number}", argv, sockets))
    return found


def job_child(settings: Settings) -> Child:
    allowed = ["--allow-file-urls"] if settings.allow_file_urls else []
    given = ["--data", str(settings.data_dir), "--quotas", settings.quotas, *allowed]
    return Child("jobs", python("engine.jobs", *given), vital=False)
