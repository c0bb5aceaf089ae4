"""Some faults of the campaign (`python -m loadtests.campaign` runs hundreds): nothing lost, nothing from before."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = {"apart": 18, "replicas": 4}  # apart, each kind once
PATIENCE_S = 900


@pytest.mark.parametrize("shape", FAULTS)
def test_servers_survive_what_breaks_beneath_them(shape):
    argv = [sys.executable, "-m", "loadtests.campaign", "--shape", shape, "--faults", str(FAULTS[shape])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for never in ("acknowledged events lost", "events stored twice", "answers of another user or tenant"):
        assert f"{never}: 0\n" in done.stdout, done.stdout
