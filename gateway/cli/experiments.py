"""recgate experiments: what an experiment shows, and whether it may be trusted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, get_args

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from gateway.cli.options import data_option, engine_in, plain_errors
from gateway.config import load
from gateway.experiments.analysis.contest import Contest
from gateway.experiments.analysis.interleaving import Preference
from gateway.experiments.analysis.lift import Lift, Method
from gateway.experiments.analysis.mismatch import ALARM
from gateway.experiments.analysis.plot import save_plot
from gateway.experiments.analysis.rows import UnitRow, read_rows, units_of
from gateway.experiments.analysis.self_check import false_alarms
from gateway.experiments.analysis.verdict import Design, MetricDefinition, Share, Step, Units, Verdict, verdict
from gateway.experiments.judge import GuardrailReading, design_of, preferred, watched
from gateway.experiments.ledger import Ledger
from gateway.plan.experiment import Experiment

A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SPLITS = 200
MOST_STEPS = 20  # of weights in the table
WIDTH = 130  # of the table, whatever the terminal: figures must not be cut


@dataclass(frozen=True)
class ExperimentsOptions:
    rows: Path | None
    config: Path | None
    wanted: str | None
    control: str | None
    weights: tuple[str, ...]
    decrease: tuple[str, ...]
    guardrail: tuple[str, ...]
    ratio: tuple[str, ...]
    method: Method
    alpha: float
    self_check: bool
    as_json: bool
    plot: Path | None
    data: Path

    def says_the_design(self) -> bool:
        return bool(self.control or self.weights or self.decrease or self.guardrail or self.ratio)


@click.command("experiments")
@click.option("--rows", type=A_FILE, help="CSV, a line a unit; what the gateway has counted by default.")
@click.option("--config", type=A_FILE, help="Says what was meant.")
@click.option("--experiment", "wanted", metavar="ID", help="Of the configuration, where it has several.")
@click.option("--control", help="The variation that the others are compared with; the first of the file by default.")
@click.option("--weight", "weights", multiple=True, metavar="NAME=SHARE", help="Meant shares; equal by default.")
@click.option("--decrease", multiple=True, metavar="METRIC", help="Less of it is better.")
@click.option("--guardrail", multiple=True, metavar="METRIC", help="Must not get worse.")
@click.option("--ratio", multiple=True, metavar="METRIC/METRIC", help="A ratio of two sums, as a metric more.")
@click.option("--method", type=click.Choice(get_args(Method)), default="always", show_default=True)
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True)
@click.option("--self-check", is_flag=True, help="Instead, split the control at random: how often would that alarm?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it: .png, .svg or .pdf.")
@data_option
def command(**values: Any) -> None:
    """Judge an experiment of the configuration by what the gateway has counted, or any by a file of its units.

    The file has a column variation, and perhaps unit, first_exposed_at, covariate (known from before the exposure: it
    narrows intervals) and period (of constant weights, 0 is now's); each other column is a metric, nothing in it is 0.
    Intervals hold at every look unless another method is asked for. With --config the metrics, the guardrails and the
    shares are those of the experiment there, and its first variation is the control.
    """
    options = ExperimentsOptions(**values)
    if options.config is not None and options.says_the_design():
        raise click.UsageError("with --config, the configuration says what the control, shares and metrics are")
    if options.config is None and options.rows is None:
        raise click.UsageError("give --config, or --rows, or both")
    try:
        counts = counts_of(options)
        if counts.experiment is not None and counts.experiment.rankers:
            if options.self_check:
                raise ValueError("--self-check splits a control, and lists that are interleaved have none")
            show_result(preferred(counts.experiment, counts.rows, options.method, options.alpha), options)
            return
        design = design_by(options, counts.rows) if counts.experiment is None else design_of(counts.experiment)
        units = units_of(counts.rows, design.arms)
        if options.self_check:
            click.echo(self_checked(units, design.metrics, options))
            return
        design, read = watched(design, counts.readings)
        result = verdict(units, design, method=options.method, alpha=options.alpha, readings=read)
        show_result(replace(result, steps=counts.steps), options)
    except (ValueError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error)) from error


class ExperimentCounts(NamedTuple):
    """The units of an experiment, and what the gateway has counted beside them."""

    rows: list[UnitRow]
    experiment: Experiment | None = None  # with the shares in force; None: the file alone says what it is
    steps: Sequence[Step] = ()  # the shares so far, where they change by themselves
    readings: Mapping[str, GuardrailReading] = {}  # how the arms answer


def counts_of(options: ExperimentsOptions) -> ExperimentCounts:
    """Reads the units from the file, or else what the gateway has counted. Raises `ValueError`."""
    if options.config is None:
        assert options.rows is not None
        return ExperimentCounts(read_rows(options.rows))
    with plain_errors():
        experiment = experiment_named(options.config, options.wanted)
        if options.rows is not None:
            return ExperimentCounts(read_rows(options.rows), experiment)
        return counted(options.data, experiment, time.time())


def counted(data: Path, experiment: Experiment, now: float) -> ExperimentCounts:
    """The counts in the data directory's experiment store."""
    with engine_in(data) as engine:
        ledger = Ledger(engine.experiments)
        ledger.prepare([experiment])
        current = ledger.current(experiment, now)
        return ExperimentCounts(ledger.units(current), current, ledger.steps(experiment), ledger.arms.readings(current))


def design_by(options: ExperimentsOptions, rows: Sequence[UnitRow]) -> Design:
    """The design that the options state for a file. Raises `ValueError`."""
    arms = arms_of(rows, options.control)
    return Design(arms, shares(options.weights, arms), metrics_of(rows, options))


def show_result(result: Verdict | Contest, options: ExperimentsOptions) -> None:
    """Raises `ValueError` and `ModuleNotFoundError` where it can't be drawn."""
    if options.plot is not None:
        save_plot(result, options.plot)
    if options.as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        show(result, Console(soft_wrap=True, width=max(WIDTH, Console().width)))


def experiment_named(config: Path, wanted: str | None) -> Experiment:
    """Raises `ConfigError`; `ValueError` where it is not said which experiment is meant."""
    plans = [plan for namespace in load(config).namespaces.values() for plan in namespace.plans.values()]
    there = {each.id: each for plan in plans for each in plan.experiments.values()}
    names = ", ".join(there) or "none"
    if wanted is None and len(there) != 1:
        raise ValueError(f"--experiment: say which; there are {names}")
    if wanted is not None and wanted not in there:
        raise ValueError(f"--experiment: there is no {wanted!r}; there are {names}")
    return next(iter(there.values())) if wanted is None else there[wanted]


def arms_of(rows: Sequence[UnitRow], control: str | None) -> list[str]:
    """The control first. Raises `ValueError`."""
    arms = list(dict.fromkeys(row.variation for row in rows))
    if control is not None and control not in arms:
        raise ValueError(f"--control: no unit is of {control!r}; there are {', '.join(arms) or 'none'}")
    if len(arms) < 2:
        raise ValueError("an experiment has two variations or more")
    return sorted(arms, key=lambda name: name != (control or arms[0]))


def metrics_of(rows: Sequence[UnitRow], options: ExperimentsOptions) -> list[MetricDefinition]:
    """Raises `ValueError` for a name that the file has not."""
    decrease, guardrails, ratios = options.decrease, options.guardrail, options.ratio
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    pairs = {ratio: ratio.split("/") for ratio in ratios}
    wanted = {part for each in pairs.values() for part in each} | {*decrease, *guardrails} - {*ratios}
    unknown = sorted(wanted - {*names})
    if unknown or any(len(each) != 2 for each in pairs.values()):
        raise ValueError(f"no metric {', '.join(unknown) or 'that is two'}; there are {', '.join(names) or 'none'}")
    parts = [(name, name, None) for name in names] + [(ratio, above, below) for ratio, (above, below) in pairs.items()]
    return [
        MetricDefinition(name, source=above, per=below, increase=name not in decrease, guardrail=name in guardrails)
        for name, above, below in parts
    ]


def shares(weights: tuple[str, ...], arms: Sequence[str]) -> list[float]:
    """The shares of `NAME=SHARE` texts, in the order of the arms; equal ones without texts. Raises `ValueError`."""
    if not weights:
        return [1.0] * len(arms)
    by_arm = dict(each.rpartition("=")[::2] for each in weights)
    if set(by_arm) != set(arms):
        raise ValueError(f"--weight: give one for each of {', '.join(arms)}")
    try:
        return [float(by_arm[arm]) for arm in arms]
    except ValueError as error:
        raise ValueError("--weight: NAME=SHARE, such as bold=0.5") from error


def self_checked(units: Units, metrics: Sequence[MetricDefinition], options: ExperimentsOptions) -> str:
    """Splits the control's units SPLITS times; says by metric how often one of ten looks alarms, ratios left out."""
    order = np.argsort(units.first_exposed, kind="stable")
    rows = order[units.variation[order] == 0]
    sums = {each.name: units.metrics[each.name][rows] for each in metrics if each.name in units.metrics}
    alarms = {name: false_alarms(each, options.method, options.alpha, SPLITS, looks=10) for name, each in sums.items()}
    if options.as_json:
        return msgspec.json.encode(alarms).decode()
    lines = [f"{name}: {share:.1%} of {SPLITS} splits alarm within ten looks" for name, share in alarms.items()]
    return "\n".join((*lines, f"{options.alpha:.0%} is meant to be the most"))


def show(result: Verdict | Contest, console: Console) -> None:
    if not result.trusted:
        counts = ", ".join(f"{name} {count:,}" for name, count in result.units.items())
        what = "the arms have" if isinstance(result, Verdict) else "the variations that begin lists have"
        console.print(
            f"[bold red]Not to be trusted:[/] {what} not the shares that were meant ({counts}; p ="
            f" {result.mismatch:.2g}, alarm below {ALARM}). Find out where units get lost before you read on.",
            highlight=False,
        )
    if isinstance(result, Verdict):
        if result.alarms:
            alarms = ", ".join(result.alarms)
            console.print(
                f"[bold red]Alarm:[/] guardrails are broken, whatever the goals say: {alarms}.", highlight=False
            )
        console.print(table_of(result))
        if result.steps:
            console.print(table_of_steps(result.steps))
        return
    console.print(votes_of(result))
    for metric, events in result.unattributed.items():
        if events:
            console.print(f"{metric}: {events:,} events say of no item shown that it earned them", highlight=False)


def table_of(result: Verdict) -> Table:
    table = Table("metric", "variation", "units", "mean", "lift", *columns(result), "verdict")
    for row in result.rows:
        figures = ["", "", "", "control"] if row.lift is None else [*estimated(row.lift), str(row.said)]
        name = f"{row.metric} (guardrail)" if row.guardrail else row.metric
        mean = f"{row.mean:.5g}" if result.units[row.arm] or row.mean else "none"  # of an arm that nobody is in
        table.add_row(name, row.arm, f"{result.units[row.arm]:,}", mean, *figures)
    return table


def votes_of(result: Contest) -> Table:
    table = Table("metric", "variation", "events", "credit", "for : against", "preference", *columns(result), "verdict")
    for row in result.rows:
        votes, figures = row.preference, ["", "", "", "", "control"]
        if votes is not None:
            figures = [f"{votes.wins:,} : {votes.losses:,}", *estimated(votes), str(row.said)]
        name = f"{row.metric} (guardrail)" if row.guardrail else row.metric
        table.add_row(name, row.arm, f"{row.events:,}", f"{row.credit:.5g}", *figures)
    return table


def columns(result: Verdict | Contest) -> tuple[str, str]:
    names = {"always": "holds at every look", "fixed": "for one planned look", "bayesian": "posterior"}
    interval = f"{1 - result.alpha:.0%} interval, {names[result.method]}"
    return interval, "chance to win" if result.method == "bayesian" else "p"


def table_of_steps(steps: Sequence[Step]) -> Table:
    """The last steps. Beside a bandit's weight stand the mean and the units that it came from."""
    table = Table("weights since", *steps[-1].arms)
    for step in steps[-MOST_STEPS:]:
        since = (
            "the beginning" if step.since is None else f"{datetime.fromtimestamp(step.since, UTC):%Y-%m-%d %H:%M:%S}Z"
        )
        table.add_row(since, *(shared(share) for share in step.arms.values()))
    return table


def shared(share: Share) -> str:
    if share.mean is None:
        return f"{share.weight:.2%}"
    error = "" if share.error is None else f" ± {share.error:.2g}"
    return f"{share.weight:.2%} (mean {share.mean:.5g}{error} of {share.units:,})"


def estimated(by: Lift | Preference) -> list[str]:
    between = f"{percent(by.low)} to {percent(by.high)}" if isfinite(by.low + by.high) else "not yet bounded"
    chance = by.p if by.chance_to_win is None else by.chance_to_win
    return [percent(by.value), between, "" if chance is None else f"{chance:.3g}"]


def percent(value: float) -> str:
    return f"{value:+.1%}" if isfinite(value) else "unbounded"
