"""How pytest-xdist shares out the tests: what waits for servers stands between what computes, so that processors are
always busy; what shares servers stays together.

What collecting makes stays, so nobody looks for garbage among it: that took a quarter of collecting, in every process.
Among what tests make it is looked for seldom: Python's own thresholds take a tenth of their time.

Temporary folders are in memory where it has room, because tests wait for disks as long as they count. TMPDIR says where
else they should be.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

WAITING = ("server", "docs", "flows", "compat", "installed", "loadtests", "ui", "aws")  # folders, the longest first
TOGETHER = ("flows", "compat", "ui")  # each in one process, for the servers that its fixtures start

MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # bytes; all tests leave about 700 MB
AUTHORITY = Path(__file__).with_name("authority.pem")  # in place of certifi's hundred and more: httpx reads them anew
# for each client, which takes 12 ms, and tests speak to this machine only


def pytest_configure() -> None:
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and free_bytes() > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    os.environ.setdefault("SSL_CERT_FILE", str(AUTHORITY))


SELDOM = (100_000, 50, 100)  # new objects, and rounds of them, before garbage is looked for

gc.disable()
# a clock says nothing on a busy machine; what fifty examples do not find, those of later runs will
hypothesis.settings.register_profile("any machine", deadline=None, max_examples=50)
hypothesis.settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()


def free_bytes() -> int:
    """What files in memory may take: the size of their file system is a limit, no promise that there is memory."""
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    assert available is not None
    return min(shutil.disk_usage(MEMORY).free, int(available[1]) << 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    waiting = [item for name in WAITING for item in items if folder(item.nodeid) == name]
    computing = [item for item in items if folder(item.nodeid) not in WAITING]
    places: dict[str, float] = {}  # of each scope, from 0 to 1 among those of its kind
    for kind in (waiting, computing):
        scopes = dict.fromkeys(scope(item.nodeid) for item in kind)
        places |= {name: place / len(scopes) for place, name in enumerate(scopes)}
    items[:] = sorted([*waiting, *computing], key=lambda item: places[scope(item.nodeid)])


def scope(nodeid: str) -> str:
    """What one process runs: a file, or a folder whose tests share servers."""
    name = folder(nodeid)
    return name if name in TOGETHER else nodeid.partition("::")[0]


def folder(nodeid: str) -> str:
    """The folder below `tests`, or the file itself."""
    return nodeid.split("/", 2)[1] if "/" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return Scheduling(config, log)
