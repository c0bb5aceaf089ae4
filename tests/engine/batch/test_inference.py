"""What batch inference answers: every recipe type's format, filters, bad lines, many files; and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import InUse, InvalidInput, Question
from engine.records import BatchInferenceJobRecord
from tests.engine.action_world import load_deeds, with_actions
from tests.engine.batch.world import USERS, Batches
from tests.engine.shop import HOME

V2, V1 = "aws-user-personalization-v2", "aws-user-personalization"
RANKING, POPULAR, SIMS = "aws-personalized-ranking", "aws-popularity-count", "aws-sims"
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
FORMATS: list[tuple[str, dict[str, Any], set[str]]] = [
    (V1, {"userId": "u2"}, {"recommendedItems", "scores"}),
    (V2, {"userId": "u2"}, {"recommendedItems", "scores", "reasons"}),
    (V2, {"userId": "nobody"}, {"recommendedItems", "scores", "reasons"}),
    (POPULAR, {"userId": "u2"}, {"recommendedItems"}),
    (RANKING, {"userId": "u2", "itemList": ["i3", "i2", "unknown"]}, {"recommendedItems", "scores"}),
    ("aws-personalized-ranking-v2", {"userId": "u2", "itemList": ["i3"]}, {"recommendedItems", "scores", "reasons"}),
    (SIMS, {"itemId": "i4"}, {"recommendedItems"}),
    ("aws-similar-items", {"itemId": "i4"}, {"recommendedItems"}),
]


@pytest.mark.parametrize(("recipe", "line", "members"), FORMATS)
def test_formats(batches: Batches, recipe: str, line: dict[str, Any], members: set[str]):
    """Every member of the format, and what a campaign on the same version answers."""
    (answer,) = batches.answers(recipe, line, numResults=3)
    assert list(answer) == ["input", "output", "error"] and answer["input"] == line and answer["error"] is None
    output = answer["output"]
    assert output.keys() == members and 1 <= len(output["recommendedItems"]) <= 3
    campaign = batches.deploy(batches.version(recipe), f"like-{answer['input'].get('userId', 'item')}-{recipe}"[:60])
    batches.engine.feed.catch_up()
    asked = Question(
        campaign=campaign,
        user=line.get("userId"),
        item=line.get("itemId"),
        candidates=tuple(line["itemList"]) if "itemList" in line else None,
        num_results=3,
    )
    ranked = batches.engine.answers.recommend(asked)
    assert tuple(output["recommendedItems"]) == ranked.items
    if "scores" in members:
        assert tuple(output["scores"]) == ranked.scores
        assert all(score is None or round(score, 7) == score for score in output["scores"])
    if "reasons" in members:
        assert len(output["reasons"]) == len(ranked.items)
        assert output["reasons"] == [["Popular item"] if line["userId"] == "nobody" else []] * len(ranked.items)


def test_25_results_unless_told(batches: Batches):
    job, _ = batches.infer(POPULAR, {"a.json": '{"userId":"u1"}'})
    assert job["numResults"] == 25
    (answer,) = batches.answers(POPULAR, {"userId": "u1"})
    assert len(answer["output"]["recommendedItems"]) == 12  # the whole catalogue


BAD = [  # a line, what its error says, and how it is echoed (None: as it is)
    ("not json", "malformed", "not json"),
    ('{"userId": "u1"', "truncated", '{"userId": "u1"'),
    ('{"userid": "u1"}', "userId", None),
    ('{"userId": 5}', "$.userId", None),
    ('{"userId": ""}', "$.userId", None),
    ('["u1"]', "object", None),
    ('{"userId": "u1", "filterValues": {"a-b": "1"}}', "$.filterValues", None),
    ('{"userId": "u1", "x": "\udcff"}', "utf-8", '{"userId": "u1", "x": "\ufffd"}'),
    ("[" * 3000, "object", "[" * 3000),
]


def test_bad_lines_become_errors_and_the_job_goes_on(batches: Batches):
    text = "\ufeff" + "\n".join(['{"userId":"u1"}', *(line for line, _, _ in BAD), "", '{"userId":"u2"}'])
    job, out = batches.infer(POPULAR, {"mixed.json": text})
    first, *bad, last = [json.loads(line) for line in (out / "mixed.json.out").read_text().splitlines()]
    assert first["output"]["recommendedItems"] and last["input"] == {"userId": "u2"} and last["error"] is None
    for answer, (line, says, echo) in zip(bad, BAD, strict=True):
        assert says in answer["error"] and list(answer) == ["input", "error"]
        assert answer["input"] == (json.loads(line) if echo is None else echo)
    record = batches.engine.records.get(job["batchInferenceJobArn"], BatchInferenceJobRecord)
    assert record.report == {"lines": len(BAD) + 2, "errors": len(BAD)}
    assert batches.engine.jobs.newest(1)[0].message == "11 lines, 9 errors"


@pytest.mark.parametrize(
    ("recipe", "line", "says"),
    [
        (RANKING, {"userId": "u1"}, "itemList"),
        (RANKING, {"userId": "u1", "itemList": []}, "$.itemList"),
        (RANKING, {"userId": "u1", "itemList": ["i1"] * 501}, "$.itemList"),
        (RANKING, {"itemList": ["i1"]}, "userId"),
        (SIMS, {"userId": "u1"}, "itemId"),
        (POPULAR, {}, "userId"),
    ],
)
def test_what_a_line_needs(batches: Batches, recipe: str, line: dict[str, Any], says: str):
    (answer,) = batches.answers(recipe, line)
    assert says in answer["error"] and list(answer) == ["input", "error"]


def test_every_file_of_a_folder(batches: Batches):
    files = {f"{name}.json": f'{{"userId":"{name}"}}\n' for name in ("u1", "u2", "u3")}
    job, out = batches.infer(POPULAR, {**files, "_SUCCESS": "", "empty.json": ""})
    assert job["status"] == "ACTIVE"
    assert sorted(path.name for path in out.iterdir()) == ["empty.json.out", *(f"{name}.out" for name in files)]
    assert json.loads((out / "u2.json.out").read_text())["input"] == {"userId": "u2"}
    assert (out / "empty.json.out").read_text() == ""


def test_more_files_than_allowed_fail_the_job(batches: Batches):
    job, out = batches.infer(POPULAR, {f"{n}.json": "" for n in range(1001)})
    assert job["status"] == "CREATE FAILED" and not out.exists()
    assert job["failureReason"].startswith("Invalid S3 input path") and "at most 1,000" in job["failureReason"]


def test_filters_with_the_values_of_each_line(batches: Batches):
    by_genre = batches.filter("by-genre", "INCLUDE ItemID WHERE Items.GENRES IN ($G)")
    odd, none, comma = batches.answers(
        POPULAR,
        {"userId": "u1", "filterValues": {"G": '"odd"'}},
        {"userId": "u1"},
        {"userId": "u1", "filterValues": {"G": '"odd","even"'}},
        filterArn=by_genre,
    )
    assert set(odd["output"]["recommendedItems"]) == {f"i{n}" for n in range(1, 12, 2)}
    assert none["error"] == "filterValues: the filter's parameter G has no value."
    assert len(comma["output"]["recommendedItems"]) == 12


def test_filters_on_what_the_user_did(batches: Batches):
    unseen = batches.filter("unseen", UNSEEN)
    (answer,) = batches.answers(V2, {"userId": "u2"}, filterArn=unseen)
    assert not {"i4", "i6", "i8", "i0"} & set(answer["output"]["recommendedItems"])
    related, of_user = batches.answers(SIMS, {"itemId": "i4"}, {"itemId": "i4", "userId": "u2"}, filterArn=unseen)
    assert "userId is required" in related["error"] and "i6" not in of_user["output"]["recommendedItems"]


def test_streamed_events_count(batches: Batches):
    for second in range(3):
        batches.click("fresh", f"i{2 * second}", 50_000 + second)
    (answer,) = batches.answers(V2, {"userId": "fresh"}, numResults=2)
    assert answer["output"]["reasons"] == [[], []]


def test_a_filter_in_use_stays(batches: Batches):
    arn = batches.filter("busy", UNSEEN)
    made: dict[str, Any] = {"jobName": "waits", "solutionVersionArn": batches.train("own"), "filterArn": arn}
    locations = {
        "jobInput": {"s3DataSource": {"path": f"file://{batches.folder}/nowhere/"}},
        "jobOutput": {"s3DataDestination": {"path": f"file://{batches.folder}/out/"}},
    }
    solution = f"{HOME}solution/own"
    job = batches.do("CreateBatchInferenceJob", **made, **locations, roleArn="arn:aws:iam::000000000000:role/r")
    for operation, member in (("DeleteFilter", {"filterArn": arn}), ("DeleteSolution", {"solutionArn": solution})):
        with pytest.raises(InUse, match="waits"):
            batches.do(operation, **member)
    batches.work()
    shown = batches.do("DescribeBatchInferenceJob", **job)["batchInferenceJob"]
    assert shown["status"] == "CREATE FAILED" and shown["failureReason"].startswith("Invalid S3 input path file://")
    batches.do("DeleteFilter", filterArn=arn)
    batches.do("DeleteSolution", solutionArn=solution)
    assert not any(each["jobName"] == "waits" for each in batches.do("ListBatchInferenceJobs")["batchInferenceJobs"])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"numResults": 0}, "numResults"),
        ({"batchInferenceJobMode": "SOME"}, "batchInferenceJobMode"),
        ({"batchInferenceJobConfig": {"itemExplorationConfig": {"explorationWeight": "0.3"}}}, "itemExplorationConfig"),
        ({"batchInferenceJobConfig": {"rankingInfluence": {"POPULARITY": 0.5}}}, "rankingInfluence"),
        ({"batchInferenceJobConfig": {"rankingInfluence": {"POPULARITY": 2}}}, "rankingInfluence"),
        ({"batchInferenceJobMode": "THEME_GENERATION"}, "THEME_GENERATION fits only the recipe aws-similar-items"),
    ],
)
def test_refusals(batches: Batches, more: dict[str, Any], says: str):
    with pytest.raises(InvalidInput, match=says.replace("$", r"\$")):
        batches.infer(POPULAR, {"a.json": ""}, **more)


def test_exploration_is_of_user_personalization_alone(batches: Batches):
    config = {"itemExplorationConfig": {"explorationWeight": "0", "explorationItemAgeCutOff": "30"}}
    job, _ = batches.infer(V1, {"a.json": '{"userId":"u1"}'}, batchInferenceJobConfig=config)
    assert (job["status"], job["batchInferenceJobConfig"]) == ("ACTIVE", config)
    with pytest.raises(InvalidInput, match="explorationWeight is 2"):
        batches.infer(V1, {"a.json": ""}, batchInferenceJobConfig={"itemExplorationConfig": {"explorationWeight": "2"}})


def test_as_much_is_explored_as_the_job_says(batches: Batches):
    """i10 and i11 are new: nobody has touched them."""
    users = [{"userId": f"u{n}"} for n in range(16)]
    new = []
    for weight in ("0", "1"):
        config = {"itemExplorationConfig": {"explorationWeight": weight}}
        answers = batches.answers(V1, *users, numResults=5, batchInferenceJobConfig=config)
        new.append(sum(len({"i10", "i11"} & set(answer["output"]["recommendedItems"])) for answer in answers))
    assert new[0] == 0 and new[1] >= 8, new


def test_the_newest_version_learns_of_new_items_first(tmp_path: Path):
    shop = Batches(tmp_path).stock()
    version = shop.version(V1)
    shop.put("brand-new", genres="even|all", year=1996)
    config = {"itemExplorationConfig": {"explorationWeight": "0"}}
    (answer,) = shop.answers(V1, {"userId": "u2"}, batchInferenceJobConfig=config)
    assert "brand-new" in answer["output"]["recommendedItems"]
    shop.train(V1)
    shop.put("newer", genres="even|all", year=1996)
    (answer,) = shop.answers(V1, {"userId": "u2"}, batchInferenceJobConfig=config, solutionVersionArn=version)
    shop.close()
    assert not {"brand-new", "newer"} & set(answer["output"]["recommendedItems"])  # it is not the newest any more


@pytest.mark.parametrize("recipe", ["aws-trending-now", "aws-next-best-action"])
def test_recipes_without_batch_inference(batches: Batches, recipe: str):
    if recipe == "aws-next-best-action":
        load_deeds(with_actions(batches), *(f"u{n} a{n % 3} TAKEN {n}" for n in range(USERS)))
    with pytest.raises(InvalidInput, match=f"{recipe} has no batch inference"):
        batches.infer(recipe, {"a.json": ""})


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ('INCLUDE UserID WHERE Users.TIER IN ("gold")', "the filter is on UserID"),
        ("INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE", "depends on CurrentItem"),
    ],
)
def test_filters_that_dont_fit(batches: Batches, expression: str, says: str):
    arn = batches.filter(f"unfit-{len(expression)}", expression)
    with pytest.raises(InvalidInput, match=says):
        batches.infer(POPULAR, {"a.json": ""}, filterArn=arn)


def test_lines_have_a_history_and_filters_that_compare_with_the_user(batches: Batches):
    batches.engine.feed.put_rows(batches.dataset("USERS"), "USERS", [("u14", {"tier": "even"})]).result(30)
    batches.engine.feed.catch_up()
    alike = batches.filter("alike", "INCLUDE ItemID WHERE Items.GENRES IN CurrentUser.TIER")
    lines = ({"userId": "u14"}, {"userId": "u14", "history": ["i2"]}, {"userId": "nobody", "history": ["i2"]})
    even, after, nothing = batches.answers(V2, *lines, filterArn=alike)
    items = [set(each["output"]["recommendedItems"]) for each in (even, after, nothing)]
    assert items[0] == items[1] == {f"i{n}" for n in range(0, 12, 2)} and items[2] == set()
    (answer,) = batches.answers(V2, {"userId": "nobody", "history": ["i2", "i4", "never"]})
    campaign = batches.deploy(batches.version(V2), "with-a-history")
    batches.engine.feed.catch_up()
    ranked = batches.engine.answers.recommend(Question(campaign=campaign, history=("i2", "i4")))
    assert tuple(answer["output"]["recommendedItems"]) == ranked.items
    (bad,) = batches.answers(V2, {"userId": "u1", "history": "i2"})
    assert "$.history" in bad["error"]


def test_a_job_has_an_objective_by_its_tag(batches: Batches):
    tag = {"tagKey": "recgate:objective", "tagValue": '{"column": "price", "weight": -10}'}
    (answer,) = batches.answers(POPULAR, {"userId": "u1"}, numResults=2, tags=[tag])
    assert answer["output"]["recommendedItems"] == ["i0", "i1"]
    with pytest.raises(InvalidInput, match="Items have no numeric column MARGIN"):
        batches.answers(POPULAR, {"userId": "u1"}, tags=[{**tag, "tagValue": '{"column": "MARGIN", "weight": 1}'}])
