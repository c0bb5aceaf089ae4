"""What a training job says while it tries settings, and that the ones it took are those it answers with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.jobs.choosing import settings_of
from engine.jobs.kinds import KINDS
from engine.jobs.work import Work
from engine.records import SolutionVersionRecord
from tests.engine.shop import HOME, Shop

SIMS = "arn:aws:personalize:::recipe/aws-sims"
LISTS = ("integerHyperParameterRanges", "continuousHyperParameterRanges", "categoricalHyperParameterRanges")


@pytest.fixture
def said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `recgate status` shows of a training, in order."""
    messages: list[str] = []
    train = KINDS["training"]

    def run(work: Work) -> str:
        def progress(fraction: float, message: str) -> None:
            assert 0 <= fraction <= 1
            messages.append(message)

        return train(replace(work, progress=progress))

    monkeypatch.setitem(KINDS, "training", run)
    clicks = [f"u{u} i{i} {u + i}" for u in range(30) for i in range(12) if u % 2 == i % 2 and (u * 3 + i * 5) % 7]
    shop.load_clicks(*clicks)
    return messages


def train(shop: Shop, **config: Any) -> SolutionVersionRecord:
    made = {"recipeArn": SIMS, "datasetGroupArn": shop.group, "performAutoTraining": False, "performHPO": True}
    shop.do("CreateSolution", name="tuned", **made, solutionConfig=config)
    return shop.engine.records.get(shop.train("tuned"), SolutionVersionRecord)


def test_each_trial_is_seen(shop: Shop, said: list[str]):
    version = train(shop, hpoConfig={"hpoResourceConfig": {"maxNumberOfTrainingJobs": "3"}})
    assert version.status == "ACTIVE", version.failure_reason
    for number in (1, 2, 3):
        assert any(message.startswith(f"trial {number} of 3, best normalized_") for message in said)
    assert len(version.chosen["trials"]) == 3


def test_a_search_has_a_budget_of_time(shop: Shop, said: list[str]):
    """As many trials as there is time for, up to 40; one is always made, and its settings are those it started from."""
    version = train(shop, algorithmHyperParameters={"training.hpo_minutes": "0.000001"})
    assert version.status == "ACTIVE", version.failure_reason
    assert any(message.startswith("trial 1 of at most 40 within 1e-06 min, best") for message in said)
    (trial,) = version.chosen["trials"]
    assert trial["seconds"] >= 0
    defaults = {"popularity_discount_factor": "0.5", "min_cointeraction_count": "3"}
    assert version.tuned_hpo_params["algorithmHyperParameters"] == settings_of(version) == defaults


def test_the_best_is_kept_and_used(shop: Shop, said: list[str]):
    none: dict[str, list[Any]] = {name: [] for name in LISTS}
    ranges = none | {
        "integerHyperParameterRanges": [{"name": "training.min_cointeraction_count", "minValue": 0, "maxValue": 2}]
    }
    given = {"training.popularity_discount_factor": "0.25", "min_cointeraction_count": "9"}
    version = train(shop, algorithmHyperParameters=given, hpoConfig={"algorithmHyperParameterRanges": ranges})
    tuned = version.tuned_hpo_params["algorithmHyperParameters"]
    assert list(tuned) == ["min_cointeraction_count"] and tuned["min_cointeraction_count"] in {"0", "1", "2"}
    assert settings_of(version) == {"popularity_discount_factor": "0.25", **tuned}
    metric = "normalized_discounted_cumulative_gain_at_25"
    best = max(version.chosen["trials"], key=lambda trial: trial[metric])
    assert best["what"] == f"min_cointeraction_count {tuned['min_cointeraction_count']}"


def test_the_next_version_is_tuned_anew(shop: Shop, said: list[str]):
    first = train(shop, hpoConfig={"hpoResourceConfig": {"maxNumberOfTrainingJobs": "2"}})
    shop.load_clicks(*(f"w{n} i{n % 4} {n}" for n in range(60)), mode="INCREMENTAL")
    shop.train("tuned")
    versions = shop.engine.records.list(SolutionVersionRecord, parent=f"{HOME}solution/tuned")
    assert [len(version.chosen["trials"]) for version in versions] == [2, 2] and versions[0] == first
