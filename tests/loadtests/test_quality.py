"""The benchmark of lists, on tiny worlds: its metric is the engine's, its tasks hide what they ask for, it runs."""

import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from engine.measure import metrics
from loadtests.quality import __main__ as command, environments, ranking, report, runs
from loadtests.quality.datasets import DATASETS
from loadtests.quality.datasets.amazon_shape import Shape, world
from loadtests.quality.datasets.base import DataSet, numbered, sampled
from loadtests.quality.peers import OURS, PEERS
from loadtests.quality.protocol import Manner, task_of
from loadtests.quality.record import Reading, RunRecord, Setting, Spent
from loadtests.quality.task import Task
from loadtests.quality.tuning import Watch, chosen, refitted

DRAW = np.random.default_rng(0)
SMALL = world(1, Shape(users=300, items=200, clusters=10))


def test_the_metric_is_the_engines() -> None:
    for _ in range(100):
        scores = DRAW.integers(0, 6, 30).astype(np.float32)
        truth = np.sort(DRAW.choice(30, DRAW.integers(1, 15), replace=False))
        ranks = ranking.mid_ranks(scores, truth)
        assert np.array_equal(ranks, metrics.mid_ranks(scores, truth))
        assert ranking.ndcg_at(ranks, 10) == pytest.approx(metrics.ndcg(ranks, 10))


def test_scores_that_are_no_numbers_gain_nothing() -> None:
    trial = task_of(SMALL, "last", Manner(baskets=False, hide_seen=True)).test
    gains = ranking.measure(lambda users, now: np.full((len(users), SMALL.item_count), np.nan), trial)
    assert gains.ndcg.max() == gains.hits.max() == 0


@pytest.mark.parametrize("split", ["last", "time"])
def test_a_task_hides_what_it_asks_for_and_survives_its_file(split: str, tmp_path: Path) -> None:
    task = task_of(SMALL, split, Manner(baskets=False, hide_seen=True))
    for trial in (task.validation, task.test):
        questions = trial.questions
        assert (questions.now <= questions.asked).all() and len(questions.truth) == len(questions)
        for user, truth in zip(questions.users.tolist(), questions.truth.tolist(), strict=True):
            assert len(trial.log.history(user)) and truth not in trial.log.history(user)  # nobody chooses twice here
    assert len(task.validation.log.items) < len(task.test.log.items) < len(SMALL.items)
    task.save(tmp_path / "task.npz")
    stored = Task.load(tmp_path / "task.npz")
    assert stored.fingerprint() == task.fingerprint() and stored.test.log.hide_seen is True
    other = task_of(world(2, Shape(users=300, items=200, clusters=10)), split, Manner(False, True))
    assert other.fingerprint() != task.fingerprint()


def test_baskets_are_seen_and_asked_for_whole() -> None:
    users, times = np.repeat(np.arange(20), 12), np.tile(np.repeat([0, 86_400, 172_800], 4), 20)
    snapshot = numbered(users, DRAW.integers(0, 8, 240), times)
    manner = Manner.of(snapshot)
    assert manner.words == "next basket, seen items allowed"
    questions = task_of(snapshot, "last", manner).test.questions
    assert len(questions) == 20 and len(questions.truth) > 40 and (questions.asked == 172_800).all()


def test_a_sample_has_whole_users_and_what_they_chose_often() -> None:
    sample = sampled(SMALL, 0.2, fewest=3)
    assert sample.user_count <= 60 and np.bincount(sample.items).min() >= 3
    whole = sampled(SMALL, 0.2)
    lengths = np.diff(SMALL.indptr).tolist()
    assert whole.user_count == 60 and all(length in lengths for length in np.diff(whole.indptr).tolist())


def test_in_the_world_of_amazons_shape_order_says_more_than_popularity() -> None:
    assert np.diff(SMALL.indptr).min() >= 5 and 6 < np.diff(SMALL.indptr).mean() < 11
    assert len(set(zip(SMALL.users.tolist(), SMALL.items.tolist(), strict=True))) == len(SMALL.items)
    snapshot = world(1, Shape(users=1_200, items=200, clusters=20, successors=5))
    task = task_of(snapshot, "last", Manner(baskets=False, hide_seen=True))
    ndcg = {name: _gained(name, task) for name in ("popularity", "markov", "ease_markov")}
    assert ndcg["markov"] > 1.2 * ndcg["popularity"] and ndcg["ease_markov"] > 1.2 * ndcg["popularity"]


def _gained(name: str, task: Task, **settings: str) -> float:
    """The NDCG@10 of a peer's first stage."""
    peer = PEERS[name]
    _, scorer = next(iter(peer.fit(task.test.log, settings or peer.grid[0], Watch(60, lambda over, words: None, 0))))
    return float(ranking.measure(scorer, task.test).ndcg.mean())


def test_ours_is_trained_within_its_time_and_answers_by_the_products_scorer() -> None:
    task = task_of(SMALL, "last", Manner(baskets=False, hide_seen=True))
    assert _gained(OURS, task, sequence_epochs="0") > 0.05


def test_a_training_that_gets_worse_is_ended_and_refitted_to_its_best_stage() -> None:
    task = task_of(SMALL, "last", Manner(baskets=False, hide_seen=True))
    counts, looked = task.test.log.counts(), []

    def fit(log, settings, watch):
        for stage in range(50):
            looked.append(stage)
            yield f"{stage}", lambda users, now, s=stage: np.tile(counts * (1.0 if s == 3 else -1.0), (len(users), 1))

    watch = Watch(60, lambda over, words: None, 0)
    choice = chosen(fit, [{}], task, watch, epochs=True)
    assert choice.stage == "3" and max(looked) == 7
    looked.clear()
    assert refitted(fit, choice, task.test.log, watch)[0] == "3" and max(looked) == 3


@pytest.mark.parametrize("name", PEERS)
def test_each_peer_has_an_environment(name: str) -> None:
    peer = PEERS[name]
    assert peer.grid and (peer.group == "" or peer.group in environments.groups())


def test_what_can_not_be_installed_is_named_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "quality-irspack").write_text("a file where the environment should be")
    with pytest.raises(environments.NotInstallable, match=r"can't be installed \(.*by hand: .*pip install.*irspack"):
        environments.python_of("quality-irspack", tmp_path)


@pytest.mark.parametrize(
    ("starting_s", "code", "failure"),
    [(0.2, "import time; time.sleep(60)", "not done in 0 s"), (60.0, "1 / 0", "ZeroDivisionError")],
)
def test_what_takes_too_long_or_fails_is_said(
    starting_s: float, code: str, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "STARTING_S", starting_s)
    changes = runs.run([sys.executable, "-c", code], tmp_path / "task.npz", [], 0.01, 1, lambda over, words: None)
    assert failure in changes["failure"]


def test_rows_are_paired_with_ours_and_a_failure_is_named() -> None:
    setting = Setting("movielens", "last", "MovieLens-100K", "next item", "f", 3, 9, 12, 400)
    other = msgspec.structs.replace(setting, fingerprint="of older data")
    gains = DRAW.random(400)
    records = [
        _record(setting, OURS, 0, gains),
        msgspec.structs.replace(
            _record(setting, OURS, 1, gains + 0.02), settings="1 ease; to fit into 7 min: no network"
        ),
        _record(setting, "markov", 0, gains - 0.1),
        RunRecord(setting, "ease", 0, "2026", "here", 60, failure="no memory"),
        _record(other, "popularity", 0, gains),
    ]
    (part,) = report.parts(records)
    text = report.markdown([part])
    (ours,) = [line for line in text.splitlines() if line.startswith("| **aws")]
    (markov,) = [line for line in text.splitlines() if line.startswith("| Markov")]
    assert "2 seeds" in ours and "(to fit into 7 min: no network)" in ours and "+.1100 [.1100, .1100]" in markov
    assert "- EASE: no figure, no memory" in text and "- popularity: measured on other data" in text


def _record(setting: Setting, peer: str, seed: int, gains: np.ndarray) -> RunRecord:
    reading = Reading(gains.tolist(), (gains > 0.5).astype(int).tolist(), 0.5)
    times = {"tuning": Spent(1, 1), "fitting": Spent(2, 2)}
    return RunRecord(setting, peer, seed, "2026", "here", 60, gains={"false": reading}, peak_mib=99, **times)


def test_the_command_measures_keeps_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "movielens", DataSet("Tiny", lambda: SMALL, ("last",)))
    page = tmp_path / "benchmarks.md"
    page.write_text("\n".join(["before", *report.MARKERS, "after"]))
    argv = ["--data", "movielens", "--peers", "popularity,markov", "--budget-minutes", "0.1", "--threads", "1"]
    argv += ["--out", str(tmp_path / "out"), "--page", str(page)]
    ran = CliRunner().invoke(command.main, argv)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    records = [json.loads(file.read_bytes()) for file in (tmp_path / "out").glob("*.json")]
    assert {record["peer"] for record in records} == {"popularity", "markov"}
    assert not any(record["failure"] for record in records)
    text = page.read_text()
    assert "**Tiny, leave-last-out**" in text and "| Markov | ." in text and text.endswith("after")
    assert "Markov" in (tmp_path / report.PICTURE).read_text()


def test_an_unknown_peer_is_refused_with_those_there_are() -> None:
    ran = CliRunner().invoke(command.main, ["--peers", "nobody"])
    assert ran.exit_code == 2 and "nobody is none of ease,ease_markov" in ran.output
