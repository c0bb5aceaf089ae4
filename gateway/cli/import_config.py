"""recgate import-config: a configuration for what there is, in the engine or in an account of AWS (§2.9)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import boto3
import botocore.exceptions
import click
from botocore import xform_name
from rich.console import Console

from gateway.admin.view import View
from gateway.ask import Action
from gateway.cli.local import opened
from gateway.cli.options import data_option, json_option, plain_errors, print_json
from gateway.config import parse
from gateway.config.source import source
from gateway.manifest import Call, pages

ACTIONS: dict[str, Action] = {  # by a recipe's type, so that recipes yet to come are known, too
    "USER_PERSONALIZATION": "recommend-items",
    "POPULAR_ITEMS": "recommend-items",
    "RELATED_ITEMS": "related-items",
    "PERSONALIZED_RANKING": "rerank-items",
}
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})  # texts that YAML takes for others

HEAD = """\
version: "2"
cacheControl:
  userSpecified: {maxAge: 10, directives: private}
  syntheticUserSpecified: {maxAge: 300, directives: public}
  noUserSpecified: {maxAge: 1200, directives: public}
"""


@dataclass(frozen=True)
class DeployedModel:
    """A campaign or recommender. `action` is None where it gives no list of items."""

    name: str
    kind: str  # campaign or recommender
    arn: str
    recipe: str  # its name
    action: Action | None
    status: str

    @property
    def missing(self) -> str:
        """The reason why it can't be asked; "" if it can."""
        if self.status != "ACTIVE":
            return f"is {self.status}"
        return "" if self.action else f"of {self.recipe} gives no list of items"


@dataclass
class GroupContents:
    deployed: list[DeployedModel] = field(default_factory=list)
    trackers: list[str] = field(default_factory=list)
    filters: list[tuple[str, str]] = field(default_factory=list)  # ARN and expression


class LeftOut(View, frozen=True, kw_only=True):
    """A campaign or recommender that the configuration does not ask, and why."""

    kind: str
    name: str
    why: str


class FilterNote(View, frozen=True, kw_only=True):
    arn: str
    expression: str


class GroupSummary(View, frozen=True, kw_only=True):
    """A dataset group's parts that the configuration names only in comments."""

    group: str
    left_out: list[LeftOut]
    filters: list[FilterNote]


class WrittenConfiguration(View, frozen=True, kw_only=True):
    """The configuration as `import-config --json` prints it; `file` is where it was written, if it was."""

    file: str | None
    configuration: Any
    groups: list[GroupSummary]


@click.command("import-config")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--groups", default="all", show_default=True, metavar="A,B|all", help="Dataset groups to look into.")
@click.option("--aws", "region", metavar="REGION", help="Look into an account of AWS instead of the data directory.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@json_option
@data_option
def command(file: Path | None, groups: str, region: str | None, force: bool, as_json: bool, data: Path) -> None:
    """Write a configuration for the campaigns, recommenders and event trackers there are, into FILE or on the screen.

    --aws needs AWS's usual credentials; AWS_ENDPOINT_URL says where else it is.
    """
    if file is not None and file.exists() and not force:
        raise click.ClickException(f"{file} is there already; --force overwrites it")
    with plain_errors(), account(region) if region else engine_of(data) as call:
        contents = contents_of(call, groups)
    text = written(contents, region)
    parse(text, str(file or "configuration"))  # what is written can be read
    if file is not None:
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text, "utf-8")
        beside.replace(file)
    if as_json:
        print_json(summary(file, text, contents))
    elif file is None:
        click.echo(text, nl=False)


def summary(file: Path | None, text: str, contents: dict[str, GroupContents]) -> WrittenConfiguration:
    document = source(text, "recgate.yaml").data
    parts = [
        GroupSummary(
            group=name,
            left_out=[
                LeftOut(kind=each.kind, name=each.name, why=each.missing)
                for each in ordered(group.deployed)
                if each.missing
            ],
            filters=[FilterNote(arn=arn, expression=expression) for arn, expression in sorted(group.filters)],
        )
        for name, group in contents.items()
    ]
    return WrittenConfiguration(file=None if file is None else str(file), configuration=document, groups=parts)


# ---- what is asked


@contextmanager
def engine_of(data: Path) -> Iterator[Call]:
    with opened(data, Console(stderr=True)) as local:
        yield local.call


@contextmanager
def account(region: str) -> Iterator[Call]:
    """Raises `ClickException` for what AWS or the way there says."""
    try:
        client = boto3.client("personalize", region_name=region)
        try:
            yield lambda operation, **members: getattr(client, xform_name(operation))(**members)
        finally:
            client.close()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise click.ClickException(f"AWS in {region}: {error}") from error


# ---- what there is


def configuration(call: Call, groups: str, region: str | None) -> str:
    """The document's text. Raises `ClickException` for a group that is not there."""
    return written(contents_of(call, groups), region)


def contents_of(call: Call, groups: str) -> dict[str, GroupContents]:
    """What the dataset groups have. Raises `ClickException` for a group that is not there."""
    existing = pages(call, "ListDatasetGroups", "datasetGroups")
    arns = {last(each["datasetGroupArn"]): each["datasetGroupArn"] for each in existing}
    wanted = [name.strip() for name in groups.split(",") if name.strip()]
    names = sorted(arns) if wanted == ["all"] else wanted
    for name in names:
        if name not in arns:
            raise click.ClickException(f"no dataset group {name!r}; there are: {', '.join(sorted(arns)) or 'none'}")
    chosen = {name: GroupContents() for name in names}
    described = lru_cache(None)(lambda arn: action_of(call, arn))
    for group, deployed in (*recommenders(call, described), *campaigns(call, described)):
        if group in chosen:
            chosen[group].deployed.append(deployed)
    for name in names:
        fill(call, arns[name], chosen[name])
    return chosen


Described = Callable[[str], Action | None]


def last(arn: str) -> str:
    return arn.rpartition("/")[2]


def action_of(call: Call, recipe_arn: str) -> Action | None:
    return ACTIONS.get(call("DescribeRecipe", recipeArn=recipe_arn)["recipe"]["recipeType"]) if recipe_arn else None


def recommenders(call: Call, described: Described) -> Iterator[tuple[str, DeployedModel]]:
    for each in pages(call, "ListRecommenders", "recommenders"):
        arn, recipe = each["recommenderArn"], each["recipeArn"]
        deployed = DeployedModel(each["name"], "recommender", arn, last(recipe), described(recipe), each["status"])
        yield last(each["datasetGroupArn"]), deployed


def campaigns(call: Call, described: Described) -> Iterator[tuple[str, DeployedModel]]:
    for each in pages(call, "ListCampaigns", "campaigns"):
        campaign = call("DescribeCampaign", campaignArn=each["campaignArn"])["campaign"]
        arn = campaign["solutionVersionArn"].rpartition("/")[0]  # its version may be $LATEST
        solution = call("DescribeSolution", solutionArn=arn)["solution"]
        recipe = solution.get("recipeArn") or solution.get("autoMLResult", {}).get("bestRecipeArn") or ""
        deployed = DeployedModel(
            each["name"], "campaign", each["campaignArn"], last(recipe), described(recipe), each["status"]
        )
        yield last(solution["datasetGroupArn"]), deployed


def fill(call: Call, arn: str, group: GroupContents) -> None:
    for each in pages(call, "ListEventTrackers", "eventTrackers", datasetGroupArn=arn):
        tracker = call("DescribeEventTracker", eventTrackerArn=each["eventTrackerArn"])["eventTracker"]
        group.trackers.append(tracker["trackingId"])
    for each in pages(call, "ListFilters", "Filters", datasetGroupArn=arn):
        described = call("DescribeFilter", filterArn=each["filterArn"])["filter"]
        group.filters.append((described["filterArn"], " ".join(described["filterExpression"].split())))


# ---- what is written


def written(groups: dict[str, GroupContents], region: str | None) -> str:
    of = f"an account of AWS in {region}" if region else "the built-in engine"
    spaces = [line for name, group in groups.items() for line in namespace(name, group, region)]
    empty = all(line.lstrip().startswith("#") for line in spaces)
    lines = [
        f"# Written by recgate import-config from {of}: one namespace a dataset group.",
        *HEAD.splitlines(),
        *([f"origins: {{personalize: {{type: aws, region: {word(region)}}}}}"] if region else []),
        "namespaces: {}" if empty else "namespaces:",
        *spaces,
    ]
    return "\n".join(lines) + "\n"


def namespace(name: str, group: GroupContents, region: str | None) -> Iterator[str]:
    lists = recommenders_of(group, region)
    comments = [
        *(f"{each.kind} {each.name} {each.missing}" for each in ordered(group.deployed) if each.missing),
        *(f"filter {arn}: {expression}" for arn, expression in sorted(group.filters)),
    ]
    if not lists and not group.trackers:
        yield f"  # {name} has no campaign or recommender to ask, and no event tracker"
        yield from (f"  # {comment}" for comment in comments)
        return
    yield f"  {word(name)}:"
    yield from (f"    # {comment}" for comment in comments)
    if lists and region is None:
        yield "    inferenceItemMetadata: {type: engine}"
    if lists:
        yield "    recommenders:"
        yield from lists
    if group.trackers:
        yield "    eventTargets:"
        for tracking in sorted(group.trackers):
            yield f"      - {{type: personalize-event-tracker, trackingId: {json.dumps(tracking)}}}"


def recommenders_of(group: GroupContents, region: str | None) -> list[str]:
    lines = []
    for action in get_args(Action):
        usable = [each for each in ordered(group.deployed) if each.action == action and not each.missing]
        lines += [f"      {action}:"] if usable else []
        taken: set[str] = set()
        for each in usable:
            key = f"{each.name}-{each.kind}" if each.name in taken else each.name
            taken.add(each.name)
            variation = word(each.recipe.replace("aws-", "personalize-", 1))
            lines.append(f"        {word(key)}: {{variations: {{{variation}: {{{answerer(each, region)}}}}}}}")
    return lines


def ordered(deployed: Sequence[DeployedModel]) -> list[DeployedModel]:
    return sorted(deployed, key=lambda each: (each.name, each.kind))


def answerer(deployed: DeployedModel, region: str | None) -> str:
    """The engine is asked by name, AWS by ARN."""
    if region is None:
        return f"type: engine, model: {word(deployed.name)}"
    return f"type: personalize-{deployed.kind}, arn: {json.dumps(deployed.arn)}"


def word(text: str) -> str:
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(text)
