"""recgate sync: answers of batch inference to Braze, Segment and mParticle, and items to Braze's catalogues."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import click
from rich.console import Console

from engine import Cards, open_source
from gateway.cli.local import opened
from gateway.cli.locations import located
from gateway.cli.options import data_option, group_named, group_option, json_option, plain_errors, print_json
from gateway.sync.destinations import DESTINATIONS, Destination
from gateway.sync.records import SyncRecord, answered_users, chosen, listed_items
from gateway.sync.run import SyncRun, SyncView
from gateway.sync.sending import SyncRefused, SyncSender
from gateway.sync.state import SentState

REMEMBERED = 50_000  # items whose columns are kept at hand


@dataclass(frozen=True)
class SyncOptions:
    destination: str
    answers: tuple[str, ...]
    url: str
    key: str
    catalog: str
    fields: tuple[str, ...]
    most: int
    as_json: bool
    group: str
    data: Path


@click.command("sync")
@click.argument("destination", type=click.Choice(sorted(DESTINATIONS)))
@click.argument("answers", nargs=-1)
@click.option("--url", required=True, help="The partner's address, such as https://rest.iad-01.braze.com.")
@click.option(
    "--key",
    required=True,
    envvar="RECGATE_SYNC_KEY",
    metavar="KEY",
    help="Braze's REST key, Segment's write key, or mParticle's KEY:SECRET; best said by RECGATE_SYNC_KEY.",
)
@click.option("--catalog", default="", metavar="NAME", help="Of braze-catalog: the catalogue, which is there already.")
@click.option("--fields", default="", metavar="NAMES", help="Columns of Items to send, with commas between them.")
@click.option(
    "--recommendations", "most", type=click.IntRange(1, 500), default=10, show_default=True, help="Of each user."
)
@json_option
@group_option
@data_option
def command(fields: str, **told: object) -> None:
    """Send what has changed since the last time to DESTINATION: users with the recommendations in ANSWERS, which are
    files, folders or s3:// locations of a batch inference job, or the group's items. A partner that says 429 is waited
    for; after a failure the same command goes on where it ended."""
    names = tuple(name.strip().upper() for name in fields.split(",") if name.strip())
    options = SyncOptions(fields=names, **told)  # type: ignore[arg-type]  # click has checked them
    destination = DESTINATIONS[options.destination]
    check(options, destination)
    with plain_errors(), closing(state_of(options)) as state:
        skipped = Counter[str]()
        sender = SyncSender(options.url, destination.headers(options.key))
        with closing(sender), records_of(options, destination, skipped) as records:
            try:
                view = SyncRun(destination, options.catalog, sender, state, skipped).send(records)
            except SyncRefused as error:
                raise click.ClickException(f"{error}\nWhat was taken before is noted: run this again.") from error
    if options.as_json:
        print_json(view)
    else:
        Console(highlight=False, soft_wrap=True).print(sentence(view))


def check(options: SyncOptions, destination: Destination) -> None:
    """Raises `UsageError` for what does not go together."""
    if destination.of == "users" and not options.answers:
        raise click.UsageError(f"{destination.name} needs ANSWERS: the output of a batch inference job.")
    if destination.of == "items" and options.answers:
        raise click.UsageError(f"{destination.name} is of the group's items: it takes no ANSWERS.")
    if (destination.name == "braze-catalog") != bool(options.catalog):
        raise click.UsageError("--catalog is what braze-catalog needs, and nothing else takes.")


def state_of(options: SyncOptions) -> SentState:
    """The state of one destination: another address, catalogue or group has another."""
    place = "\0".join((options.url.rstrip("/"), options.catalog, options.group))
    digest = hashlib.blake2b(place.encode(), digest_size=8).hexdigest()
    return SentState(options.data / "sync" / f"{options.destination}-{digest}.db")


@contextmanager
def records_of(options: SyncOptions, destination: Destination, skipped: Counter[str]) -> Iterator[Iterator[SyncRecord]]:
    if destination.of == "users" and not options.fields:
        with located(options.answers, options.data) as place:
            source = open_source(place, allow_file_urls=True)
            yield answered_users(source, options.most, lambda item: {}, skipped)
        return
    with opened(options.data, Console(stderr=True)) as local:
        cards = Cards.of(local.engine, group_named(local.engine, options.group))
        check_fields(options.fields, cards)
        if destination.of == "items":
            yield listed_items(cards, options.fields)
            return
        columns = lru_cache(REMEMBERED)(lambda item: chosen(cards.columns(item), options.fields))
        with located(options.answers, options.data) as place:
            source = open_source(place, allow_file_urls=True)
            yield answered_users(source, options.most, columns, skipped)


def check_fields(fields: tuple[str, ...], cards: Cards) -> None:
    """Raises `ClickException` for a column that Items lacks."""
    there = [each.name for each in cards.fields]
    missing = [name for name in fields if name not in there]
    if missing:
        raise click.ClickException(f"Items has no {', '.join(missing)}; it has {', '.join(there) or 'no columns'}")


def sentence(view: SyncView) -> str:
    parts = [f"{view.sent:,} sent", f"{view.removed:,} removed", f"{view.unchanged:,} unchanged"]
    parts += [f"{count:,} skipped: {reason}" for reason, count in view.skipped.items()]
    waited = f", {view.waited_s:g} s waited" if view.waited_s else ""
    return f"{view.destination}: {'; '.join(parts)}; {view.requests:,} requests{waited}"
