"""Processes in which libraries are as if they were not installed."""

from __future__ import annotations

import os
from pathlib import Path

HEAVY = ("torch", "optuna", "wordllama")


def environ_without(folder: Path, *libraries: str) -> dict[str, str]:
    """The environment of a process that finds none of these libraries; `folder` gets the code that hides them."""
    folder.mkdir(exist_ok=True)
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({libraries!r}))\n"
    (folder / "sitecustomize.py").write_text(hidden)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}
