"""One run in a process of its own: `python -m loadtests.quality.worker TASK OUT --peer NAME --seed N --seconds S`.

Says how far it is on standard output, a line of JSON each time, and leaves the record of the run in OUT.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

from loadtests.quality.peers.base import Peer
from loadtests.quality.ranking import Gains, measure
from loadtests.quality.task import Task
from loadtests.quality.tuning import Choice, Watch, chosen, refitted

CUT_SHORT = "refit cut short"


class Stopwatch:
    """Time since the last look: what passed, and what all threads and ended children had of processors."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), processor_s()

    def look(self) -> dict[str, float]:
        wall, cpu = time.monotonic(), processor_s()
        spent = {"wall_s": wall - self._wall, "cpu_s": cpu - self._cpu}
        self._wall, self._cpu = wall, cpu
        return spent


def processor_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run(peer: Peer, task: Task, watch: Watch) -> dict[str, Any]:
    """The record of a run: gains on the test questions, what was chosen, what it took."""
    stopwatch = Stopwatch()
    choice = Choice(peer.grid[0], "", -1.0, 1, 1)
    if not peer.tunes_itself:
        choice = chosen(peer.fit, peer.grid, task, watch, epochs=peer.epochs)
    tuning = stopwatch.look()
    stage, scorer = refitted(peer.fit, choice, task.test.log, watch)
    fitting = stopwatch.look()
    watch.say("measuring")
    readings = {"unknown": [False], "known": [True], "both": [False, True]}[peer.clock]
    gains = {str(known).lower(): _account(measure(scorer, task.test, request_time=known)) for known in readings}
    account, cut = str(choice), ""
    if peer.tunes_itself:
        account = stage
    elif stage != choice.stage:
        account, cut = f"{choice}; {stage} when the time was over", CUT_SHORT
    else:
        cut = choice.shortage
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"gains": gains, "settings": account, "cut": cut, "tuning": tuning, "fitting": fitting, "peak_mib": peak}


def _account(gains: Gains) -> dict[str, Any]:
    return {
        "ndcg": [round(float(each), 6) for each in gains.ndcg],
        "hits": [int(each) for each in gains.hits],
        "coverage": float((gains.shown > 0).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    from loadtests.quality.peers import PEERS

    def say(over: float, words: str) -> None:
        print(json.dumps({"over": over, "words": words}), flush=True)

    watch = Watch(options.seconds, say, options.seed)
    record = run(PEERS[options.peer], Task.load(options.task), watch)
    options.out.write_text(json.dumps(record))


if __name__ == "__main__":
    main()
