"""recgate serve: the workers and the job process, until told to stop."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import click

from engine import Engine, Settings
from gateway.cli.options import data_option, plain_errors
from gateway.start import configuration, engine_settings
from gateway.supervisor import Child, Supervisor, bind, python
from gateway.telemetry import forget


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
    with plain_errors():
        loaded = configuration(config)
        settings = engine_settings(data.resolve(), loaded)
        Engine.open(settings, follow=False).close()  # a directory that can't be used is an error here, once
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    try:
        sock = bind(host, port)
    except OSError as error:
        reason = f"{host}:{port} can't be listened on: {error.strerror}; choose another port by --port"
        raise click.ClickException(reason) from error
    count = workers or os.cpu_count() or 1
    server = f"{socket.gethostname()}-{sock.getsockname()[1]}"
    forget(settings.data_dir / "run" / "metrics" / server)
    where = f"http://{host}:{sock.getsockname()[1]}"
    click.echo(f"recgate serves on {where} with {count} workers, data in {data}, docs at {where}/docs")
    raise SystemExit(Supervisor(children(count, config, settings, server, sock.fileno()), sock).run())


def children(count: int, config: str | None, settings: Settings, server: str, fd: int) -> list[Child]:
    common = ["--data", str(settings.data_dir)]
    named = ["--server", server]
    configured = ["--config", config] if config is not None else []
    workers = [
        Child(name, python("gateway.worker", "--fd", str(fd), "--name", name, *named, *common, *configured))
        for name in (f"worker-{number}" for number in range(1, count + 1))
    ]
    allowed = ["--allow-file-urls"] if settings.allow_file_urls else []
    jobs = python("engine.jobs", *common, "--quotas", settings.quotas, *allowed)
    return [*workers, Child("jobs", jobs, vital=False)]
