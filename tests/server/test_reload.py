"""The configuration changes under load: no request fails, and after the swap nothing of the old version is said."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx

from tests.server.world import CONFIG, Server, running

PAUSE_S = 0.005  # between two requests of a caller
SWAP_S = 1.0  # a file counts so long after it was written
VERSIONS = 4


def document(version: int) -> str:
    assert 'version: "7"' in CONFIG
    return CONFIG.replace('version: "7"', f'version: "{version}"')


def test_a_change_under_load(trained: Path, tmp_path: Path) -> None:
    data, config = tmp_path / "data", tmp_path / "shop.yaml"
    shutil.copytree(trained, data)
    config.write_text(document(0))
    said: list[tuple[float, int, str]] = []
    stop = threading.Event()

    def load(number: int) -> None:
        """Over a fresh connection each time: either worker may answer; httpx would take longer than the server."""
        asked = 0
        while not stop.wait(PAUSE_S):
            asked += 1
            sent = time.time()
            with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as client:
                client.request("GET", f"/recommend-items/shop/for-you/u{(asked * 7 + number) % 50}?numResults=5")
                answer = client.getresponse()
                answer.read()
            said.append((sent, answer.status, answer.headers["x-personalization-config-version"]))

    with running(Server(data, config)) as server:
        threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        swaps = []
        time.sleep(0.5)
        for version in range(1, VERSIONS + 1):
            config.write_text(document(version))
            swaps.append(config.stat().st_mtime + SWAP_S)
            time.sleep(1.5)
            if version % 2 == 0:
                config.write_text("namespaces: {shop: {recommenders: 7}}")  # a faulty one in between changes nothing
                time.sleep(1.2)
        stop.set()
        for thread in threads:
            thread.join()
        faults = httpx.get(f"{server.url}/metrics").text
    assert {status for _, status, _ in said} == {200}
    assert {version for _, _, version in said} == {str(number) for number in range(VERSIONS + 1)}
    slack = 0.3  # the machine is shared: a process may wake late
    for version, swap in enumerate(swaps, 1):
        late = [(sent - swap, int(found)) for sent, _, found in said if sent > swap + slack and int(found) < version]
        assert not late, f"{len(late)} of {len(said)} answers of an old version"
    assert "recgate_config_faults 1.0" in faults
    print(f"{len(said)} requests over {VERSIONS} swaps, none failed, none of an old version after its swap")
