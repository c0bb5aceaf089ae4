"""The wheel as a release has it, built from the files of this checkout without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("gateway", "engine", "clients", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def build_wheel(folder: Path) -> Path:
    """The wheel, in a folder that is there. It is built in a copy, for setuptools leaves files beside sources."""
    copy = folder / "source"
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules", "src")
            shutil.copytree(source, copy / part, ignore=ignored)
        else:
            shutil.copy2(source, copy / part)
    argv = [sys.executable, "-W", "ignore", "-c", BUILD, str(folder)]
    subprocess.run(argv, cwd=copy, check=True, capture_output=True, timeout=120)
    shutil.rmtree(copy)
    (wheel,) = folder.glob("recgate-*.whl")
    return wheel


def unpack(wheel: Path, folder: Path) -> Path:
    """The wheel's packages and what describes them, as pip puts them into site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder
