"""Each kind that CONTRIBUTING.md shows by the diff of one file is added so, and used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILES = re.findall(
    r"^\+\+\+ b/(\S+\.py)\n@@ -0,0 \+1,(\d+) @@\n((?:\+.*\n)+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
)


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("kinds")
    for place, _, diff in FILES:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"^\+", "", diff, flags=re.MULTILINE))
    command = [sys.executable, "-m", "tests.added_kinds", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def test_every_diff_adds_as_many_lines_as_it_says():
    assert len(FILES) == 5
    assert all(len(diff.splitlines()) == int(count) for _, count, diff in FILES)


def test_an_origin_answers_and_a_source_decorates(added: dict[str, Any]):
    assert [(each["itemId"], each.get("metadata")) for each in added["answer"]] == [
        ("i1", {"title": "One"}),
        ("i2", None),
    ]


def test_a_target_gets_events(added: dict[str, Any]):
    assert (added["posted"], added["event"]["namespace"]) == (200, "shop")


def test_a_wrong_part_is_refused_with_the_kinds_there_are(added: dict[str, Any]):
    assert any("there is no file" in each for each in added["faults"])
    assert any("unknown type 'fiel'" in each and "did you mean 'file'?" in each for each in added["faults"])


def test_a_job_is_done(added: dict[str, Any]):
    assert added["job"] == "3 interactions"


def test_a_recipe_is_listed_trained_and_answers(added: dict[str, Any]):
    assert "shop-latest" in added["recipes"]
    assert added["latest"] == ["i1", "i2"]
