"""recgate status: what jobs run and wait, what is deployed, and when what trains by itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine import Engine, Job, models
from gateway.admin.jobs import jobs
from gateway.admin.models import StatusView
from gateway.cli.local import Local, opened
from gateway.cli.options import data_option, json_option, plain_errors, print_json, print_json_line
from gateway.processes.starvation import starving

REFRESH_S = 0.5
ALIVE_S = 10.0  # since a worker's last heartbeat


@click.command("status")
@click.option(
    "--watch", is_flag=True, help="Go on showing until Ctrl-C; with --json a line whenever something has changed."
)
@json_option
@data_option
def command(watch: bool, as_json: bool, data: Path) -> None:
    """Show jobs and their progress, the deployed models, and when solutions and recommenders train."""
    console = Console()
    with plain_errors(), opened(data, console) as local:
        if as_json and watch:
            stream(local)
        if as_json:
            print_json(view(local))
            return
        if not watch:
            console.print(picture(local))
            return
        with Live(picture(local), console=console, refresh_per_second=4) as live:
            while True:
                time.sleep(REFRESH_S)
                live.update(picture(local))


def view(local: Local) -> StatusView:
    return StatusView(models=models(local.engine), activity=jobs(local.engine))


def stream(local: Local) -> NoReturn:
    """Prints a line of JSON now and whenever something has changed."""
    before = None
    while True:
        now = view(local)
        if before is None or (now.models, now.activity.jobs) != before:
            print_json_line(now)
            sys.stdout.flush()
        before = (now.models, now.activity.jobs)
        time.sleep(REFRESH_S)


def picture(local: Local) -> Group:
    starved = [Text(line, style="yellow") for line in starving(local.engine.settings.data_dir, time.time())]
    optional = (workers_table(local.engine), recommenders_table(local), schedules_table(local))
    further = [table for table in optional if table.row_count]
    return Group(*starved, jobs_table(local.engine, 12), campaigns_table(local), *further)


def jobs_table(engine: Engine, count: int) -> Table:
    """The newest."""
    table = Table("job", "what", "state", "progress", "for", "forecast", "message", title="jobs")
    jobs = engine.jobs
    for job in jobs.newest(count):
        what = f"{job.kind} {job.arn.split(':')[-1]}"
        left = job.state == "running" and not jobs.is_held(job)
        state = "interrupted" if left else job.state  # who looks for work next takes it over
        forecast = engine.resources.forecast(job.arn)
        table.add_row(str(job.id), what, state, f"{job.fraction:.0%}", spent(job), forecast, job.message)
    return table


def workers_table(engine: Engine) -> Table:
    """Workers of other machines, and the jobs that each does."""
    table = Table("worker", "process", "takes", "at once", "does", "state", title="workers")
    running = [job for job in engine.jobs.unfinished_jobs() if job.state == "running"]
    for each in engine.workers.all():
        does = ", ".join(str(job.id) for job in running if job.owner.startswith(f"{each.name}:"))
        state = "alive" if each.silent_s <= ALIVE_S else f"silent for {each.silent_s:.0f} s"
        pid = each.name.split(":")[2]
        table.add_row(each.host, pid, each.kinds or "all jobs", str(each.places), does, state)
    return table


def spent(job: Job) -> str:
    if not job.started:
        return ""
    return f"{(job.ended or time.time()) - job.started:.1f} s"


def campaigns_table(local: Local) -> Table:
    table = Table("model", "solution version", "recipe", "trained", title="deployed")
    for summary in local.call("ListCampaigns")["campaigns"]:
        campaign = local.call("DescribeCampaign", campaignArn=summary["campaignArn"])["campaign"]
        arn = campaign["solutionVersionArn"]
        version = local.call("DescribeSolutionVersion", solutionVersionArn=arn)["solutionVersion"]
        recipe = version["recipeArn"].rsplit("/", 1)[-1]
        table.add_row(campaign["name"], arn.split(":")[-1], recipe, moment(version["lastUpdatedDateTime"]))
    return table


def recommenders_table(local: Local) -> Table:
    table = Table("recommender", "use case", "status", "trained", title="recommenders")
    for each in local.engine.resources.recommenders():
        trained = moment(each.trained_at) if each.trained_at else ""
        table.add_row(each.name, each.recipe_arn.rsplit("/", 1)[-1], each.status, trained)
    return table


def schedules_table(local: Local) -> Table:
    table = Table("what", "trains every", "next", title="automatic training")
    for each in local.engine.resources.schedules():
        days = f"{each.days} days" if each.days > 1 else "day"
        table.add_row(each.arn.split(":")[-1], days, moment(each.next_at))
    return table


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
