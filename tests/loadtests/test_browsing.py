import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[2] / "loadtests" / "browsing.py"


@pytest.mark.skipif(find_spec("locust") is None, reason="locust is not installed: pip install -e .[bench]")
def test_locust_finds_the_visitor():
    # in a process of its own: locust replaces parts of the standard library
    argv = [sys.executable, "-m", "locust", "-f", str(SCENARIO), "--list"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Visitor" in done.stdout
