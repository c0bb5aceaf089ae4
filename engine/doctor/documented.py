"""The eleven insights that Amazon Personalize documents for the analysis of datasets, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from engine.data.columns import Array, Labels, Longs, Tags
from engine.data.schema import Field
from engine.doctor.examined import EXAMPLES, OF_RECOMMENDATIONS, ExaminedData, ExaminedTable, named, percent
from engine.doctor.insight import Insight, InsightCheck, Severity

REQUIRED_INTERACTIONS, RECOMMENDED_INTERACTIONS = 1_000, 50_000
REQUIRED_USERS, RECOMMENDED_USERS = 25, 1_000
COMPLETE, TEXT_COMPLETE = 0.7, 0.85  # shares of rows with a value
MOST_CATEGORIES = 30
MOST_EVENT_TYPES = 10
FENCE = 3.0  # times the distance of the quartiles, beyond which a value is far out
OUTLYING_AT_MOST = 0.05  # of the values: more are the distribution's own
LEAST_SPREAD = 0.5  # of the median: most values of some columns are the same
TRAINS_ANYWAY = " recgate trains with open quotas all the same."


def few_interactions(data: ExaminedData) -> Iterator[Insight]:
    count = len(data.snapshot.items)
    if count < RECOMMENDED_INTERACTIONS:
        is_refused = count < REQUIRED_INTERACTIONS
        least = REQUIRED_INTERACTIONS if is_refused else RECOMMENDED_INTERACTIONS
        yield Insight(
            severity=_severity(data, is_refused),
            datasets=("INTERACTIONS",),
            what=f"The Interactions dataset has only {count:,} interactions. Model training requires at least "
            f"{REQUIRED_INTERACTIONS:,} interactions. {RECOMMENDED_INTERACTIONS:,} or more are recommended."
            f"{_trains_anyway(data, is_refused)}",
            count=count,
            of=least,
            todo=f"Import {least - count:,} additional unique interactions records before training a model.",
        )


def few_users(data: ExaminedData) -> Iterator[Insight]:
    count = int((data.events >= 2).sum())
    if count < RECOMMENDED_USERS:
        is_refused = count < REQUIRED_USERS
        least = REQUIRED_USERS if is_refused else RECOMMENDED_USERS
        yield Insight(
            severity=_severity(data, is_refused),
            datasets=("INTERACTIONS",),
            what=f"The Interactions dataset has only {count:,} unique users with two or more interactions. Model "
            f"training requires at least {REQUIRED_USERS} such users. {RECOMMENDED_USERS:,} or more are recommended."
            f"{_trains_anyway(data, is_refused)}",
            count=count,
            of=least,
            examples=named(data.snapshot.user_names, np.flatnonzero(data.events == 1)),
            todo=f"Import at least 2 interactions records each for {least - count:,} additional users.",
        )


def items_without_interactions(data: ExaminedData) -> Iterator[Insight]:
    table = data.table("ITEMS")
    idle = _idle(table, data.chosen)
    if table is not None and len(idle):
        share, of = percent(len(idle), len(table.rows)), len(table.rows)
        yield Insight(
            severity=_weight(len(idle), of),
            datasets=("INTERACTIONS", "ITEMS"),
            what=f"{share} of items in the Items dataset have no interactions in the Interactions dataset "
            f"({len(idle):,} of {of:,}), so they might not be recommended.",
            count=len(idle),
            of=of,
            examples=named(data.snapshot.item_names, idle),
            todo="Make sure that all of your interactions data is imported, and check for mismatching ids between your "
            "items and interactions. Give exploration more weight to recommend more items without interactions.",
        )


def users_without_interactions(data: ExaminedData) -> Iterator[Insight]:
    table = data.table("USERS")
    idle = _idle(table, data.events)
    if table is not None and len(idle):
        share, of = percent(len(idle), len(table.rows)), len(table.rows)
        yield Insight(
            severity=_weight(len(idle), of),
            datasets=("INTERACTIONS", "USERS"),
            what=f"{share} of users in the Users dataset have no interactions in the Interactions dataset "
            f"({len(idle):,} of {of:,}). These users will receive recommendations for popular items.",
            count=len(idle),
            of=of,
            examples=named(data.snapshot.user_names, idle),
            todo="Make sure that all of your interactions data is imported, and check for mismatching ids between your "
            "users and interactions. Import any additional interactions, so that more users have some.",
        )


def incomplete_rows(data: ExaminedData) -> Iterator[Insight]:
    for table in data.tables:
        lacking = np.zeros(len(table.rows), np.bool_)
        for each in _complete_fields(table):
            lacking |= ~table.filled(each.name)
        count, of = int(lacking.sum()), len(table.rows)
        if count > (1 - COMPLETE) * of:
            yield Insight(
                severity="warning",
                datasets=(table.dataset,),
                what=f"The {table.title} dataset has {percent(count, of)} rows with a missing value ({count:,} of "
                f"{of:,}). This can negatively affect recommendations. It is recommended that all required and optional"
                " fields are at least 70% complete.",
                count=count,
                of=of,
                examples=_row_names(data, table, np.flatnonzero(lacking)),
                todo=FILL_IN,
            )


FILL_IN = (
    "Import additional complete records, or import the data again without incomplete rows, or with missing values "
    "replaced by substitutes: the average of a numeric column, the most common value of a categorical one."
)


def incomplete_columns(data: ExaminedData) -> Iterator[Insight]:
    for table in data.tables:
        of = len(table.rows)
        shares = {each.name: int(table.filled(each.name).sum()) for each in _complete_fields(table)}
        low = {name: count for name, count in shares.items() if of and count < COMPLETE * of}
        if low:
            listed = ", ".join(f"{name} ({percent(count, of)})" for name, count in low.items())
            yield Insight(
                severity="warning",
                datasets=(table.dataset,),
                columns=tuple(low),
                what=f"The following column(s) in the {table.title} dataset are less than 70% complete: {listed}. This "
                "can negatively affect recommendations. It is recommended that all required and optional columns are "
                "at least 70% complete.",
                count=of - min(low.values()),
                of=of,
                todo=FILL_IN,
            )


def outliers(data: ExaminedData) -> Iterator[Insight]:
    for table in data.tables:
        odd: dict[str, Array] = {}
        for each in table.fields:
            if each.numeric and not each.is_time and len(values := _outlying(table.numbers(each.name))):
                odd[each.name] = values
        if odd:
            listed = ", ".join(f"{name} ({len(values):,})" for name, values in odd.items())
            yield Insight(
                severity="warning",
                datasets=(table.dataset,),
                columns=tuple(odd),
                what=f"The following numerical column(s) of the {table.title} dataset have outliers, which can "
                f"negatively impact recommendations: {listed}.",
                count=sum(map(len, odd.values())),
                of=len(table.rows),
                examples=tuple(f"{name} {value:g}" for name, values in odd.items() for value in _extremes(values)),
                todo="Check the data in these column(s) for inaccuracies, and check your data collection and data "
                "processing for issues. Resolve any inaccuracies and import the data again.",
            )


def many_categories(data: ExaminedData) -> Iterator[Insight]:
    for table in data.tables:
        many: dict[str, Longs] = {}
        for each in table.fields:
            if each.categorical and (counts := _category_counts(table, each)).astype(bool).sum() > MOST_CATEGORIES:
                many[each.name] = counts
        if many:
            sizes = {name: int((counts > 0).sum()) for name, counts in many.items()}
            listed = ", ".join(f"{name} ({count:,})" for name, count in sizes.items())
            yield Insight(
                severity="advice",
                datasets=(table.dataset,),
                columns=tuple(many),
                what=f"The following column(s) of the {table.title} dataset have more than {MOST_CATEGORIES} possible "
                f"categories, which can negatively impact recommendations: {listed}.",
                count=max(sizes.values()),
                of=MOST_CATEGORIES,
                examples=tuple(f"{name} {value!r}" for name in many for value in _rarest(table, name, many[name])),
                todo="Check your categorical data for issues, such as categories that are duplicated by variations in "
                "spelling. Resolve any inaccuracies and import the data again.",
            )


def incomplete_text(data: ExaminedData) -> Iterator[Insight]:
    for table in data.tables:
        of = len(table.rows)
        shares = {each.name: int(table.filled(each.name).sum()) for each in table.fields if each.textual}
        low = {name: count for name, count in shares.items() if of and count < TEXT_COMPLETE * of}
        if low:
            listed = ", ".join(f"{name} ({percent(count, of)})" for name, count in low.items())
            yield Insight(
                severity="warning",
                datasets=(table.dataset,),
                columns=tuple(low),
                what="The following textual metadata column(s) are less than 85% complete and will not be used in "
                f"model training at Amazon Personalize: {listed}. recgate learns from the texts that there are.",
                count=of - min(low.values()),
                of=of,
                todo="Import additional rows, or import the rows again, with text data for these column(s).",
            )


def many_event_types(data: ExaminedData) -> Iterator[Insight]:
    types = {name: count for name, count in data.type_counts.items() if name}
    if len(types) > MOST_EVENT_TYPES:
        yield Insight(
            severity="error" if data.is_strict else "warning",
            datasets=("INTERACTIONS",),
            columns=("EVENT_TYPE",),
            what=f"The Interactions dataset has {len(types):,} unique event types, more than {MOST_EVENT_TYPES}, which "
            f"will cause model training to fail at Amazon Personalize.{TRAINS_ANYWAY}",
            count=len(types),
            of=MOST_EVENT_TYPES,
            examples=tuple(f"{name} ({count:,})" for name, count in list(types.items())[: -EXAMPLES - 1 : -1]),
            todo="Check your event type column for inaccuracies, such as event types that are duplicated by variations "
            "in spelling. Remove unnecessary event types and import the data again.",
        )


def same_timestamp(data: ExaminedData) -> Iterator[Insight]:
    times = data.snapshot.times
    if len(times) > 1 and times.min() == times.max():
        yield Insight(
            severity="error",
            datasets=("INTERACTIONS",),
            columns=("TIMESTAMP",),
            what="The Interactions dataset has the same timestamp for all records. Where all records have the same "
            "timestamp, training with a USER_SEGMENTATION recipe fails at Amazon Personalize, and no model can tell "
            "what came first.",
            count=len(times),
            of=len(times),
            examples=(str(int(times[0])),),
            todo="Check your data for timestamp issues, and replace duplicated timestamps by unique ones.",
        )


# ---- how grave, and which


def _severity(data: ExaminedData, is_refused: bool) -> Severity:
    if not is_refused:
        return "advice"
    return "error" if data.is_strict else "warning"


def _trains_anyway(data: ExaminedData, is_refused: bool) -> str:
    return TRAINS_ANYWAY if is_refused and not data.is_strict else ""


def _weight(count: int, of: int) -> Severity:
    return "warning" if count >= 0.1 * of else "advice"


def _idle(table: ExaminedTable | None, counts: Longs) -> Longs:
    """The places of the records that no interaction names."""
    return np.zeros(0, np.int64) if table is None else table.rows[counts[table.rows] == 0]


def _complete_fields(table: ExaminedTable) -> list[Field]:
    """The fields that every record should have a value in."""
    return [each for each in table.fields if each.name not in OF_RECOMMENDATIONS]


def _row_names(data: ExaminedData, table: ExaminedTable, rows: Longs) -> tuple[str, ...]:
    if table.names is not None:
        return named(table.names, table.rows[rows])
    snapshot, first = data.snapshot, rows[:EXAMPLES]
    users = (snapshot.user_names[user] for user in snapshot.users[first].tolist())
    items = (snapshot.item_names[item] for item in snapshot.items[first].tolist())
    return tuple(f"user {user}, item {item}" for user, item in zip(users, items, strict=True))


def _outlying(values: Array) -> Array:
    """The values far out, on a linear and on a logarithmic scale: a long tail is no outlier. None where they are many:
    then the quartiles say little of the rest."""
    values = values.astype(np.float64)
    if len(values) < 8 or (unit := float(np.median(np.abs(values)))) == 0:
        return values[:0]
    far = np.ones(len(values), np.bool_)
    scales: tuple[Callable[[Any], Any], ...] = (lambda v: v, lambda v: np.arcsinh(v / unit))
    for scale in scales:
        scaled = scale(values)
        low, high = np.quantile(scaled, (0.25, 0.75))
        reach = FENCE * max(high - low, LEAST_SPREAD * float(scale(unit)))
        far &= (scaled < low - reach) | (scaled > high + reach)
    return np.sort(values[far]) if far.sum() <= OUTLYING_AT_MOST * len(values) else values[:0]


def _extremes(values: Array) -> list[float]:
    return [float(value) for value in dict.fromkeys((values[-1], values[0]))]


def _category_counts(table: ExaminedTable, each: Field) -> Longs:
    """(names,) the records with each category."""
    column = table.columns.get(each.name)
    if isinstance(column, Labels | Tags):
        codes = column.take(table.rows).codes
        return np.bincount(codes[codes >= 0], minlength=len(column.names))
    return np.zeros(0, np.int64)


def _rarest(table: ExaminedTable, name: str, counts: Longs) -> list[str]:
    column = table.columns[name]
    assert isinstance(column, Labels | Tags)
    used = np.flatnonzero(counts)
    return [column.names[code] for code in used[np.argsort(counts[used], kind="stable")][:EXAMPLES].tolist()]


DOCUMENTED = (
    InsightCheck("few-interactions", "Few interactions", few_interactions),
    InsightCheck("few-users", "Few users with two interactions", few_users),
    InsightCheck("items-without-interactions", "Items without interactions", items_without_interactions),
    InsightCheck("users-without-interactions", "Users without interactions", users_without_interactions),
    InsightCheck("incomplete-rows", "Rows with missing values", incomplete_rows),
    InsightCheck("incomplete-columns", "Columns less than 70% complete", incomplete_columns),
    InsightCheck("outliers", "Outliers", outliers),
    InsightCheck("many-categories", "Many categories", many_categories),
    InsightCheck("incomplete-text", "Texts less than 85% complete", incomplete_text),
    InsightCheck("many-event-types", "Many event types", many_event_types),
    InsightCheck("same-timestamp", "One timestamp for all", same_timestamp),
)
