import random
from math import inf

import pytest
from rich.console import Console

from loadtests import bench, client, contest, crash, freshness, memory, report, startup, training, world, wrk
from loadtests.campaign import verdict
from loadtests.campaign.checker import Sent, Shop
from loadtests.campaign.tenants import LIBRARY
from loadtests.campaign.verdict import InLog
from loadtests.crash import Verdict

QUIET = Console(quiet=True)


@pytest.mark.parametrize(
    ("tried", "acknowledged", "in_log", "told"),
    [
        ("abc", "ab", "ab", Verdict(0, 0, 0)),
        ("abc", "ab", "abc", Verdict(0, 0, 0)),  # stored, and killed before it could say so
        ("abc", "ab", "a", Verdict(1, 0, 0)),
        ("abc", "ab", "aab", Verdict(0, 1, 0)),
        ("abc", "ab", "abx", Verdict(0, 0, 1)),
    ],
)
def test_a_crash_may_lose_only_what_was_not_acknowledged(tried, acknowledged, in_log, told):
    assert crash.judged(set(acknowledged), set(tried), in_log) == told


BOOK = Sent("library", "u1", "b1")


@pytest.mark.parametrize(
    ("in_log", "found"),
    [
        ([InLog("a", "g", "u1", "b1")], (0, 0, 0)),
        ([], (1, 0, 0)),
        ([InLog("a", "g", "u1", "b1")] * 2, (0, 1, 0)),
        ([InLog("a", "g", "u2", "b1")], (0, 0, 1)),
        ([InLog("a", "g", "u1", "b1"), InLog("b", "h", "u1", "b1")], (0, 0, 1)),  # in the group of another tenant
        ([InLog("a", "g", "u1", "b1"), InLog("x", "g", "u1", "b1")], (0, 0, 1)),
    ],
)
def test_the_log_holds_what_was_sent_as_it_was_sent(in_log, found):
    assert verdict.judged({"a"}, {"a": BOOK, "b": BOOK}, in_log) == found


def test_a_list_that_another_history_has_changed_is_seen():
    shop = Shop(LIBRARY, ["b1", "b2", "b3", "b4"])
    shop.tried["u1"].add("b2")
    assert not shop.not_its_own("u1", ["b1", "b3"]) and not shop.not_its_own("u1", ["b1", "b2", "b3"])
    assert shop.not_its_own("u2", ["b1", "b3"]) == ["b2"]
    assert shop.not_its_own("u1", ["b1", "i3"]) == ["i3"]


def test_every_victim_has_its_turn(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert sorted(crash.victims(8, random.Random(3))) == sorted(crash.VICTIMS * 2)


def windows(held_ms, trained_ms):
    pairs = zip(held_ms, trained_ms, strict=True)
    return [
        training.Window(training=trains, cached_s=[ms / 1e3], uncached_s=[0.001], hits=1, job_cpu_s=1.0)
        for pair in pairs
        for trains, ms in zip((False, True), pair, strict=True)
    ]


@pytest.mark.parametrize(
    ("trained_ms", "good"),
    [((1.0, 1.0, 1.0), True), ((1.9, 9.0, 1.0), True), ((2.1, 9.0, 1.0), False)],
)
def test_training_is_judged_by_the_median_pair(trained_ms, good):
    found = windows((1.0, 1.0, 1.0), trained_ms)
    assert training.told(QUIET, found) is good
    assert training.table(found).row_count == 4


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (1.0, 100)])
def test_percentile(share, value):
    assert training.percentile(range(1, 101), share) == value


def test_late_answers_are_counted():
    clicks = [freshness.Click(0.002, 0, 1, (1, 2)), freshness.Click(inf, 2, 1, (2, 2))]
    assert freshness.told(QUIET, clicks) == 2


def test_a_line_compares_with_nginx_round_by_round():
    played = [
        bench.Round(name, wrk.Report(requests, 1.0, requests * 2000, 0, 1.0, 2.0), cpu_us)
        for name, counts, cpu_us in (("nginx", (100, 200), 10.0), ("recgate", (150, 200), 8.0))
        for requests in counts
    ]
    recgate = contest.Contestant("recgate", "", 0, 0, contest.HIT, (0,))
    line = bench.line(recgate, played, "nginx")
    assert (line.least, line.ratio, line.most, line.cpu_ratio) == (1.0, 1.25, 1.5, 1.25)
    assert line.answer_bytes == 2000


def test_more_workers_compare_with_one_of_their_own():
    one, two, other = (
        contest.Contestant(name, "", 0, 0, contest.HIT, (0,))
        for name in ("recgate, 1 worker", "recgate, 2 workers", "nginx")
    )
    assert bench.base_of(two, [one, two]) == "recgate, 1 worker"
    assert bench.base_of(two, [one, two, other]) == "nginx"


def answer(**headers):
    return client.Answer(200, {"etag": '"1"', "age": "1", "cache-control": "private", **headers}, b"x" * 10)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (answer(**{"x-cache": "miss"}), "not a hit, no x-recgate-variation"),
        (answer(**{"x-cache": "HIT", "x-recgate-variation": "main"})._replace(status=500), "status 500"),
        (answer(**{"x-cache": "hit", "x-recgate-variation": "main"})._replace(body=b""), "0 bytes, not 10"),
    ],
)
def test_what_is_not_comparable_is_refused(found, problem, monkeypatch):
    monkeypatch.setattr(contest, "ask", lambda *given: found if len(given) == 3 else found._replace(status=304))
    recgate = contest.Contestant("recgate", "", 0, 0, contest.HIT, (0,))
    with pytest.raises(RuntimeError, match=problem):
        contest.check(recgate, contest.KINDS["plain"], 0, 10)


def told(name, ratio, cpu_us):
    return {"name": name, "ratio": ratio, "least": ratio - 0.01, "most": ratio + 0.01, "cpu_us": cpu_us}


WORKERS = [
    told(f"{program}, {workers}", ratio, cpu_us)
    for program, workers, ratio, cpu_us in (
        ("recgate", "1 worker", 1.0, 9.0),
        ("recgate", "2 workers", 1.7, 9.9),
        ("recgate", "2 workers, pinned", 1.9, 9.1),
        ("nginx", "1 worker", 1.0, 11.0),
        ("nginx", "2 workers", 1.8, 12.0),
    )
]


def test_the_readme_gets_a_row_a_contestant_between_its_markers():
    about = {"command": "python -m loadtests.bench", "machine": "2 cores", "rounds": 5, "seconds": 3, "users": 10_000}
    found = {
        "miss": {**about, "lines": [told("recgate", 0.05, 250)]},
        "full": {**about, "lines": [told("recgate", 1.2, 9.1), told("nginx", 1.0, 11)]},
        "workers": {**about, "lines": WORKERS},
    }
    text = report.rewritten(f"before\n{report.BEGIN}\nold\n{report.END}\nafter", report.markdown(found))
    assert text.startswith(f"before\n{report.BEGIN}\n`python -m loadtests.bench` on 2 cores")
    assert "| recgate | 1.20 (1.19–1.21) · 9.1 | 0.050 (0.040–0.060) · 250 |" in text
    assert "| nginx | 1.00 (0.99–1.01) · 11.0 |  |" in text
    assert "core: recgate, 2 workers, 1.70 × (1.69–1.71) the requests/s, 9.9 µs of CPU a request against 9.0; " in text
    assert (
        "; recgate, 2 workers, pinned, 1.90 × (1.89–1.91) the requests/s, 9.1 µs of CPU a request against 9.0; " in text
    )
    assert "; nginx, 2 workers, 1.80 ×" in text
    assert "old" not in text and text.endswith(f"\n{report.END}\nafter")


def test_few_items_are_most_of_what_is_chosen():
    chosen = [world.zipf(1_000, random.Random(seed)) for seed in range(2_000)]
    assert min(chosen) == 0
    assert max(chosen) < 1_000
    assert sum(number < 32 for number in chosen) == pytest.approx(1_000, rel=0.1)


@pytest.mark.parametrize(
    ("pss", "cached", "evicted", "good"),
    [
        ((80, 100, 105, 100), 8 * 2**20, 50, True),
        ((80, 100, 120, 140), 8 * 2**20, 50, False),  # it grows
        ((80, 100, 105, 100), 9 * 2**20, 50, False),  # the ceiling does not hold
        ((80, 100, 105, 100), 8 * 2**20, 0, False),  # it was never reached
    ],
)
def test_a_soak_is_judged_by_the_ceiling_and_by_growth(pss, cached, evicted, good):
    looks = [memory.Look(at, mib, cached, evicted) for at, mib in enumerate(pss)]
    assert memory.soaked(QUIET, looks) is good


def test_the_lines_of_a_measurement_are_summed():
    page = '# HELP x what\nx 1.0\nx_total 9\nx{worker="2"} 2.5\n'
    assert memory.summed(page, "x") == 3.5


@pytest.mark.parametrize(
    ("seconds", "torch", "good"),
    [((1.4, 1.5, 9.0), False, True), ((1.4, 1.6, 1.7), False, False), ((1.0,), True, False)],
)
def test_a_start_is_judged_by_the_median_and_by_torch(seconds, torch, good):
    found = [startup.Start(each, {"supervisor": 0.5, "workers": 1.0}, torch) for each in seconds]
    assert startup.told(QUIET, found) is good
