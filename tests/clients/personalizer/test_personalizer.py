"""Azure Personalizer's client, unmodified, against a model that ranks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.clients.personalizer.rows import ROWS
from tests.clients.world import PATIENCE_S, Store, python_of
from tests.server.world import GROUP, TRACKING_ID, Server, build, running

(ROW,) = ROWS
CONFIG = {
    "namespaces": {
        "shop": {
            **ROW.more,
            "eventTargets": [{"type": "personalize-event-tracker", "trackingId": TRACKING_ID}],
            "intake": ROW.intake,
        }
    }
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client has printed, and what was stored."""
    folder = tmp_path_factory.mktemp("personalizer")
    data = build(folder / "data")
    (folder / "open.json").write_text(json.dumps(CONFIG))
    (folder / "limited.json").write_text(json.dumps({**CONFIG, "rateLimits": {"perKey": "1/2 seconds"}}))
    other = Path(shutil.copytree(data, folder / "other"))
    with (
        running(Server(data, folder / "open.json", workers=1)) as opened,
        running(Server(other, folder / "limited.json", workers=1)) as limited,
    ):
        command = [str(python_of(ROW.folder)), str(ROW.folder / ROW.script)]
        environ = {"PATH": os.environ["PATH"], "URL": opened.url, "LIMITED_URL": limited.url}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        events = Store(opened).events(replace(ROW, name=GROUP))
        result["rewards"] = [
            (each.user, each.session, each.item, each.value) for each in events if each.event_type == "Reward"
        ]
        result["shown"] = {each.session: each.impression for each in events if each.event_type == "Impression"}
    return result


def test_one_action_is_chosen_by_its_chance(told: dict[str, Any], outcomes: MutableMapping[str, dict[str, str]]):
    for each in told["ranked"]:
        chances = [chance for _, chance in each["ranking"]]
        assert sum(chances) == pytest.approx(1) and sorted(chances) == pytest.approx([0.05, 0.05, 0.05, 0.85])
        assert each["action"] == each["ranking"][0][0]
    first, waiting = told["ranked"][0], told["waiting"]
    assert told["rewards"] == [("u7", "event-0", first["action"], 0.75)]
    assert waiting["ranking"][1] == ["i1", 0] and told["shown"]["waiting"] == (waiting["action"],)
    assert told["shown"]["event-0"] == (first["action"],) and told["own"]["event"] in told["shown"]
    outcomes.setdefault(ROW.name, {})["success"] = (
        "`201`, `204`; 20 rankings with the chances that they were drawn by; 1 reward, though sent twice, of the action"
    )


def test_refusals_are_heard(told: dict[str, Any], outcomes: MutableMapping[str, dict[str, str]]):
    assert told["invalid"] == told["value"] == [400, "BadRequest"]
    assert told["missing"] == [404, "ResourceNotFound"]
    assert told["unknown"] == [401, "401"]
    assert told["limited"] == [429, True]
    outcomes.setdefault(ROW.name, {})["failure"] = (
        "`400`, `401`, `404` and `429` as exceptions; ranked after `Retry-After`"
    )
