"""What an answer says of the experiment that its caller is in, from the cache as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

PATH = "/recommend-items/shop/page/"
EXPERIMENT = "{method: builtin, metrics: {ctr: {eventType: click}}}"


def config(experiment: str = EXPERIMENT) -> str:
    page = f"""
        page:
          experiments: {{row: {experiment}}}
          variations: {{left: {{type: engine, model: home}}, right: {{type: engine, model: home}}}}
        split:"""
    return CONFIG.replace("\n        split:", page)


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


def matched(client: TestClient[Any], user: str, query: str = "") -> Any:
    return client.get(f"{PATH}{user}{query}").json().get("matchedExperiment")


def test_an_answer_says_which_experiment_and_variation(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config())) as client:
        for outcome in ("miss", "hit", "hit"):
            answer = client.get(f"{PATH}u1")
            assert answer.headers["x-cache"] == outcome
            arm = answer.headers["x-recgate-variation"]
            details = {"experiment": "row", "launch": None, "variation": arm}
            assert answer.json()["matchedExperiment"] == {"type": "builtin", "feature": "row", "details": details}
            assert answer.json()["variation"] == arm
            assert next(iter(answer.json())) == "itemList"


def test_an_entity_tag_is_of_the_answer_with_what_it_says(engine: SmallEngine) -> None:
    """The override's list is the same, from the same entry of the cache, and its body is another."""
    told = "{method: builtin, metrics: {ctr: {}}, overrides: {left-o: left, right-o: right}}"
    with TestClient(app_over(engine, config=config(told))) as client:
        users = [f"u{number}" for number in range(20)]
        tags = {client.get(f"{PATH}{user}").content: client.get(f"{PATH}{user}").headers["etag"] for user in users}
        assert len(tags) == 2 == len(set(tags.values()))
        for user in ("left-o", "right-o"):
            answer = client.get(f"{PATH}{user}")
            assert "matchedExperiment" not in answer.json() and answer.headers["x-cache"] in ("hit", "shared")
            assert answer.headers["etag"] not in tags.values()
        tag = client.get(f"{PATH}u1").headers["etag"]
        again = client.get(f"{PATH}u1", headers={"if-none-match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)
        assert client.get(f"{PATH}left-o", headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("user", "query"), [("boss", ""), ("u1", "?syntheticUser=1"), ("u1", "?exclude=i1&syntheticUser=yes")]
)
def test_whoever_is_in_none_is_told_of_none(engine: SmallEngine, user: str, query: str) -> None:
    told = "{method: builtin, metrics: {ctr: {}}, overrides: {boss: right}}"
    with TestClient(app_over(engine, config=config(told))) as client:
        assert matched(client, user, query) is None
        assert matched(client, "u1", "?exclude=i1") is not None


def test_the_audience_s_headers_are_among_what_an_answer_varies_by(engine: SmallEngine) -> None:
    told = "{method: builtin, metrics: {ctr: {}}, audience: [{field: country, operator: equals, value: DE}]}"
    with TestClient(app_over(engine, config=config(told))) as client:
        for country, is_in in (("DE", True), ("FR", False)):
            answer = client.get(f"{PATH}u1", headers={"cloudfront-viewer-country": country})
            assert "cloudfront-viewer-country" in answer.headers["vary"].lower()
            assert ("matchedExperiment" in answer.json()) is is_in


def test_a_session_is_a_unit(engine: SmallEngine) -> None:
    told = "{method: builtin, unit: session, metrics: {ctr: {}}}"
    with TestClient(app_over(engine, config=config(told))) as client:
        assert matched(client, "u1") is None
        assert matched(client, "u1", "?sessionId=s1") == matched(client, "u2", "?sessionId=s1") is not None


def test_an_unknown_feature_is_refused(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config())) as client:
        refused = client.get(f"{PATH}u1?feature=mail")
        assert (refused.status_code, refused.json()["code"]) == (400, "InvalidExperimentFeature")
        assert matched(client, "u1", "?feature=row") is not None
