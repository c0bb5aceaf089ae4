"""/admin of a whole server: its processes, its numbers of both workers, its stream, and an experiment by its file."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.world import CONFIG, TRACKING_ID, Server, running

TESTED = """          variations:
            a: {type: engine, model: for-you, weight: 70}
"""
EXPERIMENT = """          experiments:  # ours
            look: {method: builtin, weights: {a: 1, b: 1}, metrics: {view: {eventType: view}}}
"""


@pytest.fixture(scope="module")
def served(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers over a copy of the world, with an experiment in a file of their own."""
    folder = tmp_path_factory.mktemp("operated")
    shutil.copytree(trained, folder / "data")
    (folder / "shop.yaml").write_text(CONFIG.replace(TESTED, EXPERIMENT + TESTED))
    with running(Server(folder / "data", folder / "shop.yaml")) as server:
        yield server


@pytest.fixture
def operator(served: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=10) as client:
        yield client


def eventually(look: Any, wanted: Any, seconds: float = 10.0) -> Any:
    """Look until something is as wanted; the last that was seen."""
    deadline = time.monotonic() + seconds
    while not wanted(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


def test_the_overview_counts_what_all_workers_answer(operator: httpx.Client) -> None:
    for user in range(20):
        for _ in range(2):
            with httpx.Client(base_url=operator.base_url) as other:  # each connection may be another worker's
                assert other.get(f"/recommend-items/shop/for-you/u{user}").status_code == 200
    body = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "view", "itemId": "i1"}]}
    assert operator.post("/events/shop", json=body).status_code == 200
    seen = eventually(
        lambda: operator.get("/admin/overview").json(),
        lambda view: view["total"]["answers"] >= 40 and view["total"]["events"] >= 1,
    )
    assert (seen["total"]["answers"], seen["total"]["events"]) >= (40, 1)
    assert seen["total"]["originCalls"] + seen["total"]["originCallsSaved"] == seen["total"]["answers"]
    assert seen["total"]["p50Ms"] > 0 and seen["ready"] is True
    assert seen["memory"]["cacheBytes"] > 0 and seen["memory"]["residentBytes"] > 50_000_000
    assert ("shop", "for-you") in {(row["namespace"], row["recommender"]) for row in seen["recommenders"]}
    assert {"for-you", "popular"} <= {model["name"] for model in seen["models"]}
    assert [each for each in seen["wrong"] if each["severity"] == "error"] == []


def test_every_process_of_the_server_is_there(operator: httpx.Client, served: Server) -> None:
    seen = eventually(
        lambda: operator.get("/admin/processes").json(),
        lambda view: sum(each["isCurrent"] is True and each["behind"] == 0 for each in view["processes"]) == 2,
    )
    kinds = [each["kind"] for each in seen["processes"]]
    assert kinds.count("worker") == 2 and kinds.count("supervisor") == 1 and kinds.count("jobs") == 1
    assert {each["pid"] for each in seen["processes"] if each["kind"] == "worker"} < set(served.children())
    for each in seen["processes"]:
        assert each["alive"] and each["residentBytes"] > 0 and each["startedAt"] <= seen["at"]
        if each["kind"] == "worker":
            assert (each["isCurrent"], each["configVersion"], each["behind"]) == (True, "7", 0)
    assert seen["log"]["behind"] == 0 and seen["replicas"] == []


TOPICS = {"overview", "jobs", "processes", "experiments", "configuration", "cost", "models", "datasets"}


def test_a_stream_pushes_what_changes(operator: httpx.Client) -> None:
    with operator.stream("GET", f"/admin/stream?topics={','.join(TOPICS)}") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events: dict[str, Any] = {}
        lines = stream.iter_lines()
        name = ""
        for line in lines:
            name = line.removeprefix("event: ") if line.startswith("event: ") else name
            if line.startswith("data: "):
                events[name] = json.loads(line.removeprefix("data: "))
            if len(events) == len(TOPICS) or "error" in events:
                break
    assert events.keys() == TOPICS
    assert events["configuration"]["version"] == "7"
    assert {"for-you", "popular"} <= {each["model"] for each in events["models"]["models"]}
    assert [each["group"] for each in events["datasets"]["groups"]] == ["shop"]


def test_an_experiment_from_its_start_to_its_verdict_and_end(operator: httpx.Client, served: Server) -> None:
    for user in range(12):
        reply = operator.get(f"/recommend-items/shop/tested/visitor-{user}").json()
        assert reply["matchedExperiment"]["feature"] == "look"
        body = {
            "sessionId": f"s{user}",
            "userId": f"visitor-{user}",
            "eventList": [{"eventType": "view", "itemId": "i1"}],
        }
        assert operator.post("/events/shop", json=body).status_code == 200
    look = "/admin/experiments/shop/tested/look"
    seen = eventually(lambda: operator.get(look).json(), lambda view: sum(arm["exposed"] for arm in view["arms"]) == 12)
    assert all(arm["exposed"] for arm in seen["arms"]) and sum(arm["exposed"] for arm in seen["arms"]) == 12
    assert (seen["state"], seen["verdict"]) == ("running", "too early")
    assert seen["timeline"][-1]["units"] == seen["verdictDetail"]["units"]

    assert served.config is not None
    before = served.config.read_text()
    answer = operator.post(f"{look}/stop", json={"comment": "enough"})
    assert answer.status_code == 200, answer.text
    fingerprint = answer.json()["fingerprint"]
    workers = eventually(
        lambda: [each for each in operator.get("/admin/processes").json()["processes"] if each["kind"] == "worker"],
        lambda rows: {each["configFingerprint"] for each in rows} == {fingerprint},
    )
    assert {each["configFingerprint"] for each in workers} == {fingerprint}
    reply = operator.get("/recommend-items/shop/tested/visitor-99").json()
    assert "matchedExperiment" not in reply
    changed = served.config.read_text()
    assert "# ours" in changed and TRACKING_ID in changed and len(changed.splitlines()) == len(before.splitlines())
    entries = operator.get("/admin/configuration/history").json()["entries"]
    assert [(each["how"], each["comment"]) for each in entries] == [("experiment", "enough"), ("start", "")]
