"""A million items' metadata from JSON Lines: the build, and looking up 25 of them. `python -m loadtests.metadata`."""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway.localdb.synced import Table

ITEMS = 1_000_000
LOOK_UPS = 2_000


def row(number: int) -> bytes:
    return json.dumps({"id": name(number), **fields_of(number), "about": "x" * 80}).encode() + b"\n"


def fields_of(number: int) -> dict[str, str | float]:
    fields = {"title": f"Item {number} of a shop", "price": number % 1000 / 10, "brand": f"brand {number % 500}"}
    return {**fields, "category": "shoes|sale", "image": f"https://cdn.example.com/images/{number}.jpg"}


def name(number: int) -> str:
    return f"item-{number * 2_654_435_761 % 2**32:08x}"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        lines, out = Path(place) / "items.jsonl", Path(place) / "out"
        with lines.open("wb") as file:
            file.writelines(row(number) for number in range(ITEMS))
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gateway.localdb.build", str(lines), "shop", str(out)], check=True)
        took_s = time.perf_counter() - began
        most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        (path,) = out.glob("*.db")
        per_item, raw = path.stat().st_size / ITEMS, lines.stat().st_size / ITEMS
        print(
            f"{ITEMS:,} items of {raw:.0f} bytes: built in {took_s:.1f} s, {most_mb:.0f} MB; "
            f"{per_item:.0f} bytes an item"
        )
        before_mb = anonymous_mb()
        print_look_ups(Table(path))
        print(f"memory of the process's own: {anonymous_mb() - before_mb:+.1f} MB")


def print_look_ups(table: Table) -> None:
    rng, took = random.Random(7), []
    for _ in range(LOOK_UPS):
        asked = [name(rng.randrange(ITEMS)) for _ in range(25)]
        began = time.perf_counter()
        found = table.of(asked)
        took.append((time.perf_counter() - began) * 1e6)
        assert len(found) == len(set(asked))
    print(f"25 items: {statistics.median(took):.0f} µs, p99 {statistics.quantiles(took, n=100)[98]:.0f} µs")


def anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
