"""Answers are traced back to who gave them, by their names alone."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable

import pytest

from engine import Question
from engine.impressions.ids import AT_ONCE, named, random_uuid, stable, tag_of
from tests.engine.shop import HOME, Shop


def test_a_name_is_a_uuid_of_forty_characters_however_it_was_made():
    for name in (named("arn:a", str(uuid.uuid4())), stable("arn:a", "model/1", "i1")):
        assert len(name) == 40 and str(uuid.UUID(name[4:])) == name[4:]


def test_names_differ_with_the_source_and_with_every_part():
    names = {stable(*parts) for parts in (("a", "m", "i"), ("b", "m", "i"), ("a", "n", "i"), ("a", "m", "j"))}
    assert len(names) == 4 and len({tag_of(name) for name in names}) == 2


UUID = uuid.UUID("1cf20696-558d-4caa-8f95-2f5074c9726d")


@pytest.mark.parametrize("name", ["", "RID-1", "RID-" + "z" * 36, str(UUID), f"RID-{UUID}\n"])
def test_what_is_no_name_has_no_tag(name: str):
    assert tag_of(name) is None


def source_of(shop: Shop, name: str) -> str | None:
    """The ARN of the campaign that a process says has given the answer."""
    tag = tag_of(name)
    if tag is None:
        return None
    if tag not in shop.engine.directory.sources():
        shop.engine.feed.catch_up()
    return shop.engine.directory.sources().get(tag)


@pytest.fixture
def two(open_shop: Callable[..., Shop]) -> tuple[Shop, Shop]:
    """Two processes' views of one shop."""
    shop = open_shop().furnish()
    shop.load_clicks("u i1 1", "u i2 2")
    return shop, open_shop()


def test_every_process_knows_who_answered_also_after_a_restart(two: tuple[Shop, Shop], open_shop: Callable[..., Shop]):
    one, other = two
    version = one.train()
    campaigns = [one.deploy(version, name) for name in ("home", "cart")]
    one.engine.feed.catch_up()
    for stable_id in (True, False):
        answers = [one.engine.answers.recommend(Question(campaign=each, stable_id=stable_id)) for each in campaigns]
        for shop in (other, one, open_shop()):
            assert [source_of(shop, answer.recommendation_id) for answer in answers] == campaigns
    with other.engine.follower._applying:  # it hears of nothing meanwhile
        one.do("DeleteCampaign", campaignArn=campaigns[0])
        assert source_of(other, answers[0].recommendation_id) == campaigns[0]
    other.engine.feed.catch_up()
    assert [source_of(other, answer.recommendation_id) for answer in answers] == [None, campaigns[1]]


def test_nobody_gave_an_answer_of_another_name(two: tuple[Shop, Shop]):
    for name in ("RID-1", f"RID-{uuid.uuid4()}", named(f"{HOME}campaign/never", str(uuid.uuid4()))):
        assert source_of(two[0], name) is None


def test_random_ids_are_uuids_and_no_process_has_another_ones():
    ids = [random_uuid() for _ in range(AT_ONCE + 1)]  # which leaves some of the next
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(each)) == each and uuid.UUID(each).version == 4 for each in ids)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, random_uuid().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 36).decode() != random_uuid()
    os.close(read)
    os.close(write)
