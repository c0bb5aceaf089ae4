"""Which of its processes the supervisor starts again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.processes.supervisor import MISCONFIGURED, Child, Supervisor

ENDING = "tests.gateway.ending"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_worker_that_is_misconfigured_ends_the_server_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    story = tmp_path / "story"
    supervisor = Supervisor()
    supervisor.start([Child("worker-1", ENDING, [str(story), str(MISCONFIGURED)])])
    assert supervisor.run() == 1
    assert story.read_text().split() == ["started"]
    assert "starting it again" not in caplog.text
    assert caplog.text.count("a worker can't start; its reason is above") == 1
