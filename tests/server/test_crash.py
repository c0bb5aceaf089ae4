"""Processes of a server under event load are killed at random; `python -m loadtests.crash` does 20 rounds of it."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 4  # one of each kind
PATIENCE_S = 900  # a minute on a machine that does nothing else


def test_no_acknowledged_event_is_lost_or_stored_twice():
    argv = [sys.executable, "-m", "loadtests.crash", "--rounds", str(ROUNDS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost" in done.stdout, done.stdout
