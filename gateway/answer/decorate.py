"""Item metadata on the way out: whose it is, and an answer that is left whole where its source fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from gateway.answer.encoded import Tables, joined
from gateway.ask import Ask
from gateway.body import Items, decorated, listed, opened, shortened, visible, without
from gateway.cache import EncodedAnswer, Tag, is_broken
from gateway.config import Config
from gateway.errors import Problem
from gateway.fields import Columns, Rows, told
from gateway.metadata import Source
from gateway.paging import Page, mark, next_of
from gateway.plan.plan import Metadata, Variation
from gateway.telemetry import Telemetry

log = logging.getLogger(__name__)


class Decorating(NamedTuple):
    """A source of metadata, and what is wanted of it."""

    source: Source
    wanted: Metadata

    def version(self) -> int:
        return self.source.version(self.wanted.of)

    def hangs_on(self) -> tuple[tuple[Tag, ...], Callable[[], int] | None]:
        """What tells that there is another version: tags, or only the version itself."""
        tags = self.source.tags(self.wanted.of)
        return ((), self.version) if tags is None else (tags, None)

    async def of(self, items: Sequence[str], *, everything: bool) -> Rows:
        # the forms of a field in other languages need not be among the columns
        all_columns = everything or bool(self.wanted.locales)
        return await self.source.of(items, () if all_columns else self.wanted.columns, self.wanted.of)


class Dressed(NamedTuple):
    """An answer for one caller. `whole`: all that should be known of its items was; else nothing is hidden."""

    rest: dict[str, Any]  # the other members, still encoded
    items: Items | list[msgspec.Raw]
    whole: bool = True
    more: bool = False  # whether the list has any that are not among these


class Decorators:
    def __init__(self, sources: Mapping[str, Source], telemetry: Telemetry) -> None:
        self._sources, self._telemetry = sources, telemetry
        self._tables = Tables()

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

    def of(self, variation: Variation) -> Decorating | None:
        """Who decorates the answers of a variation; None where nobody does, or its origin has."""
        wanted = variation.metadata
        return None if wanted is None or wanted.of is None else Decorating(self._sources[wanted.type], wanted)

    def hangs_on(self, variation: Variation, ask: Ask) -> tuple[tuple[Tag, ...], Callable[[], int] | None]:
        """What tells that an answer would have other metadata."""
        source = self.of(variation) if ask.decorate or variation.hide else None
        return ((), None) if source is None else source.hangs_on()

    async def dressed(self, made: EncodedAnswer, ask: Ask, variation: Variation, source: Decorating | None) -> Dressed:
        if source is not None and _only_decorated(made, ask, variation):
            return await self._joined(made, ask, source)
        answer = opened(made.body, ask.list_name)
        items, most = unseen(without(answer.items, ask.exclude), ask.page), most_of(ask)
        found = len(items)
        promotion = ask.promotion if ask.page is None else None  # a page shows what comes next
        if not variation.hide:
            items = [items[place] for place in shortened(items, most, promotion)]
        rows: Rows = [item.get("metadata") for item in items]
        looked_up, whole = source is not None and bool(items) and not made.decorated, True
        if source is not None and looked_up:
            # what hides an item need not be among the columns that are shown
            names = [item["itemId"] for item in items]
            known = await self._known(names, source, ask.namespace, everything=bool(variation.hide))
            rows, whole = known or rows, known is not None
        items, rows = visible(items, rows, variation.hide)
        found = len(items) if variation.hide else found
        places = shortened(items, most, promotion)
        items, rows = [items[place] for place in places], [rows[place] for place in places]
        if ask.decorate:
            columns = variation.metadata.columns if variation.metadata is not None and looked_up else ()
            items = decorated(items, shown_to(ask, rows, columns, variation))
        return Dressed(answer.rest, items, whole, found > len(items))

    async def processed(self, items: Items, ask: Ask, variation: Variation) -> Items:
        """As a post-processor gets them. Raises `Problem`: what it replies is kept, and must not be kept without."""
        source = self.of(variation)
        if source is None or not ask.decorate or not items:
            return items
        rows = await source.of([item["itemId"] for item in items], everything=False)
        return decorated(items, told(rows, source.wanted.columns, (), (), ""))

    async def row(self, item: str, variation: Variation) -> Columns | None:
        """All that is known of one item. Raises `Problem`."""
        source = self.of(variation)
        return None if source is None else (await source.of([item], everything=True))[0]

    async def _joined(self, made: EncodedAnswer, ask: Ask, source: Decorating) -> Dressed:
        """As `dressed` where nothing is left out: the encoded items with their encoded metadata, which is the same in
        every answer."""
        wanted = source.wanted
        answer = listed(made.body, ask.list_name, most_of(ask))
        shown_so = (wanted, ask.fields, ask.locale)
        table = self._tables.of(shown_so, source.version())
        lacking = table.lacks(answer.names)
        if lacking:
            rows = await self._known(lacking, source, ask.namespace, everything=False)
            if rows is None:
                return Dressed(answer.rest, answer.items, whole=False)
            rows = told(rows, wanted.columns, ask.fields, wanted.locales, ask.locale)
            self._tables.put(shown_so, table, lacking, rows)
        return Dressed(answer.rest, joined(answer.items, [table.members[name] for name in answer.names]))

    async def _known(
        self, items: Sequence[str], source: Decorating, namespace: str, *, everything: bool
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


def _only_decorated(made: EncodedAnswer, ask: Ask, variation: Variation) -> bool:
    """Whether the caller is shown all of the answer's items, and what they lack is their metadata."""
    plain = ask.decorate and ask.page is None and not ask.exclude and not variation.hide
    return plain and not made.decorated and b'"metadata"' not in made.body


def is_list(ask: Ask) -> bool:
    """Whether the answer has as many items as were asked for, where there are so many."""
    return ask.action != "rerank-items" and ask.page is None


def after(ask: Ask, answer: Dressed) -> str | None:
    """The token of the next page, where there is one."""
    page = ask.page
    if page is None or not answer.more or len(page.seen) + len(answer.items) >= ask.num_results:
        return None
    return next_of(page, (item["itemId"] for item in cast(Items, answer.items)))  # a page's are opened


def most_of(ask: Ask) -> int | None:
    """How many items are shown; None: all."""
    if ask.action == "rerank-items":
        return None
    if ask.page is None:
        return ask.num_results
    return max(0, min(ask.page.size, ask.num_results - len(ask.page.seen)))


def unseen(items: Items, page: Page | None) -> Items:
    if page is None or not page.seen:
        return items
    return [item for item in items if mark(item["itemId"]) not in page.seen]


def shown_to(ask: Ask, rows: Rows, columns: Sequence[str], variation: Variation) -> Rows:
    locales = () if variation.metadata is None else variation.metadata.locales
    return told(rows, columns, ask.fields, locales, ask.locale)
