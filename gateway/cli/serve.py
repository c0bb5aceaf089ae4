"""recgate serve: the workers, the job process and the one of event sources, until told to stop."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from uuid import uuid4

import click
from click.core import ParameterSource

from engine import Engine, Settings, WriteServer
from gateway.cli.options import data_option, plain_errors
from gateway.config import Config
from gateway.forwarding.engines import VARIABLE, engines_in
from gateway.processes.instant import begin_when, temporary_data
from gateway.processes.listen import bind_each, give_by_core
from gateway.processes.start import configuration, engine_settings
from gateway.processes.starvation import Starvation
from gateway.processes.supervisor import Child, Supervisor
from gateway.telemetry import forget_numbers


@dataclass(frozen=True)
class ServeOptions:
    config: str | None
    host: str
    port: int
    workers: int | None
    pin: bool
    job_nice: int
    instant: bool
    role: str
    engines: str
    data: Path


@click.command("serve")
@click.option("--config", help="Configuration, YAML or JSON: a file, an http(s) URL, or redis://HOST/0#KEY. Watched.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: one a core]")
@click.option(
    "--job-nice",
    type=click.IntRange(0, 19),
    default=10,
    show_default=True,
    envvar="RECGATE_JOB_NICE",
    help="How far jobs stand back where the processor is wanted; at 19 they may starve on a busy machine.",
)
@click.option("--pin", is_flag=True, help="Each worker on a core of its own, with what arrives there. Linux only.")
@click.option(
    "--instant",
    is_flag=True,
    help="For tests: temporary data and one worker where none are named, no pending states, automatic training soon.",
)
@click.option(
    "--role",
    type=click.Choice(("all", "engine", "gateway")),
    default="all",
    show_default=True,
    envvar="RECGATE_ROLE",
    help="gateway: no engine of its own; it asks those of --engines. engine: what such gateways ask.",
)
@click.option("--engines", default="", envvar=VARIABLE, metavar="URL,…", help="The engines that a gateway asks.")
@data_option
def command(**values: Any) -> None:
    """Serve the gateway and the Personalize API."""
    options = ServeOptions(**values)
    if not options.instant:
        serve(options)
    os.environ["RECGATE_INSTANT"] = "1"  # for all of the server's processes
    named = click.get_current_context().get_parameter_source("data") != ParameterSource.DEFAULT
    with nullcontext(options.data) if named else temporary_data() as data:
        serve(replace(options, data=data, workers=options.workers or 1))


def serve(options: ServeOptions) -> NoReturn:
    """All of the server until it is told to stop; ends the process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s recgate %(levelname)s %(message)s")
    cores = cores_for(options)
    with plain_errors():
        engines = engines_in(options.engines) if options.role == "gateway" else ()
        if engines:
            configured(options)  # so that a fault is told once, and here
    sockets = listening(options.host, options.port, cores.workers)
    give_by_core(sockets, cores.pinned)
    if engines:
        raise SystemExit(serve_gateway(options, engines, cores, sockets))
    with plain_errors():
        config, settings = configured(options)
    writer = WriteServer(settings.data_dir, uuid4().hex[:8])
    server = f"{socket.gethostname()}-{sockets[0].getsockname()[1]}"
    supervisor = Supervisor()
    jobs = job_child(settings, writer.path, options.job_nice, supervisor.gate)
    jobs.start_at = inf if options.instant else 0.0
    sources = source_children(config, options, server, supervisor.gate)
    try:
        supervisor.start([*worker_children(sockets, cores.pinned, options, server, supervisor.gate), jobs, *sources])
        with plain_errors():
            engine = opened(settings, server)
        start_writer(writer, engine)
        if options.instant:
            begin_when(engine.resources.has_groups, supervisor, jobs)
        announce(options, config, sockets)
        numbers = engine.settings.data_dir / "run" / "metrics" / server
        starvation = Starvation(numbers, lambda: jobs.process.pid if jobs.process is not None else None)
        threading.Thread(target=starvation.look_forever, name="starvation", daemon=True).start()
        status = supervisor.run()
    finally:
        supervisor.end()
    writer.close()
    engine.close()
    raise SystemExit(status)


def serve_gateway(options: ServeOptions, engines: Sequence[str], cores: Cores, sockets: Sequence[socket.socket]) -> int:
    """Workers alone: the engines have the data, the jobs and the configuration. Returns the exit status."""
    server = f"{socket.gethostname()}-{sockets[0].getsockname()[1]}"
    numbers = options.data.resolve() / "run" / "metrics" / server
    supervisor = Supervisor()
    arguments = ["--gate", str(supervisor.gate), "--numbers", str(numbers), "--engines", ",".join(engines)]
    arguments += ["--data", str(options.data.resolve())]
    arguments += ["--config", options.config] if options.config is not None else []
    module = "gateway.processes.forwarding_worker"
    try:
        supervisor.start(children_at(sockets, cores.pinned, module, arguments))
        forget_numbers(numbers)
        port = sockets[0].getsockname()[1]
        click.echo(f"recgate serves on {url_of(options.host, port)} and asks {', '.join(engines)}")
        return supervisor.run()
    finally:
        supervisor.end()


class Cores(NamedTuple):
    workers: int
    pinned: Sequence[int]  # a core for each worker, or none


def cores_for(options: ServeOptions) -> Cores:
    """The number of workers, and their cores with `--pin`. Raises `click.UsageError` if there are too few cores."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []  # elsewhere the system does not tell
    workers = options.workers or len(allowed) or os.cpu_count() or 1
    if options.pin and workers > len(allowed):
        raise click.UsageError(f"--pin: {workers} workers need as many cores; this process may use {len(allowed)}")
    return Cores(workers, allowed[:workers] if options.pin else [])


def listening(host: str, port: int, workers: int) -> list[socket.socket]:
    """A listening socket for each worker. Raises `ClickException` if the port can't be had."""
    try:
        return bind_each(host, port, workers)
    except OSError as error:
        reason = f"{host}:{port} can't be listened on: {error.strerror}; choose another port by --port"
        raise click.ClickException(reason) from error


def announce(options: ServeOptions, config: Config, sockets: Sequence[socket.socket]) -> None:
    """Prints the configuration's warnings, and where the server answers."""
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    if note := exposure(options.host, config):
        click.echo(note, err=True)
    port = sockets[0].getsockname()[1]
    where = url_of(options.host, port)
    places = f"docs at {where}/docs" + (f", page at {where}/ui" if config.ui.enabled else "")
    click.echo(f"recgate serves on {where} with {len(sockets)} workers, data in {options.data}, {places}")


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def exposure(host: str, config: Config) -> str:
    """A note about other machines that may make and delete resources; "" if none can or may call."""
    if host in ("localhost", "127.0.0.1", "::1") or config.access_keys:
        return ""
    if config.unsigned.control == "anyone":
        return f"warning: aws.unsignedCallers: whoever reaches {host} may make and delete resources over the AWS wire"
    return "note: over the AWS wire no other machine makes or deletes resources: there are no aws.accessKeys"


def configured(options: ServeOptions) -> tuple[Config, Settings]:
    """The configuration and the settings that follow from it. Raises what `plain_errors` tells."""
    config = configuration(options.config)
    return config, engine_settings(options.data.resolve(), config)


def opened(settings: Settings, server: str) -> Engine:
    """The engine, opened while the workers wait, so that a fault is told once, and here. Raises what `plain_errors`
    tells."""
    engine = Engine.open(settings, follow=False)
    forget_numbers(settings.data_dir / "run" / "metrics" / server)
    return engine


def worker_children(
    sockets: Sequence[socket.socket], cores: Sequence[int], options: ServeOptions, server: str, gate: int
) -> list[Child]:
    arguments = ["--gate", str(gate), "--server", server, "--data", str(options.data.resolve())]
    arguments += ["--config", options.config] if options.config is not None else []
    arguments += ["--for-gateways"] if options.role == "engine" else []
    return children_at(sockets, cores, "gateway.processes.worker", arguments)


def source_children(config: Config, options: ServeOptions, server: str, gate: int) -> list[Child]:
    """The process that reads event sources, where there are any."""
    if not config.sources or options.config is None:
        return []
    arguments = ["--gate", str(gate), "--server", server, "--data", str(options.data.resolve())]
    arguments += ["--config", options.config]
    return [Child("sources", "gateway.processes.sources", arguments, vital=False)]


def children_at(
    sockets: Sequence[socket.socket], cores: Sequence[int], module: str, arguments: Sequence[str]
) -> list[Child]:
    """The workers: each answers on a socket of its own, and holds the others' for when one of them does not. `cores`
    has one for each worker, or none."""
    children = []
    for number, (own, core) in enumerate(zip_longest(sockets, cores), 1):
        name, fds = f"worker-{number}", ",".join(str(sock.fileno()) for sock in dict.fromkeys([own, *sockets]))
        own_arguments = ["--name", name, "--fds", fds, *arguments]
        pinned_to = [] if core is None else [core]
        children.append(Child(name, module, own_arguments, sockets, cores=pinned_to))
    return children


def start_writer(writer: WriteServer, engine: Engine) -> None:
    try:
        writer.start(engine)
    except OSError as error:
        reason = f"{writer.path} can't be listened at: {error.strerror}; the data directory is on no local file system"
        raise click.ClickException(reason) from error


def job_child(settings: Settings, writer: Path, nice: int, gate: int) -> Child:
    """The job process; it may not run for long, so this process writes for it."""
    allowed = ["--allow-file-urls"] if settings.allow_file_urls else []
    arguments = ["--data", str(settings.data_dir), "--writer", str(writer), "--quotas", settings.quotas]
    arguments += ["--nice", str(nice), "--gate", str(gate), *allowed]
    return Child("jobs", "engine.jobs.__main__", arguments, vital=False)
