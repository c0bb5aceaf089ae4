"""Item metadata on the way out, encoded once for all answers that show it. An answer is left whole where its source of
metadata fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from gateway.ask import Ask
from gateway.body import Body, encoded, visible
from gateway.cache import EncodedAnswer, Tag, is_broken
from gateway.config import Config
from gateway.errors import Problem
from gateway.fields import Columns, Rows, selected
from gateway.metadata import Source
from gateway.paging import mark, next_of
from gateway.plan.plan import Metadata, Variation
from gateway.telemetry import Telemetry

log = logging.getLogger(__name__)

KeepCaps = Callable[[Sequence[str], Sequence[int | None]], list[int]]  # items, and the places of pinned ones

MOST_BYTES = 64_000_000  # of encoded metadata
OVERHEAD = 250  # bytes of an item's place, its name among them


class MetadataTable:
    """Items' metadata at one version, as callers of one kind see it: an encoded member, `,"metadata":{…}`, an item; b""
    for an unknown one."""

    def __init__(self, version: int) -> None:
        self.version, self.size = version, 0
        self.members: dict[str, bytes] = {}

    def put(self, items: Sequence[str], rows: Rows) -> None:
        """Add the items that are still absent."""
        new = {
            item: b"" if row is None else b',"metadata":' + encoded(row)
            for item, row in zip(items, rows, strict=True)
            if item not in self.members
        }
        self.members.update(new)
        self.size += sum(len(each) + OVERHEAD for each in new.values())


class MetadataTables:
    """A table for each kind of caller. One is dropped where the metadata may have changed, all where they are too
    large."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._tables: dict[Hashable, MetadataTable] = {}

    def of(self, kind: Hashable, version: int) -> MetadataTable:
        """The kind's table, or a new one that is not stored before something is put."""
        table = self._tables.get(kind)
        return table if table is not None and table.version == version else MetadataTable(version)

    def put(self, kind: Hashable, table: MetadataTable, items: Sequence[str], rows: Rows) -> None:
        table.put(items, rows)
        stored = self._tables.get(kind)
        if stored is None or stored.version <= table.version:
            self._tables[kind] = table
        if self.size > self._most:
            self._tables = {}

    @property
    def size(self) -> int:
        return sum(table.size for table in self._tables.values())


Dependencies = tuple[tuple[Tag, ...], Callable[[], int] | None]  # tags that tell of another version, else the version


class MetadataLookup(NamedTuple):
    """A source of metadata, and what is wanted of it."""

    source: Source
    wanted: Metadata

    def version(self) -> int:
        return self.source.version(self.wanted.of)

    def dependencies(self) -> Dependencies:
        tags = self.source.tags(self.wanted.of)
        return ((), self.version) if tags is None else (tags, None)

    async def of(self, items: Sequence[str], *, everything: bool) -> Rows:
        # the forms of a field in other languages need not be among the columns
        all_columns = everything or bool(self.wanted.locales)
        return await self.source.of(items, () if all_columns else self.wanted.columns, self.wanted.of)


class Decorated(NamedTuple):
    """An answer's body for one caller. `whole`: all that should be known of its items was; else nothing is hidden.
    `more`: the list has items that are not among these."""

    body: Body
    whole: bool = True
    more: bool = False


class Decorators:
    def __init__(self, sources: Mapping[str, Source], telemetry: Telemetry) -> None:
        self._sources, self._telemetry = sources, telemetry
        self._tables = MetadataTables()

    def use(self, config: Config) -> None:
        plans = (plan for namespace in config.namespaces.values() for plan in namespace.plans.values())
        wanted = {variation.metadata for plan in plans for variation in plan.variations}
        for kind, source in self._sources.items():
            source.use({each.of for each in wanted if each is not None and each.type == kind and each.of is not None})

    async def ready(self) -> None:
        for source in self._sources.values():
            await source.ready()

    async def close(self) -> None:
        for source in self._sources.values():
            await source.close()

    def of(self, variation: Variation) -> MetadataLookup | None:
        """The source of a variation's metadata; None where there is none, or its origin decorates its answers."""
        wanted = variation.metadata
        return None if wanted is None or wanted.of is None else MetadataLookup(self._sources[wanted.type], wanted)

    def dependencies(self, variation: Variation, ask: Ask) -> Dependencies:
        """All that tells that the answer would have other metadata."""
        source = self.of(variation) if ask.decorate or variation.hide else None
        return ((), None) if source is None else source.dependencies()

    async def decorate(
        self,
        answer: EncodedAnswer,
        ask: Ask,
        variation: Variation,
        source: MetadataLookup | None,
        within_caps: KeepCaps | None = None,
    ) -> Decorated:
        """What is left of the answer for one caller. `within_caps`: the places in which the rest may stand, where the
        list has caps."""
        if source is not None and _lacks_only_metadata(answer, ask, variation):
            return await self._join(answer, ask, source)
        body, most = Body.decode(answer.body, ask.list_name).without(ask.exclude), most_of(ask)
        # a page shows what comes next; and places that caps allow are not drawn anew
        promotion = ask.promotion if ask.page is None and within_caps is None else None
        hides_later = bool(variation.hide) and within_caps is not None
        if not hides_later:
            body = body.at(_standing(body, ask, within_caps))
        total = len(body.items)
        before = 0 if ask.page is None else len(ask.page.seen)
        if not variation.hide:
            body = body.at(body.shortened(most, promotion, before))
        rows: Rows = [item.get("metadata") for item in body.items]
        is_looked_up, whole = source is not None and bool(body.items) and not answer.decorated, True
        if source is not None and is_looked_up:
            # what hides an item need not be among the columns that are shown
            looked_up = await self._look_up(body.names, source, ask.namespace, everything=bool(variation.hide))
            rows, whole = looked_up or rows, looked_up is not None
        if variation.hide:
            places = visible(rows, variation.hide)
            if hides_later:
                standing = _standing(body.at(places), ask, within_caps)
                places = [places[place] for place in standing]
            body, rows, total = body.at(places), [rows[place] for place in places], len(places)
            places = body.shortened(most, promotion, before)
            body, rows = body.at(places), [rows[place] for place in places]
        if ask.decorate:
            columns = variation.metadata.columns if variation.metadata is not None and is_looked_up else ()
            locales = () if variation.metadata is None else variation.metadata.locales
            body = body.with_metadata(selected(rows, columns, ask.fields, locales, ask.locale))
        return Decorated(_unless_short(body, most), whole, total > len(body.items))

    async def for_processor(self, body: Body, ask: Ask, variation: Variation) -> Body:
        """The body as a post-processor gets it. Raises `Problem`: its reply is cached, and not without metadata."""
        source = self.of(variation)
        if source is None or not ask.decorate or not body.items:
            return body
        rows = await source.of(body.names, everything=False)
        return body.with_metadata(selected(rows, source.wanted.columns, (), (), ""))

    async def row(self, item: str, variation: Variation) -> Columns | None:
        """All that is known of one item. Raises `Problem`."""
        source = self.of(variation)
        return None if source is None else (await source.of([item], everything=True))[0]

    async def _join(self, answer: EncodedAnswer, ask: Ask, source: MetadataLookup) -> Decorated:
        """Join encoded items and their encoded metadata, which is the same in every answer."""
        wanted = source.wanted
        body = Body.open(answer.body, ask.list_name, most_of(ask))
        kind = (wanted, ask.fields, ask.locale)
        table = self._tables.of(kind, source.version())
        lacking = [name for name in body.names if name not in table.members]
        if lacking:
            rows = await self._look_up(lacking, source, ask.namespace, everything=False)
            if rows is None:
                return Decorated(body, whole=False)
            rows = selected(rows, wanted.columns, ask.fields, wanted.locales, ask.locale)
            self._tables.put(kind, table, lacking, rows)
        return Decorated(body.with_members(table.members[name] for name in body.names))

    async def _look_up(
        self, items: Sequence[str], source: MetadataLookup, namespace: str, *, everything: bool
    ) -> Rows | None:
        """Each item's metadata; None where its source has failed: better an answer without than none."""
        try:
            return await source.of(items, everything=everything)
        except Problem as problem:
            if not is_broken(problem):
                raise
            self._telemetry.undecorated(namespace)
            log.warning("an answer of %s has no metadata: %s", namespace, problem)
            return None


def _lacks_only_metadata(answer: EncodedAnswer, ask: Ask, variation: Variation) -> bool:
    """The caller is shown all of the answer's items, and what they lack is their metadata."""
    is_whole = ask.decorate and ask.page is None and not ask.exclude and not variation.hide
    return is_whole and not answer.decorated and b'"metadata"' not in answer.body


def _unless_short(body: Body, most: int | None) -> Body:
    """A full list, cut from a longer one that was short, is not."""
    if "short" not in body.rest or len(body.items) != most:
        return body
    return msgspec.structs.replace(body, rest={key: body.rest[key] for key in body.rest if key != "short"})


def _standing(body: Body, ask: Ask, within_caps: KeepCaps | None) -> Sequence[int]:
    """The places of the items that are to be shown, in their order: without those of the pages before."""
    places = range(len(body.names)) if within_caps is None else within_caps(body.names, body.pins())
    if ask.page is None or not ask.page.seen:
        return places
    return [place for place in places if mark(body.names[place]) not in ask.page.seen]


def is_list(ask: Ask) -> bool:
    """The answer has as many items as were asked for, where there are so many."""
    return ask.action != "rerank-items" and ask.page is None


def next_page(ask: Ask, decorated: Decorated) -> str | None:
    """The token of the next page, where there is one."""
    page, names = ask.page, decorated.body.names
    if page is None or not decorated.more or len(page.seen) + len(names) >= ask.num_results:
        return None
    return next_of(page, filter(None, names))  # an item without an id is none that a page could skip


def most_of(ask: Ask) -> int | None:
    """The number of items that are shown; None: all."""
    if ask.action == "rerank-items":
        return None
    if ask.page is None:
        return ask.num_results
    return max(0, min(ask.page.size, ask.num_results - len(ask.page.seen)))
