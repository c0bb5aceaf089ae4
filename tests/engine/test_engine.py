"""The whole engine over one data directory: what one process acknowledged, another answers with; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from engine import Change, EngineError, Event, InvalidInput, NotFound, Question, Unavailable
from tests.engine.shop import HOME, T0, Shop

Open = Callable[..., Shop]

CLICKS = ("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")  # a is the most popular, then b, then c


@pytest.fixture
def popular(shop: Shop) -> Shop:
    """Imported, trained and deployed."""
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    shop.engine.feed.catch_up()
    return shop


def beside(first: Shop, open_shop: Open) -> Shop:
    """Another process's engine, which does not follow by itself: the test says when."""
    second = open_shop()
    second.tracking = first.tracking
    second.engine.follower.close()
    return second


# ---- one engine


def test_imports_trains_and_answers(popular: Shop):
    assert popular.ask("u1", num_results=3) == ["a", "b", "c"]
    assert popular.history("u3") == ["a", "b", "c"]


def test_many_questions_are_answered_as_each_alone(popular: Shop):
    """Whatever they ask for, and whoever among them asks for what there is not."""
    popular.clock.now, popular.clock.step = T0 + 60.0, 0.0
    touched = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    asked = [
        Question(campaign="home", user="u1", stable_id=True),
        Question(campaign="elsewhere", user="u1"),
        Question(campaign="home", user="u2", num_results=1, expression=touched, stable_id=True),
        Question(campaign="home", filter="nobody's"),
        Question(campaign="home", candidates=("a",), user="u1"),
        Question(campaign="home", stable_id=True),
        Question(campaign="home", of="actions", user="u1"),
        Question(campaign="home", expression="EXCLUDE ItemID WHERE Items.PRICE > $MOST", stable_id=True),
        Question(campaign="home", user="u1", cohort="c9", stable_id=True),
    ]
    together = popular.engine.answers.recommend_many(asked)
    for question, found in zip(asked, together, strict=True):
        if isinstance(found, EngineError):
            with pytest.raises(type(found)) as alone:
                popular.engine.answers.recommend(question)
            assert str(alone.value) == str(found)
        else:
            assert popular.engine.answers.recommend(question) == found
    assert [isinstance(each, EngineError) for each in together] == [0, 1, 0, 1, 1, 0, 1, 0, 1]
    shown = [each.name for each in popular.engine.shown.all()]
    assert shown[:4] == shown[4:] == [each.recommendation_id for each in together if not isinstance(each, EngineError)]


def test_an_event_is_in_the_next_answer(popular: Shop):
    popular.click("u9", "a")
    touched = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("CLICK")'
    assert popular.ask("u9", expression=touched) == ["b", "c"]


def test_who_is_known_may_have_answers_of_their_own(popular: Shop):
    """By an interaction, or by a row of Users; others can share one."""
    knows = partial(popular.engine.answers.knows, popular.uid)
    assert knows("u1") and not knows("u9") and not knows("u10")
    popular.engine.feed.put_rows(popular.dataset("USERS"), "USERS", [("u9", {"tier": "gold"})]).result(30)
    popular.click(None, "a", session="s10")
    popular.engine.feed.catch_up()
    assert knows("u9") and knows("s10") and not knows("u10")


def test_an_answer_says_what_it_has_seen_and_who_made_it(popular: Shop):
    seq = popular.click("u9", "a")
    answer = popular.engine.answers.recommend(Question(campaign="home", user="u9"))
    assert answer.as_of >= seq
    assert answer.model.startswith("popular/")
    assert answer.recommendation_id.startswith("RID-")


def test_a_question_to_nobody(popular: Shop):
    with pytest.raises(NotFound, match="Deployed campaigns: home"):
        popular.engine.answers.recommend(Question(campaign="nowhere", user="u1"))


def test_history_is_in_order_of_time_and_ties_in_order_of_arrival(popular: Shop):
    for item, second in (("late", 30), ("early", 0), ("tie1", 2), ("tie2", 2)):
        popular.click("u1", item, second)
    expected = ["early", "a", "b", "tie1", "tie2", "late"]
    assert popular.history("u1") == expected
    popular.fold()
    assert popular.history("u1") == expected


# ---- duplicates and bad batches


def test_an_event_sent_twice_is_stored_once(shop: Shop):
    for _ in range(2):
        shop.click("u", "a", 1)
        shop.click("u", "b", 2, event_id="e1")
    shop.click("u", "other", 3, event_id="e1")  # later copies of an id don't count, whatever they say
    assert shop.history("u") == ["a", "b"]


def test_properties_make_events_differ_their_order_does_not(shop: Shop):
    shop.click("u", "a", 1, properties={"device": "tv", "shelf": "top"})
    shop.click("u", "a", 1, properties={"shelf": "top", "device": "tv"})
    shop.click("u", "a", 1, properties={"shelf": "low", "device": "tv"})
    assert shop.history("u") == ["a", "a"]
    shop.fold()
    assert shop.history("u") == ["a", "a"]


def test_nothing_is_stored_of_a_bad_batch(shop: Shop):
    good = Event(event_type="click", sent_at=T0, item_id="a")
    for bad in (
        Event(event_type="click", sent_at=T0 * 1000.0, item_id="b"),
        Event(event_type="click", sent_at=T0, item_id="b", properties={"colour": "red"}),
        Event(event_type="click", sent_at=float("nan"), item_id="b"),
    ):
        with pytest.raises(InvalidInput):
            shop.engine.feed.put_events(shop.tracking, "s", "u", [good, bad])
    with pytest.raises(InvalidInput, match="millisecond"):
        shop.engine.feed.put_events(
            shop.tracking, "s", "u", [Event(event_type="click", sent_at=T0 * 1000.0, item_id="b")]
        )
    assert shop.engine.log.read(0, group=shop.uid) == []


# ---- sessions


def test_a_session_belongs_to_its_user_at_once_and_after_folds(shop: Shop):
    shop.click(None, "a", 1, session="s1")
    assert shop.history("s1") == ["a"]
    assert shop.history("u") == []
    shop.click("u", "b", 2, session="s1")
    assert shop.history("u") == ["a", "b"] == shop.history("s1")
    shop.click(None, "c", 3, session="s1")  # logged out again, in the same session
    for _ in range(2):
        assert shop.history("u") == ["a", "b", "c"] == shop.history("s1")
        shop.fold()


def test_an_event_without_an_item_links_too(shop: Shop):
    shop.click(None, "a", 1, session="s1")
    shop.fold()
    shop.click("u", None, 2, session="s1")
    assert shop.history("u") == ["a"]
    shop.fold()
    snapshot = shop.engine.follower.group(shop.uid).stored.snapshot
    assert snapshot.indptr[snapshot.user_names.index("u") + 1] == 1  # training sees it as the user's


def test_changes_name_the_user_a_session_belongs_to(shop: Shop):
    heard: list[Change] = []
    shop.click("u", "a", 1, session="s1")
    shop.engine.feed.subscribe(heard.extend)
    shop.click(None, "b", 2, session="s1")
    assert [change.key for change in heard] == ["u", "s1"]


# ---- imports


def test_a_full_import_replaces_bulk_data_and_keeps_what_was_streamed(popular: Shop):
    popular.click("u1", "streamed", 9)
    popular.load_clicks("u1 z 1")
    assert popular.history("u1") == ["z", "streamed"]
    assert popular.history("u3") == []
    popular.load_clicks("u1 y 1")
    assert popular.history("u1") == ["y", "streamed"]


def test_an_incremental_import_adds(popular: Shop):
    assert popular.load_clicks("u1 a 1", "u1 z 7", mode="INCREMENTAL")["status"] == "ACTIVE"
    assert popular.history("u1") == ["a", "b", "z"]  # what was there already counts once


def test_who_imports_what_was_streamed_counts_it_once(popular: Shop):
    popular.click("u1", "z", 9)
    popular.load_clicks(*CLICKS, "u1 z 9")
    assert popular.history("u1") == ["a", "b", "z"]


def test_a_bad_import_changes_nothing(popular: Shop):
    job = popular.load_clicks(*CLICKS[:1], "u1 b 170000000000")
    assert job["status"] == "CREATE FAILED"
    assert "millisecond" in job["failureReason"]
    assert popular.history("u1") == ["a", "b"]


def test_rows_that_were_put_outlive_full_imports(shop: Shop):
    header = "ITEM_ID,GENRES,YEAR,PRICE"
    shop.put("a", genres="put", year=2001)
    shop.load("ITEMS", [header, "a,bulk,1990,1", "b,bulk,1991,2"])
    assert shop.row("a") == {"GENRES": "put", "YEAR": 2001}
    assert shop.row("b") == {"GENRES": "bulk", "YEAR": 1991, "PRICE": 2.0}
    shop.load("ITEMS", [header, "c,bulk,1992,3"])
    assert (shop.row("a"), shop.row("b")) == ({"GENRES": "put", "YEAR": 2001}, None)
    shop.load("ITEMS", [header, "a,more,1993,4"], "INCREMENTAL")
    assert shop.row("a") == {"GENRES": "more", "YEAR": 1993, "PRICE": 4.0}
    shop.load("ITEMS", [header, "c,bulk,1994,5"])  # a's row has been a bulk row since
    assert (shop.row("a"), shop.row("c")) == (None, {"GENRES": "bulk", "YEAR": 1994, "PRICE": 5.0})


def test_an_incremental_import_replaces_what_was_put_before_it_wherever_the_snapshot_was(shop: Shop):
    header = "ITEM_ID,GENRES,YEAR,PRICE"
    shop.load("ITEMS", [header, "x,bulk,1990,1"])
    shop.put("a", genres="put")
    shop.load("ITEMS", [header, "a,imported,1990,1"], "INCREMENTAL")
    assert shop.row("a") == {"GENRES": "imported", "YEAR": 1990, "PRICE": 1.0}


def test_metadata_is_as_the_schema_types_it_before_and_after_a_fold(popular: Shop):
    popular.put("a", genres=["Drama", "War"], year=1999, price=2.5)
    shown = {"genres": "Drama|War", "year": 1999, "price": 2.5}
    for _ in range(2):
        metadata = popular.engine.answers.metadata("home", ["a", "nowhere"])
        assert metadata == [shown, None]
        assert type(metadata[0]["year"]) is int
        popular.fold()
    assert popular.engine.answers.metadata("home", ["a"], ["year"]) == [{"year": 1999}]


def test_ids_stay_over_snapshots(popular: Shop):
    group = popular.engine.follower.group(popular.uid)
    items, users = list(group.items.frozen()), list(group.users.frozen())
    popular.click("new user", "new item")
    popular.load_clicks("other z 1")
    popular.fold()
    group = popular.engine.follower.group(popular.uid)
    assert list(group.items.frozen())[: len(items)] == items
    assert list(group.users.frozen())[: len(users)] == users
    assert popular.ask("u1", num_results=3) == ["a", "b", "c"]  # the model's arrays still mean the same items


# ---- two engines


def test_an_acknowledged_event_of_one_is_behind_then_seen_in_the_other(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    assert not other.engine.answers.behind("home", "u1")
    popular.engine.feed.put_events(
        popular.tracking, "s", "u1", [Event(event_type="click", sent_at=T0 + 9, item_id="z")]
    ).result(30)
    assert other.engine.answers.behind("home", "u1")
    assert not other.engine.answers.behind("home", "u2")
    assert other.history("u1") == ["a", "b"]
    other.engine.feed.catch_up()
    assert not other.engine.answers.behind("home", "u1")
    assert other.history("u1") == ["a", "b", "z"]


def test_the_first_answer_after_a_deployment_is_of_the_new_model(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    other.engine.follower.close()  # it hears of nothing by itself
    assert other.ask("u1", num_results=2) == ["a", "b"]
    popular.load_clicks("u1 c 1", "u2 c 2", "u3 c 3", "u1 d 4", "u2 d 5")
    version = popular.train()
    other.engine.feed.catch_up()
    assert other.engine.feed.is_current() and not other.engine.answers.behind("home", None)
    popular.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=version)
    assert other.engine.answers.behind("home", None) and other.engine.answers.behind("home", "u1")
    assert not other.engine.feed.is_current() and not other.engine.feed.is_current(popular.uid, "u1")
    assert other.ask("u1", num_results=2) == ["c", "d"]
    assert other.engine.feed.is_current() and not other.engine.answers.behind("home", None)


def test_an_anonymous_event_of_a_linked_session_makes_the_user_behind(popular: Shop, open_shop: Open):
    popular.click("u1", "x", 8, session="s1")
    other = beside(popular, open_shop)
    popular.click(None, "z", 9, session="s1")
    assert other.engine.answers.behind("home", "u1")
    assert other.engine.answers.behind("home", "s1")


def test_listeners_have_heard_when_catch_up_returns(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    heard: list[tuple[str, str]] = []
    other.engine.feed.subscribe(lambda changes: heard.extend((change.kind, change.key) for change in changes))
    popular.click("u1", "z", 9)
    popular.put("z", year=1)
    other.engine.feed.catch_up()
    assert heard == [("event", "u1"), ("event", "s"), ("item", "z")]


def test_deployments_and_their_swaps_are_followed(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    assert other.ask("u1", num_results=3) == ["a", "b", "c"]
    popular.load_clicks("u1 c 1", "u2 c 2", "u3 c 3", "u1 d 4", "u2 d 5")
    popular.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=popular.train())
    other.engine.feed.catch_up()
    assert other.ask("u1", num_results=2) == ["c", "d"]
    popular.do("CreateCampaign", name="second", solutionVersionArn=popular.train())
    assert other.engine.answers.recommend(Question(campaign="second")).items[0] == "c"  # looked for once more
    popular.do("DeleteCampaign", campaignArn=f"{HOME}campaign/home")
    other.engine.feed.catch_up()
    with pytest.raises(NotFound):
        other.ask("u1")


def test_a_campaign_answers_when_it_is_active(popular: Shop, open_shop: Open):
    slow = open_shop(pending_s=10.0)
    slow.clock.now = popular.clock.now
    with pytest.raises(NotFound, match="campaign/home is not ACTIVE, it is in CREATE PENDING state"):
        slow.ask("u1")
    slow.clock.now += 30
    assert slow.ask("u1", num_results=1) == ["a"]


def test_a_deleted_campaign_is_not_found_though_it_still_shows(open_shop: Open):
    shop = open_shop(pending_s=0.0).furnish()
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    slow = open_shop(pending_s=1e9)
    slow.clock.now = shop.clock.now + 2e9
    slow.do("DeleteCampaign", campaignArn=f"{HOME}campaign/home")
    slow.engine.feed.catch_up()
    assert slow.do("DescribeCampaign", campaignArn=f"{HOME}campaign/home")["campaign"]["status"] == "DELETE PENDING"
    with pytest.raises(NotFound):
        slow.ask("u1")


def test_an_import_in_one_process_is_seen_in_the_other_with_every_event_once(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    for number in range(20):
        popular.click("busy", f"i{number}", number)
        if number % 5 == 4:
            popular.load_clicks("u1 a 1", f"u2 b{number} 2") if number % 2 else popular.fold()
        if number % 7 == 6:
            other.engine.feed.catch_up()
    other.engine.feed.catch_up()
    late = open_shop()
    expected = [f"i{number}" for number in range(20)]
    assert popular.history("busy") == other.history("busy") == late.history("busy") == expected
    assert other.history("u2") == late.history("u2") == ["b19"]


def test_an_engine_opened_again_has_everything(popular: Shop, open_shop: Open):
    popular.click("u1", "z", 9, session="s1")
    popular.put("z", year=5)
    popular.close()
    again = open_shop()
    assert again.history("u1") == ["a", "b", "z"]
    assert again.row("z") == {"YEAR": 5}
    assert again.ask("u1", num_results=1) == ["a"]


def test_a_group_made_and_filled_meanwhile_is_followed_from_its_first_event(open_shop: Open):
    first = open_shop()
    second = open_shop()
    second.engine.follower.close()
    first.furnish()
    first.click("u", "a", 1)
    second.engine.follower.applied = first.engine.log.last()  # as if it opened between the listing and the reading
    assert second.history("u") == ["a"]


def test_a_model_never_answers_over_data_older_than_its_own(popular: Shop, open_shop: Open):
    other = beside(popular, open_shop)
    popular.load_clicks("u1 c 1", "u2 c 2", "u1 d 4")
    popular.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=popular.train())
    other.engine.deployments.reload(f"{HOME}campaign/home")  # the model is there before the log has been read
    assert other.ask("u1", num_results=2) == ["c", "d"]


def test_without_its_data_a_model_answers_unavailable(popular: Shop, open_shop: Open, tmp_path: Path):
    popular.close()
    for folder in (tmp_path / "data" / "groups").glob("*/*"):
        (folder / "about.json").unlink()
    again = open_shop()
    with pytest.raises(Unavailable):
        again.ask("u1")


def test_trends_go_on_over_a_fold(shop: Shop):
    shop.load_clicks(*(f"u{n} old {n}" for n in range(5)))
    shop.deploy(shop.train("trending", "arn:aws:personalize:::recipe/aws-trending-now"))
    shop.engine.feed.catch_up()
    for n in range(4):
        shop.click(f"v{n}", "new", 8000 + n)
    before = shop.ask(num_results=2)
    shop.fold()
    assert shop.ask(num_results=2) == before == ["new", "old"]


# ---- deletion


def test_a_deleted_dataset_takes_its_data_with_it_at_once(popular: Shop, open_shop: Open):
    popular.put("a", year=1)
    popular.click("u1", "z", 9)
    other = beside(popular, open_shop)
    popular.do("DeleteDataset", datasetArn=popular.dataset("INTERACTIONS"))
    popular.do("DeleteDataset", datasetArn=popular.dataset("ITEMS"))
    for shop in (popular, other):
        shop.engine.feed.catch_up()
        assert (shop.history("u1"), shop.row("a")) == ([], None)
    popular.work()
    other.engine.feed.catch_up()
    late = open_shop()
    for shop in (popular, other, late):
        assert (shop.history("u1"), shop.history("u3"), shop.row("a")) == ([], [], None)
    kinds = {record.kind for record in popular.engine.log.read(0, group=popular.uid)}
    assert not kinds & {"event", "item"}


def test_a_dataset_made_again_starts_anew_whenever_the_old_one_is_cleared_away(popular: Shop):
    popular.click("u1", "z", 9)
    popular.do("DeleteDataset", datasetArn=popular.dataset("INTERACTIONS"))
    popular.add_dataset("INTERACTIONS")
    popular.engine.feed.catch_up()
    popular.click("u1", "z", 9)  # the same event as before, to a new dataset
    assert popular.history("u1") == ["z"]
    popular.work()
    assert popular.history("u1") == ["z"]


def test_nothing_is_left_of_a_deleted_group(popular: Shop, open_shop: Open, tmp_path: Path):
    popular.click("u1", "z", 9)
    other, uid, data = beside(popular, open_shop), popular.uid, tmp_path / "data"
    for kind in ("INTERACTIONS", "ITEMS", "USERS"):
        popular.do("DeleteDataset", datasetArn=popular.dataset(kind))
    popular.do("DeleteCampaign", campaignArn=f"{HOME}campaign/home")
    popular.do("DeleteSolution", solutionArn=f"{HOME}solution/popular")
    tracker = popular.do("ListEventTrackers", datasetGroupArn=popular.group)["eventTrackers"][0]
    popular.do("DeleteEventTracker", eventTrackerArn=tracker["eventTrackerArn"])
    popular.do("DeleteDatasetGroup", datasetGroupArn=popular.group)
    popular.work()
    assert popular.engine.log.groups() == []
    assert not (data / "groups" / uid).exists() and not (data / "models" / uid).exists()
    other.engine.feed.catch_up()
    assert len(other.engine.follower.group(uid).items) == 0
    popular.furnish()
    popular.click("u1", "y", 1)
    assert popular.history("u1") == ["y"]
