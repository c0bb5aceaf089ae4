"""recgate check-config: what is wrong with a configuration file and where, or what it sets up."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import click
import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.options import data_option, json_option, plain_errors, print_json
from gateway.config import Config, ConfigError, Fault, load
from gateway.config.caching import KINDS
from gateway.document.report import counted
from gateway.plan.experiment import Experiment
from gateway.plan.plan import NO_CACHE, Plan, Variation

WIDEST = 240  # a table takes what it needs; names are never cut, whatever the terminal


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@data_option
def command(file: Path, as_json: bool, data: Path) -> None:
    """Check a configuration FILE without starting anything; its filters, where there is a data directory."""
    console = Console(soft_wrap=True, width=WIDEST)
    try:
        config = load(file)
    except ConfigError as error:
        if as_json:
            print_json(ConfigurationCheck(file=str(file), errors=[*map(str, error.faults)]))
        else:
            tell(console, "red", "error", error.faults)
            console.print(f"[red]{escape(str(file))}: {counted(len(error.faults), 'error')}[/red]")
        raise SystemExit(1) from error
    faults = unusable(config, data)
    if as_json:
        errors = [f"{name}: {reason}" for name, reason in faults.items()]
        warnings = [*map(str, config.warnings)]
        print_json(ConfigurationCheck(str(file), errors, warnings, config.version, config.fingerprint))
    else:
        tell(console, "yellow", "warning", config.warnings)
        show(config, faults, (file, data), console)
    if faults:
        raise SystemExit(1)


class ConfigurationCheck(msgspec.Struct, frozen=True):
    """Faults of a configuration; without errors it can be used."""

    file: str
    errors: list[str]
    warnings: list[str] = []
    version: str = ""
    fingerprint: str = ""


def show(config: Config, faults: dict[str, str], places: tuple[Path, Path], console: Console) -> None:
    file, data = places
    for name, reason in faults.items():
        console.print(f"[red]error[/red] {escape(f'{name}: {reason}')}", highlight=False)
    if faults:
        console.print(
            f"[red]{escape(str(file))}: {counted(len(faults), 'error')}, with the data in {escape(str(data))}[/red]"
        )
        return
    console.print(table(config, time.time()))
    for line in events(config):
        console.print(escape(line), highlight=False)
    version = f"version {config.version}, " if config.version else ""
    summary = f"{file}: {version}{counted(len(config.warnings), 'warning')}"
    console.print(f"[green]{escape(summary)}[/green]")


def unusable(config: Config, data: Path) -> dict[str, str]:
    """The `filter_faults` of the data directory, if there is one with data."""
    if not data.is_dir() or not any(data.iterdir()):
        return {}
    from engine import Engine  # only here: without data a file is checked faster
    from gateway.config.filter_checks import filter_faults
    from gateway.processes.start import engine_settings

    with plain_errors():
        settings = msgspec.structs.replace(engine_settings(data.resolve(), config), read_only=True)
        with closing(Engine.open(settings, follow=False)) as engine:
            return filter_faults(engine, config)


def tell(console: Console, colour: str, kind: str, faults: Iterable[Fault]) -> None:
    for fault in faults:
        console.print(f"[{colour}]{kind}[/{colour}] {escape(str(fault))}", highlight=False)


def table(config: Config, now: float) -> Table:
    plans = Table("path", "variation", "share", "model", "fresh (s)", "filters", box=SIMPLE, padding=(0, 1, 0, 0))
    for namespace in config.namespaces.values():
        for plan in namespace.plans.values():
            for row in rows(plan, now):
                plans.add_row(*map(escape, row))
    return plans


def events(config: Config) -> list[str]:
    """Lines about where events go, and where they come from."""
    targets = [
        (namespace.key, "→", each.key)
        for namespace in config.namespaces.values()
        for each in (*namespace.event_targets, *namespace.exposure_targets)
    ]
    sources = [(each.namespace, "←", each.key) for each in config.sources]
    return [
        f"/events/{namespace} {arrow} {key.removeprefix(f'{namespace}/').replace('/', ' ', 1)}"
        for namespace, arrow, key in (*targets, *sources)
    ]


def rows(plan: Plan, now: float) -> list[tuple[str, ...]]:
    path = f"/{plan.action}/{plan.namespace}/{plan.recommender}"
    return [
        (path, each.name, share_of(plan, each, now), each.model or "none yet", freshness(each), str(len(each.filters)))
        for each in plan.variations
    ] or [(path, "none yet")]


def share_of(plan: Plan, variation: Variation, now: float) -> str:
    """The variation's share of each running experiment, or else of all requests."""
    running = [each for each in plan.experiments.values() if now < each.end]
    if not running:
        return f"{variation.weight / sum(each.weight for each in plan.variations):.0%}"
    return ", ".join(f"{share_in(experiment, variation.name, now)} of {experiment.feature}" for experiment in running)


def share_in(experiment: Experiment, variation: str, now: float) -> str:
    if variation in experiment.rankers:
        return "a part of every list"
    arm = experiment.scheduled(max(now, experiment.start)).by_variation.get(variation)
    return "0%" if arm is None else f"{arm.share:.0%}"


def freshness(variation: Variation) -> str:
    """Seconds for a user, a synthetic user and nobody."""
    policies = [(variation.policies or {}).get(kind, NO_CACHE) for kind in KINDS]
    return "/".join(str(policy.max_age_s if policy.storable else 0) for policy in policies)
