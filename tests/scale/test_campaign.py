"""Some faults of the campaign (`python -m loadtests.campaign` runs hundreds): nothing lost, nothing from before."""

from __future__ import annotations

import subprocess
import sys

FAULTS = 15  # each kind once
PATIENCE_S = 600


def test_replicas_survive_what_breaks_beneath_them():
    argv = [sys.executable, "-m", "loadtests.campaign", "--faults", str(FAULTS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost, 0 doubled" in done.stdout and "0 answers from before" in done.stdout, done.stdout
