"""Servers over PostgreSQL, S3 and Valkey are restarted one after the other, and change their model, under load."""

from __future__ import annotations

from pathlib import Path

from loadtests.rolling import run_all
from tests.shared_state import SharedState, in_environ


def test_no_request_fails_and_no_list_is_old_or_of_two_models(tmp_path: Path) -> None:
    with in_environ(SharedState().make()):
        results = run_all(tmp_path, None, 2)
    for name, (seen, _) in results.items():
        assert seen.is_good, (name, seen.failed[:3], seen.late[:3], seen.mixed[:3])
        assert seen.requests > 100 and seen.clicked, name
