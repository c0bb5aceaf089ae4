"""recgate apply: dataset groups with all in them, made, changed and deleted as a file declares them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from gateway.cli.options import data_option, json_option, plain_errors, print_json
from gateway.cli.resource_clients import region_option, resource_client, url_option
from gateway.document.report import Fault
from gateway.manifest import (
    AGAIN,
    Application,
    ApplyOptions,
    ApplyPlan,
    Inventory,
    OperationRefused,
    ReadingOptions,
    plan,
    read_manifest,
)
from gateway.manifest.planning import SIGNS, PlanStep

CHANGES = 2  # the exit status of --plan --detailed-exitcode where something would change
STYLES = {"create": "green", "change": "yellow", "replace": "yellow", "delete": "red"}
WORDS = {"create": "to create", "change": "to change", "replace": "to replace", "delete": "to delete"}
LONGEST_VALUE = 200  # characters of a value that a plan shows


@dataclass(frozen=True)
class ApplyCommandOptions:
    file: Path
    only_plan: bool
    detailed_exitcode: bool
    prune: bool
    prune_groups: bool
    replace: bool
    again: tuple[str, ...]
    files: str | None
    role_arn: str | None
    yes: bool
    as_json: bool
    url: str | None
    region: str | None
    data: Path


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--plan", "only_plan", is_flag=True, help="Print what would change, and change nothing.")
@click.option("--detailed-exitcode", is_flag=True, help="With --plan: end with status 2 where something would change.")
@click.option("--prune", is_flag=True, help="Delete what FILE's dataset groups have and FILE does not declare.")
@click.option("--prune-groups", is_flag=True, help="Delete other dataset groups and schemas, too.")
@click.option("--replace", is_flag=True, help="Delete and make anew what can't be changed and has nothing in it.")
@click.option(
    "--again", type=click.Choice(sorted(AGAIN)), multiple=True, help="Do these jobs again, though they are done."
)
@click.option("--files", metavar="PLACE", help="Folder or s3://BUCKET of a parameter file's data.  [default: FILE's]")
@click.option("--role-arn", metavar="ARN", help="The role of jobs that name none.")
@click.option("--yes", is_flag=True, help="Do not ask before something is deleted.")
@url_option
@region_option
@json_option
@data_option
def command(**values: Any) -> None:
    """Make the resources that FILE declares: dataset groups with datasets, imports, solutions, campaigns, filters.

    A second time it changes nothing. After a failure it goes on where it stopped. FILE is YAML or JSON in
    Personalize's own names, or a parameter file of AWS's solution for maintaining personalized experiences.
    """
    options = ApplyCommandOptions(**values)
    console = Console(stderr=options.as_json, soft_wrap=True, highlight=False)
    with plain_errors(), plain_refusals():
        text = options.file.read_text("utf-8-sig")
        manifest = read_manifest(text, options.file, ReadingOptions(options.files, options.role_arn))
        with resource_client(options.data, options.url, options.region, console) as client:
            inventory = Inventory(client.call)
            wanted = ApplyOptions(
                options.prune or options.prune_groups, options.prune_groups, options.replace, frozenset(options.again)
            )
            planned = plan(manifest, inventory, wanted)
            if not options.as_json:
                show(planned, console)
            if not options.only_plan:
                confirm(planned, options.yes)
                Application(client, inventory, planned, lambda line: console.print(escape(line))).run()
    if options.as_json:
        print_json(view_of(planned, is_applied=not options.only_plan))
    if options.only_plan and options.detailed_exitcode and planned.steps:
        raise SystemExit(CHANGES)


@contextmanager
def plain_refusals() -> Iterator[None]:
    """Operations that were refused while what there is was read, in plain words."""
    try:
        yield
    except OperationRefused as error:
        raise click.ClickException(f"{error.code}: {error.message}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"the file is not UTF-8 text: {error}") from error


def confirm(planned: ApplyPlan, yes: bool) -> None:
    if planned.deletes and not yes:
        click.confirm("delete what the plan says, for good?", abort=True, err=True)


def show(planned: ApplyPlan, console: Console) -> None:
    """Print the plan: a line a resource, with what changes below it."""
    for step in planned.steps:
        style = STYLES[step.action]
        reason = f"  ({escape(step.reason)})" if step.reason else ""
        console.print(f"  [{style}]{SIGNS[step.action]}[/] {escape(step.label)}{reason}")
        for each in step.differences:
            console.print(f"      {escape(each.member)}: {escape(shown(each.before))} → {escape(shown(each.after))}")
    for note in planned.manifest.notes:
        console.print(f"note: {escape(str(note))}")
    console.print(f"Plan: {', '.join(counts(planned))}." if planned.steps else "No changes.")


def counts(planned: ApplyPlan) -> Iterator[str]:
    for action, words in WORDS.items():
        count = sum(step.action == action for step in planned.steps)
        if count:
            yield f"{count} {words}"


def shown(value: object) -> str:
    text = "none" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


# ---- as JSON


class MemberChange(msgspec.Struct, frozen=True, kw_only=True):
    member: str
    before: Any
    after: Any


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    action: str
    kind: str
    name: str
    place: str = ""
    line: int = 0
    reason: str = ""
    changes: list[MemberChange] = []


class PlanNote(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    line: int
    message: str


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    applied: bool
    changes: list[PlannedChange]
    notes: list[PlanNote]


def view_of(planned: ApplyPlan, *, is_applied: bool) -> PlanView:
    notes = [note_of(each) for each in planned.manifest.notes]
    return PlanView(applied=is_applied, changes=[change_of(step) for step in planned.steps], notes=notes)


def change_of(step: PlanStep) -> PlannedChange:
    declared = step.declared
    return PlannedChange(
        action=step.action,
        kind=step.kind.noun,
        name="/".join(
            (*step.key[1:-1], step.name or step.key[-1]) if step.kind.named_by == "jobName" else step.key[1:]
        ),
        place="" if declared is None else declared.place,
        line=0 if declared is None else declared.line,
        reason=step.reason,
        changes=[MemberChange(member=each.member, before=each.before, after=each.after) for each in step.differences],
    )


def note_of(fault: Fault) -> PlanNote:
    return PlanNote(place=fault.place, line=fault.line, message=fault.message)
