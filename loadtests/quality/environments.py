"""A virtual environment for each dependency group of pyproject.toml: the peers' pins exclude each other and ours."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from loadtests.quality.peers.base import PRODUCT

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "quality"


class NotInstallable(Exception):
    """A group can't be had here; the text has the reason and the command to try by hand."""


def groups() -> dict[str, list[str]]:
    """The requirements of each peer's environment."""
    declared: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return declared


def python_of(group: str, folder: Path = FOLDER) -> Path:
    """The interpreter that has the group's packages, installed now if need be. Raises `NotInstallable`."""
    if group == PRODUCT:
        return Path(sys.executable)
    requirements = groups()[group]
    place = folder / group
    python, ready = place / "bin" / "python", place / "ready"
    if ready.exists() and ready.read_text().splitlines() == requirements:
        return python
    install = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    for argv in ([sys.executable, "-m", "venv", str(place)], install):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason said"]
            reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
            raise NotInstallable(f"can't be installed ({reason}); by hand: {shlex.join(install)}")
    ready.write_text("\n".join(requirements) + "\n")
    return python
