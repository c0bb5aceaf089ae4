"""`recgate train --minutes`: a budget of one version, with the least where it is too small; and the forecast."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result
from rich.console import Console

from engine.records import SolutionVersionRecord
from gateway.__main__ import main
from gateway.cli.local import opened


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def test_a_training_is_forecast_and_its_budget_is_its_own(tmp_path: Path):
    file, data = tmp_path / "small.csv", str(tmp_path / "data")
    rows = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step}" for user in range(12) for step in range(4)]
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    assert run("import", str(file), "--type", "interactions", "--data", data).exit_code == 0
    train = ("train", "m", "--recipe", "aws-sims", "--data", data)
    ran = run(*train, "--minutes", "30")
    assert ran.exit_code == 0, ran.output
    assert "train m, forecast: " in words(ran)
    assert "GB of memory" in words(ran)
    ran = run(*train, "--minutes", "0.0001")
    assert ran.exit_code == 1
    assert "training_minutes 0.0001 is too little: aws-sims takes at least about 0.1 minutes here" in words(ran)
    ran = run(*train)  # the solution itself has none
    assert ran.exit_code == 0, ran.output
    ran = run(*train, "--set", "popularity_discount_factor=0.2")
    assert ran.exit_code == 1
    assert "solution m exists with other hyperparameters" in words(ran)
    assert run(*train, "--minutes", "0").exit_code == 2
    ran = run(*train, "--hpo-minutes", "0.0001")
    assert ran.exit_code == 0, ran.output
    assert "no hyperparameter that can be tuned" in words(
        run("train", "p", "--recipe", "aws-popularity-count", "--data", data, "--hpo-minutes", "1")
    )
    with opened(tmp_path / "data", Console(quiet=True)) as local:
        job = next(each for each in local.engine.jobs.newest() if each.kind == "training" and each.state == "done")
        assert "GB of memory" in local.engine.resources.forecast(job.arn)
        version = local.engine.records.get(job.arn, SolutionVersionRecord)
        assert version.perform_hpo and version.chosen["trials"]
        assert list(version.tuned_hpo_params["algorithmHyperParameters"])
        assert not local.call("DescribeSolution", solutionArn=local.arn("solution/m"))["solution"]["performHPO"]
        assert version.forecast["seconds"] < 3  # so brief that this machine is not measured
    assert "GB" in words(run("status", "--data", data))
