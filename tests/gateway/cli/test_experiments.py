"""recgate experiments and recgate plan-experiment, as a person calls them."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from engine import Allocation, ArmAllocation, ArmAnswer, Engine, Exposure, Settings, UnitOutcome
from gateway.__main__ import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def written(path: Path, bold: float = 0.09, second: int = 6_000) -> str:
    draw = np.random.default_rng(71)
    lines = ["unit,variation,first_exposed_at,covariate,clicks,bought"]
    for arm, rate, units in (("plain", 0.05, 6_000), ("bold", bold, second)):
        before = draw.poisson(3, units)
        clicks, bought = draw.poisson(before + 1), draw.binomial(1, rate, units)
        lines += [
            f"{arm}{n},{arm},{n},{b},{c or ''},{d}"
            for n, (b, c, d) in enumerate(zip(before, clicks, bought, strict=True))
        ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_table_json_and_a_picture(tmp_path: Path):
    rows, plot = written(tmp_path / "rows.csv"), tmp_path / "verdict.png"
    shown = run("experiments", "--rows", rows, "--guardrail", "clicks", "--plot", str(plot))
    assert shown.exit_code == 0, shown.output
    assert "better" in shown.output and "clicks (guardrail)" in shown.output and "every look" in shown.output
    assert plot.read_bytes().startswith(b"\x89PNG")
    told = run("experiments", "--rows", rows, "--guardrail", "clicks", "--ratio", "bought/clicks", "--json")
    found = json.loads(told.stdout)
    assert (found["control"], found["trusted"], found["units"]) == ("plain", True, {"plain": 6000, "bold": 6000})
    assert [row["metric"] for row in found["rows"]] == ["clicks"] * 2 + ["bought"] * 2 + ["bought/clicks"] * 2
    assert found["rows"][1]["variance_kept"] < 0.8  # by the covariate
    low, high = (found["rows"][3]["lift"][name] for name in ("low", "high"))
    assert 0 < low < 0.8 < high


@pytest.mark.parametrize("metrics", [1, 2, 7, 12])
def test_a_picture_of_many_metrics_is_no_strip(tmp_path: Path, metrics: int):
    rows, plot = tmp_path / "rows.csv", tmp_path / "many.png"
    draw = np.random.default_rng(5)
    lines = [
        ",".join([f"u{n}", ("plain", "bold")[n % 2], *map(str, draw.poisson(2, metrics).tolist())]) for n in range(400)
    ]
    rows.write_text("\n".join(["unit,variation," + ",".join(f"m{n}" for n in range(metrics)), *lines]))
    assert run("experiments", "--rows", str(rows), "--plot", str(plot)).exit_code == 0
    width, height = struct.unpack(">II", plot.read_bytes()[16:24])
    assert width <= 1600 and width / height < 4.2, (width, height)


def test_an_arm_without_units_has_no_mean(tmp_path: Path):
    config, rows = tmp_path / "shop.yaml", tmp_path / "rows.csv"
    config.write_text(CONFIG)
    rows.write_text("unit,variation,bought,clicks\nu1,plain,1,2\nu2,plain,0,1\n")
    shown = run("experiments", "--rows", str(rows), "--config", str(config))
    bold = [line for line in shown.output.splitlines() if "bold" in line]
    assert bold and all("none" in line for line in bold)


def test_methods_and_the_other_control(tmp_path: Path):
    rows = written(tmp_path / "rows.csv")
    bayes = run("experiments", "--rows", rows, "--method", "bayesian", "--control", "bold", "--json")
    row = json.loads(bayes.stdout)["rows"][3]
    assert (row["arm"], row["said"], row["lift"]["p"]) == ("plain", "worse", None)
    assert row["lift"]["chance_to_win"] < 0.001
    assert "chance to win" in run("experiments", "--rows", rows, "--method", "bayesian").output


CONFIG = """
namespaces:
  shop:
    eventTargets: [{type: personalize-event-tracker, trackingId: t}]
    recommenders:
      recommend-items:
        home:
          variations: {plain: {type: engine, model: m}, bold: {type: engine, model: n}}
          experiments:
            page: {method: builtin, weights: {plain: 0.5, bold: 0.5}, metrics: {bought: {eventType: purchase}},
                   guardrails: {clicks: {eventType: click, direction: decrease}}}
"""


def test_the_configuration_says_what_was_meant(tmp_path: Path):
    rows, config = written(tmp_path / "rows.csv"), tmp_path / "shop.yaml"
    config.write_text(CONFIG)
    found = json.loads(run("experiments", "--rows", rows, "--config", str(config), "--json").stdout)
    assert [(row["metric"], row["arm"], row["guardrail"]) for row in found["rows"]] == [
        ("bought", "plain", False),
        ("bought", "bold", False),
        ("clicks", "plain", True),
        ("clicks", "bold", True),
    ]
    named = run(
        "experiments", "--rows", rows, "--config", str(config), "--experiment", "shop/recommend-items/home/page"
    )
    assert named.exit_code == 0 and "better" in named.output
    other = run("experiments", "--rows", rows, "--config", str(config), "--experiment", "shop/page")
    assert other.exit_code == 1 and "there are shop/recommend-items/home/page" in other.output
    both = run("experiments", "--rows", rows, "--config", str(config), "--guardrail", "clicks")
    assert both.exit_code == 2 and "the configuration says" in both.output
    config.write_text(CONFIG.replace("plain: 0.5", "plain: 0.8"))
    assert "Not to be trusted" in run("experiments", "--rows", rows, "--config", str(config)).output
    config.write_text(CONFIG.replace("plain: {type", "dull: {type"))
    assert "there is no variation 'plain'" in run("experiments", "--rows", rows, "--config", str(config)).output


def test_what_the_gateway_has_counted(tmp_path: Path):
    """Of 300 units of each arm all of bold buy twice, within the week that counts, and those of plain too late."""
    config, data = tmp_path / "shop.yaml", tmp_path / "data"
    config.write_text(CONFIG)
    name, week = "shop/recommend-items/home/page", 7 * 86_400
    units = [(f"{arm}{number}", arm) for arm in ("plain", "bold") for number in range(300)]
    exposures = [Exposure(name, unit, arm, 1_000.0, 0.5, "w") for unit, arm in units]
    late = {"plain": week + 1.0, "bold": 5.0}
    deeds = [UnitOutcome(name, unit, "bought", 1.0, 1_000.0 + late[arm]) for unit, arm in units for _ in range(2)]
    engine = Engine.open(Settings.of(data, {}, pending_s=0.0))
    engine.experiments.write(exposures, {}, deeds)
    engine.close()
    told = run("experiments", "--config", str(config), "--data", str(data), "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["units"] == {"plain": 300, "bold": 300}
    assert [row["mean"] for row in found["rows"]] == [0.0, 2.0, 0.0, 0.0]
    neither = run("experiments", "--data", str(data))
    assert neither.exit_code == 2 and "--config" in neither.output


def test_who_wins_an_interleaved_list(tmp_path: Path):
    """Bold earns more with 150 of 200 units, plain with the rest; what other lists earned is nobody's."""
    config, data, plot = tmp_path / "shop.yaml", tmp_path / "data", tmp_path / "votes.svg"
    config.write_text(CONFIG.replace("builtin, weights: {plain: 0.5, bold: 0.5}", "interleaving"))
    name = "shop/recommend-items/home/page@plain+bold"
    units = [f"u{number}" for number in range(200)]
    teams = b'{"i1": "plain", "i2": "bold"}'
    lists = [ArmAnswer(name, f"RID-{unit}", "plain+bold", unit, 1_000.0, teams) for unit in units]
    deeds = [
        UnitOutcome("shop", unit, "purchase ", 1.0, 1_001.0, f"RID-{unit}", item="i2" if number < 150 else "i1")
        for number, unit in enumerate(units)
    ]
    deeds += [UnitOutcome("shop", "u0", "purchase ", 1.0, 1_001.0, "RID-u1", item="i1")]
    engine = Engine.open(Settings.of(data, {}, pending_s=0.0))
    exposures = [Exposure(name, unit, "plain+bold", 1_000.0, 1.0, "w") for unit in units]
    engine.experiments.write(exposures, {}, deeds, lists)
    engine.close()
    told = run("experiments", "--config", str(config), "--data", str(data), "--plot", str(plot))
    assert told.exit_code == 0, told.output
    assert "150 : 50" in told.output and "+50.0%" in told.output and "better" in told.output
    assert "bought: 1 events say of no item shown" in told.output and "clicks (guardrail)" in told.output
    assert plot.read_text().startswith("<?xml")
    found = json.loads(run("experiments", "--config", str(config), "--data", str(data), "--json").stdout)
    assert [(row["arm"], row["events"], row["said"]) for row in found["rows"][:2]] == [
        ("plain", 50, None),
        ("bold", 150, "better"),
    ]
    refused = run("experiments", "--config", str(config), "--data", str(data), "--self-check")
    assert refused.exit_code == 1 and "interleaved have none" in refused.output


def test_votes_of_a_file(tmp_path: Path):
    config, rows = tmp_path / "shop.yaml", tmp_path / "rows.csv"
    config.write_text(CONFIG.replace("builtin, weights: {plain: 0.5, bold: 0.5}", "interleaving"))
    lines = [f"u{number},plain+bold,{number % 3 > 0:d},{number % 3 > 0:d}" for number in range(90)]
    rows.write_text("\n".join(["unit,variation,bought,bought plain", *lines]))
    found = json.loads(run("experiments", "--rows", str(rows), "--config", str(config), "--json").stdout)
    assert (found["rows"][1]["said"], found["rows"][1]["preference"]["losses"]) == ("worse", 60)


def test_a_bandit_s_weights_so_far(tmp_path: Path):
    """Of the three hours in which weights were found the second changed nothing, and the last is still to come."""
    config, data, plot = tmp_path / "shop.yaml", tmp_path / "data", tmp_path / "weights.png"
    config.write_text(CONFIG.replace("method: builtin", "method: bandit"))
    name, now = "shop/recommend-items/home/page", time.time()
    rows = [(now - 7_200, 0.25, 0.1), (now - 3_600, 0.25, 0.1), (now - 60, 0.05, None), (now + 3_600, 0.5, 0.1)]
    engine = Engine.open(Settings.of(data, {}, pending_s=0.0))
    for since, plain, error in rows:
        arms = {"plain": ArmAllocation(plain, 100, 0.3, error), "bold": ArmAllocation(1 - plain, 1_200, 0.5, 0.01)}
        assert engine.experiments.allocate(Allocation(name, since, since - 60, arms), lambda: True)
    units = [(f"{arm}{number}", arm) for arm in ("plain", "bold") for number in range(300)]
    engine.experiments.write([Exposure(name, unit, arm, now - 9_000, 0.5, "w") for unit, arm in units], {}, [])
    engine.close()
    told = run("experiments", "--config", str(config), "--data", str(data), "--plot", str(plot))
    assert told.exit_code == 0, told.output
    assert plot.read_bytes().startswith(b"\x89PNG")
    shown = [line.split("│")[1:4] for line in told.output.splitlines() if "%" in line and "│" in line][-3:]
    assert [[part.strip() for part in line[1:]] for line in shown] == [
        ["50.00%", "50.00%"],
        ["25.00% (mean 0.3 ± 0.1 of 100)", "75.00% (mean 0.5 ± 0.01 of 1,200)"],
        ["5.00% (mean 0.3 of 100)", "95.00% (mean 0.5 ± 0.01 of 1,200)"],
    ]
    found = json.loads(run("experiments", "--config", str(config), "--data", str(data), "--json").stdout)
    assert [each["since"] for each in found["steps"]] == [None, rows[0][0], rows[2][0]]
    assert found["steps"][2]["arms"]["bold"] == {"weight": 0.95, "units": 1_200, "mean": 0.5, "error": 0.01}


def test_a_self_check(tmp_path: Path):
    rows = written(tmp_path / "rows.csv")
    found = json.loads(run("experiments", "--rows", rows, "--self-check", "--json").stdout)
    assert set(found) == {"clicks", "bought"} and max(found.values()) <= 0.05
    peeking = run("experiments", "--rows", rows, "--self-check", "--method", "fixed")
    assert "splits alarm within ten looks" in peeking.output and "clicks: 0.0%" not in peeking.output


def test_lost_units_are_told_first(tmp_path: Path):
    rows = written(tmp_path / "rows.csv", second=5_000)
    assert "Not to be trusted" in run("experiments", "--rows", rows).output
    meant = run("experiments", "--rows", rows, "--weight", "plain=0.55", "--weight", "bold=0.45")
    assert meant.exit_code == 0 and "Not to be trusted" not in meant.output


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("arm\na\n", [], "no column 'variation'"),
        ("variation,x\na,1\n", [], "two variations"),
        ("variation,x\na,1\nb,one\n", [], "rows.csv, line 3, x: 'one' is no number"),
        ("variation,x\na,1\nb,1,2\n", [], "line 3: has not as many fields"),
        ("variation,x\na,1\nb\n", [], "line 3: has not as many fields"),
        ("variation,x,covariate\na,1,inf\nb,1,2\n", [], "'inf' is no number"),
        ("variation,x,period\na,1,0.5\nb,1,2\n", [], "period: must be a whole number"),
        ("variation,x\na,1\nb,2\n", ["--control", "c"], "no unit is of 'c'"),
        ("variation,x\na,1\nb,2\n", ["--weight", "a=1"], "one for each of a, b"),
        ("variation,x\na,1\nb,2\n", ["--weight", "a=1", "--weight", "b=x"], "NAME=SHARE"),
        ("variation,x\na,1\nb,2\n", ["--weight", "a=0", "--weight", "b=0"], "weights"),
        ("variation,x\na,1\nb,2\n", ["--guardrail", "y"], "no metric y; there are x"),
        ("variation,x\na,1\nb,2\n", ["--ratio", "x/y"], "no metric y"),
        ("variation,x\na,1\nb,2\n", ["--ratio", "x"], "no metric"),
        ("variation,x\na,1\nb,2\n", ["--plot", "verdict.doc"], "doc"),
    ],
)
def test_what_cannot_be_judged(tmp_path: Path, text: str, arguments: list[str], told: str):
    rows = tmp_path / "rows.csv"
    rows.write_text(text)
    found = run("experiments", "--rows", str(rows), *arguments)
    assert found.exit_code == 1 and told in found.output, found.output


def test_a_plan():
    shown = run("plan-experiment", "--mean", "0.05", "--lift", "0.2", "--daily", "2000", "--method", "fixed")
    assert shown.output == "7,457 units an arm, 14,914 in all: 8 days. 2 whole weeks would find a lift of 14.6%.\n"
    assert json.loads(run("plan-experiment", "--mean", "0.05", "--lift", "0.2", "--json").stdout)["days"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mean", "5", "--lift", "0.1"], "--deviation"),
        (["--mean", "0.5", "--lift", "0"], "must not be 0"),
        (["--mean", "0.5", "--lift", "0.1", "--power", "1"], "between 0 and 1"),
        (["--mean", "0.5", "--lift", "0.1", "--share", "0.8", "--share", "0.4"], "--share"),
    ],
)
def test_what_cannot_be_planned(arguments: list[str], told: str):
    found = run("plan-experiment", *arguments)
    assert found.exit_code == 2 and told in found.output


SHARES = """
namespaces:
  shop:
    eventTargets: [{type: personalize-event-tracker, trackingId: t}]
    recommenders:
      recommend-items:
        halves: {experiments: {look: {method: builtin, metrics: {c: {}}}}, variations: VARIATIONS}
        stated:
          experiments: {look: {method: builtin, metrics: {c: {}}, weights: {a: 1, b: 3}}}
          variations: VARIATIONS
        ended:
          experiments: {look: {method: builtin, metrics: {c: {}}, schedule: {end: "2020-01-01T00:00:00Z"}}}
          variations: VARIATIONS
        drafted: {experiments: {look: {method: interleaving, metrics: {c: {}}}}, variations: VARIATIONS}
        plain: {variations: {a: {type: engine, model: m, weight: 3}, b: {type: engine, model: m, weight: 1}}}
"""


def test_check_config_shows_the_shares_that_users_get(tmp_path: Path):
    """Of an experiment between variations without weights the first was said to have all, and the second nothing."""
    config = tmp_path / "shop.yaml"
    config.write_text(SHARES.replace("VARIATIONS", "{a: {type: engine, model: m}, b: {type: engine, model: m}}"))
    shown = run("check-config", str(config)).output
    rows = [line.split()[:5] for line in shown.splitlines() if line.strip().startswith("/recommend-items")]
    shares = {(path.rpartition("/")[2], variation): " ".join(rest) for path, variation, *rest in rows}
    assert shares[("halves", "a")] == shares[("halves", "b")] == "50% of look"
    assert (shares[("stated", "a")], shares[("stated", "b")]) == ("25% of look", "75% of look")
    assert shares[("ended", "a")].startswith("100%") and shares[("ended", "b")].startswith("0%")
    assert shares[("drafted", "a")] == shares[("drafted", "b")] == "a part of"  # every list of look
    assert shares[("plain", "a")].startswith("75%") and shares[("plain", "b")].startswith("25%")
