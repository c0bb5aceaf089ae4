"""Insights of recgate's own: what goes wrong between the shop and its data, and is seen late."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain

import numpy as np

from engine.data.columns import Longs
from engine.data.report import Flaw
from engine.doctor.examined import EXAMPLES, SPELLED, ExaminedData, ExaminedTable, named, percent
from engine.doctor.insight import Insight, InsightCheck
from engine.words import counted

TOLERATED_S = 300.0  # by which clocks that are set may differ
LONG_AGO = 315_532_800  # 1980: what is dated before has no date
TIE_SHARE, TIES_GRAVE = 0.05, 0.5  # of the interactions
MILLISECONDS_FROM, MILLISECONDS_TILL = 600_000_000_000, 4_000_000_000_000  # 1989 to 2096
MISSPELT_SHARE = 0.2  # of the events of the type that was meant
TIMELY = re.compile(r"TIME|DATE|_AT$|CREATED|RELEASE|PUBLISH|EXPIR|START|END$|SINCE|UNTIL")
AS_MILLISECONDS = "looks like milliseconds"


def milliseconds(data: ExaminedData) -> Iterator[Insight]:
    for dataset, last in data.imports.items():
        flaws = [flaw for flaw in last.report.flaws if AS_MILLISECONDS in flaw.rule]
        if flaws:
            count = sum(flaw.count for flaw in flaws)
            yield Insight(
                severity="error",
                datasets=(dataset,),
                columns=tuple(dict.fromkeys(flaw.column for flaw in flaws if flaw.column)),
                what=f"{counted(count, 'row')} of the last import of {SPELLED[dataset]} ({last.name}) had times in "
                f"milliseconds; seconds since 1970 are due.{_consequence(last.failure)}",
                count=count,
                of=last.report.rows,
                examples=_lines(flaws),
                todo="If all times are milliseconds, import with --timestamps milliseconds (API: the tag "
                "recgate:timestamps=milliseconds). If only some are, divide these by 1000.",
            )
    for table in data.tables:
        yield from _millisecond_columns(table)


def _millisecond_columns(table: ExaminedTable) -> Iterator[Insight]:
    """Numbers of the dataset group's own that nothing checks, by what they are called."""
    for each in table.fields:
        values = table.numbers(each.name) if each.numeric and not each.is_time else np.zeros(0)
        alike = (values >= MILLISECONDS_FROM) & (values <= MILLISECONDS_TILL)
        if alike.any() and alike.mean() > 0.5 and TIMELY.search(each.name.upper()):
            yield Insight(
                severity="advice",
                datasets=(table.dataset,),
                columns=(each.name,),
                what=f"{each.name} of {table.title} looks like times in milliseconds; reserved columns have seconds.",
                count=int(alike.sum()),
                of=len(table.rows),
                examples=tuple(str(int(value)) for value in values[alike][:EXAMPLES].tolist()),
                todo="If a filter or a rule compares it with the time of day, divide it by 1000 before the import.",
            )


def clock_skew(data: ExaminedData) -> Iterator[Insight]:
    times = data.snapshot.times
    ahead, old = times > data.now + TOLERATED_S, times < LONG_AGO
    if ahead.any():
        most = float(times[ahead].max() - data.now)
        yield _about_times(
            data,
            np.flatnonzero(ahead),
            f"are dated in the future, up to {_span(most)} ahead",
            "They are the newest of all till then. "
            + ("Whole hours ahead often are a local time written as UTC." if most <= 15 * 3600 else ""),
            "Send the time of the event as UTC, from a clock that is set by the network; import the rows again.",
        )
    if old.any():
        yield _about_times(
            data,
            np.flatnonzero(old),
            "are dated before 1980, which stands for a clock that was never set, or for a time divided by 1000 twice",
            "They are the oldest of all.",
            "Find out which device or export writes them, mend it, and import the rows again.",
        )
    early = data.early
    if early.early:
        yield Insight(
            severity="warning",
            datasets=("INTERACTIONS",),
            columns=("TIMESTAMP",),
            what=f"{early.early:,} of the last {counted(early.looked_at, 'streamed event')} say that they happened "
            f"after the server took them, by up to {_span(early.most_s)}: the senders' clocks are ahead.",
            count=early.early,
            of=early.looked_at,
            examples=early.examples,
            todo="Set the clocks of the senders by the network, or let the server that relays events stamp them.",
        )


def _about_times(data: ExaminedData, rows: Longs, are: str, consequence: str, todo: str) -> Insight:
    snapshot, count, of = data.snapshot, len(rows), len(data.snapshot.times)
    users, items = snapshot.users[rows[:EXAMPLES]].tolist(), snapshot.items[rows[:EXAMPLES]].tolist()
    examples = [
        f"user {snapshot.user_names[user]}, item {snapshot.item_names[item]}: {_date(snapshot.times[row])}"
        for user, item, row in zip(users, items, rows[:EXAMPLES].tolist(), strict=True)
    ]
    return Insight(
        severity="warning",
        datasets=("INTERACTIONS",),
        columns=("TIMESTAMP",),
        what=f"{counted(count, 'interaction')} of {of:,} {are}. {consequence}".strip(),
        count=count,
        of=of,
        examples=tuple(examples),
        todo=todo,
    )


def tied_events(data: ExaminedData) -> Iterator[Insight]:
    snapshot, n = data.snapshot, len(data.snapshot.times)
    tied = np.zeros(n, np.bool_)
    tied[1:] = (snapshot.times[1:] == snapshot.times[:-1]) & (snapshot.users[1:] == snapshot.users[:-1])
    share = float(tied.mean()) if n else 0.0
    if share >= TIE_SHARE:
        users = np.unique(snapshot.users[tied])
        yield Insight(
            severity="warning" if share >= TIES_GRAVE else "advice",
            datasets=("INTERACTIONS",),
            columns=("TIMESTAMP",),
            what=f"{percent(int(tied.sum()), n)} of interactions have the same second as the one before of the same "
            f"user ({counted(len(users), 'user')}). Their order is that of their arrival, which may not be theirs.",
            count=int(tied.sum()),
            of=n,
            examples=named(snapshot.user_names, users.astype(np.int64)),
            todo="If times were cut to minutes or days, export them to the second. Baskets that are bought at once are "
            "meant to be tied; nothing is to be done about them.",
        )


def duplicates(data: ExaminedData) -> Iterator[Insight]:
    for dataset, last in data.imports.items():
        count = last.report.duplicates
        if count:
            rule = "equal another row in every column" if dataset == "INTERACTIONS" else "have the id of a later row"
            yield Insight(
                severity="warning" if count >= 0.01 * last.report.rows else "advice",
                datasets=(dataset,),
                what=f"{counted(count, 'row')} of the last import of {SPELLED[dataset]} ({last.name}) {rule}; they "
                "were left out.",
                count=count,
                of=last.report.rows,
                todo="Look whether the export joins tables in a way that doubles rows, or was written twice.",
            )
    again = _again(data)
    if len(again):
        snapshot = data.snapshot
        users, items = snapshot.users[again[:EXAMPLES]].tolist(), snapshot.items[again[:EXAMPLES]].tolist()
        pairs = zip(users, items, strict=True)
        yield Insight(
            severity="warning" if len(again) >= 0.01 * len(snapshot.items) else "advice",
            datasets=("INTERACTIONS",),
            what=f"{counted(len(again), 'interaction')} repeat one of the same user, item, event type and second.",
            count=len(again),
            of=len(snapshot.items),
            examples=tuple(f"user {snapshot.user_names[u]}, item {snapshot.item_names[i]}" for u, i in pairs),
            todo="Look whether a page sends its events twice. Give each event an eventId, so that it is kept once.",
        )


def _again(data: ExaminedData) -> Longs:
    """Rows that repeat an earlier one in user, item, type and second."""
    snapshot = data.snapshot
    order = np.lexsort((snapshot.types, snapshot.items, snapshot.times, snapshot.users))
    same = np.ones(max(len(order) - 1, 0), np.bool_)
    for column in (snapshot.users, snapshot.times, snapshot.items, snapshot.types):
        same &= column[order[1:]] == column[order[:-1]]
    return np.sort(order[1:][same])


def unknown_event_types(data: ExaminedData) -> Iterator[Insight]:
    counts = {name: count for name, count in data.type_counts.items() if name}
    if not counts:
        return
    yield from _misspelt(counts, len(data.snapshot.items))
    yield from _unheard(data, counts)
    learned = {name.casefold() for each in data.named_types if each.learned for name in each.types}
    others = {name: count for name, count in counts.items() if name.casefold() not in learned}
    if learned and others:
        yield Insight(
            severity="advice",
            datasets=("INTERACTIONS",),
            columns=("EVENT_TYPE",),
            what=f"No solution knows the event type(s) {_types(others)}: their eventsConfig names others.",
            count=sum(others.values()),
            of=len(data.snapshot.items),
            examples=tuple(others)[:EXAMPLES],
            todo="Add them to eventsConfig of the solutions that should learn from them, or send them elsewhere.",
        )


def _misspelt(counts: Mapping[str, int], of: int) -> Iterator[Insight]:
    """Rare types that are spelled nearly as a frequent one."""
    meant = {name: other for name in counts if (other := _meant(name, counts)) is not None}
    if meant:
        pairs = ", ".join(f"{name} ({counts[name]:,}; did you mean {other}?)" for name, other in meant.items())
        yield Insight(
            severity="warning",
            datasets=("INTERACTIONS",),
            columns=("EVENT_TYPE",),
            what=f"Event type(s) that nearly are another: {pairs}.",
            count=sum(counts[name] for name in meant),
            of=of,
            examples=tuple(meant)[:EXAMPLES],
            todo="Mend the spelling where the events are sent, and import the history again with one spelling. Filters "
            "and weights of event types do not see the others.",
        )


def _unheard(data: ExaminedData, counts: Mapping[str, int]) -> Iterator[Insight]:
    """Types that something asks for and no event has."""
    present = {name.casefold() for name in counts}
    for each in data.named_types:
        lacking = [name for name in each.types if name != "*" and name.casefold() not in present]
        if lacking:
            guesses = {name: other for name in lacking if (other := _closest(name, list(counts))) is not None}
            hint = "".join(f" Did you mean {other} for {name}?" for name, other in guesses.items())
            yield Insight(
                severity="warning",
                datasets=("INTERACTIONS",),
                columns=("EVENT_TYPE",),
                what=f"{each.place} names event type(s) that no interaction has: {', '.join(lacking)}.{hint}",
                count=len(lacking),
                of=len(each.types),
                examples=tuple(lacking)[:EXAMPLES],
                todo=f"Use the types that there are ({_types(counts)}), or see to it that such events are sent.",
            )


def _types(counts: Mapping[str, int]) -> str:
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:10]]
    return ", ".join(shown) + (", …" if len(counts) > len(shown) else "")


def _meant(name: str, counts: Mapping[str, int]) -> str | None:
    """The type of at least five times as many events that the name nearly is."""
    frequent = [other for other, count in counts.items() if counts[name] <= MISSPELT_SHARE * count]
    alike = [other for other in counts if other != name and counts[other] > counts[name] and bare(other) == bare(name)]
    return next(iter(alike), None) or _closest(name, frequent)


def _closest(name: str, others: Sequence[str]) -> str | None:
    return next((other for other in others if is_nearly(name, other)), None)


def bare(name: str) -> str:
    """The letters and digits alone, in lower case: AddToCart is add_to_cart."""
    return re.sub(r"[\W_]", "", name).casefold()


def is_nearly(name: str, other: str) -> bool:
    """True where one letter more, less, another or exchanged with its neighbour makes one of the other."""
    one, two = sorted((bare(name), bare(other)), key=len)
    if one == two:
        return True
    if len(one) < 4 or len(two) - len(one) > 1 or re.sub(r"\d", "", one) == re.sub(r"\d", "", two):
        return False
    at = next((place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    if len(one) < len(two):
        return one[at:] == two[at + 1 :]
    return one[at + 1 :] == two[at + 1 :] or (
        one[at : at + 2] == two[at : at + 2][::-1] and one[at + 2 :] == two[at + 2 :]
    )


def unlisted_items(data: ExaminedData) -> Iterator[Insight]:
    table = data.table("ITEMS")
    if table is not None:
        unlisted = _unlisted(table, data.chosen)
        if len(unlisted):
            events = int(data.chosen[unlisted].sum())
            yield Insight(
                severity="warning",
                datasets=("INTERACTIONS", "ITEMS"),
                what=f"{counted(len(unlisted), 'item')} that events name {_are(unlisted)} not in the Items dataset: "
                f"{percent(events, len(data.snapshot.items))} of interactions ({events:,}). No filter on a column "
                "includes them, and lists show them without a title.",
                count=len(unlisted),
                of=int((data.chosen > 0).sum()),
                examples=_most(data.snapshot.item_names, unlisted, data.chosen),
                todo="Import these items as well, or see whether the ids of events and of Items are written alike.",
            )


def unlisted_users(data: ExaminedData) -> Iterator[Insight]:
    table = data.table("USERS")
    if table is not None:
        unlisted = _unlisted(table, data.events)
        if len(unlisted):
            yield Insight(
                severity="advice",
                datasets=("INTERACTIONS", "USERS"),
                what=f"{counted(len(unlisted), 'user')} of events {_are(unlisted)} not in the Users dataset: what "
                "models and filters read of users is unknown of them. Visitors without an account are among them.",
                count=len(unlisted),
                of=int((data.events > 0).sum()),
                examples=_most(data.snapshot.user_names, unlisted, data.events),
                todo="Import these users as well, or see whether the ids of events and of Users are written alike.",
            )


def _are(places: Longs) -> str:
    return "is" if len(places) == 1 else "are"


def _unlisted(table: ExaminedTable, counts: Longs) -> Longs:
    """The places of what events name without a record, ascending."""
    active = counts > 0
    active[table.rows] = False
    return np.flatnonzero(active)


def _most(names: Sequence[str], places: Longs, counts: Longs) -> tuple[str, ...]:
    """The first few by how many events they have."""
    return named(names, places[np.argsort(-counts[places], kind="stable")])


def similar_ids(data: ExaminedData) -> Iterator[Insight]:
    for dataset, names in (("ITEMS", data.snapshot.item_names), ("USERS", data.snapshot.user_names)):
        first: dict[str, str] = {}
        twins = [(other, name) for name in names if (other := first.setdefault(name.strip().casefold(), name)) != name]
        if twins:
            yield Insight(
                severity="warning",
                datasets=(dataset,),
                what=f"{counted(len(twins), 'id')} of {SPELLED[dataset].lower()} differ from another only in case or "
                "in blanks: to a model they are others.",
                count=len(twins),
                of=len(names),
                examples=tuple(f"{other!r} and {name!r}" for other, name in twins[:EXAMPLES]),
                todo="Write ids alike everywhere before they are imported or sent.",
            )


def empty_after_filter(data: ExaminedData) -> Iterator[Insight]:
    for each in data.filters:
        if not each.emptied and not each.unmatched:
            continue
        empties = (
            f"It leaves nothing for {each.emptied:,} of {counted(each.asked, 'answer')}: lists are empty, and no error "
            "says so. "
            if each.emptied
            else ""
        )
        unmatched = f"Nothing fulfils {'; '.join(each.unmatched)}." if each.unmatched else ""
        yield Insight(
            severity="warning",
            datasets=("ITEMS",),
            what=f"The filter {each.name}: {each.expression}. {empties}{unmatched}".strip(),
            count=each.emptied,
            of=each.asked,
            examples=each.examples,
            todo="Try it: recgate filter try. Compare its values with those of the column, and give the recommender a "
            "fallback for users whom it leaves nothing.",
        )


def bad_rows(data: ExaminedData) -> Iterator[Insight]:
    for dataset, last in data.imports.items():
        report = last.report
        every = list(chain(report.flaws, report.nulls))
        flaws = [flaw for flaw in every if AS_MILLISECONDS not in flaw.rule]
        if not flaws and (every or last.failure is None):
            continue
        count = sum(flaw.count for flaw in flaws)
        words = "; ".join(map(str, flaws[:EXAMPLES]))
        account = f"had {counted(count, 'bad or odd value')}: {words}." if flaws else f"failed: {last.failure}"
        yield Insight(
            severity="error" if last.failure is not None else "warning",
            datasets=(dataset,),
            columns=tuple(dict.fromkeys(flaw.column for flaw in flaws if flaw.column)),
            what=f"The last import of {SPELLED[dataset]} ({last.name}) {account}{_consequence(last.failure)}",
            count=count,
            of=report.rows,
            examples=_lines(flaws),
            todo="Mend the lines that are named, and import the file again. --skip-bad N leaves bad rows out.",
        )


def _consequence(failure: str | None) -> str:
    return "" if failure is None else " Nothing was imported."


def _lines(flaws: Sequence[Flaw]) -> tuple[str, ...]:
    lines = [f"{line}: {flaw.example!r}" if flaw.example else line for flaw in flaws for line in flaw.lines[:EXAMPLES]]
    return tuple(lines[:EXAMPLES])


def _date(time: float) -> str:
    return f"{datetime.fromtimestamp(int(time), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(seconds: float) -> str:
    for unit, name in ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= unit:
            return counted(round(seconds / unit), name)
    return counted(round(seconds), "second")


OWN = (
    InsightCheck("milliseconds", "Times in milliseconds", milliseconds),
    InsightCheck("clock-skew", "Clocks that are wrong", clock_skew),
    InsightCheck("tied-events", "Events of one second", tied_events),
    InsightCheck("duplicates", "Duplicates", duplicates),
    InsightCheck("unknown-event-types", "Unknown event types", unknown_event_types),
    InsightCheck("unlisted-items", "Items that events name and Items lacks", unlisted_items),
    InsightCheck("unlisted-users", "Users that events name and Users lacks", unlisted_users),
    InsightCheck("similar-ids", "Ids that differ in case or blanks", similar_ids),
    InsightCheck("empty-after-filter", "Filters that leave nothing", empty_after_filter),
    InsightCheck("bad-rows", "Rows that an import refused", bad_rows),
)
