"""Each scenario for a moment, all at once, against one real server."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from click.testing import CliRunner
from rich.console import Console

from loadtests import load, world
from loadtests.server import serving

MODELS = dict.fromkeys(("for-you", "popular"), world.QUICK)
MODELS |= {"trending": "aws-trending-now", "more-like-this": "aws-sims", "search": "aws-personalized-ranking-v2"}
SETTINGS = {"search": {"sequence_epochs": "0"}}
SHOP = ["--namespace", "shop", "--user-format", "u{:05}", "--item-format", "i{:05}", "--click-type", "view"]
ROWS = ("popular/sale", "[every item]", "for-you/[user]", "/events/shop")
needs_locust = pytest.mark.skipif(
    find_spec("locust") is None, reason="locust is not installed: pip install -e .[bench]"
)


@needs_locust
def test_every_scenario_runs_without_failures(tmp_path):
    world.prepare(tmp_path, world.Size(items=60, users=100, each=5), MODELS, Console(quiet=True), SETTINGS)
    with serving(tmp_path, 1) as server:
        for seconds in (3, 20):  # a machine that others keep busy needs more
            argv = load.command_line(list(load.SCENARIOS), f"http://127.0.0.1:{server.port}", 15, seconds, SHOP)
            argv[argv.index("--html") + 1] = str(tmp_path / "report.html")
            argv += ["--known-users", "100", "--known-items", "50"]
            done = subprocess.run(argv, cwd=load.ROOT, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            if all(row in done.stderr for row in ROWS):  # locust's table
                break
        else:
            pytest.fail(done.stderr)
    assert "answers of lists: " in done.stdout
    assert "[every item]" in (tmp_path / "report.html").read_text()


def test_a_scenario_has_its_own_users_rate_and_time():
    argv = load.command_line(["burst"], "http://there", None, None, ["--known-users", "5"])
    assert argv[:5] == [sys.executable, "-m", "locust", "-f", "loadtests/scenarios/burst.py"]
    assert "--host http://there -u 20 -r 20 -t 30s" in " ".join(argv)
    assert argv[-3].endswith("loadtests/out/burst.html")
    assert argv[-2:] == ["--known-users", "5"]


def test_an_unknown_scenario_is_refused_with_those_there_are():
    ran = CliRunner().invoke(load.main, ["sale"])
    assert ran.exit_code == 2
    assert "browsing, flash_sale, crawler, burst, events" in ran.output
