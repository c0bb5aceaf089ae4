"""Fatigue: what rests is what the rule says, over processes and restarts; and resting pays where users tire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine import Question, Unavailable
from engine.impressions.showings import FRESH_S, TIDY_S, Audience, Showings, forget_shown
from engine.question import Fatigue
from engine.rank.fatigue import tired_of
from engine.storage.sql import Database, sqlite_url
from engine.storage.tables import shown_items
from tests.engine.shop import Shop

ANN = Audience("g", "ann", "arn:campaign/home")
RULE = Fatigue(shown=3, within="100s", rest="50s")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def two_processes(folder: Path) -> Iterator[tuple[Clock, Showings, Showings, Database]]:
    clock, database = Clock(), Database(sqlite_url(folder))
    yield clock, Showings(database, clock), Showings(database, clock), database
    database.close()


def slow_rest(shown: list[int], touched: list[int], rule: Fatigue, now: int) -> bool:
    """As the rule is written: so many showings after the last event, within a time, and the rest is not over."""
    since = [at for at in shown if at > max(touched, default=-1)]
    last = since[-rule.shown :]
    return len(last) == rule.shown and last[-1] - last[0] <= rule.within_s and now < last[-1] + rule.rest_s


@pytest.mark.parametrize("seed", range(15))
def test_what_rests_is_what_the_rule_says(seed: int, tmp_path: Path):
    draw = np.random.default_rng(seed)
    within, rest = (f"{draw.integers(1, 60)}s" for _ in range(2))
    rule = Fatigue(shown=int(draw.integers(1, 5)), within=within, rest=rest)
    items = [f"i{n}" for n in range(6)]
    shown: dict[str, list[int]] = {item: [] for item in items}
    touched: dict[str, list[int]] = {item: [] for item in items}
    with two_processes(tmp_path) as (clock, *processes, _):
        for _ in range(60):
            clock.now += float(draw.integers(0, 8))
            if draw.random() < 0.15:
                touched[str(draw.choice(items))].append(int(clock.now))
                continue
            names = [str(name) for name in draw.choice(items, draw.integers(1, 5), replace=False)]
            process = processes[draw.integers(2)]
            process.times(ANN)
            process.note(ANN, names, rule)
            for name in names:
                shown[name].append(int(clock.now))
            if draw.random() < 0.8:
                process.flush()
            else:
                for each in processes:
                    each.flush()
        for each in processes:
            each.flush()
        clock.now += FRESH_S
        last = {item: times[-1] for item, times in touched.items() if times}
        expected = tuple(item for item in items if slow_rest(shown[item], touched[item], rule, int(clock.now)))
        for process in processes:
            assert tired_of(process.times(ANN), lambda names: last, rule, clock.now) == expected


def test_a_process_sees_its_own_at_once_and_others_within_a_second(tmp_path: Path):
    with two_processes(tmp_path) as (clock, one, other, _):
        assert not one.is_at_hand(ANN) and one.times(ANN) == other.times(ANN) == {}
        one.note(ANN, ("a", "b", "a"), RULE)
        assert one.times(ANN) == {"a": (1000,), "b": (1000,)} and other.times(ANN) == {}
        one.flush()
        clock.now += FRESH_S
        assert not other.is_at_hand(ANN)
        assert other.times(ANN) == {"a": (1000,), "b": (1000,)}


def test_only_as_many_times_are_kept_as_the_rule_looks_at(tmp_path: Path):
    with two_processes(tmp_path) as (clock, one, other, _):
        for _ in range(5):
            one.note(ANN, ("a",), RULE)
            clock.now += 1
        one.flush()
        assert other.times(ANN) == {"a": (1002, 1003, 1004)}
        clock.now += 200
        one.note(ANN, ("b",), RULE)
        one.flush()
        clock.now += FRESH_S
        assert list(other.times(ANN)) == ["b"]  # nobody looks back to the others


def test_users_and_campaigns_are_counted_apart_and_deleted(tmp_path: Path):
    with two_processes(tmp_path) as (clock, one, _, database):
        bob, other = ANN._replace(user="bob"), ANN._replace(source="arn:campaign/other")
        for audience in (ANN, bob, other):
            one.note(audience, (audience.user,), RULE)
        one.flush()
        assert one.times(other) == {"ann": (1000,)}
        with database.write() as within:
            forget_shown(within, "g", ["ann"])
        one.forget("g")
        assert one.times(ANN) == one.times(other) == {} and one.times(bob) == {"bob": (1000,)}
        with database.write() as within:
            forget_shown(within, "g")
        clock.now += FRESH_S
        assert one.times(bob) == {}


def test_what_no_rule_looks_back_to_is_deleted_by_those_who_show(tmp_path: Path):
    with two_processes(tmp_path) as (clock, one, other, _):
        one.note(ANN, ("a",), RULE)
        one.note(ANN._replace(user="bob"), ("a",), Fatigue(shown=3, within="7d"))
        one.flush()
        of_a_job = Database(sqlite_url(tmp_path), only_read=True)  # whose writes another process does
        jobs = Showings(of_a_job, clock)
        clock.now += TIDY_S
        jobs.close()
        of_a_job.close()
        assert set(one.times(ANN)) == {"a"}
        other.tidy()
        one.forget("g")
        assert one.times(ANN) == {} and set(one.times(ANN._replace(user="bob"))) == {"a"}


def test_answers_go_on_while_the_database_is_down(tmp_path: Path):
    with two_processes(tmp_path) as (clock, one, other, database):
        one.times(ANN)
        one.note(ANN, ("a",), RULE)
        one.flush()
        with database.write() as within:
            shown_items.drop(within)
        clock.now += FRESH_S
        assert one.times(ANN) == {"a": (1000,)} and other.times(ANN) == {}
        one.note(ANN, ("a",), RULE)
        with pytest.raises(Unavailable):
            one.flush()
        assert one.times(ANN) == {"a": (1000, 1001)} and one.lost == 1


# ---- a known truth: users who tire

VISITS, PLACES, PEOPLE, GOODS = 15, 4, 12, 30


def clicks_of(shop: Shop, campaign: str, seed: int) -> int:
    """Clicks of users each of whom likes a few goods they have not met; a good ignored before is half as likely to be
    clicked every time."""
    draw, clicks = np.random.default_rng(seed), 0
    for person in range(PEOPLE):
        user = f"{campaign}-{seed}-{person}"
        appeal = draw.uniform(0, 0.5, GOODS) * (draw.random(GOODS) < 0.4)
        ignored = np.zeros(GOODS)
        for visit in range(VISITS):
            shop.clock.now += 3600
            for item in asked(shop, campaign, user):
                good = int(item[1:])
                if draw.random() < appeal[good] * 0.5 ** ignored[good]:
                    clicks += 1
                    shop.click(
                        f"{campaign}-{seed}-{person}", item, shop.clock.now - 1_700_000_000, session=f"{person}-{visit}"
                    )
                ignored[good] += 1
    return clicks


def asked(shop: Shop, campaign: str, user: str) -> tuple[str, ...]:
    return shop.engine.answers.recommend(Question(campaign=campaign, user=user, num_results=PLACES)).items


def test_fatigue_earns_clicks_where_users_tire(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} g{good} {user}" for user in range(40) for good in range(GOODS) if user % 40 >= good))
    version = shop.train()
    shop.do("CreateCampaign", name="plain", solutionVersionArn=version)
    rule = {"tagKey": "recgate:fatigue", "tagValue": '{"shown": 2, "within": "3d", "rest": "2d"}'}
    shop.do("CreateCampaign", name="resting", solutionVersionArn=version, tags=[rule])
    shop.engine.feed.catch_up()
    plain, resting = (sum(clicks_of(shop, name, seed) for seed in range(2)) for name in ("plain", "resting"))
    assert resting > 1.5 * plain


def test_a_deletion_job_deletes_what_its_users_were_shown(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} g{good} {user}" for user in range(6) for good in range(user)))
    rule = {"tagKey": "recgate:fatigue", "tagValue": '{"shown": 1}'}
    campaign = shop.do("CreateCampaign", name="home", solutionVersionArn=shop.train(), tags=[rule])["campaignArn"]
    shop.engine.feed.catch_up()
    assert [asked(shop, campaign, "ann")[0] for _ in range(2)] == [asked(shop, campaign, "bob")[0], "g4"]
    shop.engine.showings.flush()
    (shop.folder / "users.csv").write_text("USER_ID\nann")
    source = {"dataLocation": f"file://{shop.folder}/users.csv"}
    role = "arn:aws:iam::000000000000:role/r"
    shop.do("CreateDataDeletionJob", jobName="d", datasetGroupArn=shop.group, dataSource=source, roleArn=role)
    shop.work()
    assert asked(shop, campaign, "ann")[0] == "g0" and asked(shop, campaign, "bob")[0] != "g0"
