"""`python -m loadtests.load SCENARIO … --host URL`: what callers do, by locust, against a server that is there.

`recgate demo` is one whose users and items the scenarios know; for another say `--namespace`, `--known-users`,
`--user-format` and so on: what this command does not know goes to locust. Writes loadtests/out/SCENARIO.html, and ends
with status 1 where an answer was wrong.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).parent / "out"


class Load(NamedTuple):
    users: int
    rate: int  # at which they come, in users/s
    seconds: int


SCENARIOS = {
    "browsing": Load(50, 10, 30),
    "flash_sale": Load(100, 100, 30),  # all at once
    "crawler": Load(8, 8, 600),  # it ends before
    "burst": Load(20, 20, 30),
    "events": Load(16, 16, 30),
}


@click.command(help=__doc__, context_settings={"ignore_unknown_options": True})
@click.argument("scenarios", nargs=-1, required=True)
@click.option("--host", default="http://127.0.0.1:8080", show_default=True)
@click.option("--users", type=click.IntRange(1), help="At once.  [default: the scenario's]")
@click.option("--seconds", type=click.IntRange(1), help="At most.  [default: the scenario's]")
def main(scenarios: Sequence[str], host: str, users: int | None, seconds: int | None) -> None:
    known = [name for name in scenarios if name in SCENARIOS]
    more = scenarios[len(known) :]
    if not known or not set(known).isdisjoint(more) or (more and not more[0].startswith("-")):
        raise click.BadParameter(f"scenarios are {', '.join(SCENARIOS)}; each option of locust's follows them")
    done = subprocess.run(command_line(known, host, users, seconds, more), cwd=ROOT, check=False)
    raise SystemExit(done.returncode)


def command_line(
    names: Sequence[str], host: str, users: int | None, seconds: int | None, more: Sequence[str]
) -> list[str]:
    loads = [SCENARIOS[name] for name in names]
    files = ",".join(f"loadtests/scenarios/{name}.py" for name in names)
    argv = [sys.executable, "-m", "locust", "-f", files, "--headless", "--only-summary", "--host", host]
    argv += ["-u", str(users or sum(load.users for load in loads)), "-r", str(sum(load.rate for load in loads))]
    argv += ["-t", f"{seconds or max(load.seconds for load in loads)}s", "--html", str(OUT / f"{'+'.join(names)}.html")]
    return [*argv, *more]


if __name__ == "__main__":
    main()
